"""Events of a log in words: what was read is told as it would be said, in the shop's own time."""

import pandas as pd
import pytest

from footfall.datasets.as_read import LONGEST_NAME, as_read
from footfall.datasets.schema import Dataset


def dataset(rows, **more):
    plain = {"quantity": 1.0, "value": float("nan"), "order": ""}
    events = pd.DataFrame([{**plain, **row} for row in rows])
    events["time"] = pd.to_datetime(events["time"])
    items = pd.DataFrame({"item": ["t1", "t2"], "title": ["Green tea", "t2"]})
    users = pd.DataFrame({"user": events["user"].unique()})
    return Dataset("a shop", users, items, events, **more)


def event(action, item="t1", time="2024-07-02 12:28:05", **more):
    return {"user": "u9", "item": item, "action": action, "time": time, **more}


def test_each_action_is_told_once_in_local_time():
    rows = [
        event("view", page="p7", position=2.0, propensity=0.125),
        event("click", "t2", page="p7", position=float("nan"), propensity=float("nan")),
        event("purchase", quantity=3.0, value=1234.5, order="88", page=""),
    ]
    assert as_read(dataset(rows, currency="EUR"), "Europe/Madrid") == (
        (
            'Tuesday 2024-07-02 14:28:05: u9 was shown t1 "Green tea", page p7, place 2, '
            "shown with a chance of 0.125"
        ),
        "Tuesday 2024-07-02 14:28:05: u9 clicked t2, page p7",
        'Tuesday 2024-07-02 14:28:05: u9 bought 3 of t1 "Green tea" for 1,234.50 EUR, order 88',
    )


def test_days_without_hours_are_told_without_hours():
    rows = [event("rate", time=f"2024-07-0{day}", value=4.5) for day in (2, 3)]
    assert as_read(dataset(rows), "UTC") == ('Wednesday 2024-07-03: u9 rated t1 "Green tea" 4.5',)


def test_of_purchases_one_of_several_pieces_is_told_for_it_shows_whose_price_was_read():
    rows = [event("purchase", value=2.0) for _ in range(9)]
    rows.append(event("purchase", "t2", quantity=4.0, value=8.0))
    assert as_read(dataset(rows), "UTC")[0].endswith("u9 bought 4 of t2 for 8.00")


def test_long_titles_are_cut_where_one_can_see_it():
    found = dataset([event("click")])
    found.items.loc[0, "title"] = "x" * 90
    (line,) = as_read(found, "UTC")
    assert line.endswith(f'"{"x" * (LONGEST_NAME - 1)}…"')


@pytest.mark.parametrize("action", ["view", "purchase"])
def test_a_log_of_one_action_has_one_line(action):
    assert len(as_read(dataset([event(action), event(action)]), "UTC")) == 1
