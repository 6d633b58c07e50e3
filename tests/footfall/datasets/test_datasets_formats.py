"""Tables as DuckDB, Spark, pandas, Excel and others write them: one reading of all."""

from __future__ import annotations

import bz2
import datetime as dt
import decimal
import gzip
import json
import os
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pytest
from pyarrow import orc

from footfall.errors import DataError
from tables import noted, read, read_text, write_parquet

HUGE = 7205759406317977601
ROWS = "u,i,t\nu1,a,2024-01-01\nu2,b,2024-01-02\n"


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.decimal128(25, 0)])
def test_long_ids_stay_themselves_beside_a_gap(tmp_path: Path, kind: pa.DataType) -> None:
    ids = pa.array([HUGE, HUGE + 1, HUGE + 2, None], kind)
    write_parquet(tmp_path / "log.parquet", u=ids, o=ids)
    data = read(tmp_path, "log.parquet", {"order": "o"})
    assert data.interactions["user"].tolist() == [str(HUGE + n) for n in range(3)]
    assert data.interactions["order"].tolist() == [str(HUGE + n) for n in range(3)]
    write_parquet(tmp_path / "log.parquet", i=ids)
    write_parquet(
        tmp_path / "items.parquet", i=pa.array([HUGE, HUGE + 1, HUGE + 2]), n=["A", "B", "C"]
    )
    data = read(tmp_path, "log.parquet", items={"path": "items.parquet", "item": "i", "title": "n"})
    assert sorted(data.interactions["item"]) == [str(HUGE + n) for n in range(3)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["Tea", None, "Tea"]).dictionary_encode(),
        pa.array([b"Tea", None, b"Tea"], pa.binary()),
        pa.array(["Tea", None, "Tea"], pa.large_string()),
        pa.array(["Tea", None, "Tea"], pa.string_view()),
        pa.array([["Tea", "Hot"], None, ["Tea"]]),
    ],
    ids=lambda column: str(column.type)[:12],
)
def test_texts_of_any_type_are_decoded(tmp_path: Path, column: pa.Array) -> None:
    listed = pa.types.is_list(column.type)
    write_parquet(tmp_path / "log.parquet", i=["a", "a", "a"], n=column, c=column)
    columns = {"category": "c"} if listed else {"category": "c", "title": "n"}
    (item,) = read(tmp_path, "log.parquet", columns).items.to_dict("records")
    assert (item["category"], item["title"]) == ("Tea", "a" if listed else "Tea")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([["u1"], ["u2"]]), 'column "u": a list is no id'),
        (pa.array([{"id": 1}, {"id": 2}]), 'column "u": a record (struct) is no id'),
        (pa.array([b"Caf\xe9", b"Tea"]), 'column "u" holds bytes that are no text in UTF-8'),
        (pa.array([1.5e18, None]), "floating-point number beyond 2^53"),
    ],
)
def test_what_is_no_id_is_refused_in_a_line(tmp_path: Path, column: pa.Array, message: str) -> None:
    write_parquet(tmp_path / "log.parquet", u=column)
    with pytest.raises(DataError) as caught:
        read(tmp_path, "log.parquet")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_duckdb_writes_uuids_decimals_and_records(tmp_path: Path) -> None:
    one = uuid.UUID("a1b2c3d4-0000-4000-8000-00000000000f")
    duckdb.sql(
        f"copy (select '{one}'::uuid as u, 'a' as i, timestamptz '2024-01-01 08:00:00+00' as t, "
        "12.50::decimal(10, 2) as v, {'id': 7} as who, 12.00::decimal(10, 2) as number) "
        f"to '{tmp_path / 'log.parquet'}' (format parquet)"
    )
    data = read(tmp_path, "log.parquet", {"value": "v", "order": "number"})
    (row,) = data.interactions.to_dict("records")
    assert (row["user"], row["value"], row["order"]) == (str(one), 12.5, "12")
    assert row["time"] == pd.Timestamp("2024-01-01 08:00")
    assert read(tmp_path, "log.parquet", {"user": "who.id"}).interactions["user"].tolist() == ["7"]


def test_lists_of_an_items_table_are_readable_text(tmp_path: Path) -> None:
    write_parquet(tmp_path / "items.parquet", i=["a"], n=["Apple"], c=[["Food", "Fruit"]],
                  tags=[["x", "y"]])  # fmt: skip
    items = {"path": "items.parquet", "item": "i", "title": "n", "category": "c",
             "attributes": ["tags"]}  # fmt: skip
    data = read_text(tmp_path, "u,i,t\n1,a,2024-01-01\n", items=items)
    (item,) = data.items.to_dict("records")
    assert (item["category"], item["tags"]) == ("Food", "x, y")
    assert noted(data)["category that is a list"] == (1, "")


def test_a_folder_that_only_its_log_can_read_is_refused(tmp_path: Path) -> None:
    for name, kind in (("_delta_log", "Delta"), (".hoodie", "Hudi")):
        folder = tmp_path / kind
        write_parquet(folder / "part-0.parquet", u=["u1"])
        (folder / name).mkdir()
        with pytest.raises(DataError, match=f"is a {kind} table, whose files also hold removed"):
            read(tmp_path, kind)
    write_parquet(tmp_path / "ice" / "data" / "part-0.parquet", u=["u1"])
    (tmp_path / "ice" / "metadata").mkdir()
    (tmp_path / "ice" / "metadata" / "v1.metadata.json").write_text("{}")
    with pytest.raises(DataError, match="is an Iceberg table"):
        read(tmp_path, "ice")


def test_parts_of_any_ending_are_read_and_hidden_ones_said(tmp_path: Path) -> None:
    hidden = ["_temporary/0/x.parquet", ".ipynb_checkpoints/0-checkpoint.parquet"]
    for number, name in enumerate(["0.parquet", "1.parq", "2.PARQUET", "3", *hidden]):
        write_parquet(tmp_path / "log" / name, u=[str(number)])
    (tmp_path / "log" / "4.csv").write_text(ROWS)
    (tmp_path / "log" / "_SUCCESS").write_text("")
    data = read(tmp_path, "log")
    assert sorted(data.interactions["user"]) == ["0", "1", "2", "3"]
    assert noted(data) == {
        "file with a hidden name in log": (2, ".ipynb_checkpoints/0-checkpoint.parquet"),
        "file of another kind in log": (1, "4.csv"),
    }


def test_parts_that_hold_nothing_are_said(tmp_path: Path) -> None:
    write_parquet(tmp_path / "log" / "a.parquet", v=[1.0])
    (tmp_path / "log" / "b.parquet").touch()  # as a writer leaves it that was stopped
    os.mkfifo(tmp_path / "log" / "c.parquet")
    (tmp_path / "log" / "_SUCCESS").touch()
    data = read(tmp_path, "log")
    assert noted(data) == {
        "empty file in log": (1, "b.parquet"),
        "pipe or dead link in log": (1, "c.parquet"),
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1" + bytes(300), "b.parquet: cannot be read as a table: it is damaged, or its end"),
        (ROWS.encode(), "b.parquet: cannot be read as a table: its contents are not what"),
    ],
)
def test_the_broken_part_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    write_parquet(tmp_path / "log" / "a.parquet", v=[1.0])
    (tmp_path / "log" / "b.parquet").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path, "log")


def test_a_part_without_a_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "a.csv").write_text(ROWS)
    (tmp_path / "log" / "b.csv").write_text("u3,c,2024-01-03\nu4,d,2024-01-04\n")
    with pytest.raises(DataError, match=r'b.csv: has no column "u", .*does it have a header'):
        read(tmp_path, "log")


def test_a_folder_named_after_a_column_of_its_files_is_said(tmp_path: Path) -> None:
    write_parquet(tmp_path / "log" / "u=9" / "a.parquet", u=["1"])
    data = read(tmp_path, "log")
    assert data.interactions["user"].tolist() == ["1"]
    (note,) = data.cleaning
    assert str(note).startswith('1 x part of log in a folder named after its column "u"')


@pytest.mark.parametrize(
    "column",
    [
        pa.array([dt.timedelta(days=1)]),
        pa.array([dt.datetime(2024, 1, 1, tzinfo=dt.UTC)]),
        pa.array([dt.date(2024, 1, 1)]),
    ],
)
def test_moments_and_spans_are_no_money(tmp_path: Path, column: pa.Array) -> None:
    write_parquet(tmp_path / "log.parquet", v=column)
    data = read(tmp_path, "log.parquet", {"value": "v"})
    assert data.items["price"].isna().all()
    assert noted(data)["value that is no number"][0] == 1


def test_texts_that_are_none_are_named_by_their_column(tmp_path: Path) -> None:
    write_parquet(tmp_path / "log.parquet", u=["fishing"])
    damaged = (tmp_path / "log.parquet").read_bytes().replace(b"fishing", b"\x80ishing")
    (tmp_path / "log.parquet").write_bytes(damaged)
    with pytest.raises(DataError, match='column "u" holds bytes that are no text'):
        read(tmp_path, "log.parquet")


def test_parts_of_different_types_are_one_column(tmp_path: Path) -> None:
    write_parquet(tmp_path / "log" / "0.parquet", u=[1, 2], v=pa.nulls(2))
    write_parquet(tmp_path / "log" / "1.parquet", u=[3.0, None], v=[1.5, 2.5])
    write_parquet(tmp_path / "log" / "2.parquet", u=["4", "5"], v=[decimal.Decimal("3.5"), None])
    data = read(tmp_path, "log", {"value": "v"})
    found = data.interactions.set_index("user")["value"]
    assert found.index.sort_values().tolist() == ["1", "2", "3", "4", "5"]
    assert (found["3"], found["4"]) == (1.5, 3.5)


def test_a_column_that_only_some_parts_have(tmp_path: Path) -> None:
    write_parquet(tmp_path / "log" / "0.parquet", u=["1"])
    write_parquet(tmp_path / "log" / "1.parquet", u=["2"], v=[2.5])
    data = read(tmp_path, "log", {"value": "v"})
    assert noted(data)['part of log without the column "v"'] == (1, "0.parquet")
    write_parquet(tmp_path / "log" / "0.parquet", u=["1"], V=[1.5])
    with pytest.raises(
        DataError, match=r'0\.parquet: has no column "v", as other parts .* but "V"'
    ):
        read(tmp_path, "log", {"value": "v"})


def test_folders_named_after_values_are_columns(tmp_path: Path) -> None:
    for event, day in (("buy", "2024-01-01"), ("view", "2024-01-02")):
        part = tmp_path / "log" / f"event={event}" / f"day={day}" / "part-0.parquet"
        write_parquet(part, u=["u1"], i=["a"])
        frame = pd.read_parquet(part)[["u", "i"]]
        frame.to_parquet(part)
    data = read(tmp_path, "log", {"time": "day"},
                action={"column": "event", "map": {"buy": "purchase"}})  # fmt: skip
    assert data.interactions[["action", "time"]].astype(str).to_numpy().tolist() == [
        ["purchase", "2024-01-01"], ["view", "2024-01-02"]
    ]  # fmt: skip


def _feather(path: Path) -> None:
    pyarrow.feather.write_feather(pd.read_csv(path.with_name("plain.csv")), path)


def _orc(path: Path) -> None:
    orc.write_table(pa.Table.from_pandas(pd.read_csv(path.with_name("plain.csv"))), path)


def _lines(path: Path) -> None:
    pd.read_csv(path.with_name("plain.csv")).to_json(path, orient="records", lines=True)


WRITERS: dict[str, Callable[[Path], object]] = {
    "log.tsv": lambda path: path.write_text(ROWS.replace(",", "\t")),
    "semicolons.csv": lambda path: path.write_text(ROWS.replace(",", ";")),
    "bars.txt": lambda path: path.write_text(ROWS.replace(",", "|")),
    "excel.csv": lambda path: path.write_text("sep=;\n" + ROWS.replace(",", ";")),
    "mark.csv": lambda path: path.write_bytes(b"\xef\xbb\xbf" + ROWS.encode()),
    "utf16.csv": lambda path: path.write_bytes(ROWS.encode("utf-16")),
    "utf16-unmarked.csv": lambda path: path.write_bytes(ROWS.encode("utf-16-le")),
    "windows.csv": lambda path: path.write_bytes(ROWS.replace("\n", "\r\n").encode()),
    "twice.csv": lambda path: path.write_bytes(ROWS.replace("\n", "\r\r\n").encode()),
    "macintosh.csv": lambda path: path.write_bytes(ROWS.replace("\n", "\r").encode()),
    "blanks.csv": lambda path: path.write_text(ROWS.replace(",", ", ")),
    "quoted.csv": lambda path: path.write_text(
        "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in ROWS.split())
    ),
    "packed": lambda path: path.write_bytes(gzip.compress(ROWS.encode())),
    "TWICE.CSV.GZ": lambda path: path.write_bytes(
        gzip.compress(ROWS[:20].encode()) + gzip.compress(ROWS[20:].encode())
    ),
    "packed.csv.bz2": lambda path: path.write_bytes(bz2.compress(ROWS.encode())),
    "packed.csv.zst": lambda path: path.write_bytes(
        pa.compress(ROWS.encode(), codec="zstd", asbytes=True)
    ),
    "log.feather": _feather,
    "log.orc": _orc,
    "log.pq": lambda path: pd.read_csv(path.with_name("plain.csv")).to_parquet(path),
    "log.jsonl": _lines,
    "log.json": lambda path: pd.read_csv(path.with_name("plain.csv")).to_json(
        path, orient="records"
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_common_formats_read_like_a_plain_csv(tmp_path: Path, name: str) -> None:
    (tmp_path / "plain.csv").write_text(ROWS)
    WRITERS[name](tmp_path / name)
    plain, other = read(tmp_path, "plain.csv"), read(tmp_path, name)
    pd.testing.assert_frame_equal(plain.interactions, other.interactions)
    assert other.cleaning == ()


def test_parts_of_text_are_one_table(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    for name in ("part-0.csv", "part-1.csv"):
        (tmp_path / "log" / name).write_text(ROWS.replace("u1", name))
    assert len(read(tmp_path, "log").interactions) == 3  # u2 stands in both, and counts once
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="a folder without tables"):
        read(tmp_path, "none")


@pytest.mark.parametrize(
    ("name", "start", "message"),
    [
        ("log.xlsx", b"PK\x03\x04", "is a spreadsheet; save its sheet as CSV"),
        ("log.xls", b"\xd0\xcf\x11\xe0", "is a spreadsheet"),
        ("log", b"SQLite format 3\0", "is an SQLite database; export the table"),
        ("log.duckdb", b"\0" * 8 + b"DUCK", "is a DuckDB database"),
        ("log.avro", b"Obj\x01", "is an Avro file; convert it to Parquet"),
        ("log.rds", b"\x1f\x8b", "is a file of R"),
        ("log.pkl", b"\x80\x04\x95", "is a pickle, which could run code"),
        ("log.csv", b"<!DOCTYPE html>", "is a web page, perhaps of a login"),
        ("log.csv.lz4", b"\x04\x22\x4d\x18" + bytes(40), "is compressed with LZ4; use .gz or .zst"),
        (
            "log",
            b"log.csv" + bytes(250) + b"ustar  " + bytes(300),
            "is an archive of tar; unpack it",
        ),
        ("log.png", b"\x89PNG\r\n\x1a\n" + bytes(40), "is a picture"),
        ("log.csv", b"version https://git-lfs.github.com/spec/v1", "is a pointer of Git LFS"),
        ("log.dta", b"<stata_dta>", "is a file of a statistics program"),
        ("log.parquet", b"u,i,t", "its contents are not what its name says; is it complete?"),
    ],
)
def test_what_is_not_read_says_what_to_do(
    tmp_path: Path, name: str, start: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(start + bytes(range(60)))
    with pytest.raises(DataError, match=message):
        read(tmp_path, name)


def test_lines_of_json_keep_long_ids_and_lists(tmp_path: Path) -> None:
    events = [
        {"user": {"id": HUGE}, "i": "a", "t": "2024-01-01", "c": ["Food", "Fruit"], "p": 2.5},
        {"user": {"id": 7.0}, "i": "b", "t": "2024-01-02", "new": True},
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, events)))
    columns = {"user": "user.id", "category": "c", "value": "p"}
    data = read(tmp_path, "log.jsonl", columns)
    assert sorted(data.interactions["user"]) == ["7", str(HUGE)]
    assert data.items["category"].tolist() == ["Food", ""]
    with pytest.raises(DataError, match=r'no column "user\.name"; did you mean "user\.id"'):
        read(tmp_path, "log.jsonl", {"user": "user.name"})


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.csv")
    with pytest.raises(DataError, match=r"log\.csv: is no file of its own"):
        read(tmp_path)


def test_a_title_gives_the_terminal_no_commands(tmp_path: Path) -> None:
    titled = "u,i,t,n\nu1,a,2024-01-01,Tea\x1b]0;mine\x07\nu2,b,2024-01-02,\x9b2JMilk\n"
    data = read_text(tmp_path, titled, columns={"title": "n"})
    assert sorted(data.items["title"]) == ["2JMilk", "Tea ]0;mine"]
    assert noted(data) == {"title with control signs": (2, "")}


@pytest.mark.parametrize("path", ["s3://shop/log.parquet", "https://shop.example/log.csv"])
def test_an_address_is_no_file(tmp_path: Path, path: str) -> None:
    with pytest.raises(DataError, match="is an address, and nothing is fetched; download it"):
        read(tmp_path, path)


def test_a_number_of_json_is_one_id_however_it_is_written(tmp_path: Path) -> None:
    rows = ['{"u": 7.0, "i": "7.0", "t": "2024-01-01"}', '{"u": 7, "i": "7", "t": "2024-01-02"}']
    (tmp_path / "log.jsonl").write_text("\n".join(rows))
    data = read(tmp_path, "log.jsonl")
    assert data.interactions["user"].tolist() == ["7", "7"]
    assert sorted(data.interactions["item"]) == ["7", "7.0"]  # texts, which stay as they are


def test_a_zip_of_macos_holds_one_table(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "log.zip", "w") as made:
        made.writestr("log.csv", ROWS)
        made.writestr("__MACOSX/._log.csv", "what macOS knows of it")
        made.writestr(".DS_Store", "and of the folder")
    assert len(read(tmp_path, "log.zip").interactions) == 2


def test_what_is_compressed_twice_is_named(tmp_path: Path) -> None:
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(gzip.compress(ROWS.encode())))
    with pytest.raises(DataError, match="is compressed twice; unpack it once"):
        read(tmp_path, "log.csv.gz")
