"""Text out of files of strangers, and numbers out of text, where pandas' own parser dies."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from footfall.datasets.cells import moments, numbers
from footfall.datasets.delimited import read_cells
from footfall.errors import DataError
from footfall.world.society import SocialSpec, graph_of
from footfall_eval.statistics.offpolicy import off_policy, read_bandit_log

FATAL = "1e3099999999"
"""pandas 2.3 reads beyond its table of powers at this one, and Python is gone."""


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("-1.5e-3", -0.0015),
        ("1e308", 1e308),
        ("x", None),
        ("", None),
        (None, None),
        (FATAL, None),
        ("0.000001e2147483648", None),
        ("1e+9999999999", None),
        ("1E-3099999999", None),
        ("1e4294967296", None),  # pandas: 1
        ("9" * 400, None),
        ("9" * 5000, None),
    ],
)
@pytest.mark.parametrize("dtype", [object, "category", "string"])
def test_text_is_a_number_or_missing(text, number, dtype):
    found = numbers(pd.Series([text], dtype=dtype)).astype(float).tolist()
    assert found == pytest.approx([np.nan if number is None else number], nan_ok=True)


def test_whole_numbers_stay_whole_and_bytes_are_text():
    assert numbers(pd.Series([b"1e3099999999", b"5"])).fillna(-1).tolist() == [-1, 5]
    assert numbers(pd.Series(["1", "2"])).tolist() == [1, 2]
    assert numbers(pd.Series(["1", "2"])).dtype == np.int64
    exact = moments(pd.Series(["1700000000123456789"]), "ns")
    assert exact.tolist() == [pd.Timestamp("2023-11-14 22:13:20.123456789")]


@pytest.mark.parametrize("column", [
    [FATAL, "9" * 300, "nan", "-9" + "0" * 300, None],
    [2**62, -(2**62)],
    [float("inf"), 1e300],
    [True, False],
])  # fmt: skip
@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_what_no_clock_shows_is_no_moment(column, unit):
    assert moments(pd.Series(column), unit).isna().all()


def test_cells_are_text_and_lines_that_are_too_long_are_refused_or_counted():
    read = read_cells(io.BytesIO(b'a,b\n007,"x, y"\n,1e3099999999\n'))
    assert read.frame.fillna("-").to_numpy().tolist() == [["007", "x, y"], ["-", FATAL]]
    for text in (b"a,b\n1,2\n1,2,3\n", b"a,b\n1,2,3\n"):  # pandas would shift the latter's cells
        with pytest.raises(ValueError, match=r"saw 3|more cells than columns"):
            read_cells(io.BytesIO(text))
    read = read_cells(io.BytesIO(b"a,b\n1,2\n1,2,3\n\xff,\n"), lenient=True)
    assert [str(note) for note in read.notes] == [
        "1 x line with too many cells of the file (first: line 3): dropped"
    ]
    assert list(read_cells(io.StringIO("a\tb\n"), ["x", "y"], separator="\t").frame) == ["x", "y"]


def test_a_fatal_number_among_friends_or_propensities_is_one_line(tmp_path: Path):
    (tmp_path / "friends.csv").write_text(f"user,friend\n{FATAL},2\n")
    with pytest.raises(DataError, match="none of the friends"):
        graph_of(SocialSpec(path="friends.csv"), ["1", "2"], tmp_path, seed=1)
    (tmp_path / "log.csv").write_text(f"user,reward,propensity,target\n1,{FATAL},0.5,0.5\n")
    with pytest.raises(DataError, match="column 'reward' has 1 missing values"):
        off_policy(read_bandit_log(tmp_path / "log.csv"))
