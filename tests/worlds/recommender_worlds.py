"""Small worlds for the tests of recommenders, with answers that are obvious to the eye."""

import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset, Split
from footfall.recommenders import Request, Slate

NOON = pd.Timestamp("2024-03-01 12:00")


def interactions(rows):
    """``rows`` of (user, item[, action[, value]])."""
    filled = [(*row, *("purchase", 1.0)[len(row) - 2 :]) for row in rows]
    frame = pd.DataFrame(filled, columns=["user", "item", "action", "value"])
    return frame.assign(
        time=pd.to_datetime("2024-01-01") + pd.to_timedelta(range(len(frame)), unit="min"),
        quantity=1.0,
        order="",
        value=frame["value"].astype(float),
    )[["user", "item", "action", "time", "quantity", "value", "order"]]


def world(rows, items, prices=None):
    """A split whose remembered part is ``rows``, and the catalogue of ``items``."""
    frame = interactions(rows)
    catalogue_items = pd.DataFrame(
        {
            "item": items,
            "title": [f"Item {item}" for item in items],
            "category": "all",
            "price": [1.0] * len(items) if prices is None else prices,
        }
    )
    users = pd.DataFrame({"user": sorted(set(frame["user"]))})
    remembered = Dataset("planted", users, catalogue_items, frame)
    held_out = interactions([("future", items[0])])
    return Split(NOON, remembered, held_out), Catalogue.from_items(catalogue_items)


def two_clubs(members=12, size=8):
    """Two clubs that buy disjoint items; each member misses one item of the club.

    Items "a0".."a7" and "b0".."b7"; user "A3" has bought every "a" but "a3".
    """
    rows = [
        (f"{club.upper()}{member}", f"{club}{item}")
        for club in "ab"
        for member in range(members)
        for item in range(size)
        if item != member % size
    ]
    return world(rows, [f"{club}{item}" for club in "ab" for item in range(size)])


def request(user="A0", *, k=3, shown=(), seed=0, page=0, session=0):
    return Request(user, session, page, NOON, k, tuple(shown), seed=seed)


class Canned:
    """A recommender that answers whatever it was told to."""

    def __init__(self, answer):
        self.answer = answer
        self.calls = []

    def recommend(self, requests):
        self.calls.append(len(requests))
        return [self.answer(one) if callable(self.answer) else self.answer for one in requests]

    def update(self, events):
        raise RuntimeError("cannot learn")


def popular_function(requests, depth=3):
    """For ``callable``: a plain function that mixes slates and lists."""
    return [
        Slate(("a0", "a1")) if number % 2 else ["b0", "b1", "b2"][:depth]
        for number, _ in enumerate(requests)
    ]
