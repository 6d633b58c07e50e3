"""What a column cannot be, whatever its header says: tests that ids of users and items must pass.

Headers mislead: an id of an order is called customer_id, what was looked for is called a
destination, every row has the name of the app. Cells do not: rows of one user at one moment name
several items, an item is taken by several users, and a user comes at several moments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from footfall.datasets.guessing.facts import Column
from footfall.datasets.guessing.roles import Roles

ROWS = 3
"""Rows that a value must have to tell anything."""

VALUES = 10
"""Such values that must be there."""

ALL_BUT = 0.98
"""Share of values from which on something holds of all of them."""

GROUPS, MANY = 10, 300
"""Fewer values than this in as many rows are groups of people."""

RECORDS = "its cells are whole records; give each value a column, or export lines of JSON"

MOSTLY = 0.5
"""Share of rows from which on something is a rule."""


def why_not(role: str, column: Column, roles: Roles) -> str:
    """Why a column cannot name users or items; "" where it can."""
    if column.distinct == 1 and len(column.texts) >= ROWS * VALUES:
        return f"each row has {column.example(1):.30}"
    if is_record(column):
        return RECORDS
    if role == "user" and column.distinct < GROUPS and len(column.texts) >= MANY:
        return f"its {column.distinct} values are groups, not people"
    return _no_item(column, roles) if role == "item" and "user" in roles.of else ""


def _no_item(column: Column, roles: Roles) -> str:
    if _repeats(column, roles) > MOSTLY:
        return "several rows of one user at one moment have the same"
    if _has_one(column.texts, roles.of["user"].texts):
        return "each of its values belongs to one user alone"
    if _has_one(roles.of["user"].texts, column.texts):
        return "each user has one alone"
    return ""


def is_record(column: Column) -> bool:
    """Whether the cells of a column are whole records of JSON."""
    return bool(column.texts.head(100).str.fullmatch(r"\{.*\}", flags=re.DOTALL).mean() > ALL_BUT)


def able(role: str, columns: Iterable[Column], roles: Roles) -> list[Column]:
    """Those of some columns that can name users or items."""
    return [column for column in columns if not why_not(role, column, roles)]


def of_one_moment(column: Column, time: Column) -> bool:
    """Whether each value has several rows and all at one moment, as an order has, and no user."""
    groups = time.cells[column.texts.index].groupby(column.texts)
    moments = groups.nunique()[groups.size() > 1]
    return len(moments) >= VALUES and bool((moments < 2).mean() > ALL_BUT)


def of_many(column: Column, user: Column) -> bool:
    """Whether most values that come again stand beside several users, as no order's id does."""
    groups = user.cells[column.texts.index].groupby(column.texts)
    users = groups.nunique()[groups.size() > 1]
    return bool((users > 1).mean() > MOSTLY) if len(users) else False


def _repeats(column: Column, roles: Roles) -> float:
    """Of rows that one user has at one moment, the share that says the same twice or more."""
    named = ("user", "time", "clock", "action")
    keys = pd.DataFrame({r: roles.of[r].cells.astype(str) for r in named if r in roles.of})
    keys = keys.loc[column.texts.index].assign(value=column.texts)
    if "user" in roles.of:
        keys = keys.loc[roles.of["user"].texts.index.intersection(keys.index)]
    within = [name for name in keys.columns if name != "value"]
    sizes = keys.groupby(within, sort=False)["value"].transform("size")
    several = keys[sizes > 1]
    if len(several) < ROWS * VALUES:
        return 0.0
    return float(several.duplicated(keep=False).mean())


def _has_one(values: pd.Series, of: pd.Series) -> bool:
    """Whether each value that comes again stands beside one and the same."""
    both = values.index.intersection(of.index)
    groups = of[both].groupby(values[both])
    beside = groups.nunique()[groups.size() >= ROWS]
    return len(beside) >= VALUES and bool((beside < 2).mean() > ALL_BUT)


def likelihood(role: str, column: Column, roles: Roles) -> float:
    """How much the cells of a column whose header says nothing look like users or items.

    Rows of one moment are of one user, and name several items.
    """
    time = roles.of["time"].cells[column.texts.index].astype(str)
    groups = column.texts.groupby(time)
    several = groups.nunique()[groups.size() > 1]
    shared = float((several < 2).mean()) if len(several) >= VALUES else MOSTLY
    if role == "user":
        return shared - 2.0 * of_one_moment(column, roles.of["time"])
    return 1.0 - shared - _repeats(column, roles)
