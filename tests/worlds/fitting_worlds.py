"""Planted choices: worlds whose coefficients and favourites are known."""

import numpy as np
import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset
from footfall.datasets.split import SplitSpec, split
from footfall.fitting.logit import LogitData, probabilities

START = pd.Timestamp("2024-01-01 10:00")
DAYS = 120
AT = START.floor("D") + pd.Timedelta(days=100)


def slates(b, n=4000, k=6, *, outside=True, seed=0, none=-1.0, users=200):
    """Slates of normal features whose choices follow a logit with coefficients ``b``."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k, len(b)))
    if outside:
        x = np.concatenate([np.ones((n, k, 1)), x], axis=2)
        b = np.array([none, *b])
    shown = np.arange(k) < rng.integers(2, k + 1, n)[:, None]
    p = probabilities(x @ np.asarray(b), shown, outside=outside)
    rest = 1 - p.sum(axis=1, keepdims=True)
    draw = rng.random((n, 1))
    column = (np.cumsum(np.hstack([p, rest]), axis=1) < draw).sum(axis=1)
    chosen = np.where(column >= k, -1, column)
    return LogitData(x, shown, chosen, outside, None, rng.integers(0, users, n)), np.asarray(b)


def grocery(users=40, items=24, per_trip=3, seed=0):
    """Households that come weekly and buy mostly from three favourites; two stores.

    Favourites of user u are the items 3u, 3u+1 and 3u+2 (modulo ``items``); one bought item in
    four is random. Items come in categories of six; prices rise within a category.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        own = (3 * user + np.arange(3)) % items
        for week in range(DAYS // 7):
            time = START + pd.Timedelta(days=7 * week + user % 7, hours=user % 5)
            mixed = np.where(rng.random(per_trip) < 0.75, own, rng.integers(0, items, per_trip))
            rows += [
                (f"u{user:02d}", f"i{item:02d}", time, f"{user}/{week}", week)
                for item in np.unique(mixed)
            ]
    frame = pd.DataFrame(rows, columns=["user", "item", "time", "order", "week"])
    frame["time"] = frame["time"].astype("datetime64[ns]")
    frame = frame.assign(action="purchase", quantity=1.0, value=2.0)
    frame["store"] = np.where(frame["user"].str[-1].astype(int) % 2 == 0, "s0", "s1")
    frame = frame.sort_values(["time", "user", "item"], ignore_index=True)
    return Dataset(
        "planted",
        pd.DataFrame({"user": sorted(frame["user"].unique())}),
        goods(items),
        frame,
        currency="EUR",
    )


def goods(items):
    ids = [f"i{number:02d}" for number in range(items)]
    return pd.DataFrame(
        {
            "item": ids,
            "title": [f"Item {item}" for item in ids],
            "category": [f"c{number // 6}" for number in range(items)],
            "price": [1.0 + number % 6 for number in range(items)],
        }
    )


def films(users=30, items=20, seed=0):
    """Users who like even films (4 or 5 stars) and dislike odd ones (1 or 2); one visit each.

    User u rates on day 3u, so that a split in time leaves users who come after it.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(users):
        for place, item in enumerate(rng.permutation(items)):
            value = rng.integers(4, 6) if item % 2 == 0 else rng.integers(1, 3)
            time = START + pd.Timedelta(days=3 * user, minutes=place)
            rows.append((f"u{user:02d}", f"i{item:02d}", time, f"{user}", float(value)))
    frame = pd.DataFrame(rows, columns=["user", "item", "time", "order", "value"])
    frame["time"] = frame["time"].astype("datetime64[ns]")
    frame = frame.assign(action="rate", quantity=1.0)
    even = np.arange(items) % 2 == 0
    return Dataset(
        "films",
        pd.DataFrame({"user": sorted(frame["user"].unique())}),
        goods(items).assign(genres=np.where(even, "Drama, Comedy", "Horror"), price=np.nan),
        frame.sort_values(["time", "user", "item"], ignore_index=True),
    )


def cut(dataset, at=AT):
    """The split at ``at`` and its catalogue."""
    halves = split(dataset, SplitSpec(at=at.to_pydatetime()))
    return halves, Catalogue.from_items(halves.remembered.items, dataset.currency)
