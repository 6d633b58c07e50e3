"""One part of a log, all rows of some users, cleaned and written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from footfall.datasets.arrow_columns import joined
from footfall.datasets.cells import moments, numbers
from footfall.datasets.cleaning import EVENT_STEPS, checked, order_and_pages
from footfall.datasets.draft import Draft, OfUsers
from footfall.datasets.ids import as_id
from footfall.datasets.item_cleaning import known_items
from footfall.datasets.large.scattering import read_scattered
from footfall.datasets.schema import INTERACTIONS, Cleaning, PageNotes
from footfall.datasets.table import Tables, drafted, without_words
from footfall.datasets.table_source import TableSource

PLACE = "_place"
"""Column that tells in which order the events of a part stand."""


@dataclass(frozen=True)
class Work:
    """What is the same for all parts."""

    source: TableSource
    name: str
    """Of the log's file or folder."""
    floated: dict[str, bool]
    items: pd.DataFrame | None
    """The cleaned table of items; None: they are made of the history."""


@dataclass(frozen=True)
class PartDone:
    """A written part, and what it tells of the whole."""

    notes: tuple[tuple[str, Cleaning], ...]
    """Step of cleaning and what it did."""
    of_users: OfUsers
    pages: PageNotes
    users: npt.NDArray[np.object_]
    """Ids, each once."""
    items: npt.NDArray[np.object_]
    """Ids in the rows before cleaning, each once; where items are made of the history."""
    rows: int
    views: int
    unread_times: int
    read_times: int


@dataclass
class _Steps:
    """Notes by the step that made them."""

    draft: Draft
    notes: list[tuple[str, Cleaning]] = field(default_factory=list)

    def run(self, step: Callable[[Draft], None]) -> None:
        step(self.draft)
        self.take(step.__name__)

    def take(self, name: str) -> None:
        self.notes += [(name, note) for note in self.draft.cleaning]
        self.draft.cleaning = []


def clean_part(
    scattered: Path, out: Path, work: Work, *, paged: bool = False, orders_apart: bool = False
) -> PartDone:
    """Clean the rows of a part by the steps of ``cleaning`` and write them, sorted, as Parquet.

    Args:
        scattered: Rows as the log has them.
        out: File to write.
        work: How to.
        paged: Other parts have views.
        orders_apart: Other parts show that pages are counted anew in every order.

    Raises:
        DataError: The log cannot be used.
    """
    source = work.source
    tables = Tables(source, Path())
    frame = joined([read_scattered(scattered)])
    written = tables.without_headers(frame, work.name)
    of_users = OfUsers(work.floated, paged, orders_apart)
    history, items = work.items, np.empty(0, dtype=object)
    if history is None:
        raw = without_words(written[[source.columns.item]], source.missing)
        found = as_id(raw[source.columns.item], work.floated.get("item")).dropna().unique()
        items = np.asarray(found, dtype=object)
        history = pd.DataFrame({"item": items})
    nobody = pd.DataFrame({"user": pd.Series(dtype=object)})
    draft = drafted(source, written, history, nobody, tables.notes, of_users)
    unread, read = _unread(written, source)
    steps = _Steps(draft)
    steps.take("files")
    for step in (*EVENT_STEPS, known_items):
        steps.run(step)
    order_and_pages(draft)
    rows = checked(INTERACTIONS, draft.interactions, f"{draft.name}, interactions")
    write_events(rows, out)
    return PartDone(
        notes=tuple(steps.notes),
        of_users=of_users,
        pages=draft.pages,
        users=np.asarray(rows["user"].unique(), dtype=object),
        items=items,
        rows=len(rows),
        views=int((rows["action"] == "view").sum()),
        unread_times=unread,
        read_times=read,
    )


def _unread(written: pd.DataFrame, source: TableSource) -> tuple[int, int]:
    """How many Unix times are no times in their unit, of how many that are given."""
    if source.time_unit is None:
        return 0, 0
    column = written[source.columns.time]
    number = numbers(column)
    given = number.notna() & (number != 0)
    return int((given & moments(column, source.time_unit).isna()).sum()), int(given.sum())


def write_events(rows: pd.DataFrame, out: Path) -> None:
    """Write canonical interactions; texts as dictionaries, ``PLACE`` as their order."""
    columns: dict[str, pa.Array] = {}
    for name in rows.columns:
        column = rows[name]
        if column.dtype == object:
            codes, uniques = pd.factorize(column)
            texts = pa.array(uniques, pa.string())
            columns[str(name)] = pa.DictionaryArray.from_arrays(codes.astype(np.int32), texts)
        else:
            columns[str(name)] = pa.array(column.to_numpy(), from_pandas=True)
    columns[PLACE] = pa.array(np.arange(len(rows), dtype=np.int32))
    pq.write_table(pa.table(columns), out, compression="lz4", write_statistics=False)


def read_events(paths: list[Path]) -> pd.DataFrame:
    """Canonical interactions of some parts, in canonical order."""
    table = pa.concat_tables([pq.read_table(path) for path in paths])
    frame = joined([table])
    if len(paths) > 1:
        # Within a part the order is right; between parts it is that of time, user, item and action.
        texts = [_codes(frame[name]) for name in ("action", "item", "user")]
        order = np.lexsort([frame[PLACE].to_numpy(), *texts, frame["time"].to_numpy()])
        frame = frame.iloc[order].reset_index(drop=True)
    return frame.drop(columns=PLACE)


def _codes(column: pd.Series) -> npt.NDArray[np.intp]:
    codes: npt.NDArray[np.intp] = pd.factorize(column, sort=True)[0]
    return codes
