"""Orders, pages, places, propensities and arms whose headers say nothing: told by their cells.

Each test rests on what such a column must be. What passes is marked as assumed, and said with the
reason; what does not is left unused, and named as such.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.cells import chances
from footfall.datasets.guessing.asking import Findings
from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.kinds import determines, is_coded
from footfall.datasets.guessing.roles import AWAY, Roles, shows
from footfall.datasets.guessing.words import action_of, tokens

SURE = 0.95
"""Share of groups in which a rule must hold."""

MOST_PLACES = 500
"""Places of a page, at most."""

MOST_STARS = 10
"""Steps that a rating has, at most."""

WORTH = (0.3, 1.5)
"""Mean of 1 / propensity over the number of items. It is 1 where every item could have been shown,
and less where a page was drawn from a part of them; scores and discounts are far off."""

ARMS = frozenset({
    "a", "b", "c", "d", "ab", "aa", "control", "treatment", "test", "variant", "baseline",
    "holdout", "bandit", "random", "uniform", "policy", "default", "old", "new", "current",
    "champion", "challenger", "kontrolle", "controle", "temoin", "variante",
})  # fmt: skip
"""Words in the names of arms."""

_MEANT = ("price", "total", "quantity", "rating", "time", "clock", "category", "maker", "currency",
          "event")  # fmt: skip
"""Headers that say something else."""


def by_values(table: SampledTable, roles: Roles, findings: Findings) -> None:
    """Give the roles that no header named to columns whose cells can be nothing else."""
    if "title" not in roles.of:
        _title(table, roles, findings)
    if "rating" not in roles.of and not any(column.meanings for column in table.columns):
        _rating(table, roles, findings)
    shown = _shown(table, roles)
    if not len(shown):
        return
    if shows(roles):
        _together("page", table, roles, shown, findings)
        _places(table, roles, shown, findings)
        _chances(table, roles, shown, findings)
        _arms(table, roles, shown, findings)
    if "order" not in roles.of:
        _together("order", table, roles, shown, findings)


def _shown(table: SampledTable, roles: Roles) -> pd.Index:
    """Labels of the rows that say what was shown; of all where no row does."""
    action = roles.of.get("action")
    if action is None:
        return table.columns[0].cells.index
    return action.texts.index[(action.texts.map(action_of) == "view").to_numpy(dtype=bool)]


def _free(table: SampledTable, roles: Roles, shown: pd.Index) -> Iterator[tuple[Column, pd.Series]]:
    """Columns without a role that say nothing else, and their cells where something was shown."""
    for column in table.columns:
        if roles.taken(column) or column.flags or column.says(*AWAY, *_MEANT):
            continue
        cells = column.texts.reindex(shown).dropna()
        if len(cells) == len(shown):
            yield column, cells


def _who_and_when(roles: Roles, shown: pd.Index) -> pd.DataFrame:
    cells = {role: roles.of[role].cells.loc[shown].astype(str) for role in ("user", "time", "item")}
    return pd.DataFrame(cells)


def _rating(table: SampledTable, roles: Roles, findings: Findings) -> None:
    """Stars of a log without any headers: few steps from at most 1 to at least 4."""
    for column in table.columns:
        if roles.taken(column) or column.flags or not 4 <= column.distinct <= MOST_STARS:
            continue
        values = column.values()
        stars = np.isfinite(values) & (values * 2 % 1 == 0) & (values >= 0) & (values <= MOST_STARS)
        if stars.mean() >= SURE and values[stars].min() <= 1 and values[stars].max() >= 4:
            roles.of["rating"] = column
            findings.note("rating", column.name, "a few steps, as stars have", assumed=True)
            return


def _title(table: SampledTable, roles: Roles, findings: Findings) -> None:
    """The name of an item stands one to one beside its code, in words."""
    item = roles.of["item"]
    for column in table.columns:
        strange = column.says(*AWAY, *_MEANT, "user", "order", "page", "session", "position")
        if roles.taken(column) or strange or is_coded(column) or column.distinct < 2:
            continue
        if 0.8 * item.distinct <= column.distinct and determines(item, column):
            roles.of["title"] = column
            why = f'words that stand one to one beside "{item.name}"'
            findings.note("title", column.name, why, assumed=True)
            return


def _together(
    role: str, table: SampledTable, roles: Roles, shown: pd.Index, findings: Findings
) -> None:
    """A page, or an order: its rows are of one user and one moment, and there are several."""
    if role in roles.of:
        return
    rows = _who_and_when(roles, shown)
    for column, cells in _free(table, roles, shown):
        groups = rows.assign(value=cells).groupby("value", sort=False)
        sizes = groups.size()
        if not len(sizes) >= 10 or not 1.2 <= sizes.mean() <= MOST_PLACES:
            continue
        one = (groups[["user", "time"]].nunique() < 2).all(axis=1)
        alone = groups["item"].nunique() == sizes
        if one.mean() >= SURE and (role != "page" or alone.mean() >= SURE):
            roles.of[role] = column
            why = "each of its values stands in rows of one user at one moment"
            findings.note(role, column.name, why, assumed=True)
            return


def _places(table: SampledTable, roles: Roles, shown: pd.Index, findings: Findings) -> None:
    """Positions count 1, 2, 3, ... (or from 0) within a page."""
    if "position" in roles.of:
        return
    page = roles.of["page"].cells.loc[shown].astype(str) if "page" in roles.of else None
    rows = _who_and_when(roles, shown)
    keys = [rows["user"], rows["time"] if page is None else page]
    for column, cells in _free(table, roles, shown):
        if not column.whole or column.distinct < 2:
            continue
        values = pd.Series(_numbers(cells), index=shown)
        if not 0 <= values.min() <= 1 or values.max() > MOST_PLACES:
            continue
        found = values.groupby(keys, sort=False).agg(["size", "nunique", "min", "max"])
        several = found[found["size"] > 1]
        row_by_row = (several["nunique"] == several["size"]) & (
            several["max"] - several["min"] + 1 == several["size"]
        )
        if len(several) and row_by_row.mean() >= SURE:
            roles.of["position"] = column
            why = "it counts from the top within what a user was shown at once"
            findings.note("position", column.name, why, assumed=True)
            return


def _chances(table: SampledTable, roles: Roles, shown: pd.Index, findings: Findings) -> None:
    """Propensities: their inverses add up to the items that could have been shown."""
    if "propensity" in roles.of:
        return
    items = roles.of["item"].cells.loc[shown].nunique()
    for column, cells in _free(table, roles, shown):
        values = chances(cells).to_numpy(dtype=float)
        if not (np.isfinite(values) & (values > 0) & (values <= 1)).all() or column.distinct < 3:
            continue
        worth = float(np.mean(1.0 / values)) / max(1, items)
        if WORTH[0] <= worth <= WORTH[1]:
            roles.of["propensity"] = column
            why = f"chances of what was shown: their inverses add up to {worth:.0%} of the items"
            findings.note("propensity", column.name, why, assumed=True)
            return


def _arms(table: SampledTable, roles: Roles, shown: pd.Index, findings: Findings) -> None:
    """A few names, most of which are names of arms."""
    if "arm" in roles.of:
        return
    for column, cells in _free(table, roles, shown):
        names = cells.unique()
        known = [name for name in names if ARMS.intersection(tokens(name))]
        if 2 <= len(names) <= 12 and len(known) * 2 > len(names):
            roles.of["arm"] = column
            findings.note("arm", column.name, f"names of arms: {', '.join(known)}", assumed=True)
            return


def _numbers(cells: pd.Series) -> npt.NDArray[np.float64]:
    column = Column("", frozenset(), cells, cells)
    return column.values()
