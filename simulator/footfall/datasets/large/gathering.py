"""What the parts of a log tell together, and what only all of them can be judged by."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from footfall.datasets.arrow_columns import joined
from footfall.datasets.cleaning import note_moved, refuse_early, refuse_empty
from footfall.datasets.draft import Draft
from footfall.datasets.item_cleaning import refuse_strangers, with_items, with_users_seen
from footfall.datasets.large.part import PartDone
from footfall.datasets.large.scattering import read_scattered
from footfall.datasets.schema import Cleaning, PageNotes
from footfall.datasets.table_source import TableSource
from footfall.datasets.times import MOST_UNREAD, refuse_clock

LAST = "known_items"
"""The step that comes after the items were cleaned."""


def merged(notes: Sequence[Sequence[tuple[str, Cleaning]]]) -> list[tuple[str, Cleaning]]:
    """Notes of all parts: counts added up, of samples the first in their order."""
    found: dict[tuple[str, str, str, bool], Cleaning] = {}
    order: list[tuple[str, str, str, bool]] = []
    for of_part in notes:
        place = 0
        for step, note in of_part:
            key = step, note.problem, note.action, note.doubtful
            if key in found:
                known = found[key]
                sample = min(filter(None, (known.sample, note.sample)), default="")
                count = known.count + note.count
                found[key] = dataclasses.replace(known, count=count, sample=sample)
                place = max(place, order.index(key) + 1)
            else:
                found[key] = note
                order.insert(place, key)
                place += 1
    return [(key[0], found[key]) for key in order]


def refuse_times(
    draft: Draft, done: Sequence[PartDone], source: TableSource, files: Sequence[Path]
) -> None:
    """Refuse a log whose times have another unit, which no single part can tell.

    Raises:
        DataError: They have.
    """
    unread, read = (sum(getattr(p, f"{name}_times") for p in done) for name in ("unread", "read"))
    if source.time_unit is not None and read:
        # Of times of another clock even one part has most; of unread ones, all parts together.
        doubtful = files if unread > MOST_UNREAD * read else files[:1]
        columns = [read_scattered(file).select([source.columns.time]) for file in doubtful]
        refuse_clock(joined([pa.concat_tables(columns)])[source.columns.time], source.time_unit)
    if draft.earliest is None:
        early = [times for part in done for times in part.of_users.early]
        samples = filter(None, (part.of_users.sample_early for part in done))
        times = sum(part.of_users.times for part in done)
        refuse_early(draft, np.concatenate(early), times, min(samples, default=""))


def gather(draft: Draft, done: Sequence[PartDone]) -> list[int]:
    """Put together what the parts tell.

    Args:
        draft: The log's, with its tables and without its events; gets all notes, all users, and
            what is known of pages.
        done: All parts.

    Returns:
        By how much the positions of each part have to be moved, so that the smallest of the whole
        log is 1.

    Raises:
        DataError: The tables do not belong to the log, or nothing usable is left of it.
    """
    notes = merged([part.notes for part in done])
    draft.cleaning += [note for step, note in notes if step != LAST]
    firsts = [part.of_users.first_position for part in done]
    first = min((own for own in firsts if not np.isnan(own)), default=1.0)
    if first != 1:
        note_moved(draft, first, sum(part.of_users.positions for part in done))
    with_items(draft)
    strangers = [part.of_users.sample_item for part in done if part.of_users.looked_up]
    if strangers and all(strangers):
        refuse_strangers(draft, min(strangers))
    draft.cleaning += [note for step, note in notes if step == LAST]
    with_users_seen(draft, pd.Index(np.concatenate([part.users for part in done])))
    if not any(part.rows for part in done):
        refuse_empty(draft)
    draft.pages = PageNotes(
        assumed=sum(part.pages.assumed for part in done),
        joined=sum(part.pages.joined for part in done),
        orders_apart=any(part.pages.orders_apart for part in done),
        first_position=first,
    )
    return [0 if np.isnan(own) else round(own - first) for own in firsts]


def move_positions(path: Path, by: int) -> None:
    """Let the top of a part's pages be as far down as the whole log says."""
    table = pq.read_table(path)
    place = table.column_names.index("position")
    moved = pa.array(table.column(place).to_numpy() + by, from_pandas=True)
    pq.write_table(table.set_column(place, "position", moved), path, compression="lz4")


def all_items(done: Sequence[PartDone]) -> npt.NDArray[np.object_]:
    """Ids of the items that the parts name, each once, in their order."""
    return np.unique(np.concatenate([part.items for part in done]).astype(str)).astype(object)
