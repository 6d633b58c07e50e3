"""Rows that came to nothing, cells that speak for a whole order, records in cells, no headers."""

import json

import numpy as np
import pandas as pd
import pytest

from footfall.datasets.guessing.asking import Told, UnansweredError, nobody
from footfall.datasets.guessing.guess import LogTables, guess
from footfall.datasets.sources import load
from footfall.errors import DataError
from logs_of_shops import clickstream, csv_file, history
from telling_logs import orders


def sales(**more):
    h = orders()
    frame = pd.DataFrame(
        {"order_id": h["order"], "customer_id": h["user"], "sku": h["item"], "date": h["at"],
         "quantity": h["units"], "price": h["price"]}
    )  # fmt: skip
    return h, frame.assign(**more)


def guessed(frame, folder, **told):
    return guess(LogTables(folder / csv_file(frame, folder)), Told(**told), nobody)


def loaded(guess, folder):
    return load(guess.source, folder).interactions


@pytest.mark.parametrize("header", ["cancelled_at", "Retourniert am", "refund_reason"])
def test_rows_that_something_undid_are_left_out_and_counted(tmp_path, header):
    h, frame = sales()
    undone = (h["order"] % 9 == 4).to_numpy()
    frame[header] = np.where(undone, "2024-05-01", "")
    found = guessed(frame, tmp_path)
    assert found.source.undone == [header]
    data = load(found.source, tmp_path)
    assert len(data.interactions) == (~undone).sum()
    assert any(header in str(note) for note in data.cleaning)


def test_money_that_came_back_undoes_a_row_and_a_part_of_it_is_asked_about(tmp_path):
    h, frame = sales()
    undone = (h["order"] % 9 == 4).to_numpy()
    total = h["price"] * h["units"]
    whole = guessed(frame.assign(total=total, refunded_amount=total.where(undone, 0)), tmp_path)
    assert whole.source.undone == ["refunded_amount"]
    part = frame.assign(total=total, refunded_amount=(total / 3).where(undone, 0).round(2))
    with pytest.raises(UnansweredError, match="a part came back"):
        guessed(part, tmp_path)
    assert guessed(part, tmp_path, actions={"*": "purchase"}).source.undone == []


def test_customers_who_come_again_undo_nothing(tmp_path):
    _, frame = sales()
    frame["returning_customer"] = np.where(frame["customer_id"] % 3 == 0, "yes", "no")
    assert guessed(frame, tmp_path).source.undone == []


def test_what_an_order_says_on_its_first_row_holds_for_all_of_them(tmp_path):
    h, frame = sales()
    first = ~frame["order_id"].duplicated()
    state = np.where(h["order"] % 9 == 4, "refunded", "paid")
    frame["financial status"] = np.where(first, state, "")
    found = guessed(frame, tmp_path)
    assert found.source.once == ["financial status"]
    assert len(loaded(found, tmp_path)) == (state == "paid").sum()


def test_records_of_json_in_cells_become_columns(tmp_path):
    h = clickstream(("viewed", "added to cart", "purchased", "searched"))
    frame = pd.DataFrame(
        {
            "event": h["action"],
            "properties": [json.dumps({"product_id": i, "price": p})
                           for i, p in zip(h["item"].tolist(), h["price"], strict=True)],
            "distinct_id": h["user"],
            "timestamp": h["at"],
        }
    )  # fmt: skip
    found = guessed(frame, tmp_path)
    assert found.source.records == ["properties"]
    assert found.source.columns.item == "properties.product_id"
    read = loaded(found, tmp_path)
    assert set(read["item"]) == set(h.loc[h["action"] != "searched", "item"].astype(str))


def test_a_log_without_headers_is_read_from_its_first_line_on(tmp_path):
    rng = np.random.default_rng(3)
    rows = []
    for _ in range(300):
        user = int(rng.integers(60))
        at = 1_700_000_000 + int(rng.integers(60 * 86_400))
        for item in rng.choice(40, 5, replace=False):
            at += int(rng.integers(5, 90))
            rows.append((900 + user, 100 + item, int(rng.integers(1, 6)), at))
    text = "\n".join("\t".join(map(str, row)) for row in rows)
    (tmp_path / "stars.txt").write_text(text + "\n")
    found = guess(LogTables(tmp_path / "stars.txt"), Told(), nobody)
    columns = found.source.columns
    assert (columns.user, columns.item, columns.value) == ("column 1", "column 2", "column 3")
    assert found.source.action == "rate"
    distinct = {(row[0], row[1], row[3]) for row in rows}
    assert len(loaded(found, tmp_path)) == len(distinct)


@pytest.mark.parametrize(
    ("named", "zone"),
    [("Eastern Time (US & Canada)", "America/New_York"), ("Europe/Oslo", "Europe/Oslo")],
)
def test_a_column_that_names_the_zone_is_believed(tmp_path, named, zone):
    _, frame = sales()
    assert guessed(frame.assign(**{"Time Zone": named}), tmp_path).source.timezone == zone


def test_words_of_one_country_tell_the_zone_of_a_language_of_many(tmp_path):
    h = history()
    frame = pd.DataFrame(
        {"fecha": h["at"].dt.strftime("%d/%m/%Y %H:%M"), "cliente": h["user"],
         "articulo": h["item"], "uds": h["units"], "pvp": h["price"]}
    )  # fmt: skip
    found = guessed(frame, tmp_path)
    assert found.source.timezone == "Europe/Madrid"
    assert any(one.what == "timezone" and one.assumed for one in found.findings)


def test_a_flag_of_sales_in_a_log_of_sales_is_no_action(tmp_path):
    _, frame = sales()
    frame["sold via advert"] = np.where(frame.index % 3 == 0, "yes", "no")
    assert guessed(frame, tmp_path).source.action == "purchase"


def test_places_where_something_was_shown_are_no_actions(tmp_path):
    h = history()
    frame = pd.DataFrame(
        {"time": h["at"], "user_id": h["user"], "item_id": h["item"], "clicked": h.index % 2,
         "surface": np.where(h.index % 3, "home", "search")}
    )  # fmt: skip
    assert guessed(frame, tmp_path).source.action.flags == {"click": "clicked"}


def test_cells_that_two_signs_keep_apart_are_named(tmp_path):
    rows = "\n".join(f"{n % 40}::{n % 30}::{n % 5 + 1}::{978300000 + n}" for n in range(400))
    (tmp_path / "ratings.dat").write_text(rows + "\n")
    with pytest.raises(DataError, match="kind: movielens"):
        guess(LogTables(tmp_path / "ratings.dat"), Told(), nobody)


def test_rows_that_name_their_items_in_another_column_are_not_lost_unsaid(tmp_path):
    h = clickstream(("viewed", "clicked", "added to cart", "purchased"))
    bought = h["action"] == "purchased"
    frame = pd.DataFrame(
        {"event": h["action"], "user_id": h["user"], "time": h["at"],
         "product_id": h["item"].astype(str).mask(bought, ""),
         "ordered_product_id": h["item"].astype(str).where(bought, "")}
    )  # fmt: skip
    with pytest.raises(DataError, match='"purchased" name their items in "ordered_product_id"'):
        guessed(frame, tmp_path)
    left = guessed(frame, tmp_path, actions={"purchased": "ignore"})
    assert "purchase" not in set(loaded(left, tmp_path)["action"])
    alone = guessed(frame.drop(columns="ordered_product_id"), tmp_path)
    assert alone.source.columns.item == "product_id"
