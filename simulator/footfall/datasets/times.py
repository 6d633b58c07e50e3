"""Times of any spelling as naive UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from footfall.datasets.cells import LATEST, Unit, contains, moments, numbers
from footfall.datasets.months import months_in_english
from footfall.datasets.records import LARGEST
from footfall.datasets.schema import Cleaning
from footfall.errors import DataError, one_line

ZONED = (
    r"^(?P<local>.*[T ]\d{1,2}(?::?\d{2}){0,2}(?:[.,]\d+)?) ?"
    r"(?P<zone>Z|(?:UTC|GMT)?(?:[+-]\d{1,2}(?::?\d{2})?)|UTC|GMT)$"
)
"""A time with its distance from UTC."""

NUMERAL = r"^[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,4})?$"
"""A time that is a number."""

COMMA = r",(\d+)$"

A_DIGIT = r"^[+-]?\d"
"""How a time begins; pandas would also read words: "now" and "today" as the moment of reading."""

FARTHEST = 15
"""Hours that no place is ahead of UTC, or behind it."""

HALVES = {
    "AM": r"오전|午前|上午|a\.\s?m\.|π\.?μ\.?|\böö\b|\bsa\b|ص",
    "PM": r"오후|午後|下午|p\.\s?m\.|μ\.?μ\.?|\bös\b|\bch\b|م",
}
"""How languages write the halves of a day, which ``%p`` reads in English only."""

UNIVERSAL = r"\s*(?:UTC|GMT|Z)\s*$"
"""How the universal time zone is written behind a time."""

FORMS = (
    "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M",
    "%m/%d/%Y", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%d/%m/%Y %I:%M:%S %p",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%d-%m-%Y %H:%M:%S", "%d-%m-%Y",
    "%d %b %Y %H:%M:%S", "%d %b %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y",
    "%d/%b/%Y:%H:%M:%S %z", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S %z", "%Y.%m.%d",
    "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%y-%m-%d", "%d-%m-%Y %H:%M", "%d %B %Y", "%d %B %Y %H:%M",
    "%d %b %Y %H:%M", "%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p",
)  # fmt: skip
"""Common ways of writing times, offered where a file has another than ISO 8601."""

SPREADSHEET_DAYS = (29_221, 62_093)
"""1980 and 2069 as spreadsheets count days."""

NUMERALS = ("%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y")
"""Written times that look like numbers."""

EARLIEST_LIKELY = pd.Timestamp("1995-01-01")
OTHER_LIKELY = pd.Timestamp("2005-01-01"), pd.Timestamp("2060-01-01")
"""Between these a time of another clock than Unix's is believed."""

CLOCKS: dict[str, tuple[float, float]] = {
    ".NET ticks (100 ns since the year 1)": (1e7, -62_135_596_800.0),
    "Windows file times (100 ns since 1601)": (1e7, -11_644_473_600.0),
    "microseconds since 1601, as browsers count them": (1e6, -11_644_473_600.0),
    "seconds since 2001, as Apple counts them": (1.0, 978_307_200.0),
    "Julian days": (1 / 86_400, -210_866_760_000.0),
}
"""Other clocks than Unix's: parts of a second, and Unix seconds at their zero."""

MOST_UNREAD = 0.5
"""From this share of times that cannot be read on, they are written in another way."""


@dataclass(frozen=True)
class Times:
    """Moments, and what was done to some of them."""

    moments: pd.Series
    """Naive UTC; NaT where a time cannot be read."""
    notes: list[Cleaning] = field(default_factory=list)


@dataclass(frozen=True)
class TimeForm:
    """How times are written."""

    unit: Unit | None = None
    """Unit of times that are numbers."""
    form: str | None = None
    """strptime format of times that are text; ISO 8601 where there is none."""
    zone: str = "UTC"
    """Zone of times that name none."""


def read_times(column: pd.Series, written: TimeForm, *, judge: bool = True) -> Times:
    """Times as naive UTC.

    Args:
        column: Times as they are written.
        written: How.
        judge: Refuse Unix times most of which fit another unit; where these are some of many rows,
            all of them are to be judged (``refuse_clock``).

    Raises:
        DataError: Times are numbers of an unknown unit, or most of them cannot be read.
    """
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return Times(_in_range(column.dt.tz_convert("UTC").dt.tz_localize(None)))
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return _localised(_in_range(column), written.zone)
    if written.unit is not None:
        if judge:
            refuse_clock(column, written.unit)
        return Times(moments(column, written.unit))
    text = _as_text(column)
    numeral = contains(text, NUMERAL)
    if written.form is None and len(text) and numeral.mean() >= MOST_UNREAD:
        raise DataError(_no_unit(column.name, text[numeral]))
    read = _written(text, written)
    lost = text[read.moments.isna()]
    if len(text) and len(lost) > MOST_UNREAD * len(text):
        raise DataError(_unreadable(column.name, lost, len(text), written))
    if written.form is not None and len(lost):
        _refuse_other_form(text, lost, written.form)
    return Times(read.moments.reindex(column.index), read.notes)


def dated(dates: pd.Series, clocks: pd.Series) -> pd.Series:
    """Dates with their times of day behind them; a clock of bare digits, as 824, gets its zeros."""
    text = clocks.astype(str)
    bare = contains(text, r"^\d{1,6}(?:\.0)?$")
    if bare.any():
        digits = text[bare].str.removesuffix(".0")
        text = text.mask(bare, digits.str.zfill(4 if digits.str.len().max() <= 4 else 6))
    both: pd.Series = dates.astype(str).str.cat(text, " ")
    both = both.where(dates.notna() & clocks.notna())
    both.name = dates.name
    return both


def _as_text(column: pd.Series) -> pd.Series:
    """What is there, as text; whole numbers without a point."""
    present = column.dropna()
    if pd.api.types.is_float_dtype(present.dtype) and (present % 1 == 0).all():
        whole = present.abs() < LARGEST
        present = present.astype(object).mask(whole, present[whole].astype("int64"))
    trimmed = pc.utf8_trim_whitespace(pa.array(present.astype(str), pa.large_string()))
    text = pd.Series(trimmed.to_numpy(zero_copy_only=False), present.index, name=column.name)
    return text[text != ""]


def refuse_clock(column: pd.Series, unit: Unit) -> None:
    """Refuse Unix times where most of them fit another unit or another clock.

    Raises:
        DataError: They do.
    """
    found = moments(column, unit)
    number = numbers(column)
    given = number.notna() & (number != 0)
    clock = other_clock(number[given])
    if clock:
        raise DataError(
            f'column "{column.name}": times such as {column[given].iloc[0]} are no Unix times, but '
            f"{clock}; export them as dates"
        )
    if given.any() and found[given].isna().mean() > MOST_UNREAD:
        likely = likely_unit(number[given])
        if likely is not None and likely != unit:
            sample = column[given].iloc[0]
            raise DataError(
                f'column "{column.name}": times such as {sample} are no Unix times in {unit}; '
                f"time_unit: {likely} fits"
            )


def likely_unit(number: pd.Series) -> Unit | None:
    """The unit in which most numbers are times of the web's age; None if there is none."""
    since = EARLIEST_LIKELY.timestamp()
    scale: dict[Unit, float] = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
    for unit, parts in scale.items():
        if number.between(since * parts, LATEST[unit] / 2).mean() > MOST_UNREAD:
            return unit
    return None


def other_clock(number: pd.Series) -> str:
    """Which other clock shows likely times, where Unix's shows none in any unit; or ""."""
    if number.empty or likely_unit(number) is not None:
        return ""
    first, last = (moment.timestamp() for moment in OTHER_LIKELY)
    for name, (a_second, zero) in CLOCKS.items():
        if (number / a_second + zero).between(first, last).mean() > MOST_UNREAD:
            return name
    return ""


def _no_unit(name: object, numerals: pd.Series) -> str:
    found = numbers(numerals)
    likely = likely_unit(found)
    clock = other_clock(found.dropna())
    if clock:
        return f'column "{name}" holds {clock}, such as {numerals.iloc[0]}; export them as dates'
    if spreadsheet_days(numerals):
        return (
            f'column "{name}" holds numbers such as {one_line(numerals.iloc[0], 30)}: days as '
            "spreadsheets count them? Export them as dates"
        )
    fitting = [form for form in NUMERALS if _fits(numerals.str.partition(".")[0], form)]
    if fitting and not likely:
        return (
            f'column "{name}" holds numbers such as {one_line(numerals.iloc[0], 30)}; add '
            f"time_format: '{fitting[0]}' if that is how they are written"
        )
    hint = f"time_unit: {likely} fits" if likely else "add time_unit: s (or ms, us, ns)"
    return (
        f'column "{name}" holds numbers such as {one_line(numerals.iloc[0], 30)}; {hint} for Unix '
        "time; for written dates add time_format"
    )


def spreadsheet_days(texts: pd.Series) -> bool:
    """Whether most texts are days as spreadsheets count them, such as 45352.35."""
    found = numbers(texts.str.replace(",", ".", regex=False))
    return bool(found.between(*SPREADSHEET_DAYS).mean() > MOST_UNREAD)


def _unreadable(name: object, lost: pd.Series, count: int, written: TimeForm) -> str:
    sample = one_line(lost.iloc[0], 40)
    said = f'column "{name}": {len(lost)} of {count} times cannot be read, such as "{sample}"'
    word = re.search(r"\d\s*([A-Za-z]{3,5})$", sample)
    if word and word[1].upper() not in ("UTC", "GMT") and written.form is None:
        return f"{said}; {word[1]} is no offset from UTC: take it out, and set timezone"
    if written.form is not None:
        return f"{said}; time_format: '{written.form}' does not fit"
    fitting = [form for form in FORMS if _fits(lost, form)]
    if not fitting:
        return f"{said}; add time_format, in the letters of strptime"
    offered = " or ".join(f"'{form}'" for form in fitting[:2])
    return f"{said}; add time_format: {offered}"


def _refuse_other_form(text: pd.Series, lost: pd.Series, form: str) -> None:
    """Days that are read as months: where another way of writing reads all, it is the right one."""
    for other in FORMS:
        if other != form and _fits(lost, other) and _fits(text, other):
            raise DataError(
                f"column \"{text.name}\": time_format: '{form}' does not read {len(lost)} of "
                f'{len(text)} times, such as "{one_line(lost.iloc[0], 40)}"; '
                f"time_format: '{other}' reads them all"
            )


def _fits(lost: pd.Series, form: str) -> bool:
    sample = lost.iloc[:200]
    return bool(pd.to_datetime(sample, format=form, errors="coerce", utc=True).notna().all())


def _written(text: pd.Series, written: TimeForm) -> Times:
    """Written times; those with an offset from UTC are converted, the others are local."""
    if written.form is not None:
        return _in_form(text, written.form, written.zone)
    zoned = contains(text, ZONED, ignore_case=True)
    local = _localised(_iso(text[~zoned]), written.zone)
    if not zoned.any():
        return local
    parts = text[zoned].str.extract(ZONED, flags=re.IGNORECASE)
    ahead = parts["zone"].map({zone: _offset(zone) for zone in parts["zone"].unique()})
    aware = _iso(parts["local"]) - ahead.astype("timedelta64[ns]")
    return Times(pd.concat([aware, local.moments]).reindex(text.index), local.notes)


def _iso(text: pd.Series) -> pd.Series:
    if contains(text, COMMA).any():
        text = text.str.replace(COMMA, r".\1", regex=True)
    odd = contains(text, r"[Zz]$|[T ][\d:.]+[+-]")  # a zone that is none
    odd |= ~contains(text, A_DIGIT)
    parsed = pd.to_datetime(text.mask(odd), format="ISO8601", errors="coerce")
    return _in_range(parsed)


def _offset(zone: str) -> pd.Timedelta | None:
    """How far a zone is ahead of UTC; None where there is no such zone."""
    digits = re.sub(r"[^\d+-]", "", zone)
    if not digits:
        return pd.Timedelta(0)
    sign = -1 if digits[0] == "-" else 1
    number = digits[1:]
    hours, minutes = (number, "0") if len(number) <= 2 else (number[:-2], number[-2:])
    if int(hours) > FARTHEST or int(minutes) >= 60:
        return None
    return sign * pd.Timedelta(hours=int(hours), minutes=int(minutes))


def _in_form(text: pd.Series, form: str, zone: str) -> Times:
    if "%Z" in form:
        named = contains(text, UNIVERSAL, ignore_case=True)
        if not named.all():
            sample = one_line(text[~named].iloc[0], 40)
            raise DataError(
                f'column "{text.name}": %Z reads UTC and GMT only, and "{sample}" has another; use '
                "%z for offsets such as +0200, or leave the zone out and set timezone"
            )
        text = text.str.replace(UNIVERSAL, "", regex=True, flags=re.IGNORECASE)
        form, zone = form.replace("%Z", "").strip(), "UTC"
    if "%p" in form or "%b" in form:
        text = in_english(text)
    try:
        if "%z" in form:
            aware = pd.to_datetime(text, format=form, errors="coerce", utc=True)
            return Times(aware.dt.tz_localize(None).astype("datetime64[ns]"))
        return _localised(_in_range(pd.to_datetime(text, format=form, errors="coerce")), zone)
    except (ValueError, TypeError) as error:
        raise DataError(f"time_format: '{form}': {one_line(error, 150)}") from None


def in_english(text: pd.Series) -> pd.Series:
    """Times with the months and the halves of the day in English: "오후 2:15" as "PM 2:15"."""
    text = months_in_english(text)
    for half, words in HALVES.items():
        text = text.str.replace(words, half, regex=True, flags=re.IGNORECASE)
    return text


def _localised(column: pd.Series, zone: str) -> Times:
    """Local times as UTC; a clock change neither drops nor doubles an event."""
    local = column.dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    lost = column.notna() & local.isna()
    notes: list[Cleaning] = []
    if lost.any():
        odd = column[lost]
        twice = np.ones(len(odd), dtype=bool)
        moved = odd.dt.tz_localize(zone, ambiguous=twice, nonexistent="shift_forward")
        skipped = odd.dt.tz_localize(zone, ambiguous=twice, nonexistent="NaT").isna()
        local = local.mask(lost, moved.reindex(local.index))
        for problem, action, which in (
            (f"time that a clock change in {zone} skips", "moved to its end", skipped),
            (f"time that a clock change in {zone} repeats", "taken for the first", ~skipped),
        ):
            if which.any():
                sample = str(odd[which].min())
                notes.append(Cleaning(problem, action, int(which.sum()), sample))
    return Times(local.dt.tz_convert("UTC").dt.tz_localize(None), notes)


def _in_range(column: pd.Series) -> pd.Series:
    """Nanoseconds reach from 1677 to 2262; what lies outside becomes NaT."""
    inside = (column >= pd.Timestamp.min.ceil("s")) & (column <= pd.Timestamp.max.floor("s"))
    kept: pd.Series = column.where(inside).astype("datetime64[ns]")
    return kept
