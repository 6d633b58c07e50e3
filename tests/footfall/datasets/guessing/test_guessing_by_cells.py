"""Headers that say nothing: who, what and how many are told by the cells, or asked."""

import numpy as np
import pandas as pd
import pytest

from footfall.datasets.guessing.asking import Told, UnansweredError, nobody
from footfall.datasets.guessing.guess import LogTables, guess
from footfall.errors import DataError
from logs_of_shops import csv_file, history

pytestmark = pytest.mark.slow

SHOWN = "%Y-%m-%d %H:%M:%S"


def orders():
    """Each of one user at one moment, no item twice, several units of some."""
    h = history()
    number = h.index // 3
    h["user"] = h["user"].to_numpy()[number * 3]
    h["at"] = h["at"].to_numpy()[number * 3]
    h["order"] = number
    h["units"] = np.random.default_rng(7).choice([1, 1, 2, 3], len(h))
    return h.drop_duplicates(["order", "item"]).reset_index(drop=True)


def log(h, **more):
    """Orders under headers of no language, the moment apart."""
    frame = pd.DataFrame(
        {
            "Qx": h["order"] + 7000,
            "date": h["at"].dt.strftime(SHOWN),
            "Zw": [f"k{user}" for user in h["user"]],
            "Vq": [f"V{item:04d}" for item in h["item"]],
            "Vqn": [f"A thing of kind {item}" for item in h["item"]],
            "Tll": h["order"] % 6,
        }
    )
    return frame.assign(**more)


def guessed(frame, folder, who=nobody, told=None):
    return guess(LogTables(folder / csv_file(frame, folder)), told or Told(), who)


def columns(guess):
    return guess.source.columns.model_dump(exclude_none=True)


def test_user_item_title_and_order_are_told_by_their_cells_and_said_to_be_assumed(tmp_path):
    found = guessed(log(orders()), tmp_path, told=Told(actions={"*": "purchase"}))
    assert columns(found) == {
        "user": "Zw", "item": "Vq", "time": "date", "order": "Qx", "title": "Vqn"
    }  # fmt: skip
    assumed = {one.what for one in found.findings if one.assumed}
    assert {"user", "item"} <= assumed


def test_events_of_visits_tell_their_user_too(tmp_path):
    rng = np.random.default_rng(5)
    rows = []
    for _ in range(300):
        user, start = int(rng.integers(40)), pd.Timestamp("2024-03-01")
        at = start + pd.Timedelta(minutes=int(rng.integers(60 * 24 * 40)))
        for item in rng.choice(30, 5, replace=False):
            at += pd.Timedelta(seconds=int(rng.integers(5, 90)))
            rows.append((f"k{user:03d}", f"V{item:03d}", f"C{item % 12:02d}", at))
    frame = pd.DataFrame(rows, columns=["Zw", "Vq", "Kk", "date"]).sort_values("date")
    frame["date"] = frame["date"].dt.strftime(SHOWN)
    found = columns(guessed(frame, tmp_path, told=Told(actions={"*": "click"})))
    assert (found["user"], found["item"]) == ("Zw", "Vq")


def test_two_columns_that_could_both_be_the_user_are_asked_about(tmp_path):
    h = orders()
    other = [f"w{(order * 7) % 38}" for order in h["order"]]
    with pytest.raises(UnansweredError, match="which column names the user"):
        guessed(log(h, Ww=other), tmp_path)


def test_a_code_beside_a_name_is_the_item(tmp_path):
    h = orders()
    frame = log(h).rename(columns={"Vqn": "product name", "Zw": "customer"})
    found = columns(guessed(frame, tmp_path, told=Told(actions={"*": "purchase"})))
    assert (found["item"], found["title"]) == ("Vq", "product name")


def test_units_are_what_turns_a_price_into_its_sum(tmp_path):
    h = orders()
    frame = log(h, Bb=h["units"], price=h["price"], Ss=(h["price"] * h["units"]).round(2))
    found = guessed(frame, tmp_path)
    assert columns(found)["quantity"] == "Bb"
    assert columns(found)["value"] == "Ss"
    assert any('"Bb" times "price" is "Ss"' in one.why for one in found.findings)


def test_a_sum_less_a_discount_is_still_what_was_paid(tmp_path):
    h = orders()
    paid = (h["price"] * h["units"] * np.where(h["user"] % 5 == 0, 0.9, 1.0)).round(2)
    frame = log(h, quantity=h["units"], price=h["price"], Ss=paid)
    assert columns(guessed(frame, tmp_path))["value"] == "Ss"


def test_an_amount_that_units_do_not_change_is_a_price_whatever_its_header(tmp_path):
    h = orders()
    frame = log(h, quantity=h["units"], amount=h["price"])
    found = columns(guessed(frame, tmp_path))
    assert found["unit_price"] == "amount"
    assert "value" not in found


def test_units_without_a_sum_are_assumed_where_one_column_can_be_them(tmp_path):
    h = orders()
    found = guessed(log(h, Bb=h["units"], price=h["price"]), tmp_path)
    assert columns(found)["quantity"] == "Bb"
    assert any(one.what == "quantity" and one.assumed for one in found.findings)


def test_places_in_an_order_are_no_units(tmp_path):
    h = orders()
    place = h.groupby("order").cumcount() + 1
    found = guessed(log(h, Bb=place, price=h["price"]), tmp_path)
    assert "quantity" not in columns(found)


def test_groups_of_people_are_no_users(tmp_path):
    h = history()
    frame = pd.DataFrame(
        {"time": h["at"], "item_id": h["item"], "clicked": h.index % 2,
         "user_feature": h["user"] % 4}
    )  # fmt: skip
    with pytest.raises(DataError, match="its 4 values are groups, not people"):
        guessed(frame, tmp_path)


def test_a_name_with_a_number_is_no_quantity(tmp_path):
    found = guessed(log(orders(), quantity="v3"), tmp_path, told=Told(actions={"*": "purchase"}))
    assert "quantity" not in columns(found)


def reviews(h, **more):
    frame = pd.DataFrame(
        {
            "review_time": h["at"].dt.strftime(SHOWN),
            "review_profilename": [f"drinker {user}" for user in h["user"]],
            "tea_id": h["item"],
            "review_overall": h.index % 5 + 1,
        }
    )
    return frame.assign(**more)


def test_whose_review_it_is_is_a_user_and_likes_of_it_are_no_pieces(tmp_path):
    h = history()
    found = guessed(reviews(h, helpful_count=h.index % 4, quantity=1 + h.index % 3), tmp_path)
    assert columns(found) == {
        "user": "review_profilename", "item": "tea_id", "time": "review_time",
        "value": "review_overall",
    }  # fmt: skip


def test_what_is_often_0_does_not_say_how_many_were_bought(tmp_path):
    h = orders()
    found = guessed(log(h, quantity=h["units"] - 1), tmp_path, told=Told(actions={"*": "purchase"}))
    assert "quantity" not in columns(found)


@pytest.mark.parametrize("state", ["Quotation", "Quotation sent"])
def test_what_was_only_offered_was_not_bought(tmp_path, state):
    h = orders()
    states = np.where(h["order"] % 9 == 4, state, "Sales order")
    frame = log(h, price=h["price"], **{"Order status": states})
    action = guessed(frame, tmp_path).source.action
    assert action.map == {"Sales order": "purchase"}
