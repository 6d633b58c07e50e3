"""Exports that tell of an order on its first row, and leave those cells empty on the others."""

from __future__ import annotations

import pandas as pd

from footfall.datasets.guessing.asking import Findings
from footfall.datasets.guessing.facts import Column, SampledTable, table_of
from footfall.datasets.undone import told_once

SURE = 0.95
"""Share of orders in which a rule must hold."""

FEW = 10
"""Orders of several rows that must show it."""


def once_of(table: SampledTable) -> tuple[Column, list[str]] | None:
    """The column of orders, and those that are filled on the first row of each; None: no such."""
    best: tuple[Column, list[str]] | None = None
    for order in table.columns:
        if (
            order.filled < SURE
            or order.says("session", "page", "user")
            or not 1.2 * order.distinct < len(order.texts)
        ):
            continue
        runs = (order.texts != order.texts.shift()).cumsum()
        if runs.max() > order.distinct / SURE:
            continue
        names = [c.name for c in table.columns if c is not order and _is_once(c, order)]
        if names and (best is None or len(names) > len(best[1])):
            best = order, names
    return best


def filled(
    table: SampledTable, order: Column, names: list[str], findings: Findings
) -> SampledTable:
    """The sample with these cells on all rows of their order."""
    frame = pd.DataFrame({column.name: column.cells for column in table.columns})
    findings.note("once", order.name, f"on the first row of each: {', '.join(names)}")
    return table_of(told_once(frame, order.name, names), table.path)


def _is_once(column: Column, order: Column) -> bool:
    if not 0 < column.filled < SURE:
        return False
    rows = pd.DataFrame({"order": order.texts, "filled": column.cells.notna()}).dropna()
    rows["filled"] &= rows.index.isin(column.texts.index)
    found = rows.groupby("order")["filled"].agg(["size", "sum", "first"])
    found = found[found["size"] > 1]
    return len(found) >= FEW and bool(((found["sum"] == 1) & found["first"]).mean() > SURE)
