"""The rows of a log dealt out to files on disk, so that all rows of a user lie in one of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from footfall.datasets.arrow_columns import joined
from footfall.datasets.frames import stream_arrow
from footfall.datasets.ids import all_floated, as_id
from footfall.datasets.large.plan import LogCut
from footfall.datasets.schema import Cleaning

AT_ONCE = 2_000_000
"""Rows that are dealt out together."""

Progress = Callable[[int, int], None]
"""Told how many of how many rows are done."""


def part_of(users: pd.Series, parts: int) -> npt.NDArray[np.int64]:
    """[n] in which part the rows of each user lie: by the hash of the id, whatever its spelling.

    Args:
        users: Ids as a file has them, or as ``as_id`` writes them.
        parts: How many there are.
    """
    codes, uniques = pd.factorize(users)
    texts = as_id(pd.Series(uniques), floated=True).fillna("").to_numpy(dtype=object)
    if not len(texts):
        return np.zeros(len(users), dtype=np.int64)
    hashes = pd.util.hash_array(texts, categorize=False) % np.uint64(parts)
    # Rows without a user are dropped, and counted, wherever they lie.
    return np.asarray(np.append(hashes, np.uint64(0))[codes], dtype=np.int64)


class Scattered:
    """Files of rows, one a part."""

    def __init__(self, folder: Path, plan: LogCut, user: str, progress: Progress) -> None:
        self._folder, self._plan, self._user, self._progress = folder, plan, user, progress
        self._writers: dict[int, Any] = {}
        self._waiting: list[pa.Table] = []
        self._rows = self._done = 0
        self._floated: dict[str, bool] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, table: pa.Table) -> None:
        """Deal out some rows, or keep them until there are enough."""
        self._waiting.append(_plain(table))
        self._rows += len(table)
        if self._rows >= AT_ONCE:
            self._deal()

    def close(self) -> dict[str, bool]:
        """Finish all files; returns ``OfUsers.floated``."""
        self._deal()
        for writer in self._writers.values():
            writer.close()
        return self._floated

    def path(self, part: int) -> Path:
        """File of a part; there is none where no user belongs to it."""
        return self._folder / f"{part:05d}.arrow"

    def _deal(self) -> None:
        if not self._waiting:
            return
        table = pa.concat_tables(self._waiting).combine_chunks()
        self._waiting, self._rows = [], 0
        for column, role in self._plan.texts.items():
            self._learn(role, table.column(column))
        users = joined([table.select([self._user])])[self._user]
        part = part_of(users, self._plan.parts)
        order = np.argsort(part, kind="stable")
        table = table.take(pa.array(order))
        edges = np.searchsorted(part[order], np.arange(self._plan.parts + 1))
        for number in np.flatnonzero(np.diff(edges)).tolist():
            rows = table.slice(edges[number], edges[number + 1] - edges[number])
            self._writer(number, table.schema).write_table(rows)
        self._done += len(table)
        self._progress(self._done, self._plan.rows)

    def _writer(self, number: int, schema: pa.Schema) -> Any:
        if number not in self._writers:
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writers[number] = pa.ipc.new_stream(self.path(number), schema, options=options)
        return self._writers[number]

    def _learn(self, role: str, column: pa.ChunkedArray) -> None:
        """Whether all numbers among the texts of all rows end in ".0"."""
        if self._floated.get(role, True):
            texts = [text.strip() for text in column.unique().to_pylist() if text is not None]
            found = all_floated(texts)
            if found is not None:
                self._floated[role] = found


def scatter(
    path: Path, columns: list[str], user: str, plan: LogCut, folder: Path, progress: Progress
) -> tuple[Scattered, dict[str, bool], list[Cleaning]]:
    """Deal out the rows of a log.

    Args:
        path: A Parquet file or a folder of them.
        columns: Those that are wanted.
        user: The column of users.
        plan: Into how many parts.
        folder: Where to.
        progress: Told how far it is.

    Returns:
        The files, ``OfUsers.floated``, and what was not in order in the log's files.

    Raises:
        DataError: The log cannot be read.
    """
    scattered = Scattered(folder, plan, user, progress)
    notes = stream_arrow(path, columns, scattered.add)
    floated = scattered.close()
    return scattered, {role: floated.get(role, False) for role in plan.texts.values()}, notes


def read_scattered(path: Path) -> pa.Table:
    """The rows of one part."""
    with pa.ipc.open_stream(path) as reader:
        return reader.read_all()


def _plain(table: pa.Table) -> pa.Table:
    """Dictionaries as what they stand for: parts of one file may have different ones."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            column = table.column(place).cast(field.type.value_type)
            table = table.set_column(place, field.name, column)
    return table
