"""Whole pages, or whole baskets, in one row: a row is made of each item that a cell lists."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from footfall.datasets.ids import id_of
from footfall.datasets.schema import Cleaning
from footfall.datasets.table_source import Lists
from footfall.errors import one_line

POSITION = ".position"
"""Behind the name of the listed items: the column with the place in the list, from 1."""

TAKEN = ".taken"
"""Behind the name of the listed items: the column of 1 and 0 that stood behind each, as in N1-0."""

MARK = "-"
"""Between an item and its 0 or 1."""


@dataclass(frozen=True)
class Unfolded:
    """A table with a row for each listed item, and what was not in order."""

    frame: pd.DataFrame
    notes: list[Cleaning]


def columns_of(lists: Lists) -> list[str]:
    """Columns of the file that are needed to take the lists apart."""
    return [lists.items, *lists.along, *lists.among, *lists.places]


def made_by(lists: Lists) -> set[str]:
    """Columns that are not in the file, but come from taking lists apart."""
    return {lists.items + POSITION, lists.items + TAKEN}


def entries_of(column: pd.Series, separator: str | None = None) -> pd.Series:
    """Cells as lists of texts: lists of JSON or Parquet, texts in brackets, or with a separator."""
    return column.map(lambda cell: _entries(cell, separator)).astype(object)


def unfolded(frame: pd.DataFrame, lists: Lists) -> Unfolded:
    """Make a row of each listed item.

    Rows that list nothing are dropped and counted. A list beside it that is not as long says
    nothing of that row; this is counted, too.
    """
    items = entries_of(frame[lists.items], lists.separator)
    empty = (items.map(len) == 0).to_numpy(dtype=bool)
    notes = [Cleaning(f'row without a list in "{lists.items}"', "dropped", int(empty.sum()), "")]
    frame, items = frame[~empty], items[~empty]
    sizes = items.map(len).to_numpy(dtype=int)
    rows = np.repeat(np.arange(len(frame)), sizes)
    whole = frame.iloc[rows].reset_index(drop=True)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + 1
    flat = [entry for entries in items for entry in entries]
    if lists.marked:
        parts = [entry.rpartition(MARK) for entry in flat]
        flat = [item for item, _, _ in parts]
        whole[lists.items + TAKEN] = [mark for _, _, mark in parts]
    whole[lists.items] = flat
    if (sizes > 1).any():  # otherwise the rows have one item each, and only share a list of others
        whole[lists.items + POSITION] = place
    for name in lists.along:
        beside = entries_of(frame[name], lists.separator)
        fits = beside.map(len).to_numpy(dtype=int) == sizes
        notes.append(_unlike(name, beside, fits))
        filled = [b if fit else [None] * n for b, fit, n in zip(beside, fits, sizes, strict=True)]
        whole[name] = [entry for entries in filled for entry in entries]
    for name in lists.among:
        chosen = [frozenset(entries) for entries in entries_of(frame[name], lists.separator)]
        whole[name] = _flags(item in chosen[row] for item, row in zip(flat, rows, strict=True))
    for name in lists.places:
        at = [frozenset(entries) for entries in entries_of(frame[name], lists.separator)]
        first = 1 - lists.counts_from
        whole[name] = _flags(str(p - first) in at[row] for p, row in zip(place, rows, strict=True))
    return Unfolded(whole, [note for note in notes if note.count])


def _flags(said: Iterable[bool]) -> list[str]:
    return ["1" if yes else "0" for yes in said]


def _unlike(name: str, beside: pd.Series, fits: np.ndarray) -> Cleaning:
    sample = "" if fits.all() else one_line(str(beside[~fits].iloc[0]), 40)
    problem = f'list in "{name}" of another length than that of the items'
    return Cleaning(problem, "read as unknown", int((~fits).sum()), sample)


def _entries(cell: object, separator: str | None) -> list[str]:
    if isinstance(cell, (list, tuple, np.ndarray)):
        return [_text(entry) for entry in cell if id_of_entry(entry) is not None]
    if cell is None or cell != cell:  # noqa: PLR0124 - NaN is not itself
        return []
    text = str(cell).strip()
    if text.startswith("[") and text.endswith("]"):
        return _bracketed(text)
    if separator is None:
        return [text] if text else []
    return [part.strip() for part in text.split(separator) if part.strip()]


def _bracketed(text: str) -> list[str]:
    """A list of JSON, of Python, or of numpy, which puts blanks between."""
    for parse in (_json, ast.literal_eval):
        try:
            found = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(found, list):
            return [_text(entry) for entry in found if id_of_entry(entry) is not None]
    return [part.strip("'\"") for part in text[1:-1].replace(",", " ").split()]


def _json(text: str) -> object:
    return json.loads(text, parse_int=str)


def id_of_entry(entry: object) -> object:
    """An entry; None where it is none."""
    return None if entry is None or isinstance(entry, (dict, list)) else entry


def _text(entry: object) -> str:
    if isinstance(entry, (bool, np.bool_)):
        return "1" if entry else "0"
    if isinstance(entry, (float, np.floating)):
        return str(int(entry)) if float(entry).is_integer() else repr(float(entry))
    return str(id_of(entry) or entry)
