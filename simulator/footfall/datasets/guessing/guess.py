"""The whole guess: files in, a source out, with what was found and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from footfall.datasets.base import resolve
from footfall.datasets.cell_records import unpacked
from footfall.datasets.delimited import WORDS, Form
from footfall.datasets.frames import read_frame
from footfall.datasets.guessing.acts import action_spec
from footfall.datasets.guessing.asking import Ask, Finding, Findings, Told, UnansweredError
from footfall.datasets.guessing.beside import Key, item_table, key_of, user_table
from footfall.datasets.guessing.columns import roles_of
from footfall.datasets.guessing.encodings import encoding_of
from footfall.datasets.guessing.facts import SAMPLE, Column, SampledTable, table_of
from footfall.datasets.guessing.listed import lists_of
from footfall.datasets.guessing.moments import settled, zone_of
from footfall.datasets.guessing.money import (
    currency_of,
    in_cents,
    leave_out_unread,
    settle_price,
    written,
)
from footfall.datasets.guessing.once import filled, once_of
from footfall.datasets.guessing.possible import is_record
from footfall.datasets.guessing.roles import Roles
from footfall.datasets.guessing.status import undone_of
from footfall.datasets.guessing.sums import amounts_of, settle_sums
from footfall.datasets.guessing.words import tokens
from footfall.datasets.guessing.zones import zone_column
from footfall.datasets.lists import POSITION, unfolded
from footfall.datasets.records import is_json
from footfall.datasets.table import without_words
from footfall.datasets.table_source import (
    ActionColumn,
    ActionFlags,
    InteractionColumns,
    Lists,
    TableSource,
)
from footfall.datasets.times import dated
from footfall.errors import DataError

TABLES = {".csv", ".tsv", ".txt", ".tab", ".parquet", ".jsonl", ".ndjson", ".json"}
"""How the name of a table ends, beside the ending of how it is compressed."""

SHEETS = {".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"}

_COLUMNS = (
    "user", "item", "time", "clock", "quantity", "value", "unit_price", "order", "title",
    "category", "page", "position", "propensity", "arm",
)  # fmt: skip

_MEASURES = ("time", "price", "total", "quantity", "rating", "propensity")
FIRST = 1000
"""Rows in which what stands in the first line must come again for it to be no header."""

MOST_ALIKE = 3
"""Columns whose names differ by a number alone, from which on they are the places of a page."""
PLACES = 6
"""Things that such columns hold at least; answers and marks are fewer."""

_NUMBERS = ("value", "unit_price", "quantity", "rating", "propensity")


@dataclass(frozen=True)
class LogTables:
    """A log, and what may lie beside it."""

    events: Path
    items: Path | None = None
    users: Path | None = None


@dataclass(frozen=True)
class Guess:
    """A source, and what it rests on."""

    source: TableSource
    findings: tuple[Finding, ...]


def is_table(path: Path) -> bool:
    """Whether a name is that of a table, or of a folder of Parquet parts."""
    return bool(TABLES.intersection(s.lower() for s in path.suffixes[-2:])) or path.is_dir()


def guess(files: LogTables, told: Told, ask: Ask) -> Guess:
    """Tell from a log, and tables beside it, how they are to be read.

    Raises:
        UnansweredError: A question stayed open, and ``ask`` refused to answer it.
        DataError: A file cannot be read, or it is no log of events.
    """
    for path in filter(None, (files.events, files.items, files.users)):
        if path.suffix.lower() in SHEETS:
            raise DataError(f"{path} is a spreadsheet: save it as CSV (UTF-8), and name that file")
    findings = Findings(ask)
    encoding = encoding_of(files.events, told, findings)
    log, header = _log_of(files.events, encoding, findings)
    records = [column.name for column in log.columns if is_record(column)]
    if records:
        log = _with_entries(log, records, findings)
    lists = None
    if "item" not in told.columns:
        _refuse_places(log)
        lists = lists_of(log, findings)
    if lists is not None:
        log = _each_item(log, lists)
    once = once_of(log) if lists is None else None
    if once is not None:
        log = filled(log, *once, findings)
        told = told.with_column("order", once[0].name)
    beside = {
        role: _looked_at(path, encoding)
        for role, path in (("item", files.items), ("user", files.users))
        if path is not None
    }
    keys = {role: key_of(role, log, table) for role, table in beside.items()}
    known = {role: key.log for role, key in keys.items()}
    try:
        roles = roles_of(log, known, told, findings, lists)
    except DataError as error:
        if not header or isinstance(error, UnansweredError):
            raise
        raise DataError(
            f"{error}; its first line looks like data, not like headers: put a line before it that "
            "names the columns"
        ) from error
    numbers = [roles.of[r] for r in _NUMBERS if r in roles.of]
    if not {"value", "unit_price", "rating"} & set(roles.of):
        numbers += amounts_of(log, roles)
    decimal, thousands = written(numbers, told, findings)
    settle_sums(log, roles, decimal, thousands, findings)
    leave_out_unread(roles, decimal, thousands, findings)
    settle_price(roles, decimal, thousands, findings)
    options = _when_and_money(log, roles, told, findings)
    options["cents"] = in_cents(roles, findings)
    action = action_spec(log, roles, told, findings)
    undone = undone_of(log, roles, told, findings) if _are_purchases(action) else []
    items = item_table(beside["item"], keys["item"], findings) if "item" in beside else None
    users = user_table(beside["user"], keys["user"], findings) if "user" in beside else None
    _tell_unused(log, undone, roles, keys, findings)
    source = TableSource.model_validate(
        {
            "path": files.events,
            "encoding": encoding,
            "decimal": decimal,
            "thousands": thousands,
            "columns": _columns(roles, action, beside),
            "header": header,
            "records": records,
            "lists": lists,
            "action": action,
            "undone": undone,
            "once": _used(once[1] if once else [], roles, undone),
            "items": items,
            "users": users,
            "name": files.events.name.split(".")[0],
            **options,
        }
    )
    return Guess(source, tuple(findings.found))


def _are_purchases(action: str | ActionColumn | ActionFlags) -> bool:
    if isinstance(action, ActionColumn):
        return set(action.map.values()) == {"purchase"}
    return action == "purchase"


def _used(names: list[str], roles: Roles, undone: list[str]) -> list[str]:
    """Those of some columns that are read."""
    read = {column.name for column in roles.of.values()} | set(undone)
    return [name for name in names if name in read]


def _tell_unused(
    log: SampledTable, undone: list[str], roles: Roles, keys: dict[str, Key], findings: Findings
) -> None:
    """Name the columns that no part of a scenario reads: nothing is passed over in silence."""
    keyed = {*(key.log for key in keys.values()), *undone}
    names = [c.name for c in log.columns if not roles.taken(c) and c.name not in keyed]
    if names:
        why = "no role fits them; --column ROLE=HEADER gives one"
        findings.note("not used", ", ".join(names), why)


def _log_of(path: Path, encoding: str | None, findings: Findings) -> tuple[SampledTable, list[str]]:
    """A sample of the log, and names for its columns where no line of it has names."""
    if is_json(path):
        return _looked_at(path, encoding), []
    form = Form(None, encoding or "utf-8")
    frame = read_frame(resolve(path, Path.cwd()), None, form, rows=FIRST).frame
    names = list(map(str, frame.columns))
    if len(names) == 1 and "::" in names[0]:
        raise DataError(
            f'{path}: its cells are apart by "::", which is two signs: put a tab there; MovieLens '
            "is read as it is by a scenario with data: {kind: movielens, path: ml-1m.zip}"
        )
    if not (_is_data(names) or _are_cells(frame)):
        return _looked_at(path, encoding), []
    header = [f"column {place}" for place in range(1, len(names) + 1)]
    findings.note("header", ", ".join(header), f"the first line is data: {', '.join(names):.60}")
    return _looked_at(path, encoding, header), header


def _are_cells(frame: pd.DataFrame) -> bool:
    """Whether names of two columns, or more, come again in their own columns."""
    again = [name for name in frame.columns if (frame[name].astype(str) == str(name)).any()]
    return len(again) > 1 and len(frame.columns) < 2.5 * len(again)


def _looked_at(path: Path, encoding: str | None, header: Sequence[str] = ()) -> SampledTable:
    path = resolve(path, Path.cwd())
    rows = None if is_json(path) else SAMPLE
    form = Form(None, encoding or "utf-8", header=tuple(header))
    frame = read_frame(path, None, form, rows=rows).frame
    if frame.shape[1] < 2 or frame.empty:
        raise DataError(
            f"{path}: not a table of events: {len(frame)} rows, {frame.shape[1]} column; it needs "
            "one row an event, with user, item and time between commas, semicolons, tabs or |"
        )
    if _is_data(list(map(str, frame.columns))):
        first = ", ".join(map(str, frame.columns))
        raise DataError(
            f"{path}: its first line looks like data, not like headers ({first:.60}); "
            "put a line before it that names the columns"
        )
    if len(frame) > SAMPLE:
        frame = frame.iloc[:SAMPLE]
    return table_of(without_words(frame.reset_index(drop=True), WORDS), path)


def _with_entries(log: SampledTable, records: list[str], findings: Findings) -> SampledTable:
    """The sample with a column for each entry of the records of JSON in its cells."""
    why = "its cells are records of JSON: each entry becomes a column"
    findings.note("records", ", ".join(records), why)
    frame = pd.DataFrame({column.name: column.cells for column in log.columns})
    return table_of(without_words(unpacked(frame, records), WORDS), log.path)


def _each_item(log: SampledTable, lists: Lists) -> SampledTable:
    """The sample with a row for each item that its cells list."""
    frame = pd.DataFrame({column.name: column.cells for column in log.columns})
    rows = unfolded(frame, lists).frame.iloc[:SAMPLE]
    if lists.marked:  # as MIND has them, in no order
        rows = rows.drop(columns=lists.items + POSITION)
    return table_of(rows, log.path)


def _refuse_places(log: SampledTable) -> None:
    """Columns such as item_1, item_2, item_3 that hold the same things are the places of a page."""
    series: dict[str, list[Column]] = {}
    for column in log.columns:
        stem = re.sub(r"\d+", "#", column.name)
        if stem.count("#") == 1 and len(column.texts) and not column.says(*_MEASURES):
            series.setdefault(stem, []).append(column)
    for columns in series.values():
        values = [set(column.texts) for column in columns]
        alike = [len(values[0] & more) >= 0.2 * len(values[0] | more) for more in values[1:]]
        if len(columns) >= MOST_ALIKE and all(alike) and len(set().union(*values)) >= PLACES:
            first, last = columns[0].name, columns[-1].name
            raise DataError(
                f'{log.path}: "{first}" to "{last}" hold the same things, so a row is a whole '
                "page; write a row for each item that was shown, with its page, its place and "
                f"whether it was clicked (or say --column item={first} if the others do not matter)"
            )


def _is_data(headers: list[str]) -> bool:
    """Whether headers are numbers and moments."""
    bare = [re.sub(r"[\s.,:/+TZ-]", "", header) for header in headers]
    return sum(text.isdigit() for text in bare) * 2 > len(headers)


def _when_and_money(
    log: SampledTable, roles: Roles, told: Told, findings: Findings
) -> dict[str, Any]:
    time = roles.of["time"]
    cells = time.cells
    if "clock" in roles.of:
        cells = dated(cells, roles.of["clock"].cells)
    clock = roles.clock if told.time_format else settled(time, cells, roles.clock, findings)
    currency = currency_of(log, roles, told, findings)
    words = [word for column in log.columns for word in tokens(column.name)]
    named = zone_column(log)
    if named is not None and told.timezone is None and not clock.zoned:
        zone = named[1]
        findings.note("timezone", zone, f'all of "{named[0].name}"')
    else:
        zone = zone_of(clock, log.languages, words, currency, told, findings)
    return {
        "time_unit": told.time_unit or clock.unit,
        "time_format": told.time_format or clock.form,
        "timezone": zone,
        "currency": currency,
    }


def _columns(roles: Roles, action: object, beside: dict[str, SampledTable]) -> InteractionColumns:
    named = {role: roles.of[role].name for role in _COLUMNS if role in roles.of}
    if action == "rate":  # what a rating is worth, not what was paid
        named.pop("unit_price", None)
        named["value"] = roles.of["rating"].name
    if "item" in beside:
        named.pop("title", None)
        named.pop("category", None)
    return InteractionColumns(**named)
