"""Anybody's history: column names, actions, units and zones of time, CSV and Parquet."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from footfall.datasets.sources import DataSource, load
from footfall.errors import DataError

COLUMNS = {"user": "customer", "item": "sku", "time": "ts"}
CSV = (
    "customer,sku,ts,price,n,word\n007,a,2024-01-01T10:00:00,2.0,3,buy\n8,b,2024-01-02,1.0,1,look\n"
)


def read(base: Path, **keys: object):
    raw = {"kind": "table", "path": "h.csv", "columns": COLUMNS, **keys}
    return load(TypeAdapter(DataSource).validate_python(raw), base)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "h.csv").write_text(CSV)
    return tmp_path


def test_a_csv_with_named_columns(base: Path) -> None:
    columns = {**COLUMNS, "unit_price": "price", "quantity": "n"}
    data = read(base, columns=columns, currency="EUR")
    rows = data.interactions
    assert rows["user"].tolist() == ["007", "8"]  # zeros of an id stay
    assert rows["value"].tolist() == [6.0, 1.0]
    assert data.items.set_index("item")["price"].to_dict() == {"a": 2.0, "b": 1.0}
    assert list(data.items["title"]) == ["a", "b"]
    assert data.cleaning == ()


@pytest.mark.parametrize("number", ["9" * 300, "1e3099999999", "true", "1e309"])
def test_a_number_that_is_no_unix_time_is_counted(base: Path, number: str) -> None:
    """Found by `make fuzz`: the first one was an OverflowError, the second kills Python."""
    (base / "h.csv").write_text(f"customer,sku,ts,price\n7,a,1700000000,2\n8,b,{number},{number}\n")
    data = read(base, time_unit="s", columns={**COLUMNS, "value": "price"})
    assert data.interactions["user"].tolist() == ["7"]
    assert [(c.problem, c.count) for c in data.cleaning] == [
        ("event with no readable time", 1), ("item without a price", 1)
    ]  # fmt: skip
    (base / "h.csv").write_text(f"customer,sku,ts\n8,b,{number}\n")
    with pytest.raises(DataError, match="1 x event with no readable time"):
        read(base, time_unit="s")


def test_cells_beyond_the_header_are_refused_not_shifted(base: Path) -> None:
    (base / "h.csv").write_text("customer,sku,ts\n8,b,2024-01-02,\n")
    assert read(base).interactions["user"].tolist() == ["8"]  # a comma too many is harmless
    (base / "h.csv").write_text("customer,sku,ts\n8,b,2024-01-02,5\n")
    with pytest.raises(DataError, match="more cells than columns; the header"):
        read(base)


def test_parquet_parts_read_like_the_csv(base: Path) -> None:
    frame = pd.read_csv(base / "h.csv", dtype={"customer": str})
    (base / "parts").mkdir()
    for number in range(2):
        frame.iloc[[number]].to_parquet(base / "parts" / f"{number}.parquet")
    frame.to_parquet(base / "one.parquet")
    csv = read(base)
    for path in ("parts", "one.parquet"):
        pd.testing.assert_frame_equal(read(base, path=path).interactions, csv.interactions)


def test_actions_from_a_column(base: Path) -> None:
    data = read(base, action={"column": "word", "map": {"buy": "purchase", "look": "view"}})
    assert data.interactions["action"].tolist() == ["purchase", "view"]
    data = read(base, action={"column": "word", "map": {"buy": "purchase"}})
    assert [(c.problem, c.count) for c in data.cleaning] == [("event with an unknown action", 1)]


@pytest.mark.parametrize(
    ("text", "keys", "utc"),
    [
        ("2024-07-01 12:00", {}, "2024-07-01 12:00"),
        ("2024-07-01 12:00", {"timezone": "Europe/Paris"}, "2024-07-01 10:00"),
        ("2024-07-01T12:00:00+05:00", {"timezone": "Europe/Paris"}, "2024-07-01 07:00"),
        ("2024-07-01T12:00:00Z", {}, "2024-07-01 12:00"),
        ("01/07/2024 12h", {"time_format": "%d/%m/%Y %Hh"}, "2024-07-01 12:00"),
        ("20240701", {"time_format": "%Y%m%d"}, "2024-07-01"),
        ("1719835200", {"time_unit": "s"}, "2024-07-01 12:00"),
        ("1719835200000", {"time_unit": "ms"}, "2024-07-01 12:00"),
    ],
)
def test_times(base: Path, text: str, keys: dict[str, object], utc: str) -> None:
    (base / "h.csv").write_text(f"customer,sku,ts\n1,a,{text}\n")
    assert read(base, **keys).interactions["time"].tolist() == [pd.Timestamp(utc)]


def test_numbers_are_never_taken_for_a_time_in_silence(base: Path) -> None:
    (base / "h.csv").write_text("customer,sku,ts\n1,a,20240131\n")
    with pytest.raises(DataError, match='column "ts" holds numbers such as 20240131; add time_f'):
        read(base)


def test_times_that_cannot_be_are_dropped_and_counted(base: Path) -> None:
    times = ["2024-01-01", "soon", "", "1969-01-01", "2300-01-01", "2024-03-31 02:30"]
    rows = "".join(f"1,a{n},{text}\n" for n, text in enumerate(times))
    (base / "h.csv").write_text(f"customer,sku,ts\n{rows}")
    data = read(base, timezone="Europe/Paris")  # 02:30 of that day does not exist there
    assert data.interactions["time"].astype(str).tolist() == [
        "2023-12-31 23:00:00", "2024-03-31 01:00:00"
    ]  # fmt: skip
    assert {c.problem: (c.count, c.sample) for c in data.cleaning} == {
        "event with no readable time": (3, "2300-01-01"),
        "event before 1970-01-01, which is impossible": (1, "1969-01-01"),
        "time that a clock change in Europe/Paris skips": (1, "2024-03-31 02:30:00"),
    }


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_times_of_any_unit(base: Path, unit: str) -> None:
    stamps = pd.Series(pd.to_datetime(["2024-01-01 10:00", "2024-01-02 00:00"])).astype(
        f"datetime64[{unit}]"
    )
    pd.DataFrame({"customer": [1, 2], "sku": ["a", "b"], "ts": stamps}).to_parquet(
        base / "h.parquet"
    )
    data = read(base, path="h.parquet", timezone="Asia/Tokyo")
    assert data.interactions["time"].iloc[0] == pd.Timestamp("2024-01-01 01:00")


def test_items_and_users_of_their_own_tables(base: Path) -> None:
    (base / "items.csv").write_text("id,name,dept,list_price,colour\na,Apple,Fruit,2.5,red\n")
    (base / "users.csv").write_text("id,age,code\n007,30,0123\n8,,0456\n")
    data = read(
        base,
        items={
            "path": "items.csv",
            "item": "id",
            "title": "name",
            "category": "dept",
            "price": "list_price",
            "attributes": ["colour"],
        },
        users={"path": "users.csv", "user": "id", "profile": ["age", "code"]},
    )
    assert data.items.to_dict("records") == [
        {"item": "a", "title": "Apple", "category": "Fruit", "price": 2.5, "colour": "red"}
    ]
    assert data.prices_from_interactions is False
    assert data.users["age"].tolist()[0] == 30  # a number, so `where: age > 25` works
    assert data.users["code"].tolist() == ["0123", "0456"]
    assert [(c.problem, c.count) for c in data.cleaning] == [
        ("event with an item that the catalogue lacks", 1)
    ]


def test_titles_from_the_history_are_the_most_frequent(base: Path) -> None:
    (base / "h.csv").write_text(
        "customer,sku,ts,name,dept\n1,a,2024-01-01,Pear,F\n1,a,2024-01-02,Apple,F\n"
        "1,a,2024-01-03,Apple,F\n1,b,2024-01-03,,F\n"
    )
    data = read(base, columns={**COLUMNS, "title": "name", "category": "dept"})
    assert list(data.items["title"]) == ["Apple", "Untitled item b"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"columns": {**COLUMNS, "item": "skuu"}},
            'no column "skuu"; did you mean "sku"? Known: cust',
        ),
        ({"path": "hh.csv"}, 'no such file or folder; did you mean "h.csv"?'),
        ({"items": {"path": "h.csv", "item": "sku", "title": "nam"}}, 'no column "nam"'),
        ({"action": {"column": "words"}}, 'did you mean "word"?'),
    ],
)
def test_a_wrong_name_is_one_line(base: Path, keys: dict[str, object], message: str) -> None:
    with pytest.raises(DataError) as caught:
        read(base, **keys)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["h.csv.gz", "h.csv.bz2", "h.csv.xz", "h.csv.zip"])
def test_compressed_tables_read_like_the_plain_one_and_bombs_are_refused(
    base: Path, name: str
) -> None:
    plain = read(base)
    pd.read_csv(base / "h.csv", dtype=str).to_csv(base / name, index=False)
    pd.testing.assert_frame_equal(read(base, path=name).interactions, plain.interactions)
    bomb = pd.DataFrame({"customer": ["7"] * 100_000, "sku": "a", "ts": "2024-01-01"})
    bomb.to_csv(base / name, index=False)
    with pytest.raises(DataError, match=r"would grow from \d+ to \d+ bytes; that is no data set"):
        read(base, path=name)


def test_archives_of_files_are_not_taken_for_tables(base: Path) -> None:
    (base / "h.tar.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"\.tar is not unpacked; do it yourself"):
        read(base, path="h.tar.gz")
    with zipfile.ZipFile(base / "h.zip", "w") as archive:
        archive.writestr("a.csv", CSV)
        archive.writestr("b.csv", CSV)
    with pytest.raises(DataError, match="holds 2 files; unpack it, and name one"):
        read(base, path="h.zip")


@pytest.mark.parametrize("limit", [1_000, 100_000])
def test_parquet_that_unpacks_to_more_than_memory_is_refused(
    base: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Before it is unpacked where its own account tells, else after the first batches."""
    texts = ["a" * 1000] * 50 if limit == 100_000 else ["a"] * 1000
    frame = pd.DataFrame({"customer": texts, "sku": "a" * 3000, "ts": "2024-01-01"})
    frame.to_parquet(base / "h.parquet")
    read(base, path="h.parquet")
    monkeypatch.setattr("footfall.datasets.archive.MAX_BYTES", limit)
    with pytest.raises(DataError, match=rf"would unpack to \d+ bytes; at most {limit} are read"):
        read(base, path="h.parquet")


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02", b"PAR1 is not enough"])
def test_unreadable_files_are_one_line(base: Path, content: bytes) -> None:
    for name in ("h.csv", "h.parquet"):
        (base / name).write_bytes(content)
        with pytest.raises(DataError) as caught:
            read(base, path=name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "keys",
    [
        {"columns": {"user": "a", "item": "b"}},
        {"collumns": COLUMNS},
        {"timezone": "Mars/Olympus"},
        {"action": "steal"},
        {"kind": "tabel"},
    ],
)
def test_wrong_options_are_refused(base: Path, keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        read(base, **keys)
