"""Recommenders that a planted shop serves as code; copied beside its scenario file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from footfall.recommenders.protocol import Request, Slate


class Current:
    """The policy that wrote the log, with the same luck and propensities, frozen at the split."""

    def __init__(self) -> None:
        with np.load(Path(__file__).with_name("current.npz")) as kept:
            self._items, users = kept["items"], kept["users"]
            self._ranking, self._slate = kept["ranking"], int(kept["slate"])
            self._keenness, self._luck = float(kept["keenness"]), float(kept["luck"])
        self._rows = {str(user): row for row, user in enumerate(users)}

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """One slate a request."""
        return [self._fill(request) for request in requests]

    def _fill(self, request: Request) -> Slate:
        wide = self._slate
        gone = set(request.shown) | request.unavailable
        ranked = self._items[self._ranking[self._rows[request.user.split("~")[0]]]]
        left = [str(item) for item in ranked if item not in gone]
        rows = len(left) // wide
        keen = self._keenness ** np.arange(rows)
        of_rows = (1 - self._luck) * keen / keen.sum() + self._luck / rows
        of_turns = 1 / (3.0 + np.minimum(np.arange(wide), np.arange(wide, 0, -1)))
        of_turns /= of_turns.sum()
        rng = np.random.default_rng(request.seed)
        drawn = rng.choice(rows, size=wide, p=of_rows)
        turns = rng.choice(wide, size=rows, p=of_turns)
        places = range(min(request.k, wide))
        items = tuple(left[drawn[p] * wide + (p + turns[drawn[p]]) % wide] for p in places)
        chances = tuple(float(of_rows[drawn[p]] * of_turns[turns[drawn[p]]]) for p in places)
        return Slate(items, propensities=chances)

    def update(self, events: Any) -> None:
        """It has stopped learning."""


class ByProfile:
    """Click rates among people of the same age and device, shrunk to everybody's."""

    def __init__(self, split: Any, catalogue: Any) -> None:
        rows = split.remembered.interactions
        users = split.remembered.users.set_index("user")
        self._group = (users["age"].astype(str) + users["device"].astype(str)).to_dict()
        acts = rows.assign(group=rows["user"].map(self._group))
        acts = acts[acts["action"].isin(["view", "click"])]
        count = acts.groupby(["action", "group", "item"]).size().unstack("item", fill_value=0)
        count = count.reindex(columns=catalogue.ids, fill_value=0)
        views, clicks = count.loc["view"], count.loc["click"]
        overall = clicks.to_numpy().sum() / views.to_numpy().sum()
        rate = (clicks.sum() + 10 * overall) / (views.sum() + 10)
        own = (clicks + 60 * rate) / (views + 60)
        self._order = {
            group: [str(item) for item in row.sort_values(ascending=False, kind="stable").index]
            for group, row in own.iterrows()
        }
        self._other = [str(i) for i in rate.sort_values(ascending=False, kind="stable").index]

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """One slate a request."""
        return [self._fill(request) for request in requests]

    def _fill(self, request: Request) -> Slate:
        gone = set(request.shown) | request.unavailable
        group = self._group.get(request.user.split("~")[0], "")
        order = self._order.get(group, self._other)
        return Slate(tuple([item for item in order if item not in gone][: request.k]))

    def update(self, events: Any) -> None:
        """It has stopped learning."""
