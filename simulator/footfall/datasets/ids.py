"""One spelling of identifiers: the same user is the same text in every file, service and log."""

from __future__ import annotations

import datetime as dt
import decimal
import numbers
import re
import uuid
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.errors import DataError

EXACT = 2**53
"""From here on neighbouring whole numbers share one floating-point number."""

FLOATED = re.compile(r"-?\d+\.0+")
"""A whole number that was once a floating-point number, as pandas writes columns with gaps."""

NUMERAL = re.compile(r"-?\d+(?:\.\d*)?")

LOST = re.compile(r"-?\d(?:[.,]\d+[eE]\+?|[eE]\+)\d\d+")
"""A long id as spreadsheets and floating-point numbers show it: its last digits are gone."""

HIDDEN = "\u200b\u200e\u200f\u2060\ufeff"
"""Signs without width, which copying from web pages and spreadsheets leaves around texts."""

_NUMERIC = frozenset("-0123456789")

_MOMENTS = (dt.date, np.datetime64, dt.timedelta, np.timedelta64)


def as_id(column: pd.Series, floated: bool | None = None) -> pd.Series:
    """Turn identifiers into strings, 7 and 7.0 into "7", blanks into None; each text stored once.

    Text stays as it is but for blanks around it, so "007" is not "7". Only where every number in a
    column of texts ends in ".0" does the ending go: there a program that knows no gaps among whole
    numbers has put it.

    Args:
        column: Identifiers of any type.
        floated: Whether every number in a column of texts ends in ".0", where more rows than these
            tell it; None: these do.

    Raises:
        DataError: Ids are lists, records or undecodable bytes, or have lost their last digits.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    codes, uniques = _distinct(column)
    texts = _texts(uniques, column.name, floated)
    texts = np.concatenate([texts, [None]])  # the code of a missing value is -1
    return pd.Series(texts[codes], index=column.index, name=column.name, dtype=object)


def id_of(value: object) -> str | None:
    """One identifier as text, as ``as_id`` writes it; None where there is none.

    Raises:
        DataError: It is a list, a record or undecodable bytes, or has lost its last digits.
    """
    if isinstance(value, str):
        return value.strip().strip(HIDDEN).strip() or None
    if isinstance(value, bytes):
        return _decoded(value)
    if isinstance(value, bool | np.bool_ | uuid.UUID):
        return str(value)
    if isinstance(value, numbers.Real | decimal.Decimal):
        return _of_number(value)
    if value is None or value is pd.NA or isinstance(value, _MOMENTS):
        return None if pd.isna(value) else str(value)
    raise DataError(f"{_kind(value)} is no id")


def _of_number(value: Any) -> str | None:
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if not np.isfinite(float(value)):
        return None
    if value != int(value):
        return str(value)
    if isinstance(value, float | np.floating) and abs(float(value)) >= EXACT:
        raise DataError(
            f"the id {float(value):.0f} is a floating-point number beyond 2^53, where "
            "neighbouring ids are one; write ids as whole numbers or as text"
        )
    return str(int(value))


def _distinct(column: pd.Series) -> tuple[npt.NDArray[np.intp], pd.Series]:
    try:
        codes, uniques = pd.factorize(column)
    except TypeError:  # lists and records cannot be compared
        return np.arange(len(column)), column
    return codes, pd.Series(uniques)


def _texts(values: pd.Series, name: object, floated: bool | None) -> npt.NDArray[np.object_]:
    where = "" if name is None else f'column "{name}": '
    kind = values.dtype.kind if isinstance(values.dtype, np.dtype) else "O"
    if kind in "iu":
        return values.astype(str).to_numpy(dtype=object)
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    if inferred == "string":
        plain = values.astype(object).str.strip().str.strip(HIDDEN).str.strip()
        texts = plain.to_numpy(dtype=object)
    else:
        try:
            texts = np.fromiter(map(id_of, values), dtype=object, count=len(values))
        except DataError as error:
            raise DataError(f"{where}{error}") from None
        if inferred not in ("mixed", "mixed-integer", "bytes"):
            return texts
    return _tidy(texts, where, floated)


def _tidy(
    texts: npt.NDArray[np.object_], where: str, floated: bool | None
) -> npt.NDArray[np.object_]:
    """Refuse texts that have lost digits, and take off the endings that floats have left."""
    texts[texts == ""] = None
    present = [text for text in texts if text is not None]
    lost = next((text for text in present if text[0] in _NUMERIC and LOST.fullmatch(text)), None)
    if lost is not None:
        raise DataError(
            f'{where}the id "{lost}" has lost its last digits on the way through a spreadsheet or '
            "floating-point numbers; export ids as text"
        )
    if all_floated(present) if floated is None else floated:
        for place, text in enumerate(texts):
            if text is not None and FLOATED.fullmatch(text):
                texts[place] = text.partition(".")[0]
    return texts


def all_floated(texts: Iterable[str]) -> bool | None:
    """Whether every number among texts ends in ".0"; None where there is no number."""
    numerals = [text for text in texts if NUMERAL.fullmatch(text)]
    return all(FLOATED.fullmatch(text) for text in numerals) if numerals else None


def _decoded(value: bytes) -> str | None:
    try:
        return value.decode().strip() or None
    except UnicodeDecodeError:
        raise DataError(
            f"the bytes {value[:16]!r} are no text in UTF-8; write ids as text"
        ) from None


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "a record (struct)"
    if isinstance(value, list | tuple | set | np.ndarray):
        return "a list"
    return f"a value of type {type(value).__name__}"
