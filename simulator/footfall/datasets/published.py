"""Tables as public data sets publish them, read row by row of trust: what is broken is counted."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from footfall.datasets import cells
from footfall.datasets.archive import MAX_BYTES, open_files
from footfall.datasets.delimited import WORDS, Form, read_delimited
from footfall.datasets.draft import Draft
from footfall.datasets.records import LONGEST_LINE, cell_of, parse_record
from footfall.datasets.schema import Cleaning
from footfall.errors import DataError, did_you_mean, one_line


@dataclass
class PublishedTable:
    """A table of the source as text, and what was wrong in it."""

    frame: pd.DataFrame
    notes: list[Cleaning] = field(default_factory=list)

    def numbers(self, column: str) -> pd.Series:
        """A column as numbers; what is none becomes NaN, which cleaning counts where it matters."""
        return cells.numbers(self.frame[column]).astype(float)

    def moments(self, column: str, unit: cells.Unit) -> pd.Series:
        """A column of Unix times; what is none becomes NaT, which cleaning counts."""
        return cells.moments(self.frame[column], unit)


def add_notes(draft: Draft, *tables: PublishedTable) -> None:
    """Hand what was wrong in the files to the draft's account."""
    for table in tables:
        draft.cleaning.extend(table.notes)


def find(folder: Path, patterns: Sequence[str], what: str) -> list[Path]:
    """Files of a folder that match one of the patterns, sorted.

    Raises:
        DataError: There is none.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder; put the files of {what} in one and name it")
    found = sorted({path for pattern in patterns for path in folder.glob(pattern)})
    if not found:
        there = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise DataError(f"{folder}: no {' or '.join(patterns)} of {what} in it; found {there}")
    return found


def read_columns(
    path: Path,
    known: Sequence[str],
    needed: Sequence[str],
    *,
    separator: str = ",",
    header: bool = True,
) -> PublishedTable:
    """Read the known columns of a delimited file (also ``.gz``) as text.

    Args:
        path: The file; in a folder or, as ``x.zip/name``, inside a zip.
        known: Columns that the layout has; without a header, all of them in order.
        needed: Those without which there is nothing to read.
        separator: Between cells. Tab-separated files have no quotes.
        header: The first line names the columns.

    Raises:
        DataError: The file cannot be read, or lacks a needed column.
    """
    raw = _bytes(path)
    try:
        names = None if header else known
        form = Form(separator, quoted=separator == ",", lenient=True, missing=WORDS)
        read = read_delimited(io.BytesIO(raw), form, names, columns=known, name=path.name)
    except ValueError as error:
        reason = one_line(error, 200)
        raise DataError(f"{path}: cannot be read as a table: {reason}") from error
    frame = read.frame
    for column in needed:
        if column not in frame:
            hint = did_you_mean(column, read.header)
            raise DataError(f'{path}: no column "{column}"; {hint}')
    table = PublishedTable(frame[[column for column in known if column in frame]], read.notes)
    strange = [column for column in read.header if column not in known]
    if strange:
        table.notes.append(_strange(path, strange))
    return table


def read_records(
    path: Path,
    known: Sequence[str],
    needed: Sequence[str],
    *,
    nested: Sequence[str] = (),
    literals: bool = False,
) -> PublishedTable:
    """Read one record a line: JSON, or Python literals as older data sets have them.

    Args:
        path: The file, also ``.gz``.
        known: Keys that the layout has; others are counted and left out.
        needed: Keys that at least one record must have.
        nested: Keys that may hold lists or mappings, of which lists of texts and numbers are read.
            Where any other key holds more than a text or a number, it is emptied and counted.
        literals: Lines are Python dictionaries; nothing in them is executed.

    Raises:
        DataError: The file cannot be read, or no record has a needed key.
    """
    rows: list[dict[str, Any]] = []
    plain = [key for key in known if key not in nested]
    broken, emptied, strange = 0, 0, set[str]()
    for line in _lines(path):
        record = parse_record(line, literal=literals)
        if record is None:
            broken += 1
            continue
        strange.update(record.keys() - set(known))
        row = {key: cell_of(record.get(key), many=key in nested) for key in known}
        emptied += sum(row[key] is None and record.get(key) is not None for key in plain)
        rows.append(row)
    table = PublishedTable(pd.DataFrame(rows, columns=list(known), dtype=object))
    for key in needed:
        if table.frame[key].notna().sum() == 0:
            raise DataError(f'{path}: no record has "{key}"; is this the right file?')
    if broken:
        table.notes.append(Cleaning(f"line of {path.name} that is no record", "dropped", broken))
    if emptied:
        table.notes.append(
            Cleaning(f"cell of {path.name} that is no text or number", "emptied", emptied)
        )
    if strange:
        table.notes.append(_strange(path, sorted(strange)))
    return table


def _strange(path: Path, names: list[str]) -> Cleaning:
    some = ", ".join(name[:30] for name in names[:3]) + (", ..." if len(names) > 3 else "")
    return Cleaning(f"column of {path.name} that the layout lacks ({some})", "ignored", len(names))


def _bytes(path: Path) -> bytes:
    if path.parent.suffix == ".zip" and path.parent.is_file():
        return open_files(path.parent).read(path.name)
    with _open(path) as source:
        raw = _guarded(path, lambda: source.read(MAX_BYTES + 1))
    if len(raw) > MAX_BYTES:
        raise DataError(f"{path}: longer than {MAX_BYTES} bytes; cut it into smaller files")
    return raw


def _lines(path: Path) -> Iterator[str]:
    """Lines of a text file, at most ``LONGEST_LINE`` characters and a bit of each."""
    total = 0
    with _open(path) as source:
        while line := _guarded(path, lambda: source.readline(LONGEST_LINE + 2)):
            total += len(line)
            if total > MAX_BYTES:
                raise DataError(f"{path}: longer than {MAX_BYTES} bytes; cut it into smaller files")
            text = line.decode("utf-8", errors="replace").strip()
            if text:
                yield text


def _open(path: Path) -> io.BufferedIOBase:
    try:
        return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _guarded(path: Path, read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged: {one_line(error, 150)}") from error
