"""JSON, one record a line or all in one list, as rows of a table."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

LONGEST_LINE = 2**22
"""Characters; a longer line is no record of an event, and could exhaust the parser."""

LARGEST = 2**63
"""Numbers from here on fit into no column of whole numbers, and mean nothing in any other."""

ENDINGS = frozenset([".json", ".jsonl", ".ndjson"])
"""How names of files of JSON end, in lower case."""

DEEPEST = 4
"""Records within records that become columns such as user.id."""


def parse_record(line: str, *, literal: bool = False) -> dict[str, Any] | None:
    """A line as a record; None where it is none.

    Args:
        line: JSON, or a Python dictionary as older data sets have it; nothing in it is executed.
        literal: The line is Python.
    """
    if len(line) > LONGEST_LINE:
        return None
    parse: Callable[[str], Any] = ast.literal_eval if literal else json.loads
    try:
        record = parse(line)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None
    return record if isinstance(record, dict) and all(isinstance(k, str) for k in record) else None


def cell_of(value: object, *, many: bool) -> object:
    """What a table may hold of a record's value; None: nothing that it can.

    Args:
        value: A value of JSON.
        many: Lists of texts and numbers may be held.
    """
    match value:
        case str():  # JSON can spell halves of characters, which no file of ours can hold
            return value if value.isascii() else value.encode(errors="replace").decode()
        case bool():
            return value
        case int() | float():
            return value if abs(value) < LARGEST else None
        case list() if many:
            return [cell_of(part, many=False) for part in value]
    return None


def is_json(path: Path) -> bool:
    """Whether the name of a file says that it holds JSON."""
    return not ENDINGS.isdisjoint(suffix.lower() for suffix in path.suffixes[-2:])


def read_json(source: IO[bytes]) -> dict[str, list[Any]]:
    """The columns of a file of JSON, with numbers as the texts that they are written in.

    A record within a record becomes columns such as user.id; a list of records becomes a row for
    each of them, with its place in the list as NAME.position; other lists stay lists.

    Raises:
        ValueError: A line is no record, or there is none.
    """
    columns: dict[str, list[Any]] = {}
    count = 0
    for record in _records(source):
        row = dict(flat(record))
        for key in [key for key in row if key not in columns]:
            columns[key] = [None] * count
        for key, values in columns.items():
            values.append(row.get(key))
        count += 1
    if not count:
        raise ValueError("there is no record of JSON in it")
    return _unfolded(columns)


def _unfolded(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """A row for each entry of the longest lists of records; an empty list leaves one row."""
    sizes = {
        name: sum(map(len, filter(_holds_records, column))) for name, column in columns.items()
    }
    name = max(sizes, key=sizes.__getitem__)
    if not sizes[name]:
        return columns
    lists = [cell if _holds_records(cell) else [{}] for cell in columns.pop(name)]
    rows = [row for row, entries in enumerate(lists) for _ in entries]
    whole = {key: [column[row] for row in rows] for key, column in columns.items()}
    entries = [dict(flat(entry)) for entries in lists for entry in entries]
    places = [str(place) for entries in lists for place, _ in enumerate(entries, 1)]
    for key in dict.fromkeys(key for entry in entries for key in entry):
        whole[f"{name}.{key}"] = [entry.get(key) for entry in entries]
    whole.setdefault(f"{name}.position", places)
    return {key: [_plain(cell) for cell in column] for key, column in whole.items()}


def _holds_records(cell: object) -> bool:
    return isinstance(cell, list) and bool(cell) and all(isinstance(part, dict) for part in cell)


def _plain(cell: object) -> object:
    """What is left of lists of records that are not the longest: nothing that a table can hold."""
    return None if _holds_records(cell) else cell


def _records(source: IO[bytes]) -> Iterator[dict[str, Any]]:
    first = _line(source)
    if first.lstrip().startswith("["):
        whole = first + source.read().decode("utf-8", errors="replace")
        for number, part in enumerate(_parsed(whole, "its list"), start=1):
            yield _record(part, f"entry {number}")
        return
    number = 1
    while first:
        if first.strip():
            yield _record(_parsed(first, f"line {number}"), f"line {number}")
        first, number = _line(source), number + 1


def _parsed(text: str, where: str) -> Any:
    if len(text) > LONGEST_LINE and where != "its list":
        raise ValueError(f"{where} is longer than {LONGEST_LINE} characters")
    try:
        return json.loads(text, parse_float=whole_number, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is no JSON: {error}") from None


def whole_number(number: str) -> str:
    """In JSON, 7.0 and 7 are one number, and so one id."""
    head, point, tail = number.partition(".")
    return head if point and not tail.strip("0") else number


def _record(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is no record of JSON, such as {{...}}")  # noqa: TRY004
    return value


def _line(source: IO[bytes]) -> str:
    line = source.readline(LONGEST_LINE + 2).decode("utf-8", errors="replace")
    return line.removeprefix("\ufeff")


def flat(record: dict[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The entries of a record and of those in it, under names such as user.id."""
    for key, value in record.items():
        if isinstance(value, dict) and depth < DEEPEST:
            yield from flat(value, f"{above}{key}.", depth + 1)
        elif isinstance(value, bool):
            yield above + key, str(value).lower()
        elif _holds_records(value):
            yield above + key, value
        else:
            yield above + key, cell_of(value, many=True)
