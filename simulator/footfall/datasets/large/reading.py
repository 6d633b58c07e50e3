"""A log of one's own read: whole or in parts, or not again where it was read before."""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from footfall.datasets import table
from footfall.datasets.base import resolve
from footfall.datasets.beyond import Beyond
from footfall.datasets.cleaning import as_dataset, note_prices
from footfall.datasets.draft import Draft
from footfall.datasets.event_words import refuse_events
from footfall.datasets.frames import read_frame
from footfall.datasets.item_cleaning import with_items
from footfall.datasets.large import gathering
from footfall.datasets.large.kept import EVENTS, KeptLog, keep
from footfall.datasets.large.part import PartDone, Work, write_events
from footfall.datasets.large.plan import FEWEST, ROWS_A_PART, LogCut, plan
from footfall.datasets.large.scattering import scatter
from footfall.datasets.large.shelf import SWITCH, Place, key_of
from footfall.datasets.large.worker import PartTask, clean_all
from footfall.datasets.schema import Cleaning, Dataset
from footfall.datasets.table_source import TableSource
from footfall.errors import DataError
from footfall.options import Announce

KEPT_FROM = 8_000_000
"""Bytes of the log's files from which on what was read of them is kept."""

SCATTERED = "scattered"

ROWS_A_PROCESS = 1_500_000
"""Rows for which another process is worth its start."""


def read(
    source: TableSource,
    base: Path,
    announce: Announce = lambda _: None,
    *,
    kept_from: int = KEPT_FROM,
    fewest: int = FEWEST,
    rows_a_part: int = ROWS_A_PART,
) -> Dataset:
    """Load the tables of a source.

    Args:
        source: How they are written.
        base: Folder that paths are relative to.
        announce: Told about the steps.
        kept_from: See ``KEPT_FROM``.
        fewest: Rows from which on a log is cleaned in parts.
        rows_a_part: About so many rows has each of them.

    Raises:
        DataError: The log cannot be used, or there is no room for its parts.
    """
    path = resolve(source.path, base)
    if _size(path) < kept_from:
        return table.read(source, base)
    try:
        return _read_kept(source, base, path, announce, fewest, rows_a_part)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be cleaned in parts: {error.strerror or error}; make room in the "
            f"user's cache folder, or set {SWITCH}=off to use that of temporary files"
        ) from error


def _read_kept(
    source: TableSource, base: Path, path: Path, announce: Announce, fewest: int, rows_a_part: int
) -> Dataset:
    others = [one.path for one in (source.items, source.users) if one is not None]
    tables = [path, *(resolve(other, base) for other in others)]
    options = source.model_dump(mode="json", exclude={"most_events", "path"})
    place = Place(key_of(tables, {**options, "parts": [fewest, rows_a_part]}))
    kept = _fresh(KeptLog.open(place.folder))
    if kept is not None:
        announce(f"{path.name} was read before: taken from {place.folder} ({SWITCH}=off: not)")
    else:
        kept = _made(source, base, path, place, announce, (fewest, rows_a_part))
    if kept is None:
        announce(f"! {path.name}: what was read cannot be kept for the next time")
        return table.read(source, base)
    dataset = kept.dataset(source.most_events)
    if dataset.beyond is not None:
        announce(
            f"{len(dataset.users):,} of {dataset.beyond.users:,} users are loaded, drawn by hash: "
            f"{len(dataset.interactions):,} of {dataset.beyond.events:,} events (data.most_events)"
        )
    return table.with_pictures(dataset, source, base)


def _made(
    source: TableSource,
    base: Path,
    path: Path,
    place: Place,
    announce: Announce,
    sizes: tuple[int, int],
) -> KeptLog | None:
    """Read a log, and keep what was read; None where that cannot be kept."""
    with place.making_it() as making:
        kept = _fresh(KeptLog.open(place.folder))  # another process may have been faster
        if kept is not None:
            return kept
        cut = plan(path, source, *sizes)
        if cut is None:
            made = _whole(source, base, making)
        else:
            made = _in_parts(source, base, path, cut, making, announce)
        if made is None:
            return None
        place.publish()
        return made.moved(place.folder)


def _fresh(kept: KeptLog | None) -> KeptLog | None:
    """A kept log whose future events are still in the future."""
    if kept is None or kept.meta["day"] == _today():
        return kept
    late = any("after now" in note["problem"] for note in kept.meta["cleaning"])
    return None if late else kept


def _today() -> str:
    return f"{pd.Timestamp.now('UTC'):%Y-%m-%d}"


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def _whole(source: TableSource, base: Path, making: Path) -> KeptLog | None:
    """Read a log in memory, and keep it as one part."""
    if source.items is not None and source.items.image is not None:  # read when it is needed
        items = source.items.model_copy(update={"image": None})
        source = source.model_copy(update={"items": items})
    dataset = table.read(source, base)
    (making / EVENTS).mkdir()
    write_events(dataset.interactions, making / EVENTS / "00000.parquet")
    return keep(making, dataset, [len(dataset.interactions)], _today())


def _in_parts(
    source: TableSource, base: Path, path: Path, cut: LogCut, making: Path, announce: Announce
) -> KeptLog | None:
    """Deal out the rows, clean part by part, and put together what the parts tell."""
    columns = table.wanted_columns(source)
    if source.action is None:
        first = read_frame(path, form=source.form, rows=table.LOOKED_AT).frame
        refuse_events(first, set(columns), path)
    dealt = _Tenths(announce, f"{path.name}: {cut.rows:,} events, dealt out by user")
    folder = making / SCATTERED
    scattered, floated, notes = scatter(path, columns, source.columns.user, cut, folder, dealt)
    tables = table.Tables(source, base)
    items = None if source.items is None else tables.items()
    draft = _draft(source, items, tables.users(), [*notes, *tables.notes])
    work = Work(source, path.name, floated, None if items is None else _ids_of(draft))
    (making / EVENTS).mkdir()
    numbers = [number for number in range(cut.parts) if scattered.path(number).exists()]
    tasks = [PartTask(scattered.path(n), making / EVENTS / f"{n:05d}.parquet") for n in numbers]
    done = _clean(work, tasks, cut.rows, announce)
    gathering.refuse_times(draft, done, source, [task.scattered for task in tasks])
    if items is None:
        found = gathering.all_items(done)
        draft.items = pd.DataFrame({"item": found, "title": found})
    moves = gathering.gather(draft, done)
    for task, by in zip(tasks, moves, strict=True):
        if by:
            gathering.move_positions(task.out, by)
    shutil.rmtree(folder)
    rows = [0] * cut.parts
    for number, part in zip(numbers, done, strict=True):
        rows[number] = part.rows
    return _kept(draft, making, rows)


def _draft(
    source: TableSource, items: pd.DataFrame | None, users: pd.DataFrame, notes: list[Cleaning]
) -> Draft:
    """The log's tables, without its events."""
    columns = dict.fromkeys(table.wanted_columns(source), pd.Series(dtype=object))
    nothing = pd.DataFrame(columns).astype({source.columns.time: "datetime64[ns]"})
    timed = source.model_copy(update={"time_unit": None, "action": source.action or "purchase"})
    none = pd.DataFrame({"item": pd.Series(dtype=object)})
    return table.drafted(timed, nothing, none if items is None else items, users, notes)


def _ids_of(draft: Draft) -> pd.DataFrame:
    """The items that the cleaned table of items has."""
    cleaned = dataclasses.replace(draft, cleaning=[])
    with_items(cleaned)
    return cleaned.items[["item"]]


def _clean(work: Work, tasks: Sequence[PartTask], rows: int, announce: Announce) -> list[PartDone]:
    """Clean all parts, and once more those that could not know how others count their pages."""
    workers = max(1, min(len(os.sched_getaffinity(0)), rows // ROWS_A_PROCESS))
    told = _Tenths(announce, f"{work.name}: cleaned")
    done = clean_all(work, tasks, workers, lambda n: told(n, len(tasks)))
    paged = any(part.views for part in done)
    apart = any(part.pages.orders_apart for part in done)
    again = [
        place
        for place, part in enumerate(done)
        if (paged and not part.views) or (apart and not part.pages.orders_apart)
    ]
    tried = [dataclasses.replace(tasks[place], paged=paged, orders_apart=apart) for place in again]
    known = clean_all(work, tried, 1, lambda _: None)
    for place, part in zip(again, known, strict=True):
        done[place] = part
    return done


def _kept(draft: Draft, making: Path, rows: list[int]) -> KeptLog | None:
    """Write what belongs to the parts."""
    if draft.prices_from_interactions:
        whole = Beyond(KeptLog(making, {"rows": rows}), 0, sum(rows), len(draft.users))
        draft.items = draft.items.assign(
            price=draft.items["item"].map(whole.prices()).astype(float)
        )
    note_prices(draft)
    return keep(making, as_dataset(draft, draft.interactions), rows, _today())


class _Tenths:
    """Says each tenth of a long step."""

    def __init__(self, announce: Announce, what: str) -> None:
        self._announce, self._what, self._said = announce, what, 0

    def __call__(self, done: int, of: int) -> None:
        tenth = done * 10 // max(1, of)
        if tenth > self._said:
            self._said = tenth
            self._announce(f"{self._what}: {tenth * 10}%")
