"""Columns that say of each row whether something was done: 1 and 0, yes and no, or a mark."""

from __future__ import annotations

from footfall.datasets.guessing.asking import Findings
from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.roles import Roles
from footfall.datasets.guessing.words import action_of

FLAGGED = ("view", "click", "cart", "purchase")

SHORT = 4
"""Signs that a mark has at most: x, ja, true."""

SOME = 0.98
"""Rows that are marked are fewer than this share."""


def flags_of(table: SampledTable, roles: Roles, findings: Findings) -> None:
    """Find the columns that flag actions, those of yes and no first."""
    for column in table.columns:
        action = action_of(column.name) if column.flags and not roles.taken(column) else None
        if action in FLAGGED and action not in roles.flags:
            roles.flags[action] = column
            findings.note("action", column.name, f"yes or no for each row: {action}")
    if set(roles.flags) == {"purchase"} and _sells(table):
        lone = roles.flags.pop("purchase").name  # "sold via an advert"
        why = "all rows have what purchases have, so it tells them apart in another way"
        findings.note("action", f"{lone}: left out", why)
    shown = "click" in roles.flags or action_of(roles.of["time"].name) == "view"
    marks = {action_of(c.name): c for c in table.columns if not roles.taken(c) and _is_mark(c)}
    for action in FLAGGED[1:]:
        if action in marks and action not in roles.flags and (shown or "click" in marks):
            column = marks[action]
            roles.flags[action] = column
            roles.filled.append(column.name)
            sample = column.example(1)
            why = f"{action} where a cell is filled, such as {sample:.30}; none where it is empty"
            findings.note("action", column.name, why, assumed=True)


def _sells(table: SampledTable) -> bool:
    """Whether each row has units and money, as a sale has and a showing has not."""
    full = [column for column in table.columns if column.filled > SOME and not column.flags]
    units = any(c.says("quantity") and c.whole for c in full)
    return units and any(c.says("price", "total") for c in full)


def _is_mark(column: Column) -> bool:
    """Whether the cells of a column are a mark, or a time, or empty."""
    if not 0 < column.filled < SOME or column.flags:
        return False
    mark = column.distinct == 1 and bool(column.texts.str.len().max() <= SHORT)
    return mark or (column.says("time") and column.distinct > 1)
