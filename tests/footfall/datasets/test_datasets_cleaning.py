"""Nothing is dropped or repaired without a count, and what is left passes the schema."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from footfall.errors import DataError
from histories import dataset

GOOD = {"user": "a", "item": "x", "time": "2024-01-01", "quantity": 1.0, "value": 1.0}


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ({"user": None}, "event without a user"),
        ({"user": "  "}, "event without a user"),
        ({"item": None}, "event without an item"),
        ({"time": None}, "event with no readable time"),
        ({"time": "1969-12-31"}, "event before 1970-01-01, which is impossible"),
        ({"time": "2200-01-01"}, "event after now, which is impossible"),
        ({"action": "teleport"}, "event with an unknown action"),
        ({"quantity": 0.0}, "event with a quantity of zero or less (a return or a void)"),
        ({"quantity": -2.0}, "event with a quantity of zero or less (a return or a void)"),
        ({"quantity": math.inf}, "event with a quantity beyond 1e+15"),
        ({"value": -0.5}, "event with money below zero"),
        ({"action": "rate", "value": math.nan}, "rating without a value"),
        ({}, "duplicate event"),
    ],
)
def test_a_bad_event_is_dropped_and_counted(bad: dict[str, object], problem: str) -> None:
    good = {**GOOD, "action": "purchase"}
    data = dataset([good, {**good, **bad}])
    assert len(data.interactions) == 1
    assert [(c.problem, c.action, c.count) for c in data.cleaning] == [(problem, "dropped", 1)]


def test_repairs_are_counted_too() -> None:
    items = pd.DataFrame(
        {
            "item": ["x", "x", None, "y"],
            "title": ["X", "again", "nameless", None],
            "price": [1.0, 2.0, 3.0, -4.0],
        }
    )
    rows = [
        {**GOOD, "quantity": math.nan},
        {**GOOD, "item": "y", "value": math.inf},
        {**GOOD, "item": "z"},
        {**GOOD, "user": "c"},
    ]
    data = dataset(rows, items=items, users=pd.DataFrame({"user": ["b", "c"], "age": ["20", "30"]}))
    assert {(c.problem, c.action, c.count) for c in data.cleaning} == {
        ("event without a quantity", "repaired to 1", 1),
        ("value beyond 1e+15", "repaired to unknown", 1),
        ("second row for one item", "dropped", 1),
        ("item of which several rows tell another title", "the most frequent taken", 1),
        ("item of which several rows tell another price", "the most frequent taken", 1),
        ("item without a price", "kept, but no built-in recommender shows it", 1),
        ("item row without an id", "dropped", 1),
        ("item without a title", "repaired from its id", 1),
        ("item with an impossible price", "repaired to unknown", 1),
        ("event with an item that the catalogue lacks", "dropped", 1),
        ("user without a profile", "repaired with an empty one", 1),
    }
    assert list(data.items["title"]) == ["X", "Untitled item y"]
    assert data.items["price"].isna().tolist() == [False, True]
    assert list(data.users["user"]) == ["a", "b", "c"]


def test_a_clean_history_reports_nothing() -> None:
    assert dataset([GOOD]).cleaning == ()


def test_whole_numbers_become_the_same_id_however_they_are_stored() -> None:
    rows = [{**GOOD, "user": 7.0}, {**GOOD, "user": None}, {**GOOD, "user": 8.0}]
    assert set(dataset(rows).interactions["user"]) == {"7", "8"}


def test_the_order_of_the_source_does_not_matter() -> None:
    rows = [
        {**GOOD, "user": user, "item": item, "time": f"2024-01-0{day}"}
        for user in "ab"
        for item in "xy"
        for day in (1, 2)
    ]
    forward, backward = dataset(rows), dataset(rows[::-1])
    pd.testing.assert_frame_equal(forward.interactions, backward.interactions)
    pd.testing.assert_frame_equal(forward.users, backward.users)


def test_an_empty_history_is_one_line_that_says_what_was_lost() -> None:
    with pytest.raises(DataError, match=r"^toy: no usable history is left \(1 x event without"):
        dataset([{**GOOD, "user": None}])


def test_a_declared_period_is_enforced() -> None:
    rows = [{**GOOD, "time": f"2024-01-0{day}"} for day in (1, 2, 3)]
    data = dataset(rows, earliest=pd.Timestamp("2024-01-02"), latest=pd.Timestamp("2024-01-02"))
    assert len(data.interactions) == 1
    assert sum(c.count for c in data.cleaning) == 2
