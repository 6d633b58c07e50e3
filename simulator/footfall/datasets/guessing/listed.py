"""Rows that hold a whole page: which cells list what was shown, and which say what was taken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from footfall.datasets.guessing.asking import Findings
from footfall.datasets.guessing.facts import Column, SampledTable
from footfall.datasets.guessing.words import action_of
from footfall.datasets.lists import MARK, entries_of
from footfall.datasets.table_source import Lists

SEPARATORS = ("|", ";", ",", " ", "\t")

SURE = 0.95
"""Share of rows in which a rule must hold."""

FEW = 5
"""Rows that must show it."""

_NEVER = ("time", "category", "price", "total", "name", "maker", "private", "other", "late",
          "quantity", "rating", "clock")  # fmt: skip
"""Headers of cells that list something else than items."""


@dataclass(frozen=True)
class _Listed:
    column: Column
    entries: pd.Series
    """Label of a row that lists something -> what."""
    separator: str | None


def lists_of(table: SampledTable, findings: Findings) -> Lists | None:
    """Tell which column lists items, and which columns say what came of them; None: none does."""
    listed = list(_listed(table))
    marked = [one for one in listed if _is_marked(one)]
    if marked:
        best = marked[0]
        found = Lists(items=best.column.name, separator=best.separator, marked=True)
        _say(found, findings)
        return found
    for one in sorted(listed, key=_is_named, reverse=True):
        if one.column.says(*_NEVER) or _are_flags(one.entries):
            continue
        along = [c.column.name for c in listed if c is not one and _is_along(one, c)]
        among = [c.name for c in table.columns if _is_among(one, c, along)]
        places, first = _places(one, table, [*along, *among])
        told = any(_are_flags(c.entries) for c in listed if c.column.name in along)
        if not (among or places or told or _is_basket(one, listed, table)):
            continue
        found = Lists(
            items=one.column.name, separator=one.separator, along=along, among=among,
            places=places, counts_from=first,
        )  # fmt: skip
        _say(found, findings)
        return found
    beside = _beside_rows(listed, table)
    if beside is not None:
        _say(beside, findings)
    return beside


def _beside_rows(listed: list[_Listed], table: SampledTable) -> Lists | None:
    """Lists of what was taken beside rows that have one item each: several rows share a list."""
    taken = [c for c in listed if action_of(c.column.name) and not _are_flags(c.entries)]
    lists = {c.column.name for c in listed}
    able = [c for c in table.columns if c.name not in lists and not c.says(*_NEVER) and not c.flags]
    for column in sorted(able, key=lambda c: c.says("item"), reverse=True):
        among = [one for one in taken if _share(one, column)]
        if among:
            return Lists(
                items=column.name,
                among=[one.column.name for one in among],
                separator=among[0].separator,
            )
    return None


def _share(one: _Listed, column: Column) -> bool:
    """Whether each list names items of the rows, one below the other, that have it."""
    same = one.column.cells.astype(str)
    runs = (same != same.shift()).cumsum()[one.entries.index]
    here = column.texts.reindex(one.entries.index)
    items, first = here.groupby(runs).agg(set), one.entries.groupby(runs).first()
    several = runs.groupby(runs).size() > 1
    if several.sum() < FEW:
        return False
    return _within(items[several], first[several])


def _is_basket(one: _Listed, listed: list[_Listed], table: SampledTable) -> bool:
    """Whether a list of which nothing was taken is what each row is about: no column has one item.

    Products that are related to the one that was bought are no basket.
    """
    lists = {other.column.name for other in listed}
    single = [c for c in table.columns if c.says("item") and not c.says(*_NEVER)]
    if any(c.name not in lists for c in single) or one.column.says("event", "user", "session"):
        return False
    return _is_named(one)


def _say(lists: Lists, findings: Findings) -> None:
    if lists.marked or lists.along or not lists.among:
        findings.note("lists", lists.items, "a cell lists several items: a row is made of each")
    for name in lists.along:
        findings.note("lists", name, "a value for each of these items")
    for name in (*lists.among, *lists.places):
        findings.note("lists", name, "tells some of these items: 1 for them, 0 for the others")


def _is_named(one: _Listed) -> bool:
    return one.column.says("item", "page") or action_of(one.column.name) == "view"


def _listed(table: SampledTable) -> Iterator[_Listed]:
    for column in table.columns:
        if column.flags or column.numeric or not len(column.texts):
            continue
        cells = column.cells[column.texts.index]
        separator: str | None = None
        if column.texts.head(200).str.fullmatch(r"\[.*\]", flags=re.DOTALL).mean() <= SURE:
            separator = _separator(column)
            if separator is None:
                continue
        entries = entries_of(cells, separator)
        sizes = entries.map(len)
        if (sizes > 1).sum() >= FEW or separator is None:
            yield _Listed(column, entries[sizes > 0], separator)


def _separator(column: Column) -> str | None:
    """The sign between entries that come again in other cells, as ids do and words hardly."""
    texts = column.texts.head(2000)
    for sign in SEPARATORS:
        several = texts[texts.str.contains(sign, regex=False)]
        if len(several) < max(FEW, 0.3 * len(texts)):
            continue
        parts = several.str.split(sign).explode().str.strip()
        parts = parts[parts != ""]
        coded = parts.str.fullmatch(r"[^\s]*\d[^\s]*|[A-Z_-]{2,}").mean() > SURE
        if coded and not parts.str.contains(r"[:/]").any():
            return sign
    return None


def _is_marked(one: _Listed) -> bool:
    """Entries such as N1-0, with what came of them behind."""
    flat = one.entries.head(2000).explode().dropna()
    return bool(len(flat)) and bool(flat.str.fullmatch(rf".+{MARK}[01]").mean() > SURE)


def _are_flags(entries: pd.Series) -> bool:
    flat = set(entries.head(2000).explode().dropna().str.lower())
    return bool(flat) and flat <= {"0", "1", "true", "false"}


def _is_along(one: _Listed, other: _Listed) -> bool:
    """Whether a column has a value for each of the listed items."""
    both = one.entries.index.intersection(other.entries.index)
    if len(both) < max(FEW, 0.5 * len(one.entries)):
        return False
    alike = one.entries[both].map(len) == other.entries[both].map(len)
    return bool(alike.mean() > SURE) and not _within(one.entries[both], other.entries[both])


def _is_among(one: _Listed, column: Column, along: list[str]) -> bool:
    """Whether what a column holds, one or several, are always some of the listed items."""
    if column is one.column or column.name in along or column.flags:
        return False
    rows = column.texts.index.intersection(one.entries.index)
    named = entries_of(column.cells[rows], one.separator)
    named = named[named.map(len) > 0]
    return len(named) >= FEW and _within(one.entries[named.index], named)


def _within(items: pd.Series, named: pd.Series) -> bool:
    inside = [set(some) <= set(all_) for some, all_ in zip(named, items, strict=True)]
    return float(np.mean(inside)) > SURE


def _places(one: _Listed, table: SampledTable, taken: list[str]) -> tuple[list[str], Literal[0, 1]]:
    """Columns with the place of what was taken, and whether places are counted from 0 or 1."""
    for column in table.columns:
        if column.name in taken or column is one.column or not column.says("position"):
            continue
        if action_of(column.name) is None or not column.whole:
            continue
        rows = column.texts.index.intersection(one.entries.index)
        values = Column(column.name, column.meanings, column.cells, column.texts[rows]).values()
        sizes = one.entries[rows].map(len).to_numpy(dtype=float)
        if len(values) >= FEW and (values <= sizes).all():
            return [column.name], 0 if values.min() == 0 else 1
    return [], 1
