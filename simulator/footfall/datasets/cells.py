"""The numbers and moments in the cells of tables.

pandas before 3 must not read a stranger's numbers itself: at "1e3099999999" it reads beyond its
table of powers and the process dies, and "1e4294967296" is 1
(https://github.com/pandas-dev/pandas/issues/62740). So files are read as text, and texts become
numbers here only; ``tests/test_security.py`` looks at every call.
"""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Unit = Literal["s", "ms", "us", "ns"]

LATEST: dict[Unit, float] = {"s": 2.0**33, "ms": 2e3 * 2**32, "us": 2e6 * 2**32, "ns": 2e9 * 2**32}
"""Unix times from here on (the year 2242) are mistakes."""

ENDLESS = r"[eE][+-]?\d{5}"
"""Exponents of five digits: no number that a computer can hold."""

BLANKS = "\u00a0\u202f\u2009"
"""Blanks that do not break a line, between thousands."""

_SIGNS = (
    r"[$€£¥₽₹₩₺₴₫฿₪₦₱円元원]|R\$|Rp\.?|zł|Kč|kr\.?|lei|Ft|EUR|USD|GBP|CHF|JPY|CNY|RMB|KRW|INR|RUB|PLN|CZK|SEK|NOK"
    r"|DKK|HUF|TRY|BRL|MXN|ARS|CLP|COP|PEN|CAD|AUD|NZD|ZAR|SGD|HKD|IDR|THB|VND|PHP|MYR|UAH|RON|BGN"
    r"|ILS|AED|SAR|EGP|NGN|KES"
)
CURRENCY = re.compile(
    rf"^(?P<before>{_SIGNS})?\s*(?P<number>[+-]?[\d.,].*?)\s*(?P<after>{_SIGNS})?$", re.IGNORECASE
)
"""A price with the sign or the code of its currency."""

_WORD = r"[^\W\d_][^\d\s,+-]{0,6}|[^\w\s.,+%'\"()-]{1,3}"
ANY_SIGN = re.compile(rf"^(?P<before>{_WORD})?\s*(?P<number>[+-]?[\d.,].*?)\s*(?P<after>{_WORD})?$")
"""A number with any short word or sign beside it: a currency or a unit that nobody listed."""

COMMON = 0.9
"""Share of a column's cells that have such a sign, for it to be one."""

MARKS = "[\u200e\u200f\u061c]"
"""Marks of the direction of writing, which nobody sees."""

_GROUPED = re.compile(rf"\d{{1,3}}(?:,\d\d)*(?:([.,' {BLANKS}])\d{{3}})+(?:([.,])\d+)?")
_COMMA = re.compile(r"\d+,\d+")


def how_to_read(text: str) -> str:
    """Which options would read a number that was not read; "" where none does.

    >>> how_to_read("1.299,00")
    '; `thousands: "."`, `decimal: ","` reads it'
    """
    plain = text.strip().lstrip("+-")
    grouped = _GROUPED.fullmatch(plain)
    options = []
    if grouped is not None:
        options = [f'`thousands: "{grouped[1]}"`'] + ['`decimal: ","`'] * (grouped[2] == ",")
    elif _COMMA.fullmatch(plain):
        options = ['`decimal: ","`']
    if not options and (sign := CURRENCY.match(text)) and (sign["before"] or sign["after"]):
        return "; its currency is not that of the others"
    return f"; {', '.join(options)} reads it" if options else ""


def point_of_thousands(column: pd.Series) -> pd.Series:
    """Texts such as 1.299 where all that have a point have three digits behind it.

    They are read as fractions, and may be thousands; empty where that is not so.
    """
    if column.dtype != object:
        return column.iloc[:0]
    text = column[column.map(lambda value: isinstance(value, str))].str.strip()
    text = _without_currency(text, len(text))
    with_point = text[text.str.contains(".", regex=False)]
    alike = with_point.str.fullmatch(r"[+-]?\d{1,3}\.\d{3}")
    several = len(set(with_point)) > 1
    return with_point if alike.all() and several else with_point.iloc[:0]


def numbers(column: pd.Series) -> pd.Series:
    """A column as numbers; what is none becomes NaN."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column
    if column.dtype.kind in "mM":  # pandas would count their nanoseconds
        return pd.Series(np.nan, column.index, name=column.name)
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if pd.api.types.infer_dtype(column, skipna=True) not in ("string", "empty"):
        column = column.mask(column.map(lambda value: isinstance(value, bool)).to_numpy(dtype=bool))
    column = column.mask(contains(column.astype(str), ENDLESS))
    return pd.to_numeric(column, errors="coerce")


def amounts(column: pd.Series, decimal: str = ".", thousands: str = "") -> pd.Series:
    """A column of money or quantities as numbers, as people write them; what is none becomes NaN.

    The sign or code of a currency may stand beside the numbers, if it is one and the same in the
    whole column: amounts of several currencies are no column of numbers.

    Args:
        column: Numbers, or their texts.
        decimal: Sign before the fraction.
        thousands: Sign between groups of three digits (or of two above the thousands, as in India:
            1,23,456); where there is none, a text with such a
            sign is no number.
    """
    found = numbers(column)
    absent = found.isna() & column.notna()
    if (decimal == "." and not thousands and not absent.any()) or column.dtype != object:
        return found
    told = column[absent] if decimal == "." and not thousands else column[column.notna()]
    text = told[told.map(lambda value: isinstance(value, str))].str.strip()
    text = _without_currency(text, int(column.notna().sum()))
    if thousands:
        sign = f"[ {BLANKS}]" if thousands == " " else re.escape(thousands)
        groups = rf"^[+-]?\d{{1,3}}(?:{sign}\d{{2,3}})*{sign}\d{{3}}(?!\d)"
        grouped = text.str.contains(groups, regex=True)
        text = text.where(~grouped, text.str.replace(sign, "", regex=True))
    if decimal != ".":
        text = text.mask(text.str.contains(".", regex=False))
        text = text.str.replace(decimal, ".", regex=False)
    read = numbers(text).astype(float)
    whole: pd.Series = found.astype(float).mask(
        found.index.isin(text.index), read.reindex(found.index)
    )
    return whole


def chances(column: pd.Series, decimal: str = ".", thousands: str = "") -> pd.Series:
    """A column of probabilities as numbers; "4.5 %" is 0.045, and what is none becomes NaN."""
    text = column.astype(str)
    percent = contains(text, r"^\s*[\d.,]+\s*%\s*$")
    if not percent.any():
        return amounts(column, decimal, thousands)
    bare = column.astype(object).mask(percent, text.str.replace(r"\s*%\s*$", "", regex=True))
    found = amounts(bare, decimal, thousands).astype(float)
    return found.mask(percent, found / 100)


def _without_currency(text: pd.Series, cells: int) -> pd.Series:
    """Amounts without the sign of their currency, where there is but one.

    Args:
        text: Amounts as they are written.
        cells: Filled cells of their column.
    """
    if text.empty:
        return text
    bare = text.str.replace(MARKS, "", regex=True)
    parts = bare.str.extract(CURRENCY)
    signs = _signs(parts)
    if not len(signs):
        parts = bare.str.extract(ANY_SIGN)
        signs = _signs(parts)
        if len(signs) < COMMON * cells:
            return text
    if len(set(signs.str.upper())) > 1:
        return text
    return parts["number"].fillna(text)


def _signs(parts: pd.DataFrame) -> pd.Series:
    """What stands beside numbers, where something does."""
    signs: pd.Series = parts["before"].fillna("") + parts["after"].fillna("")
    return signs[parts["number"].notna() & (signs != "")]


def contains(texts: pd.Series, pattern: str, *, ignore_case: bool = False) -> npt.NDArray[np.bool_]:
    """Which texts hold what a pattern of RE2 describes; several times as fast as pandas' own."""
    array = pa.array(texts, pa.large_string(), from_pandas=True)
    found = pc.match_substring_regex(array, pattern, ignore_case=ignore_case)
    return np.asarray(found.fill_null(fill_value=False).to_numpy(zero_copy_only=False), dtype=bool)


def moments(column: pd.Series, unit: Unit) -> pd.Series:
    """A column of Unix times as naive UTC; what is none becomes NaT."""
    found = numbers(column)
    # pandas coerces what is no number, but raises on numbers that no clock can show; and where a
    # number is missing, it rounds what happens to lie in memory there.
    possible = (found.abs() < LATEST[unit]).fillna(value=False).astype(bool)
    read = pd.to_datetime(found.where(possible).fillna(0), unit=unit, errors="coerce")
    return read.where(possible)
