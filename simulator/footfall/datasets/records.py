"""JSON, one record a line or all in one list, as rows of a table."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from typing import IO, Any

from footfall.datasets.schema import Cleaning

LONGEST_LINE = 2**22
"""Characters; a longer line is no record of an event, and could exhaust the parser."""

LARGEST = 2**63
"""Numbers from here on fit into no column of whole numbers, and mean nothing in any other."""

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


def read_json(source: IO[bytes], name: str) -> tuple[dict[str, list[Any]], list[Cleaning]]:
    """The columns of a file of JSON; a record within a record becomes columns such as user.id.

    Returns:
        Columns by name, and what was left out.

    Raises:
        ValueError: There is no record in it.
    """
    columns: dict[str, list[Any]] = {}
    count, broken, first = 0, 0, 0
    for number, record in enumerate(_records(source), start=1):
        if record is None:
            broken, first = broken + 1, first or number
            continue
        row = dict(_flat(record))
        for key in row.keys() - columns.keys():
            columns[key] = [None] * count
        for key, values in columns.items():
            values.append(row.get(key))
        count += 1
    if not count:
        raise ValueError("no line of it is a record of JSON")
    problem = f"line of {name} that is no record (first: line {first})"
    return columns, [Cleaning(problem, "dropped", broken)] if broken else []


def _records(source: IO[bytes]) -> Iterator[dict[str, Any] | None]:
    first = _line(source)
    if first.startswith("["):
        rest = source.read().decode("utf-8", errors="replace")
        try:
            listed = json.loads(first + rest)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"it begins as a list of JSON and is none: {error}") from None
        yield from (part if isinstance(part, dict) else None for part in listed)
        return
    while first:
        if first.strip():
            yield parse_record(first)
        first = _line(source)


def _line(source: IO[bytes]) -> str:
    line = source.readline(LONGEST_LINE + 2).decode("utf-8", errors="replace")
    return line.removeprefix("\ufeff")


def _flat(record: dict[str, Any], above: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        if isinstance(value, dict) and depth < DEEPEST:
            yield from _flat(value, f"{above}{key}.", depth + 1)
        else:
            yield above + key, cell_of(value, many=True)
