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

_GROUPED = re.compile(rf"\d{{1,3}}(?:([.,' {BLANKS}])\d{{3}})+(?:([.,])\d+)?")
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
    return f"; {', '.join(options)} reads it" if options else ""


def numbers(column: pd.Series, decimal: str = ".", thousands: str = "") -> pd.Series:
    """A column as numbers; what is none becomes NaN.

    Args:
        column: Texts or numbers.
        decimal: The sign before the part below 1.
        thousands: The sign between groups of three digits; where there is none, a text with such a
            sign is no number.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    if pd.api.types.infer_dtype(column, skipna=True) not in ("string", "empty"):
        column = column.mask(column.map(lambda value: isinstance(value, bool)).to_numpy(dtype=bool))
    column = column.mask(contains(column.astype(str), ENDLESS))
    if decimal != "." or thousands:
        column = _plain(column, decimal, thousands)
    return pd.to_numeric(column, errors="coerce")


def _plain(column: pd.Series, decimal: str, thousands: str) -> pd.Series:
    """Texts written with other signs as a computer writes them; others become missing."""
    is_text = column.map(lambda value: isinstance(value, str)).to_numpy(dtype=bool)
    text = column[is_text].str.strip()
    if thousands:
        sign = f"[ {BLANKS}]" if thousands == " " else re.escape(thousands)
        grouped = text.str.contains(rf"^[+-]?\d{{1,3}}(?:{sign}\d{{3}})+(?!\d)", regex=True)
        text = text.where(~grouped, text.str.replace(sign, "", regex=True))
    if decimal != ".":
        text = text.mask(text.str.contains(".", regex=False))
        text = text.str.replace(decimal, ".", regex=False)
    return column.mask(is_text, text.reindex(column.index))


def contains(texts: pd.Series, pattern: str, *, ignore_case: bool = False) -> npt.NDArray[np.bool_]:
    """Which texts hold what a pattern of RE2 describes; several times as fast as pandas' own."""
    array = pa.array(texts, pa.large_string(), from_pandas=True)
    found = pc.match_substring_regex(array, pattern, ignore_case=ignore_case)
    return np.asarray(found.fill_null(fill_value=False).to_numpy(zero_copy_only=False), dtype=bool)


def moments(column: pd.Series, unit: Unit) -> pd.Series:
    """A column of Unix times as naive UTC; what is none becomes NaT."""
    found = numbers(column)
    # pandas coerces what is no number, but raises on numbers that no clock can show.
    return pd.to_datetime(found.where(found.abs() < LATEST[unit]), unit=unit, errors="coerce")
