"""``footfall init`` on orders of which some came to nothing: none of them is read as a purchase."""

import numpy as np
import pandas as pd
import pytest

from footfall.datasets.guessing.asking import Told, UnansweredError, nobody, usual
from footfall.datasets.guessing.guess import LogTables, guess
from footfall.datasets.guessing.words import action_of, is_done, is_void
from footfall.datasets.sources import load
from logs_of_shops import csv_file
from telling_logs import orders

pytestmark = pytest.mark.slow


def with_state(header, good, bad, every=9):
    h = orders()
    h[header] = np.where(h["order"] % every == 3, bad, good)
    names = {"order": "order_id", "user": "customer", "item": "sku", "at": "ordered_at"}
    return h[["order", "user", "item", "units", "price", "at", header]].rename(columns=names)


def read(frame, folder, told=None, who=nobody):
    log = folder / csv_file(frame, folder)
    found = guess(LogTables(log), told or Told(), who)
    return found, load(found.source, folder).interactions


@pytest.mark.parametrize(
    ("header", "good", "bad"),
    [
        ("주문상태", "배달완료", "주문취소"),
        ("Stav", "Vybavená", "Stornovaná"),
        ("Състояние", "Приключена", "Върната"),
        ("配送状況", "出荷済み", "返品済み"),
        ("is_cancelled", "0", "1"),
        ("Returned", "No", "Yes"),
        ("storniert", "nein", "ja"),
    ],
)
def test_orders_that_came_to_nothing_are_left_out(tmp_path, header, good, bad):
    frame = with_state(header, good, bad)
    _, rows = read(frame, tmp_path)
    assert set(rows["action"]) == {"purchase"}
    assert len(rows) == (frame[header] == good).sum()


@pytest.mark.parametrize(
    ("header", "good", "bad"),
    [
        ("order_status", "completed", "on hold"),
        ("status", "shipped", "on its way"),
        ("状态", "甲", "乙"),
        ("order_status", "1", "5"),
        ("Anulat", "zz", "qq"),
    ],
)
def test_a_state_that_no_list_knows_is_asked_about(tmp_path, header, good, bad):
    frame = with_state(header, good, bad)
    with pytest.raises(UnansweredError, match=f"{header}: did orders that are "):
        read(frame, tmp_path)
    told = Told(actions={good: "purchase", bad: "ignore"})
    _, rows = read(frame, tmp_path, told)
    assert len(rows) == (frame[header] == good).sum()
    found, rows = read(frame, tmp_path, who=usual)
    assert any(f.what.startswith("action ") and f.assumed for f in found.findings)


def test_rows_that_are_filled_where_an_order_was_cancelled_are_left_out(tmp_path):
    frame = with_state("cancelled_at", "", "2024-03-01 10:00:00")
    _, rows = read(frame, tmp_path)
    assert len(rows) == (frame["cancelled_at"] == "").sum()
    _, rows = read(frame, tmp_path, Told(actions={"*": "purchase"}))
    assert len(rows) == len(frame)


def test_the_status_of_a_customer_is_no_state_of_orders(tmp_path):
    frame = with_state("x", "a", "b").drop(columns="x")
    frame["member_status"] = np.where(frame["customer"] % 2, "gold", "cancelled")
    frame["status"] = np.where(frame["sku"] % 2, "discontinued", "cancelled")
    _, rows = read(frame, tmp_path)
    assert len(rows) == len(frame)


@pytest.mark.parametrize("word", ["미완료", "未完了", "未付款", "awaiting payment", "not shipped"])
def test_what_is_still_to_come_has_not_come_about(word):
    assert not is_done(word)
    assert not is_void(word)


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("PLAY_START", "click"),
        ("stream started", "click"),
        ("Checkout Started", "ignore"),
        ("order_started", "ignore"),
        ("started", "ignore"),
        ("video start", None),
        ("add_to_wishlist", "click"),
        ("Product Added", "cart"),
        ("add_to_cart", "cart"),
        ("add to basket from wishlist", "cart"),
    ],
)
def test_verbs_of_beginning_and_adding_leave_the_meaning_to_other_words(word, action):
    assert action_of(word) == action


@pytest.mark.parametrize(
    ("header", "code"), [("Ціна, грн", "UAH"), ("Price/EUR", "EUR"), ("Amount [USD]", "USD")]
)
def test_a_header_names_its_currency_behind_any_sign(tmp_path, header, code):
    frame = with_state("x", "a", "b").drop(columns="x").rename(columns={"price": header})
    found, _ = read(frame, tmp_path)
    assert found.source.currency == code


@pytest.mark.parametrize("header", ["display_order", "sort_order", "order_in_list"])
def test_an_order_of_things_on_a_page_is_a_place_and_no_purchase_order(tmp_path, header):
    rng = np.random.default_rng(4)
    pages, places = 300, 6
    frame = pd.DataFrame(
        {
            "request": np.repeat([f"r{n:04d}" for n in range(pages)], places),
            "customer_key": np.repeat(rng.integers(0, 60, pages), places),
            "sku": [f"z{n}" for n in rng.permuted([range(40)] * pages, axis=1)[:, :places].ravel()],
            header: np.tile(np.arange(places) + 1, pages),
            "served_at": np.repeat(
                pd.date_range("2026-01-05", periods=pages, freq="37min").astype(str), places
            ),
            "is_clicked": rng.random(pages * places) < 0.2,
        }
    )
    found, rows = read(frame, tmp_path)
    assert found.source.columns.position == header
    assert found.source.columns.order is None
    assert rows.loc[rows["action"] == "view", "position"].nunique() == places
