"""One spelling of identifiers, whatever program wrote them."""

from __future__ import annotations

import decimal
import uuid

import numpy as np
import pandas as pd
import pytest

from footfall.datasets.ids import as_id, id_of
from footfall.errors import DataError

HUGE = 7205759406317977601
GIVEN = uuid.UUID("a1b2c3d4-0000-4000-8000-00000000000f")


@pytest.mark.parametrize(
    ("values", "dtype", "wanted"),
    [
        ([7, 8], "int64", ["7", "8"]),
        ([HUGE, None, HUGE + 1], "Int64", [str(HUGE), None, str(HUGE + 1)]),
        ([2**64 - 1, 2**64 - 2], "uint64", [str(2**64 - 1), str(2**64 - 2)]),
        ([7.0, None, -0.0], "float64", ["7", None, "0"]),
        ([7.0, 1.5], "float64", ["7", "1.5"]),
        (["7.0", "8.0", None, "*"], object, ["7", "8", None, "*"]),  # pandas wrote these
        (["7.0", "7", "007", " 7"], object, ["7.0", "7", "007", "7"]),  # and a person these
        (["1.5", "2.0"], object, ["1.5", "2.0"]),
        (["a", "", "  ", None], "string", ["a", None, None, None]),
        (["u1", "\u200bu1", " u1\ufeff", "\u00a0u1", "\u200b"], object, [*["u1"] * 4, None]),
        ([7, "a", 8.0, None], object, ["7", "a", "8", None]),
        (["a", "b", None, "a"], "category", ["a", "b", None, "a"]),
        ([b"u1", b"", b"Caf\xc3\xa9"], object, ["u1", None, "Café"]),
        ([True, False], bool, ["True", "False"]),
        ([decimal.Decimal("12.00"), decimal.Decimal("1.50")], object, ["12", "1.50"]),
        ([GIVEN], object, [str(GIVEN)]),
        (["1e5", "12E45"], object, ["1e5", "12E45"]),  # codes of products look like this
    ],
)
def test_a_column_of_any_type_is_text(values: list[object], dtype: object, wanted: list) -> None:
    column = pd.Series(values, dtype=dtype, name="u")
    found = as_id(column)
    assert [None if value is None else value for value in found] == wanted
    assert found.index.equals(column.index)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([["u1"], ["u2"]], 'column "u": a list is no id'),
        ([np.array(["u1"])], 'column "u": a list is no id'),
        ([{"id": 1}], "a record (struct) is no id"),
        ([b"\xe9"], "are no text in UTF-8"),
        ([7.205759406317978e18, None], "floating-point number beyond 2^53"),
        (["7.20576E+18", "a"], 'the id "7.20576E+18" has lost its last digits'),
        (["a", "7,20576E+18"], 'the id "7,20576E+18" has lost its last digits'),  # Excel in Europe
        (["1E+11"], 'the id "1E+11" has lost its last digits'),
    ],
)
def test_what_is_no_id_is_one_line(values: list[object], message: str) -> None:
    with pytest.raises(DataError) as caught:
        as_id(pd.Series(values, name="u"))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (7, "7"), (np.int64(7), "7"), (7.0, "7"), (np.float32(7), "7"), (np.str_("a"), "a"),
        (" a ", "a"), ("", None), (None, None), (float("nan"), None), (pd.NA, None),
        (pd.NaT, None), (GIVEN, str(GIVEN)), (np.bool_(True), "True"), (b"a", "a"),
        (decimal.Decimal(7), "7"), (decimal.Decimal("NaN"), None),
    ],
)  # fmt: skip
def test_one_value_is_spelt_like_a_column(value: object, wanted: str | None) -> None:
    assert id_of(value) == wanted
    assert list(as_id(pd.Series([value], dtype=object))) == [wanted]


def test_what_is_no_value_is_refused() -> None:
    with pytest.raises(DataError, match="a value of type object is no id"):
        id_of(object())
