"""Text tables as the world writes them: separators, encodings, decimal commas, lines of JSON."""

import json

import pandas as pd
import pytest

from footfall.datasets.cells import amounts
from footfall.datasets.delimited import Form
from footfall.datasets.frames import form_of, read_frame
from footfall.datasets.table import read
from footfall.datasets.table_source import TableSource
from footfall.errors import DataError

ROWS = [("u1", "Käse, jung", "3,50"), ("u2", "Brot", "1.299,00"), ("007", "Öl", "2")]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_and_encodings_are_told_from_the_file(tmp_path, separator, encoding):
    frame = pd.DataFrame(ROWS, columns=["user", "name", "price"])
    file = tmp_path / "x.csv"
    frame.to_csv(file, sep=separator, index=False, encoding=encoding)
    assert form_of(file).separator == separator
    pd.testing.assert_frame_equal(read_frame(file).frame, frame, check_dtype=False)


def test_an_encoding_that_nobody_names_is_asked_for(tmp_path):
    file = tmp_path / "x.csv"
    file.write_bytes("user,name\nu1,Käse\n".encode("cp1252"))
    with pytest.raises(DataError, match="encoding: cp1252"):
        read_frame(file)
    assert read_frame(file, form=Form(encoding="cp1252")).frame["name"].tolist() == ["Käse"]


@pytest.mark.parametrize(
    ("text", "decimal", "thousands", "number"),
    [
        ("3,50", ",", "", 3.5),
        ("1.299,00", ",", ".", 1299),
        ("1,299.00", ".", ",", 1299),
        ("1 299,00 €", ",", " ", 1299),
        ("$3.00", ".", "", 3),
        ("-€ 2.5", ".", "", float("nan")),
        ("1.5", ",", "", float("nan")),
        ("12 zł", ",", "", 12),
        ("", ".", "", float("nan")),
    ],
)
def test_money_as_people_write_it(text, decimal, thousands, number):
    (found,) = amounts(pd.Series([text]), decimal, thousands)
    assert found == pytest.approx(number, nan_ok=True)


def test_lines_of_json_are_a_table(tmp_path):
    events = [
        {"who": {"id": 7}, "sku": "a", "at": "2024-01-01T10:00:00Z", "cost": 2.50},
        {"who": {"id": 8}, "sku": "b", "at": "2024-01-02 10:00:00 UTC", "gift": True},
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, events)))
    (tmp_path / "y.json").write_text(json.dumps(events))
    columns = {"user": "who.id", "item": "sku", "time": "at", "value": "cost"}
    for name in ("x.jsonl", "y.json"):
        rows = read(TableSource(path=name, columns=columns), tmp_path).interactions
        assert rows["user"].tolist() == ["7", "8"]
        assert rows["time"].dt.hour.tolist() == [10, 10]
        assert rows["value"][0] == 2.5
    (tmp_path / "z.jsonl").write_text('{"a": 1}\nno\n')
    with pytest.raises(DataError, match="line 2 is no JSON"):
        read(TableSource(path="z.jsonl", columns=columns), tmp_path)


def test_a_date_and_a_time_of_day_make_a_moment(tmp_path):
    (tmp_path / "x.csv").write_text(
        "Kunde;Artikel;Datum;Uhrzeit;Betrag\n1;a;31.01.2024;18:05;3,50\n"
    )
    source = TableSource(
        path="x.csv",
        columns={"user": "Kunde", "item": "Artikel", "time": "Datum", "clock": "Uhrzeit",
                 "value": "Betrag"},
        time_format="%d.%m.%Y %H:%M",
        timezone="Europe/Berlin",
        decimal=",",
    )  # fmt: skip
    (row,) = read(source, tmp_path).interactions.to_dict("records")
    assert (str(row["time"]), row["value"]) == ("2024-01-31 17:05:00", 3.5)
