"""Who and what, told by cells alone, where headers say nothing.

Rows of one order, or of one burst of events, are of one user and name several items. Of the columns
that behave so, the finest is meant: a city is determined by its user, a category by its item. Where
two columns are left of which neither determines the other, nothing is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.moments import moments_of
from footfall.datasets.guessing.roles import Roles
from footfall.datasets.times import dated

ALWAYS = 0.98
"""Share of rows in which one column follows from another."""

MOSTLY = 0.9
"""Share of orders whose rows have the same."""

FEW = 10
"""Orders, users or items that must be there for cells to tell anything."""

FINER = 3.0
"""How many times as many values the column that is meant has as any other."""

BURST = pd.Timedelta("30min")
"""Rows of one user are of one visit if no more lies between them."""

CLUSTERED = 0.3
"""How much more often than by chance rows that have the same follow each other within a visit."""

OFTEN = 4.0
"""Hours of a day in which a user comes at most, on average; a till or a shop goes on all day."""

VISIT = pd.Timedelta("12h")
"""A session, a page and an order are over by then."""


def told_by_cells(
    role: str, columns: Sequence[Column], roles: Roles, order: Column | None
) -> Column | None:
    """The only column that can be the user, or the item; None where several or none can."""
    rows = moments(roles)
    able = [c for c in columns if c.filled > MOSTLY and not is_counted(c)]
    groups = _groups(rows, order)
    if groups is not None:
        alike = {c: _alike(c, groups) for c in able}
    else:
        alike = {c: float(_clustered(c, rows) > CLUSTERED) for c in able}
    if role == "user":
        fit = [c for c in able if alike[c] >= MOSTLY and not is_over(c, rows)]
        fit = [c for c in fit if _a_day(c, rows) <= OFTEN]
    else:
        fit = [c for c in able if alike[c] < 1 - MOSTLY or (groups is None and not alike[c])]
        fit = [c for c in fit if _of_several(c, roles)]
    return finest(fit)


def finest(columns: Iterable[Column]) -> Column | None:
    """The column that the others follow from; None where two are as fine."""
    kept = sorted((c for c in columns if c.distinct >= FEW), key=lambda c: -c.distinct)
    groups: list[list[Column]] = []
    for column in kept:
        same = next((g for g in groups if g[0].distinct < 1.1 * column.distinct
                     and determines(column, g[0]) and determines(g[0], column)), None)  # fmt: skip
        if same is not None:
            same.append(column)
        elif not any(determines(group[0], column) for group in groups):
            groups.append([column])
    if not groups or (len(groups) > 1 and groups[0][0].distinct < FINER * groups[1][0].distinct):
        return None
    return max(groups[0], key=coded)


def determines(one: Column, other: Column) -> bool:
    """Whether what ``other`` says follows from what ``one`` says."""
    both = pd.DataFrame({"one": one.texts, "other": other.texts.reindex(one.texts.index)}).dropna()
    if not len(both):
        return False
    counts = both.value_counts()
    return bool(counts.groupby("one").max().sum() / len(both) >= ALWAYS)


def coded(column: Column) -> float:
    """How much cells look like identifiers: short, of one length, with digits, without blanks."""
    texts = column.texts.drop_duplicates().head(1000)
    if not len(texts):
        return 0.0
    lengths = texts.str.len()
    score = 2.0 * float((~texts.str.contains(r"\s")).mean())
    score += float(texts.str.contains(r"\d").mean()) + 0.5 * column.says("id")
    return score + float(lengths.std(ddof=0) < 1) - float(lengths.mean() > 40)


def is_coded(column: Column) -> bool:
    """Whether nearly no cell has a blank in it, as names have."""
    return bool((~column.texts.head(2000).str.contains(r"\s")).mean() > MOSTLY)


def moments(roles: Roles) -> pd.Series:
    """When each row happened."""
    cells = roles.of["time"].cells
    if "clock" in roles.of:
        cells = dated(cells, roles.of["clock"].cells)
    return moments_of(cells, roles.clock)


def is_over(column: Column, rows: pd.Series) -> bool:
    """Whether nearly each value is of one visit alone, as that of a session or an order."""
    spans = rows[column.texts.index].groupby(column.texts).agg(["min", "max", "size"])
    spans = spans[spans["size"] > 1]
    short = (spans["max"] - spans["min"]) < VISIT
    return len(spans) == 0 or bool(short.mean() > MOSTLY)


def _a_day(column: Column, rows: pd.Series) -> float:
    """How many moments a value has on a day on which it comes at all."""
    days = rows[column.texts.index].dt.normalize()
    found = rows[column.texts.index].dt.floor("h").groupby([column.texts, days]).nunique()
    return float(found.mean()) if len(found) else 0.0


def _groups(rows: pd.Series, order: Column | None) -> pd.Series | None:
    """Row -> its order, or its moment; None where rows hardly share one."""
    key = rows.astype(str) if order is None else order.texts
    sizes = key.map(key.value_counts())
    several = key[sizes > 1]
    if len(several) < 0.2 * len(key) or several.nunique() < FEW:
        return None
    return several


def _alike(column: Column, groups: pd.Series) -> float:
    """Share of orders all of whose rows have the same."""
    cells = column.texts.reindex(groups.index).dropna()
    found = cells.groupby(groups[cells.index]).agg(["size", "nunique"])
    found = found[found["size"] > 1]
    return float((found["nunique"] < 2).mean()) if len(found) else 0.5


def _clustered(column: Column, rows: pd.Series) -> float:
    """How much more often than by chance rows with the same value are close in time: 0 to 1."""
    times = rows[column.texts.index]
    shuffled = column.texts.sample(frac=1, random_state=0)
    found, chance = (
        _close(pd.Series(values.to_numpy(), times.index), times)
        for values in (column.texts, shuffled)
    )
    return (found - chance) / max(1e-9, 1 - chance)


def _close(values: pd.Series, times: pd.Series) -> float:
    gaps = times.sort_values(kind="stable").groupby(values).diff().dropna()
    return float((gaps < BURST).mean()) if len(gaps) else 0.0


def is_counted(column: Column) -> bool:
    """Whether a column counts the rows of a moment, or units: small whole numbers."""
    if not column.texts.str.fullmatch(r"-?\d+([.,]0+)?").mean() > ALWAYS:
        return False  # V07 is no number
    values = column.values()
    values = values[np.isfinite(values)]
    small = len(values) > 0 and values.min() >= -1000 and np.median(np.abs(values)) <= FEW
    return bool(small and column.distinct <= 5 * FEW)


def _of_several(column: Column, roles: Roles) -> bool:
    """Whether most values that come again stand beside several users, as items do."""
    user = roles.of.get("user")
    if user is None:
        return True
    beside = user.cells[column.texts.index].groupby(column.texts).agg(["nunique", "size"])
    beside = beside[beside["size"] > 2]
    return not len(beside) or bool((beside["nunique"] > 1).mean() > 0.5)


def order_among(table: SampledTable, roles: Roles) -> Column | None:
    """The column that names orders: its rows are of one moment, and many have several."""
    rows = moments(roles).astype(str)
    able = [c for c in table.columns if not roles.taken(c) and c.filled > MOSTLY and not c.flags]
    able = [c for c in able if c.says("order") or c.meanings <= {"id", "name"}]
    able = [c for c in able if len(c.texts) > 1.2 * c.distinct >= 1.2 * FEW]
    found = [c for c in able if _alike(Column("", frozenset(), rows, rows), c.texts) > MOSTLY]
    return max(found, key=lambda c: (c.says("order"), c.distinct), default=None)
