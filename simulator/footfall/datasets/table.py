"""Any history of one's own, with its columns named in the scenario."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from footfall.datasets.base import naive_utc, resolve
from footfall.datasets.cell_records import unpacked
from footfall.datasets.cells import amounts
from footfall.datasets.cleaning import finish
from footfall.datasets.contradictions import one_each
from footfall.datasets.draft import Draft, OfUsers
from footfall.datasets.event_words import refuse_events
from footfall.datasets.frames import read_frame
from footfall.datasets.ids import as_id
from footfall.datasets.item_images import bytes_of, with_images
from footfall.datasets.lists import columns_of, made_by, unfolded
from footfall.datasets.pages import PAGE_COLUMNS
from footfall.datasets.schema import ACTIONS, Cleaning, Dataset
from footfall.datasets.table_source import (
    ActionColumn,
    ActionFlags,
    InteractionColumns,
    ItemTable,
    TableSource,
)
from footfall.datasets.times import dated, read_times
from footfall.datasets.undone import came_to_nothing, told_once
from footfall.datasets.wide import unfold
from footfall.errors import one_line

LOOKED_AT = 1000
"""Rows of a table that are looked at for events."""


def read(source: TableSource, base: Path) -> Dataset:
    """Load the tables.

    Raises:
        DataError: A file or a column is missing, a column holds what it cannot, or nothing usable
            is left.
    """
    path = resolve(source.path, base)
    if source.action is None:
        first = read_frame(path, form=source.form, rows=LOOKED_AT).frame
        refuse_events(first, set(wanted_columns(source)), path)
    tables = Tables(source, base)
    written = tables.log(path)
    if source.items is None:
        items = _items_of_history(without_words(written, source.missing), source.columns, tables)
    else:
        items = tables.items()
    dataset = finish(drafted(source, written, items, tables.users(), tables.notes))
    return with_pictures(dataset, source, base)


def drafted(
    source: TableSource,
    written: pd.DataFrame,
    items: pd.DataFrame,
    users: pd.DataFrame,
    notes: Sequence[Cleaning],
    of_users: OfUsers | None = None,
) -> Draft:
    """A draft of events as the files have them.

    Args:
        source: How they are written.
        written: ``wanted_columns`` of the files.
        items: The table of items.
        users: The table of users.
        notes: What was not in order in the files.
        of_users: Set where the rows are those of some users only.

    Raises:
        DataError: Times cannot be read.
    """
    raw = told_once(without_words(written, source.missing), source.columns.order, source.once)
    raw, undone = _that_came_about(raw, source)
    written = written.loc[raw.index]
    times = read_times(_moments(raw, source.columns), source.times, judge=of_users is None)
    draft = Draft(
        name=source.name,
        interactions=_interactions(raw, source, times.moments, of_users),
        items=items,
        users=users,
        currency=source.currency,
        about=source.about,
        licence=source.licence,
        prices_from_interactions=source.items is None or source.items.price is None,
        earliest=naive_utc(source.earliest),
        latest=naive_utc(source.latest),
        decimal=source.decimal,
        thousands=source.thousands,
        cents=source.cents,
        written=_written(written, source),
        cleaning=[*notes, *undone, *times.notes],
        of_users=of_users,
    )
    if isinstance(source.action, ActionFlags):
        unfold(draft, {a: _flag(raw[c], source.action) for a, c in source.action.flags.items()})
    return draft


def _that_came_about(raw: pd.DataFrame, source: TableSource) -> tuple[pd.DataFrame, list[Cleaning]]:
    """The rows that no column of ``undone`` says came to nothing, and a count of the others."""
    notes = []
    for name in source.undone:
        void = came_to_nothing(raw[name])
        if void.any():
            sample = one_line(str(raw.loc[void, name].iloc[0]), 40)
            problem = f'row that "{name}" says came to nothing'
            notes.append(Cleaning(problem, "left out", int(void.sum()), sample))
            raw = raw[~void]
    return raw, notes


def _flag(column: pd.Series, action: ActionFlags) -> pd.Series:
    """A column of yes and no; of one that is filled or empty, 1 and 0."""
    if column.name not in action.filled:
        return column
    return pd.Series(np.where(column.notna(), "1", "0"), column.index, name=column.name)


def with_pictures(dataset: Dataset, source: TableSource, base: Path) -> Dataset:
    """The data set with the images that its table of items names."""
    if source.items is None or source.items.image is None:
        return dataset
    tables = Tables(source, base)
    return with_images(dataset, _image_cells(source.items, tables), _folder(source.items, base))


class Tables:
    """Reads the files of a source, and keeps account of what was not in order in them."""

    def __init__(self, source: TableSource, base: Path) -> None:
        self.source, self.base = source, base
        self.notes: list[Cleaning] = []

    def read(self, path: Path, columns: list[str]) -> pd.DataFrame:
        """The named columns of a file."""
        cells = read_frame(resolve(path, self.base), columns, self.source.form)
        self.notes += cells.notes
        return self.without_headers(cells.frame, path.name)

    def log(self, path: Path) -> pd.DataFrame:
        """The events, with a row for each item where their cells list several."""
        written = self.read(path, wanted_columns(self.source))
        if self.source.records:
            used = self.source.columns.model_dump(exclude_none=True).values()
            written = unpacked(written, self.source.records, used)
        if self.source.lists is None:
            return written
        found = unfolded(written, self.source.lists)
        self.notes += found.notes
        return found.frame

    def without_headers(self, frame: pd.DataFrame, name: str) -> pd.DataFrame:
        """Without lines that repeat the header, as in files that were put together."""
        again = np.ones(len(frame), dtype=bool)
        for column in frame.columns:
            if frame[column].dtype != object or not again.any():
                return frame
            again &= (frame[column] == column).to_numpy(dtype=bool)
        if len(frame.columns) < 2 or not again.any():
            return frame
        problem = f"line of {name} that repeats the header"
        self.notes.append(Cleaning(problem, "dropped", int(again.sum())))
        return frame[~again]

    def read_text(self, path: Path, columns: list[str]) -> pd.DataFrame:
        """The named columns of a file, in which words such as NA are missing."""
        return without_words(self.read(path, columns), self.source.missing)

    def items(self) -> pd.DataFrame:
        """The table of items."""
        return _items(self.source, self)

    def users(self) -> pd.DataFrame:
        """The table of users; without rows where there is none."""
        return _users(self.source, self)


def without_words(frame: pd.DataFrame, words: Collection[str]) -> pd.DataFrame:
    """A table in which texts such as "NA" are missing, as empty ones are."""
    texts = {}
    for name in map(str, frame.columns):
        column = frame[name]
        if column.dtype == object:
            absent = column.isin([*words, ""])
            if absent.any():
                texts[name] = column.mask(absent, None)
    return frame.assign(**texts) if texts else frame


def wanted_columns(source: TableSource) -> list[str]:
    """Columns of the log that are read."""
    names = [name for name in source.columns.model_dump().values() if name is not None]
    if isinstance(source.action, ActionColumn):
        names.append(source.action.column)
    if isinstance(source.action, ActionFlags):
        names += source.action.flags.values()
    names += [*source.undone, *source.once]
    if source.records:
        inside = tuple(f"{name}." for name in source.records)
        names = [*(name for name in names if not name.startswith(inside)), *source.records]
    if source.lists is not None:
        made = made_by(source.lists)
        names = [name for name in (*names, *columns_of(source.lists)) if name not in made]
    return list(dict.fromkeys(names))


def _written(raw: pd.DataFrame, source: TableSource) -> dict[str, pd.Series]:
    """Columns as the file has them, for samples of what could not be read."""
    columns = {"user": source.columns.user, "item": source.columns.item,
               "time": source.columns.time}  # fmt: skip
    if isinstance(source.action, ActionColumn):
        columns["action"] = source.action.column
    return {name: raw[column] for name, column in columns.items()}


def _interactions(
    raw: pd.DataFrame, source: TableSource, time: pd.Series, of_users: OfUsers | None
) -> pd.DataFrame:
    columns = source.columns
    rows: dict[str, Any] = {
        "user": raw[columns.user],
        "item": raw[columns.item],
        "action": _actions(raw, source.action, of_users),
        "time": time,
    }
    optional = ("quantity", "value", "unit_price", "order", *PAGE_COLUMNS)
    given = {name: getattr(columns, name) for name in optional}
    rows |= {name: raw[column] for name, column in given.items() if column is not None}
    if "value" in rows:
        rows.pop("unit_price", None)
    return pd.DataFrame(rows)


def _moments(raw: pd.DataFrame, columns: InteractionColumns) -> pd.Series:
    """The column of times; a date and its time of day put together."""
    if columns.clock is None:
        return raw[columns.time]
    return dated(raw[columns.time], raw[columns.clock])


def _actions(
    raw: pd.DataFrame,
    action: str | ActionColumn | ActionFlags | None,
    of_users: OfUsers | None,
) -> pd.Series:
    if not isinstance(action, ActionColumn):
        word = "view" if isinstance(action, ActionFlags) else action or "purchase"
        return pd.Series(word, index=raw.index, dtype=object)
    words = as_id(raw[action.column], of_users.floated.get("action") if of_users else None)
    known = {**{name: name for name in ACTIONS}, **action.map}
    plain = {word.casefold(): name for word, name in known.items()}
    meant = {word: known.get(word, plain.get(word.casefold())) for word in words.dropna().unique()}
    return words.map(meant)


def _items(source: TableSource, tables: Tables) -> pd.DataFrame:
    spec = source.items
    assert spec is not None, "the caller asks only then"
    renamed = {spec.item: "item", spec.title: "title"}
    renamed |= {
        column: name
        for column, name in ((spec.category, "category"), (spec.price, "price"))
        if column is not None
    }
    frame = tables.read_text(spec.path, list({**renamed, **dict.fromkeys(spec.attributes)}))
    return frame.rename(columns=renamed)


def _image_cells(spec: ItemTable, tables: Tables) -> pd.Series:
    """Item id -> what the table holds of its image."""
    assert spec.image is not None, "the caller asks only then"
    cells = bytes_of(resolve(spec.path, tables.base), spec.image)
    columns = [spec.item] if cells is not None else [spec.item, spec.image]
    frame = tables.read(spec.path, columns)
    told = frame[spec.image] if cells is None else pd.Series(cells, frame.index)
    rows = pd.DataFrame({"item": as_id(frame[spec.item]), "image": told.astype(object)})
    return rows.dropna(subset=["item"]).drop_duplicates("item").set_index("item")["image"]


def _folder(spec: ItemTable, base: Path) -> Path:
    """Folder that the table of items lies in, or that it is."""
    path = resolve(spec.path, base)
    return path if path.is_dir() else path.parent


def _items_of_history(
    raw: pd.DataFrame, columns: InteractionColumns, tables: Tables
) -> pd.DataFrame:
    """Make items of what was interacted with; the most frequent title of an item is its title."""
    texts = {"title": columns.title, "category": columns.category}
    named = {name: raw[column] for name, column in texts.items() if column is not None}
    frame = pd.DataFrame({"item": as_id(raw[columns.item]), **named}).dropna(subset=["item"])
    single = one_each(frame, "item", repeated=True)
    tables.notes += single.notes
    items = single.frame.sort_values("item", ignore_index=True)
    return items if "title" in items else items.assign(title=items["item"])


def _users(source: TableSource, tables: Tables) -> pd.DataFrame:
    spec = source.users
    if spec is None:
        return pd.DataFrame({"user": pd.Series(dtype=object)})
    frame = tables.read_text(spec.path, [spec.user, *spec.profile])
    profile = {column: _numeric(frame[column], source) for column in spec.profile}
    return pd.DataFrame({"user": frame[spec.user], **profile})


def _numeric(column: pd.Series, source: TableSource) -> pd.Series:
    """Numbers written in a CSV as numbers, so that `where` can compare them; codes stay text."""
    present = column.dropna().astype(str)
    if column.dtype != object or present.str.fullmatch(r"0\d+").any():
        return column
    found = amounts(column, source.decimal, source.thousands)
    return found if found.notna().sum() == len(present) else column
