"""Which logs are cleaned in parts: those whose rows can be judged without knowing all others.

Texts that stand for times or amounts can be read in several ways, and only all of them together
tell which; a log that has such columns is read whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from footfall.datasets.parts import PARQUET, parts_of
from footfall.datasets.table import wanted_columns
from footfall.datasets.table_source import ActionColumn, ActionFlags, TableSource

FEWEST = 1_000_000
"""Rows below which a log is read whole: nothing is gained by parts."""

ROWS_A_PART = 1_000_000
"""About so many rows are cleaned at a time: a few hundred MiB."""

MOST_PARTS = 500
"""Files that are open at a time."""

AMOUNTS = ("quantity", "value", "unit_price", "position", "propensity")
IDS = ("user", "item", "order", "page", "arm")


@dataclass(frozen=True)
class LogCut:
    """How a log is cut."""

    rows: int
    """Of its files."""
    parts: int
    """Into how many parts it is cut, each with all rows of some users."""
    texts: dict[str, str]
    """Columns of ids that are texts: name in the file -> what it is ("user", "action", ...)."""


def plan(path: Path, source: TableSource, fewest: int, rows_a_part: int) -> LogCut | None:
    """How to clean a log in parts; None: it is read whole."""
    told = source.columns
    further = source.lists or source.undone or source.once or source.records
    if told.clock or told.title or told.category or further:
        return None
    if path.is_file() and not _starts_as_parquet(path):
        return None
    found, _ = parts_of(path)
    if any(part.keys for part in found) or not all(_starts_as_parquet(p.path) for p in found):
        return None
    try:
        files = [pq.ParquetFile(part.path) for part in found]
        schemas = [file.schema_arrow for file in files]
        rows = sum(file.metadata.num_rows for file in files)
    except (pa.ArrowException, OSError, ValueError):
        return None  # whoever reads it whole says what is wrong
    if rows < fewest or not all(_fits(schema, schemas[0], source) for schema in schemas):
        return None
    texts = {
        column: role
        for role, column in _ids(source).items()
        if _is_text(schemas[0].field(column).type)
    }
    return LogCut(rows, min(MOST_PARTS, max(2, -(-rows // rows_a_part))), texts)


def _starts_as_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == PARQUET


def _ids(source: TableSource) -> dict[str, str]:
    """What is an identifier -> its column."""
    named = {role: getattr(source.columns, role) for role in IDS}
    if isinstance(source.action, ActionColumn):
        named["action"] = source.action.column
    return {role: column for role, column in named.items() if column is not None}


def _fits(schema: pa.Schema, first: pa.Schema, source: TableSource) -> bool:
    """Whether a file has all columns once, as the first file has them, of types that allow it."""
    wanted = wanted_columns(source)
    if any(schema.names.count(name) != 1 for name in wanted):
        return False
    if any(schema.field(name).type != first.field(name).type for name in wanted):
        return False
    allowed: dict[str, Callable[[pa.DataType], bool]] = dict.fromkeys(_ids(source).values(), _is_id)
    for role in AMOUNTS:
        column = getattr(source.columns, role)
        if column is not None:
            allowed[column] = _is_number
    if isinstance(source.action, ActionFlags):
        allowed |= dict.fromkeys(source.action.flags.values(), _is_id)
    counted = source.time_unit is not None
    allowed[source.columns.time] = _is_number if counted else _is_moment
    return all(fits(schema.field(column).type) for column, fits in allowed.items())


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_id(kind: pa.DataType) -> bool:
    return _is_text(kind) or bool(pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_moment(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))
