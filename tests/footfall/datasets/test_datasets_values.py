"""Money, titles and actions: what is written otherwise is read, counted or asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from footfall import Options, read_scenario, simulate
from footfall.datasets.cells import amounts, how_to_read
from footfall.errors import DataError
from footfall.runs.run import Watch
from footfall_eval import RunLog
from tables import PLAIN, noted, read, read_text

MONEY = {"value": "v", "quantity": "q"}
TO_ONE = "repaired to 1, and its money to unknown"


def test_numbers_that_cannot_be_read_are_counted_with_their_cure(tmp_path: Path) -> None:
    rows = ['u1,a,2024-01-01,"1,299.00",1', "u2,b,2024-01-02,3.00,1", 'u2,c,2024-01-02,4,"1,000"']
    text = "\n".join(["u,i,t,v,q", *rows])
    data = read_text(tmp_path, text, columns=MONEY, currency="USD")
    read_by = '`thousands: ","` reads it'
    assert [str(note) for note in data.cleaning] == [
        f'1 x quantity that is no number (such as "1,000"): {TO_ONE}; {read_by}',
        f'1 x value that is no number (such as "1,299.00"): repaired to unknown; {read_by}',
        '2 x item without a price (such as "a"): kept, but no built-in recommender shows it',
    ]
    data = read_text(tmp_path, text, columns=MONEY, currency="USD", thousands=",")
    assert data.cleaning == ()
    assert data.items["price"].tolist() == [1299.0, 3.0, 0.004]


def test_points_that_may_group_thousands_are_said(tmp_path: Path) -> None:
    rows = "u,i,t,v\n1,a,2024-01-01,{}\n2,b,2024-01-02,{}\n3,c,2024-01-03,950\n"
    columns = {"value": "v"}
    data = read_text(tmp_path, rows.format("1.299", "2.500"), columns=columns)
    (note,) = data.cleaning
    assert 'with three digits behind its point (such as "1.299")' in str(note)
    assert note.count == 2
    assert data.items["price"].tolist() == [1.299, 2.5, 950]
    for other in ("2.50", "2.5000"):
        assert not read_text(tmp_path, rows.format("1.299", other), columns=columns).cleaning
    data = read_text(
        tmp_path, rows.format("1.299", "2.500"), columns=columns, thousands=".", decimal=","
    )
    assert (data.items["price"].tolist(), data.cleaning) == ([1299, 2500, 950], ())


@pytest.mark.parametrize("value", ["1e308", "1e16", "inf"])
def test_what_no_price_is_becomes_unknown(tmp_path: Path, value: str) -> None:
    (tmp_path / "items.csv").write_text(f"i,n,p\na,A,{value}\nb,B,3\n")
    items = {"path": "items.csv", "item": "i", "title": "n", "price": "p"}
    text = f"u,i,t,v\n1,a,2024-01-01,{value}\n2,b,2024-01-02,3\n"
    for keys in ({}, {"items": items}):
        data = read_text(tmp_path, text, columns={"value": "v"}, **keys)
        assert data.items["price"].tolist() == pytest.approx([np.nan, 3], nan_ok=True)
        assert noted(data)["value beyond 1e+15"][0] == 1


def test_amounts_of_several_currencies_say_so() -> None:
    assert how_to_read("€5") == "; its currency is not that of the others"


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ({"column": "a", "flags": {"click": "b"}}, "in one `column`, or have `flags`"),
        ({"column": "a", "map": {None: "view"}}, "one of its words is empty"),
    ],
)
def test_actions_told_twice_or_of_no_word_are_refused(
    tmp_path: Path, action: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read_text(tmp_path, "u,i,t,a,b\n1,a,2024-01-01,x,1\n", action=action)


def test_a_history_that_is_lost_as_a_whole_shows_what_it_had(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"3 x event with an unknown action \(such as \"buy\"\)"):
        read_text(
            tmp_path,
            "u,i,t,a\n" + "1,a,2024-01-01,buy\n" * 3,
            action={"column": "a", "map": {"kaufen": "purchase"}},
        )


@pytest.mark.parametrize(
    ("texts", "keys", "wanted"),
    [
        (["12,50", "3,00", "4"], {"decimal": ","}, [12.5, 3, 4]),
        (["1.299,00", "12.50"], {"decimal": ",", "thousands": "."}, [1299, None]),
        (["1\u202f299,5", "1 299"], {"decimal": ",", "thousands": " "}, [1299.5, 1299]),
        (["1'299.50"], {"thousands": "'"}, [1299.5]),
        (["1,29", "12,345,678"], {"thousands": ","}, [None, 12345678]),
        (["$3.00", "$1", "2"], {}, [3, 1, 2]),
        (["3.00 EUR", "eur 5"], {}, [3, 5]),
        (["$3.00", "€5", "2"], {}, [None, None, 2]),  # of two currencies
        (["1_000", "5%", "(5.00)", "5-", "0x10", "TRUE", "5 kg", "B12"], {}, [None] * 8),
    ],
)
def test_amounts_as_people_write_them(
    texts: list[str], keys: dict[str, str], wanted: list[float | None]
) -> None:
    found = amounts(pd.Series(texts), **keys)
    expected = [np.nan if value is None else value for value in wanted]
    assert found.tolist() == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "options"),
    [("1,299.00", '`thousands: ","`'), ("1.299,00", '`thousands: "."`, `decimal: ","`'),
     ("12,50", '`decimal: ","`'), ("(5.00)", ""), ("soon", "")],
)  # fmt: skip
def test_the_option_that_would_read_a_number(text: str, options: str) -> None:
    assert how_to_read(text) == (f"; {options} reads it" if options else "")


def test_prices_of_a_catalogue_are_counted_too(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text('i,n,p\na,TV,"1,299.00"\nb,Bread,from 3\nc,Cup,4\n')
    items = {"path": "items.csv", "item": "i", "title": "n", "price": "p"}
    text = "u,i,t\nu1,a,2024-01-01\nu2,b,2024-01-02\n"
    data = read_text(tmp_path, text, items=items)
    assert noted(data) == {
        "item price that is no number": (2, "1,299.00"), "item without a price": (2, "a")
    }  # fmt: skip
    data = read_text(tmp_path, text, items=items, thousands=",")
    assert noted(data)["item price that is no number"] == (1, "from 3")


def test_two_rows_of_one_item_are_told_by_no_order(tmp_path: Path) -> None:
    rows = [
        "i1,Widget,9.99,EUR",
        "i1,Widget,1580,JPY",
        "i2,Tea,3,EUR",
        "i2,,3.2,EUR",
        "i2,Tea,3,CHF",
    ]
    items = {"path": "items.csv", "item": "i", "title": "n", "price": "p", "attributes": ["cur"]}
    found = []
    for order in (rows, rows[::-1]):
        (tmp_path / "items.csv").write_text("\n".join(["i,n,p,cur", *order]))
        data = read_text(tmp_path, "u,i,t\n1,i1,2024-01-01\n2,i2,2024-01-02\n", items=items)
        found.append(data.items.to_dict("records"))
        assert noted(data) == {
            "second row for one item": (3, ""),
            "item of which several rows tell another price": (2, "i1"),
            "item of which several rows tell another cur": (2, "i1"),
        }
    assert found[0] == found[1]
    assert [item["price"] for item in found[0]] == [9.99, 3]
    assert [item["title"] for item in found[0]] == ["Widget", "Tea"]


def test_titles_and_categories_are_each_the_most_frequent(tmp_path: Path) -> None:
    told = [
        "Milk,x",
        "Milk,x",
        "Milk,y",
        "Milk,y",
        "OLD,z",
        "OLD,z",
        "OLD,z",
        ",",
        ",",
        ",",
        ",",
        ",",
    ]
    rows = "".join(f"u{n},a,2024-01-01,{cells}\n" for n, cells in enumerate(told))
    data = read_text(tmp_path, "u,i,t,n,c\n" + rows, columns={"title": "n", "category": "c"})
    assert data.items[["title", "category"]].to_numpy().tolist() == [["Milk", "z"]]
    assert noted(data) == {
        "item of which several rows tell another title": (1, "a"),
        "item of which several rows tell another category": (1, "a"),
    }


def test_words_for_nothing_are_told_and_can_be_kept(tmp_path: Path) -> None:
    text = "u,i,t,n\nNA,a,2024-01-01,None\nu2,a,2024-01-02,Tea\n"
    data = read_text(tmp_path, text, columns={"title": "n"})
    assert [str(note) for note in data.cleaning] == [
        '1 x event without a user (such as "NA"): dropped; `missing: []` keeps such words'
    ]
    data = read_text(tmp_path, text, columns={"title": "n"}, missing=[])
    assert data.interactions["user"].tolist() == ["NA", "u2"]


@pytest.mark.parametrize(
    ("column", "words", "hint"),
    [
        ("event", ["view", "addtocart", "transaction"], "action: {column: event"),
        ("kind", ["impression", "Click"], "action: {column: kind"),
        ("clicked", ["1", "0"], "action: {flags: {click: clicked}}"),
        ("behavior_type", ["1", "4"], "action: {column: behavior_type"),
    ],
)
def test_events_are_not_taken_for_purchases(
    tmp_path: Path, column: str, words: list[str], hint: str
) -> None:
    rows = "".join(f"u1,a,2024-01-0{n},{word}\n" for n, word in enumerate(words, start=1))
    with pytest.raises(DataError) as caught:
        read_text(tmp_path, f"u,i,t,{column}\n" + rows, action=None)
    assert hint in str(caught.value)
    assert "or say action: purchase" in str(caught.value)
    assert len(read(tmp_path, action="purchase").interactions) == len(words)


@pytest.mark.parametrize(
    ("column", "words"),
    [("event", ["buy", "purchase"]), ("shop", ["North", "South"]), ("clicked", ["1", "1"])],
)
def test_purchases_need_no_name(tmp_path: Path, column: str, words: list[str]) -> None:
    rows = "".join(f"u1,a,2024-01-0{n},{word}\n" for n, word in enumerate(words, start=1))
    data = read_text(tmp_path, f"u,i,t,{column}\n" + rows, action=None)
    assert set(data.interactions["action"]) == {"purchase"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (pd.array([1, 0, None], "Int64"), {1: "purchase", 0: "view"}),
        (pd.array([1, 0, None], "Int64"), {"1": "purchase", "0": "view"}),
        ([True, False, None], {True: "purchase", False: "view"}),
        ([True, False, None], {"true": "purchase", "false": "view"}),
        (["Buy", "VIEW", "other"], {"buy": "purchase"}),
    ],
)
def test_words_of_actions_of_any_type(
    tmp_path: Path, words: object, told: dict[object, str]
) -> None:
    frame = pd.DataFrame(
        {"u": ["1", "2", "3"], "i": "a", "t": pd.Timestamp("2024-01-01"), "a": words}
    )
    frame.to_parquet(tmp_path / "log.parquet")
    data = read(tmp_path, "log.parquet", action={"column": "a", "map": told})
    assert data.interactions["action"].tolist() == ["purchase", "view"]
    assert noted(data)["event with an unknown action"][0] == 1


def test_a_table_of_users_that_knows_nobody_is_refused(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("u,age\nU-1,30\nU-2,40\n")
    users = {"path": "users.csv", "user": "u", "profile": ["age"]}
    with pytest.raises(DataError, match=r'knows none of the 1 users .* as "U-1", theirs "1"'):
        read_text(tmp_path, "u,i,t\n1,a,2024-01-01\n", users=users)


def test_a_verdict_repeats_what_was_perhaps_misread(tmp_path: Path) -> None:
    rows = "".join(
        f'{user},i{item},2024-0{month}-1{item},"{month},{item}00.50"\n'
        for user in range(9) for item in range(6) for month in (1, 2)
    )  # fmt: skip
    (tmp_path / "log.csv").write_text("u,i,t,v\n" + rows.replace('"1,000.50"', "9"))
    source = {"kind": "table", "path": "log.csv", "columns": {**PLAIN, "value": "v"}}
    raw = {
        "name": "x", "data": source, "split": {"at": "2024-02-12"}, "population": {"users": 4},
        "model": {"name": "none"}, "world": {"days": 1, "slate": 1},
        "arms": [{"name": "pop", "recommender": {"kind": "popular"}}],
    }  # fmt: skip
    scenario = tmp_path / "s.yaml"
    scenario.write_text(yaml.safe_dump(raw))
    told: list[str] = []
    options = Options(str(tmp_path / "run"), base=tmp_path)
    simulate(read_scenario(str(scenario)), options, Watch(announce=told.append))
    doubts = [text for text in RunLog.open(tmp_path / "run").cautions() if "Of the data" in text]
    assert [text.split("(")[0] for text in doubts] == [
        "Of the data: 99 x value that is no number ",
        "Of the data: 5 x item without a price ",
    ]
    assert set(doubts) <= set(told)
