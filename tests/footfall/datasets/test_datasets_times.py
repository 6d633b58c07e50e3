"""Times of any spelling: read, counted, or refused with the cure."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from footfall.errors import DataError
from tables import noted, read, read_text, write_parquet


def moments(folder: Path, *texts: str, **keys: object) -> list[str]:
    rows = "".join(f'u{number},a,"{text}"\n' for number, text in enumerate(texts))
    data = read_text(folder, f"u,i,t\n{rows}", **keys)
    found = data.interactions.set_index("user")["time"]
    return [str(found.get(f"u{number}")) for number in range(len(texts))]


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2019-10-01 00:00:00 UTC", "2019-10-01 00:00:00"),
        ("2024-01-31 10:00:00 GMT", "2024-01-31 10:00:00"),
        ("2024-01-31T10:00:00Z", "2024-01-31 10:00:00"),
        ("2024-01-31T10:00:00z", "2024-01-31 10:00:00"),
        ("20240131T101500Z", "2024-01-31 10:15:00"),
        ("2024-01-31T10+02:00", "2024-01-31 08:00:00"),
        ("2024-01-31 10:00:00 +0200", "2024-01-31 08:00:00"),
        ("2024-01-31 11:00:00.5 +02", "2024-01-31 09:00:00.500000"),
        ("2024-01-31T10:00:00 UTC+5:30", "2024-01-31 04:30:00"),
        ("2024-01-31 10:00:00,5", "2024-01-31 09:00:00.500000"),
        ("2024-01-31", "2024-01-30 23:00:00"),
        ("2024-01-31 10:00", "2024-01-31 09:00:00"),
    ],
)
def test_a_time_that_names_its_zone_needs_no_other(tmp_path: Path, text: str, utc: str) -> None:
    other = "2024-01-01T10:00:00"  # beside one that names none
    assert moments(tmp_path, text, other, timezone="Europe/Paris") == [utc, "2024-01-01 09:00:00"]


@pytest.mark.parametrize(
    ("text", "form", "utc"),
    [
        ("2019-10-01 00:00:00 UTC", "%Y-%m-%d %H:%M:%S %Z", "2019-10-01 00:00:00"),
        ("10/Oct/2023:13:55:36 +0200", "%d/%b/%Y:%H:%M:%S %z", "2023-10-10 11:55:36"),
        ("20231010135536-0700", "%Y%m%d%H%M%S%z", "2023-10-10 20:55:36"),
        ("20231010", "%Y%m%d", "2023-10-09 22:00:00"),
    ],
)
def test_times_in_a_form_of_their_own(tmp_path: Path, text: str, form: str, utc: str) -> None:
    assert moments(tmp_path, text, time_format=form, timezone="Europe/Paris") == [utc]


def test_dates_that_are_whole_numbers_beside_a_gap(tmp_path: Path) -> None:
    write_parquet(tmp_path / "log.parquet", t=pa.array([20231010, 20231011, None]))
    data = read(tmp_path, "log.parquet", time_format="%Y%m%d")
    assert data.interactions["time"].astype(str).tolist() == ["2023-10-10", "2023-10-11"]


def test_a_clock_change_drops_nothing(tmp_path: Path) -> None:
    times = ["2023-10-29 01:59", "2023-10-29 02:10", "2023-10-29 02:50", "2023-10-29 03:00"]
    found = moments(tmp_path, *times, timezone="Europe/Paris")
    assert found == ["2023-10-28 23:59:00", "2023-10-29 00:10:00", "2023-10-29 00:50:00",
                     "2023-10-29 02:00:00"]  # fmt: skip
    days = ["2017-10-14", "2017-10-15", "2017-10-16"]  # a midnight that does not exist in Brazil
    found = moments(tmp_path, *days, timezone="America/Sao_Paulo")
    assert found == ["2017-10-14 03:00:00", "2017-10-15 03:00:00", "2017-10-16 02:00:00"]
    data = read(tmp_path, timezone="America/Sao_Paulo")
    assert noted(data) == {
        "time that a clock change in America/Sao_Paulo skips": (1, "2017-10-15 00:00:00")
    }


@pytest.mark.parametrize(
    ("time", "unit", "message"),
    [
        ("638448480000000000", "ns", "are no Unix times, but .NET ticks (100 ns since the year 1)"),
        ("133537248000000000", "ns", "Windows file times (100 ns since 1601)"),
        ("13353724800000000", "us", "microseconds since 1601, as browsers count them"),
        ("730944000", "s", "seconds since 2001, as Apple counts them; export them as dates"),
        ("2460370.5", "s", "Julian days"),
    ],
)
def test_other_clocks_are_named(tmp_path: Path, time: str, unit: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        moments(tmp_path, time, time, time_unit=unit)
    assert message in str(caught.value)
    with pytest.raises(DataError) as caught:
        moments(tmp_path, time, time)  # nor is a unit of Unix times offered
    assert "export them as dates" in str(caught.value)


@pytest.mark.parametrize(
    ("times", "keys", "message"),
    [
        (["1577900000", "1577990000"], {"time_unit": "ms"}, "they fall in 2020. Correct the unit"),
        (["1577900000", "1577990000000"], {"time_unit": "ms"}, "1 of 2 times fall in 1970"),
        (["1577900000000"], {"time_unit": "s"}, "no Unix times in s; time_unit: ms fits"),
        (["1577900000"], {}, "holds numbers such as 1577900000; time_unit: s fits"),
        (["1.5779E+09"], {}, "time_unit: s fits"),
        (["45292.4", "45293"], {}, "such as 45292.4: days as spreadsheets count them"),
        (["31/01/2024 10:00"], {}, "2024 10:00\"; add time_format: '%d/%m/%Y %H:%M'"),
        (["5 January 2024"], {}, "add time_format: '%d %B %Y'"),
        (["2024-01-05 10:00 PM"], {}, "add time_format: '%Y-%m-%d %I:%M %p'"),
        (["01/02/2024"], {}, "add time_format: '%d/%m/%Y' or '%m/%d/%Y'"),
        (["2024-01-01 10:00:00 CEST"], {}, "CEST is no offset from UTC: take it out"),
        (["2024-01-01 10:00 CET"], {"time_format": "%Y-%m-%d %H:%M %Z"}, "%Z reads UTC and GMT"),
        (["2024-01-01"], {"time_format": "%d/%m/%Y"}, "time_format: '%d/%m/%Y' does not fit"),
        (["soon"], {}, 'such as "soon"; add time_format'),
        (["now", "today"], {}, "2 of 2 times cannot be read"),  # not the moment of reading
        (["20240131", "20240201"], {}, "add time_format: '%Y%m%d' if"),
        (["20240131101500"], {}, "add time_format: '%Y%m%d%H%M%S' if"),
        (["2024-01-31 10:00+99:00"], {}, "1 of 1 times cannot be read"),
        (
            ["13/01/2024", "01/02/2024", "02/02/2024"],
            {"time_format": "%m/%d/%Y"},
            "does not read 1 of 3 times, such as \"13/01/2024\"; time_format: '%d/%m/%Y' reads",
        ),
    ],
)  # fmt: skip
def test_the_culprit_and_the_cure_are_shown(
    tmp_path: Path, times: list[str], keys: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        moments(tmp_path, *times, **keys)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["mixed", "ISO8601", "yyyy-MM-dd", ""])
def test_a_format_without_letters_of_strptime_is_refused(tmp_path: Path, form: str) -> None:
    with pytest.raises(ValueError, match="has no letters of strptime"):
        moments(tmp_path, "2024-01-31", time_format=form)


def test_a_time_before_all_clocks_does_not_name_another(tmp_path: Path) -> None:
    data = moments(tmp_path, "-1", "1704103200", time_unit="s")
    assert data == ["None", "2024-01-01 10:00:00"]


def test_times_of_1970_that_are_meant_are_read(tmp_path: Path) -> None:
    keys: dict[str, object] = {"time_unit": "s", "earliest": "1970-01-01"}
    assert moments(tmp_path, "100", "200", **keys) == ["1970-01-01 00:01:40", "1970-01-01 00:03:20"]


def test_a_few_odd_times_are_counted_with_a_sample(tmp_path: Path) -> None:
    good = [f"2024-01-{day:02d}" for day in range(1, 20)]
    data = read_text(
        tmp_path, "u,i,t\n" + "".join(f"u,a,{t}\n" for t in [*good, "2024-02-30", "0"])
    )
    assert noted(data) == {"event with no readable time": (2, "0")}
    numbers = [str(1577900000 + day) for day in range(19)]
    rows = "".join(f"u,a,{t}\n" for t in [*numbers, "1577900", "0"])
    data = read_text(tmp_path, "u,i,t\n" + rows, time_unit="s")
    assert noted(data) == {
        "event in 1970, of a time in another unit or unknown": (1, "1577900"),
        "event at the time 0, which is unknown": (1, ""),
    }


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1704103200] * 2, pa.timestamp("s")),
        pa.array([1704103200 * 10**9] * 2, pa.timestamp("ns", "America/New_York")),
        pa.array(["2024-01-01 10:00:00"] * 2).dictionary_encode(),
        pa.array([1704103200000] * 2, pa.timestamp("ms", "Mars/Olympus")),
    ],
    ids=str,
)
def test_moments_of_any_type(tmp_path: Path, column: pa.Array) -> None:
    write_parquet(tmp_path / "log.parquet", t=column)
    found = read(tmp_path, "log.parquet").interactions["time"]
    assert set(found) == {pd.Timestamp("2024-01-01 10:00")}
