"""A cleaned log on disk: parts of events, the other tables, and what is known of the whole."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from footfall.datasets.arrow_columns import joined
from footfall.datasets.beyond import Beyond
from footfall.datasets.large.part import read_events
from footfall.datasets.large.scattering import part_of
from footfall.datasets.schema import Cleaning, Dataset, PageNotes
from footfall.plumbing.files import write_json

VERSION = 1
"""Of what is written here; others are not read."""

META, ITEMS, USERS, EVENTS = "meta.json", "items.parquet", "users.parquet", "events"

_PLAIN = ("name", "currency", "about", "licence", "prices_from_interactions")

MEMORY = "2GB"
"""What counting may take."""


@dataclass(frozen=True)
class KeptLog:
    """A folder that ``keep`` has filled."""

    folder: Path
    meta: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> KeptLog | None:
        """The log in a folder; None where there is none that can be read here."""
        try:
            meta = json.loads((folder / META).read_text(encoding="utf-8"))
            there = all(file.is_file() for file in cls(folder, meta).files())
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return cls(folder, meta) if meta.get("version") == VERSION and there else None

    def dataset(self, most_events: int) -> Dataset:
        """The log, of as many whole users as have about ``most_events``; who, is drawn by hash."""
        rows, taken = self.meta["rows"], 1
        while taken < len(rows) and sum(rows[: taken + 1]) <= most_events:
            taken += 1
        users, beyond = _table(self.folder / USERS), None
        if taken < len(rows):
            beyond = Beyond(self, taken, sum(rows), len(users))
            users = users[part_of(users["user"], len(rows)) < taken].reset_index(drop=True)
        return Dataset(
            **{name: self.meta[name] for name in _PLAIN},
            users=users,
            items=_table(self.folder / ITEMS),
            interactions=read_events(self._events(0, taken)),
            cleaning=tuple(Cleaning(**note) for note in self.meta["cleaning"]),
            pages=PageNotes(**self.meta["pages"]),
            beyond=beyond,
        )

    def moved(self, folder: Path) -> KeptLog:
        """The same in another folder."""
        return KeptLog(folder, self.meta)

    def files(self) -> list[Path]:
        """Those that have to be there."""
        return [self.folder / ITEMS, self.folder / USERS, *self._events(0)]

    def _events(self, first: int, end: int | None = None) -> list[Path]:
        stop = len(self.meta["rows"]) if end is None else end
        there = [part for part in self.filled() if first <= part < stop]
        return [self.folder / EVENTS / f"{part:05d}.parquet" for part in there]

    def filled(self) -> list[int]:
        """Parts that have rows."""
        return [part for part, rows in enumerate(self.meta["rows"]) if rows]

    def ask(self, query: str, first: int = 0, end: int | None = None) -> pd.DataFrame:
        """Answer a query about ``events``, the rows of the parts from ``first`` to before ``end``.

        Args:
            query: SQL of DuckDB; nothing of it may be a stranger's.
            first: Part.
            end: Part; None: after the last one.
        """
        with duckdb.connect(config={"memory_limit": MEMORY}) as link:
            link.sql(f"SET temp_directory = '{tempfile.gettempdir()}'")
            paths = list(map(str, self._events(first, end)))
            link.read_parquet(paths).create_view("events")
            found: pd.DataFrame = link.sql(query).df()
        return found


def _table(path: Path) -> pd.DataFrame:
    """A table with whole numbers that stay whole beside gaps."""
    return joined([pq.read_table(path)])


def keep(folder: Path, dataset: Dataset, rows: list[int], day: str) -> KeptLog | None:
    """Write what belongs to the events that already lie in ``folder``, and open it.

    Args:
        folder: Holds a file of events for each part.
        dataset: The log; its events are not looked at.
        rows: Events of each part; those of a part without any have no file.
        day: Today, UTC.

    Returns:
        The log; None where a table would come back otherwise than it was.
    """
    for name, frame in ((ITEMS, dataset.items), (USERS, dataset.users)):
        try:
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / name)
        except (pa.ArrowException, ValueError):  # cells of several types
            return None
        if not _same(_table(folder / name), frame):
            return None
    meta = {name: getattr(dataset, name) for name in _PLAIN}
    meta |= {
        "version": VERSION,
        "rows": rows,
        "day": day,
        "cleaning": [dataclasses.asdict(note) for note in dataset.cleaning],
        "pages": dataclasses.asdict(dataset.pages),
    }
    write_json(folder / META, meta)
    return KeptLog.open(folder)


def _same(found: pd.DataFrame, given: pd.DataFrame) -> bool:
    try:
        pd.testing.assert_frame_equal(found, given.reset_index(drop=True), check_exact=True)
    except AssertionError:
        return False
    return True
