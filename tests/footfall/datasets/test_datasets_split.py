"""A split never leaks: not rows, not prices."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from footfall.datasets.split import SplitSpec, split
from footfall.errors import DataError
from histories import dataset, week

EVENTS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.sampled_from("xyz"),
        st.integers(0, 20),
        st.floats(0.1, 9.0, allow_nan=False),
    ),
    min_size=2,
    max_size=30,
)


def toy(events: list[tuple[str, str, int, float]]):
    rows = [
        {
            "user": user,
            "item": item,
            "time": pd.Timestamp("2024-01-01") + pd.Timedelta(days=day),
            "quantity": 1.0,
            "value": value,
            "order": str(number),
        }
        for number, (user, item, day, value) in enumerate(events)
    ]
    return dataset(rows, prices_from_interactions=True)


@settings(max_examples=60)
@given(events=EVENTS, day=st.integers(0, 21), changed=st.floats(10, 99))
def test_split_keeps_every_row_on_its_side_and_prices_apart(
    events: list[tuple[str, str, int, float]], day: int, changed: float
) -> None:
    data = toy(events)
    at = dt.date(2024, 1, 1) + dt.timedelta(days=day)
    days = {event[2] for event in events}
    if not min(days) < day <= max(days):
        with pytest.raises(DataError, match="the data runs from 2024-01"):
            split(data, SplitSpec(at=at))
        return
    cut = split(data, SplitSpec(at=at))
    past = cut.remembered.interactions
    assert (past["time"] < cut.at).all()
    assert (cut.held_out["time"] >= cut.at).all()
    both = pd.concat([past, cut.held_out], ignore_index=True)
    pd.testing.assert_frame_equal(both, data.interactions)
    # Whatever happens later, the remembered side stays the same.
    later = toy([(u, "z", d, changed) if d >= day else (u, i, d, v) for u, i, d, v in events])
    again = split(later, SplitSpec(at=at)).remembered
    pd.testing.assert_frame_equal(past, again.interactions)
    mine = cut.remembered.items.set_index("item")["price"].dropna().sort_index()
    theirs = again.items.set_index("item")["price"].dropna().sort_index()
    pd.testing.assert_series_equal(mine, theirs)


def test_an_item_first_sold_later_has_no_price_yet() -> None:
    data = dataset(
        week("a", [1, 2], ["x"], 2.0) + week("a", [9], ["x", "new"], 8.0),
        prices_from_interactions=True,
    )
    assert data.items.set_index("item")["price"]["new"] == 8.0
    prices = split(data, SplitSpec(at=dt.date(2024, 1, 5))).remembered.items.set_index("item")
    assert prices["price"]["x"] == 2.0
    assert np.isnan(prices["price"]["new"])


def test_listed_prices_stay() -> None:
    items = pd.DataFrame({"item": ["x"], "title": ["X"], "price": [5.0]})
    data = dataset(week("a", [1, 9], ["x"]), items=items)
    assert split(data, SplitSpec(fraction=0.5)).remembered.items["price"].tolist() == [5.0]


def test_fraction_cuts_in_time_order() -> None:
    data = dataset(week("a", [1, 2, 3, 4], ["x"]))
    cut = split(data, SplitSpec(fraction=0.75))
    assert len(cut.remembered.interactions) == 3
    assert cut.at == pd.Timestamp("2024-01-04 18:30")


def test_a_moment_with_a_zone_is_converted() -> None:
    data = dataset(week("a", [1, 2], ["x"]))
    cut = split(data, SplitSpec.model_validate({"at": "2024-01-02T18:00:00+01:00"}))
    assert cut.at == pd.Timestamp("2024-01-02 17:00")


@pytest.mark.parametrize("keys", [{}, {"at": "2024-01-01", "fraction": 0.5}, {"fraction": 1.0}])
def test_exactly_one_way_to_say_where(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SplitSpec.model_validate(keys)
