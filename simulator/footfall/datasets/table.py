"""Any history in CSV or Parquet, with its columns named in the scenario."""

from __future__ import annotations

import codecs
import datetime as dt
import lzma
import zlib
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.lib
import pyarrow.parquet as pq
from pydantic import Field, field_validator

from footfall.datasets.archive import MAX_BYTES, refuse_bomb
from footfall.datasets.base import Source, naive_utc, resolve
from footfall.datasets.cells import Unit, amounts, as_frame, moments, numbers
from footfall.datasets.cleaning import Draft, finish
from footfall.datasets.delimited import is_json, read_delimited
from footfall.datasets.ids import as_id
from footfall.datasets.pages import PAGE_COLUMNS
from footfall.datasets.schema import ACTIONS, Dataset
from footfall.datasets.wide import unfold
from footfall.errors import DataError, did_you_mean, one_line

_BATCH = 4096
"""Rows of Parquet that are unpacked at a time."""

_CELL = 8
"""Bytes that a cell takes at least."""

UNIVERSAL = r"(?<=\d)\s*(?:UTC|GMT|Z)\s*$"
"""How the universal time zone is written behind a time."""

DAMAGES = (
    OSError,
    ValueError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    pyarrow.lib.ArrowException,
)
"""What readers of tables raise at broken files."""

Action = Literal["view", "click", "cart", "purchase", "rate"]


class InteractionColumns(Source):
    """Which column of the interactions is what."""

    user: str
    item: str
    time: str
    clock: str | None = None
    """Time of day, where ``time`` is only its date."""
    quantity: str | None = None
    """Units; 1 where there is no column."""
    value: str | None = None
    """Money paid for the whole row, or the rating."""
    unit_price: str | None = None
    """Price of one unit, instead of ``value``."""
    order: str | None = None
    """Basket or visit."""
    title: str | None = None
    """Item title, for histories without an items table."""
    category: str | None = None
    """Item category, for histories without an items table."""
    page: str | None = None
    """Name of the page among those of its user; without it, a page is what one user was shown in
    one order at one time."""
    position: str | None = None
    """Place on the page; the smallest of the log is the top."""
    propensity: str | None = None
    """Chance, above 0 and at most 1, with which the policy that logged put the item there."""
    arm: str | None = None
    """Name of the policy that logged."""


class ActionColumn(Source):
    """Actions that differ from row to row."""

    column: str
    map: dict[str, Action] = Field(default_factory=dict)
    """Words of the source -> actions; words that are not here must be actions themselves,
    otherwise their rows are dropped and counted."""


class ActionFlags(Source):
    """Impressions in the wide form: a row is a view, columns of 0 and 1 say what came of it."""

    flags: dict[Literal["click", "cart", "purchase"], str] = Field(min_length=1)
    """Actions -> columns, for instance ``{click: clicked, purchase: bought}``. Where a column says
    neither yes nor no, the impression is dropped and counted: silence is not "no click"."""


class ItemTable(Source):
    """What the items are."""

    path: Path
    item: str
    title: str
    category: str | None = None
    price: str | None = None
    """Unit price. Without it, prices are the median of what was paid."""
    attributes: list[str] = Field(default_factory=list)
    """Further columns to keep."""


class UserTable(Source):
    """Who the users are."""

    path: Path
    user: str
    profile: list[str] = Field(default_factory=list)
    """Columns that describe the user; a persona shows them under their own names."""


class TableSource(Source):
    """A history of your own, in CSV or Parquet."""

    kind: Literal["table"] = "table"
    path: Path
    """A text file (comma, semicolon, tab or bar between cells; or an object of JSON a line; also
    compressed), a ``.parquet`` file, or a folder of Parquet parts."""
    encoding: str | None = None
    """Encoding of text files, as Python names it; UTF-8, or UTF-16 with its mark, by default."""
    decimal: Literal[".", ","] = "."
    """Sign before the fraction in money and quantities written as text."""
    thousands: Literal["", ".", ",", " ", "'"] = ""
    """Sign between thousands in money and quantities written as text."""
    columns: InteractionColumns
    action: Action | ActionColumn | ActionFlags = "purchase"
    """One action for every row, the column that tells it, or the columns that flag it."""
    time_unit: Unit | None = None
    """Unit of times that are numbers (Unix time); needed for them, so that 20240131 is never
    taken for a day of 1970 in silence."""
    time_format: str | None = None
    """strptime format of times that are text; ISO 8601 where there is none."""
    timezone: str = "UTC"
    """Zone of times that name none."""
    currency: str = ""
    """ISO code of prices and money."""
    earliest: dt.datetime | dt.date | None = None
    """Events before this moment (UTC) are impossible: dropped and counted."""
    latest: dt.datetime | dt.date | None = None
    """Events after this moment are impossible; now, where it is not given."""
    items: ItemTable | None = None
    users: UserTable | None = None
    name: str = "table"
    """How reports call the data."""
    about: str = ""
    licence: str = ""

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        try:
            codecs.lookup(encoding or "utf-8")
        except LookupError as error:
            raise ValueError(f'no encoding "{encoding}"; names look like cp1252') from error
        return encoding

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            pd.Timestamp(0).tz_localize(zone)
        except Exception as error:
            raise ValueError(f'no time zone "{zone}"; names look like Europe/Paris') from error
        return zone


def read(source: TableSource, base: Path) -> Dataset:
    """Load the tables.

    Raises:
        DataError: A file or a column is missing, or nothing usable is left.
    """
    path = resolve(source.path, base)
    raw = read_frame(path, _wanted(source), source.encoding)
    rows = _interactions(raw, source)
    draft = Draft(
        name=source.name,
        interactions=rows,
        items=_items(raw, source, base),
        users=_users(source, base),
        currency=source.currency,
        about=source.about,
        licence=source.licence,
        prices_from_interactions=source.items is None or source.items.price is None,
        earliest=naive_utc(source.earliest),
        latest=naive_utc(source.latest),
    )
    if isinstance(source.action, ActionFlags):
        unfold(draft, {name: raw[column] for name, column in source.action.flags.items()})
    return finish(draft)


def read_frame(
    path: Path, columns: list[str] | None, encoding: str | None = None, rows: int | None = None
) -> pd.DataFrame:
    """Read the named columns (all: None) of a text table, a Parquet file or a folder of its parts.

    ``rows`` ends the reading of a text table early. Text stays text, so that the id "007" keeps
    its zeros.

    Raises:
        DataError: The file cannot be read, or a column is missing; says which ones exist.
    """
    try:
        if path.is_dir() or ".parquet" in path.suffixes:
            return read_parquet(path, columns)
        if is_json(path):  # where any line may bring a column
            frame = read_delimited(path, rows=rows)
            _check_columns(path, columns or [], list(frame.columns))
            return frame if columns is None else frame[columns]
        known = list(read_delimited(path, rows=1, encoding=encoding).columns)
        _check_columns(path, columns or [], known)
        return read_delimited(path, columns, rows=rows, encoding=encoding)
    except DAMAGES as error:
        reason = one_line(error, 200)
        raise DataError(f"{path}: cannot be read as a table: {reason}") from error


def read_names(path: Path) -> list[str]:
    """The columns of a table, without its rows.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        if path.is_dir() or ".parquet" in path.suffixes:
            return list(pads.dataset(str(path), format="parquet").schema.names)
        # In lines of JSON any line may bring a column.
        return list(read_delimited(path, rows=None if is_json(path) else 1).columns)
    except DAMAGES as error:
        reason = one_line(error, 200)
        raise DataError(f"{path}: cannot be read as a table: {reason}") from error


def read_parquet(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file or a folder of them, or the named columns of it, within limits.

    Raises:
        DataError: It would unpack to far too much, or a column is missing.
    """
    parts = sorted(path.glob("**/*.parquet")) if path.is_dir() else [path]
    if not parts:
        raise DataError(f"{path}: a folder without .parquet files")
    data = pads.dataset([str(part) for part in parts], format="parquet")
    _check_columns(path, columns or [], data.schema.names)
    for part in parts:
        _refuse_promises(part, len(data.schema.names if columns is None else columns))
    # Small batches, one after the other: a few bytes may stand for any number of equal texts.
    scan = data.scanner(columns, batch_size=_BATCH, batch_readahead=1, fragment_readahead=1)
    batches, size = [], 0
    for batch in scan.to_batches():
        size += batch.nbytes
        refuse_bomb(path, MAX_BYTES, size)
        batches.append(batch)
    return as_frame(pa.Table.from_batches(batches, scan.projected_schema))


def _refuse_promises(part: Path, columns: int) -> None:
    """Hold what a Parquet file says of itself against the limits, before it is unpacked."""
    said = pq.read_metadata(part)
    groups = (said.row_group(number).total_byte_size for number in range(said.num_row_groups))
    refuse_bomb(part, part.stat().st_size, sum(groups))
    refuse_bomb(part, MAX_BYTES, said.num_rows * columns * _CELL)


def _check_columns(path: Path, wanted: list[str], known: list[str]) -> None:
    for column in wanted:
        if column not in known:
            raise DataError(f'{path}: no column "{column}"; {did_you_mean(column, known)}')


def _wanted(source: TableSource) -> list[str]:
    names = [name for name in source.columns.model_dump().values() if name is not None]
    if isinstance(source.action, ActionColumn):
        names.append(source.action.column)
    if isinstance(source.action, ActionFlags):
        names += source.action.flags.values()
    return list(dict.fromkeys(names))


def _interactions(raw: pd.DataFrame, source: TableSource) -> pd.DataFrame:
    columns = source.columns
    rows: dict[str, Any] = {
        "user": raw[columns.user],
        "item": raw[columns.item],
        "action": _actions(raw, source.action),
        "time": times(_written(raw, columns), source),
    }
    given = {name: getattr(columns, name) for name in ("quantity", "order", *PAGE_COLUMNS)}
    rows |= {name: raw[column] for name, column in given.items() if column is not None}
    if columns.quantity is not None:
        rows["quantity"] = _amounts(raw[columns.quantity], source)
    if columns.value is not None:
        rows["value"] = _amounts(raw[columns.value], source)
    elif columns.unit_price is not None:
        units = rows["quantity"] if columns.quantity is not None else 1.0
        rows["value"] = _amounts(raw[columns.unit_price], source) * units
    return pd.DataFrame(rows)


def _amounts(column: pd.Series, source: TableSource) -> pd.Series:
    return amounts(column, source.decimal, source.thousands)


def _written(raw: pd.DataFrame, columns: InteractionColumns) -> pd.Series:
    """The column of times; a date and its time of day put together."""
    if columns.clock is None:
        return raw[columns.time]
    both = raw[columns.time].astype(str).str.cat(raw[columns.clock].astype(str), " ")
    whole = raw[columns.time].notna() & raw[columns.clock].notna()
    return both.where(whole).rename(columns.time)


def _actions(raw: pd.DataFrame, action: Action | ActionColumn | ActionFlags) -> pd.Series:
    if not isinstance(action, ActionColumn):
        word = action if isinstance(action, str) else "view"
        return pd.Series(word, index=raw.index, dtype=object)
    words = raw[action.column].astype(str)
    known = {**{name: name for name in ACTIONS}, **action.map}
    return words.map(known)


def times(column: pd.Series, source: TableSource) -> pd.Series:
    """Times as naive UTC; what cannot be read becomes NaT, which cleaning counts.

    Raises:
        DataError: The times are numbers of an unknown unit.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return _in_range(column.dt.tz_convert("UTC").dt.tz_localize(None))
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return _localised(_in_range(column), source.timezone)
    if source.time_unit is not None:
        return moments(column, source.time_unit)
    text = column.dropna().astype(str)
    if source.time_format is None and text.str.fullmatch(r"\s*-?\d+(\.\d*)?\s*").any():
        raise DataError(
            f'{source.name}: column "{column.name}" holds numbers such as {text.iloc[0]}; '
            "add time_unit: s (or ms, us, ns) for Unix time, or time_format for written dates"
        )
    parsed: pd.Series = _parsed(text, source).reindex(column.index)
    return parsed


def _parsed(text: pd.Series, source: TableSource) -> pd.Series:
    """Written times; those that name an offset are converted, the others are local."""
    form = source.time_format or "ISO8601"
    if source.time_format is None:
        text = text.str.replace(UNIVERSAL, "+00:00", regex=True)
    zoned = text.str.contains(r":\d{2}(?:[.,]\d+)?\s*(?:Z|[+-]\d{2}(?::?\d{2})?)\s*$", regex=True)
    aware = pd.to_datetime(text[zoned], format=form, errors="coerce", utc=True)
    try:
        local = pd.to_datetime(text[~zoned], format=form, errors="coerce").astype("datetime64[ns]")
    except (ValueError, TypeError) as error:  # pandas reads a zone where the pattern above saw none
        reason = one_line(error, 150)
        raise DataError(f'column "{text.name}": times cannot be read together: {reason}') from error
    both = [aware.dt.tz_localize(None).astype("datetime64[ns]"), _localised(local, source.timezone)]
    parsed: pd.Series = pd.concat([part for part in both if len(part)] or both[:1])
    return parsed


def _localised(column: pd.Series, zone: str) -> pd.Series:
    """Local times as UTC; the hour that does not exist or exists twice is not readable."""
    local = column.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    naive: pd.Series = local.dt.tz_convert("UTC").dt.tz_localize(None)
    return naive


def _in_range(column: pd.Series) -> pd.Series:
    """Nanoseconds reach from 1677 to 2262; what lies outside becomes NaT."""
    inside = (column >= pd.Timestamp.min.ceil("s")) & (column <= pd.Timestamp.max.floor("s"))
    kept: pd.Series = column.where(inside).astype("datetime64[ns]")
    return kept


def _items(raw: pd.DataFrame, source: TableSource, base: Path) -> pd.DataFrame:
    spec = source.items
    if spec is None:
        return _items_of_history(raw, source.columns)
    renamed = {spec.item: "item", spec.title: "title"}
    renamed |= {
        column: name
        for column, name in ((spec.category, "category"), (spec.price, "price"))
        if column is not None
    }
    wanted = list({**renamed, **dict.fromkeys(spec.attributes)})
    frame = read_frame(resolve(spec.path, base), wanted, source.encoding).rename(columns=renamed)
    return frame if spec.price is None else frame.assign(price=_amounts(frame["price"], source))


def _items_of_history(raw: pd.DataFrame, columns: InteractionColumns) -> pd.DataFrame:
    """Make items of what was interacted with; an item's most frequent title is its title."""
    ids = as_id(raw[columns.item])
    texts = {"title": columns.title, "category": columns.category}
    named = {name: raw[column] for name, column in texts.items() if column is not None}
    frame = pd.DataFrame({"item": ids, **named}).dropna(subset=["item"])
    if "title" not in frame:
        frame["title"] = frame["item"]
    counted = frame.fillna("").value_counts().rename("rows").reset_index()
    best = counted.sort_values(
        ["rows", *frame.columns], ascending=[False] + [True] * frame.shape[1]
    )
    return best.drop(columns="rows").drop_duplicates("item").sort_values("item", ignore_index=True)


def _users(source: TableSource, base: Path) -> pd.DataFrame:
    spec = source.users
    if spec is None:
        return pd.DataFrame({"user": pd.Series(dtype=object)})
    frame = read_frame(resolve(spec.path, base), [spec.user, *spec.profile], source.encoding)
    profile = {column: _numeric(frame[column]) for column in spec.profile}
    return pd.DataFrame({"user": frame[spec.user], **profile})


def _numeric(column: pd.Series) -> pd.Series:
    """Numbers written in a CSV as numbers, so that `where` can compare them; codes stay text."""
    present = column.dropna().astype(str)
    if column.dtype != object or present.str.fullmatch(r"0\d+").any():
        return column
    found = numbers(column)
    return found if found.notna().sum() == len(present) else column
