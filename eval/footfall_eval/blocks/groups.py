"""Every per-user figure by group of users, and the worst group."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from footfall_eval.reading.block import Block
from footfall_eval.statistics.resample import mean_interval

FEWEST = 10
"""Smaller groups are not shown: their means say nothing."""


def by_group(
    block: Block,
    per_user: pd.Series,
    segments: pd.DataFrame,
    *,
    figure: str,
    seed: int,
    larger_is_worse: bool = True,
) -> Block:
    """Add the block's figure by group, and name the worst group.

    Args:
        block: The block over all users.
        per_user: The figure, indexed by user; NaN where it is not defined.
        segments: Rows ``user``, ``column``, ``group``; a user is in one group a column.
        figure: What the figure is called.
        seed: Of the resampling.
        larger_is_worse: Whether the worst group is the one with the largest mean.
    """
    rows = _rows(per_user, segments, figure, seed)
    if not rows:
        return block
    rows.sort(key=lambda row: row[figure], reverse=larger_is_worse)
    worst = rows[0]
    metrics = {
        **block.metrics,
        "worst group": f"{worst['column']} = {worst['group']}",
        f"{figure} of worst group": worst[figure],
        f"{figure} of worst group interval": worst["interval"],
    }
    return replace(block, metrics=metrics, segments=tuple(rows))


def _rows(
    per_user: pd.Series, segments: pd.DataFrame, figure: str, seed: int
) -> list[dict[str, Any]]:
    known = per_user[np.isfinite(per_user)]
    table = segments[segments["user"].isin(known.index)]
    rows = []
    for (column, group), part in table.groupby(["column", "group"], sort=True):
        if len(part) < FEWEST:
            continue
        found = mean_interval(known.loc[part["user"]].to_numpy(), seed)
        rows.append(
            {
                "column": column,
                "group": group,
                "users": len(part),
                figure: found.value,
                "interval": found.pair(),
            }
        )
    return rows
