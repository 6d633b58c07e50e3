"""How a text table is written: its encoding, what parts its cells, and lines of JSON."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pandas as pd

from footfall.datasets.archive import open_unpacked
from footfall.datasets.cells import read_cells
from footfall.errors import DataError

HEAD = 2**16
"""Bytes of a file that are looked at to tell how it is written."""

SEPARATORS = ",;\t|"
"""What may part cells; where two would do, the one that makes more columns."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINES = 25
_JSON = {".jsonl", ".ndjson", ".json"}


@dataclass(frozen=True)
class Form:
    """How a delimited file is written."""

    separator: str
    encoding: str
    quoted: bool
    """Whether a cell may stand in double quotes."""


def is_json(path: Path) -> bool:
    """Whether the name says that the file holds JSON, an object a line."""
    return bool(_JSON.intersection(path.suffixes[-2:]))


def form_of(path: Path, encoding: str | None = None) -> Form:
    """Tell from the first lines how a file is written; ``encoding`` is that of its user, if any.

    Raises:
        DataError: It is not UTF-8, and nobody says what else it is.
    """
    with open_unpacked(path) as file:
        head = file.read(HEAD)
    encoding = encoding or _encoding(path, head)
    text = _decoded(head, encoding)
    assert text is not None
    lines = text.splitlines()[: _LINES + 1]
    if len(head) == HEAD:
        lines = lines[:-1]  # the last one may be cut
    separator = _separator(lines)
    quoted = separator != "\t" or any('\t"' in line or line.startswith('"') for line in lines)
    return Form(separator, encoding, quoted)


def read_delimited(
    path: Path,
    columns: list[str] | None = None,
    *,
    rows: int | None = None,
    encoding: str | None = None,
) -> pd.DataFrame:
    """Read a delimited file or lines of JSON as text; missing cells are NaN.

    Args:
        path: The file, maybe compressed.
        columns: Those to read; all by default.
        rows: How many to read; all by default.
        encoding: As Python names it; UTF-8, or UTF-16 with its mark, where none is given.

    Raises:
        ValueError: It is no such file.
        OSError: It cannot be read.
    """
    if is_json(path):
        frame = _read_json(path, rows)
        return frame if columns is None else frame[list(columns)]
    form = form_of(path, encoding)
    with ExitStack() as stack:
        file: IO[Any] = stack.enter_context(open_unpacked(path))
        if not form.encoding.startswith("utf-8"):  # which pandas reads itself, and faster
            file = stack.enter_context(io.TextIOWrapper(file, form.encoding, newline=""))
        return read_cells(
            file, columns=columns, rows=rows, separator=form.separator, quoted=form.quoted
        ).frame


def _encoding(path: Path, head: bytes) -> str:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if _decoded(head, "utf-8") is None:
        raise DataError(
            f"{path}: its text is not UTF-8; say what it is with encoding, for instance "
            "encoding: cp1252 (western Europe), cp1251 (Cyrillic), shift_jis or gb18030"
        )
    return "utf-8"


def _decoded(head: bytes, encoding: str) -> str | None:
    """The text; None where it is not in that encoding. The last sign may be cut."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(head, final=False)
    except UnicodeDecodeError:
        return None


def _separator(lines: list[str]) -> str:
    """The sign that makes equally many cells of the most lines."""

    def score(sign: str) -> tuple[float, int]:
        try:
            sizes = [len(row) for row in csv.reader(lines, delimiter=sign) if row]
        except csv.Error:
            return 0.0, 0
        width = sizes[0] if sizes else 0
        if width < 2:
            return 0.0, 0
        return Counter(sizes)[width] / len(sizes), width

    best = max(SEPARATORS, key=score)
    return best if score(best)[1] else ","


def _read_json(path: Path, rows: int | None) -> pd.DataFrame:
    found = []
    with open_unpacked(path) as raw, io.TextIOWrapper(raw, "utf-8-sig") as file:
        for number, record in enumerate(_records(file)):
            if number == rows:
                break
            found.append(record)
    return pd.DataFrame(found, dtype=object)


def _records(file: io.TextIOWrapper) -> Iterator[dict[str, Any]]:
    """Objects, one a line or all in one list, with text in every cell."""
    first = file.read(1)
    if first == "[":
        for record in json.loads(first + file.read(), parse_float=str, parse_int=str):
            yield _flat(record)
        return
    for number, line in enumerate(_rejoined(first, file), 1):
        if line.strip():
            try:
                record = json.loads(line, parse_float=str, parse_int=str)
            except ValueError as error:
                raise ValueError(f"line {number} is no JSON: {error}") from error
            yield _flat(record)


def _rejoined(first: str, file: io.TextIOWrapper) -> Iterator[str]:
    yield first + file.readline()
    yield from file


def _flat(record: object, prefix: str = "") -> dict[str, Any]:
    """An object as cells; those of an object within it are named ``outer.inner``."""
    if not isinstance(record, dict):
        raise ValueError(f"an object was expected, not {str(record)[:40]!r}")  # noqa: TRY004
    cells: dict[str, Any] = {}
    for key, value in record.items():
        name = prefix + str(key)
        if isinstance(value, dict):
            cells |= _flat(value, f"{name}.")
        elif isinstance(value, bool):
            cells[name] = str(value).lower()
        elif value is None or isinstance(value, str):
            cells[name] = value
        else:
            cells[name] = json.dumps(value, ensure_ascii=False)
    return cells
