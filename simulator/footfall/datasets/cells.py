"""Delimited files as text, and the numbers and moments in their cells.

pandas before 3 must not read a stranger's numbers itself: at "1e3099999999" it reads beyond its
table of powers and the process dies, and "1e4294967296" is 1
(https://github.com/pandas-dev/pandas/issues/62740). So files are read as text, here only, and
texts become numbers here only; ``tests/test_security.py`` looks at every call.
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import pandas as pd
import pyarrow as pa

Unit = Literal["s", "ms", "us", "ns"]

LATEST: dict[Unit, float] = {"s": 2.0**33, "ms": 2e3 * 2**32, "us": 2e6 * 2**32, "ns": 2e9 * 2**32}
"""Unix times from here on (the year 2242) are mistakes."""

ENDLESS = r"[eE][+-]?\d{5}"
"""Exponents of five digits: no number that a computer can hold."""

_SIGNS = r"(?:[$€£¥₽₹₩₺₴₫฿円元]|[a-zA-Zčł]{1,3}\.?)"
AROUND = rf"^\s*{_SIGNS}?\s*(?=[-+]?[\d.,])|(?<=[\d.,])\s*{_SIGNS}?\s*$"
"""What may stand around a price beside its number: the sign or the code of a currency."""

INDEX = re.compile(r"__index_level_\d+__")
"""How pandas names the labels of rows in Parquet."""


@dataclass(frozen=True)
class Cells:
    """A delimited file as text; missing cells are NaN."""

    frame: pd.DataFrame
    skipped: int
    """Lines with more cells than columns, left out."""


def read_cells(
    source: IO[bytes] | IO[str] | Path,
    names: Sequence[str] | None = None,
    *,
    columns: Sequence[str] | None = None,
    rows: int | None = None,
    separator: str = ",",
    quoted: bool | None = None,
    missing: bool = True,
    lenient: bool = False,
) -> Cells:
    """Read a delimited file as text, so that the id "007" keeps its zeros.

    Args:
        source: The file.
        names: Its columns, where no header names them.
        columns: Those to read; all by default. Cells beyond the last column are then left out.
        rows: How many to read; all by default.
        separator: Of one character.
        quoted: Whether cells may stand in quotes; by default where the separator is a comma.
        missing: Empty cells and words such as "NA" are missing, not text.
        lenient: Leave out lines with more cells than columns, and put a sign in the place of what
            is no UTF-8, instead of refusing them.

    Raises:
        ValueError: It is no such file.
        OSError: It cannot be read.
    """
    quoted = separator == "," if quoted is None else quoted
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        frame = pd.read_csv(
            source,
            sep=separator,
            names=None if names is None else list(names),
            usecols=None if columns is None else list(columns),
            nrows=rows,
            dtype=str,
            quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
            keep_default_na=missing,
            index_col=False,
            on_bad_lines="warn" if lenient else "error",
            encoding_errors="replace" if lenient else "strict",
        )
    said = [str(warning.message) for warning in caught]
    if not lenient and any(text.startswith("Length of header") for text in said):
        raise ValueError(
            "its first line has more cells than columns; the header must name them all"
        )
    return Cells(frame, sum(text.count("Skipping line") for text in said))


def numbers(column: pd.Series) -> pd.Series:
    """A column as numbers; what is none becomes NaN."""
    if not pd.api.types.is_numeric_dtype(column.dtype):
        column = column.mask(column.astype(str).str.contains(ENDLESS, regex=True).to_numpy())
    return pd.to_numeric(column, errors="coerce")


def amounts(column: pd.Series, decimal: str = ".", thousands: str = "") -> pd.Series:
    """A column of money or quantities as numbers, as people write them; what is none becomes NaN.

    Signs of currencies and spaces around a number are left out.

    Args:
        column: Numbers, or their texts.
        decimal: Sign before the fraction: a point or a comma.
        thousands: Sign between thousands; none by default.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return numbers(column)
    text = column.astype(str).str.replace(AROUND, "", regex=True)
    if thousands:
        between = r"[\s\u202f]" if thousands == " " else re.escape(thousands)
        # Only before three digits: "1.5" is no fifteen where a point parts thousands.
        text = text.str.replace(rf"(?<=\d){between}(?=\d{{3}}(?!\d))", "", regex=True)
    if decimal != ".":
        text = text.where(~text.str.contains(".", regex=False)).str.replace(decimal, ".")
    return numbers(text.where(column.notna()))


def moments(column: pd.Series, unit: Unit) -> pd.Series:
    """A column of Unix times as naive UTC; what is none becomes NaT."""
    found = numbers(column)
    # pandas coerces what is no number, but raises on numbers that no clock can show.
    return pd.to_datetime(found.where(found.abs() < LATEST[unit]), unit=unit, errors="coerce")


def as_frame(table: pa.Table) -> pd.DataFrame:
    """A table of Arrow, without what pandas noted of it in its file: that may be anything."""
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    unnamed = [name for name in frame.columns if INDEX.fullmatch(name)]
    return frame.drop(columns=unnamed)
