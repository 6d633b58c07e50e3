"""Impressions with a column for each action, made into one row an action."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.draft import Draft
from footfall.errors import one_line

YES = frozenset({"1", "1.0", "true", "t", "yes", "y"})
NO = frozenset({"0", "0.0", "false", "f", "no", "n"})


def unfold(draft: Draft, flags: Mapping[str, pd.Series]) -> None:
    """Put a row beside each view for each action that a flag says yes to.

    With a flag for views, only rows that it says yes to are views.

    Money and quantity go with the purchase alone. Impressions of which a flag says neither yes nor
    no are dropped and counted.

    Args:
        draft: Its interactions are views, one an impression.
        flags: Action -> what its column says, with the labels of the interactions.
    """
    said = {action: _said(column) for action, column in flags.items()}
    kept = np.ones(len(draft.interactions), dtype=bool)
    for action, column in flags.items():
        silent = kept & np.isnan(said[action])
        written = column[silent].dropna().astype(str)
        sample = "" if written.empty else one_line(written.min(), 40)
        problem = f'impression whose "{column.name}" is neither 0 nor 1'
        draft.note(problem, "dropped", int(silent.sum()), sample)
        kept &= ~silent
    views = draft.interactions[kept]
    plain = views.drop(columns=["value", "unit_price", "quantity"], errors="ignore")
    parts = [plain[said.pop("view")[kept] == 1] if "view" in said else plain]
    for action, yes in said.items():
        rows = views[yes[kept] == 1].assign(action=action)
        parts.append(rows if action == "purchase" else rows.reindex(columns=parts[0].columns))
    whole = pd.concat(parts, ignore_index=True)
    if "quantity" in whole:  # what was only seen has none, and needs none
        bought = (whole["action"] == "purchase").to_numpy()
        whole = whole.assign(quantity=whole["quantity"].astype(object).where(bought, 1.0))
    labels = np.concatenate([part.index for part in parts])
    draft.written = {
        name: column.reindex(labels).reset_index(drop=True)
        for name, column in draft.written.items()
    }
    draft.interactions = whole


def _said(column: pd.Series) -> npt.NDArray[np.float64]:
    """1 for yes, 0 for no, NaN for anything else."""
    codes, uniques = pd.factorize(column)
    words = [str(value).strip().lower() for value in uniques]
    said = [1.0 if word in YES else 0.0 if word in NO else np.nan for word in words]
    return np.array([*said, np.nan])[codes]  # the code of a missing value is -1
