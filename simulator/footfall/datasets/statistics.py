"""Remembered events as columns, and what they tell about each user."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.event_columns import EventColumns
from footfall.datasets.schema import ACTIONS, Split

LIKED_SHARE = 0.7
"""A rating counts as liked from this share of the best rating on: 4 and 5 of 5, or 3.5 in
half stars, the usual cut in the literature on MovieLens."""

DAYS_A_WEEK = 7.0


@dataclass(frozen=True, eq=False)
class Events(EventColumns):
    """Events of many users, one user after another, oldest first within a user."""

    names: npt.NDArray[np.object_]
    """[n_users] ids, rising; a user's *code* is the place in it."""
    offsets: npt.NDArray[np.int64]
    """[n_users + 1] rows of user ``i``: ``offsets[i]`` to ``offsets[i + 1]``."""
    unknown: int = 0
    """Events left out because the catalogue has no such item."""

    @classmethod
    def of(cls, split: Split, catalogue: Catalogue) -> Self:
        """Read the remembered interactions of a split."""
        rows = split.remembered.interactions
        codes = rows["item"].map(pd.Series(np.arange(len(catalogue)), index=list(catalogue.ids)))
        rows = rows[codes.notna()].assign(code=codes[codes.notna()].astype(np.int32))
        user, names = pd.factorize(rows["user"], sort=True)
        by_user = np.argsort(user, kind="stable")  # rows are in time order already
        orders = _order_numbers(user[by_user], rows["order"].iloc[by_user])
        # Baskets of the same second must not interleave.
        tidy = np.lexsort((orders, rows["time"].to_numpy()[by_user], user[by_user]))
        rows, user, orders = rows.iloc[by_user[tidy]], user[by_user[tidy]], orders[tidy]
        times = rows["time"].to_numpy()
        assert not len(times) or times.max() < split.at, "remembered events end before the split"
        action = rows["action"].map({name: code for code, name in enumerate(ACTIONS)})
        return cls(
            names=np.asarray(names, dtype=object),
            offsets=np.searchsorted(user, np.arange(len(names) + 1)).astype(np.int64),
            items=rows["code"].to_numpy(),
            times=times,
            actions=np.asarray(action, dtype=np.int8),
            quantities=rows["quantity"].to_numpy(dtype=np.float64),
            values=rows["value"].to_numpy(dtype=np.float64),
            orders=orders,
            unknown=int(codes.isna().sum()),
        )

    def of_users(self, codes: npt.NDArray[np.int64]) -> Self:
        """The events of some users, in that order."""
        lengths = np.diff(self.offsets)[codes]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.repeat(self.offsets[codes] - offsets[:-1], lengths) + np.arange(offsets[-1])
        chosen = self.columns(rows)
        return dataclasses.replace(self, names=self.names[codes], offsets=offsets, **chosen)

    def users(self) -> npt.NDArray[np.int64]:
        """[n_events] code of the user of every event."""
        return np.repeat(np.arange(len(self.names)), np.diff(self.offsets))

    def visits(self) -> pd.DataFrame:
        """One row a visit: ``user`` (code) and ``time`` of its first event.

        A visit is a basket; events without one make a visit a day.
        """
        day = self.times.astype("datetime64[D]").astype(np.int64)
        frame = pd.DataFrame(
            {
                "user": self.users(),
                "known": self.orders >= 0,
                "number": np.where(self.orders >= 0, self.orders, day),
                "time": self.times,
            }
        )
        firsts = frame.drop_duplicates(["user", "known", "number"])  # events are oldest first
        return firsts[["user", "time"]].reset_index(drop=True)

    def hours(self) -> npt.NDArray[np.int64]:
        """[n_users, 24] visits that began in each hour of the day, UTC."""
        visits = self.visits()
        cells = visits["user"].to_numpy() * 24 + visits["time"].dt.hour.to_numpy()
        counts = np.bincount(cells, minlength=24 * len(self.names))
        return counts.reshape(len(self.names), 24).astype(np.int64)


def user_statistics(events: Events, at: pd.Timestamp) -> pd.DataFrame:
    """One row a user with a history; ``code`` is the user's code in ``events``.

    Columns: ``events``, ``purchases`` (events), ``orders`` (visits), ``spend`` (money),
    ``days_active``, ``gap_days`` (mean days between visits, NaN with fewer than two),
    ``items_per_order``, ``spend_per_order``, ``visits_per_week`` (from the first event to ``at``).
    """
    n = len(events.names)
    user = events.users()
    bought = events.actions == ACTIONS.index("purchase")
    counts = np.bincount(user, minlength=n).astype(float)
    purchases = np.bincount(user[bought], minlength=n).astype(float)
    money = np.nan_to_num(events.values[bought])  # noqa: PD011 - a column of ours
    spend = np.bincount(user[bought], weights=money, minlength=n)
    days = np.unique(
        np.stack([user, events.times.astype("datetime64[D]").astype(np.int64)]), axis=1
    )
    times = events.visits().groupby("user")["time"]
    visit = times.agg(["size", "min", "max"]).reindex(range(n)).rename_axis(None)
    gap = (visit["max"] - visit["min"]).dt.total_seconds() / 86_400 / (visit["size"] - 1)
    weeks = (at - visit["min"]).dt.total_seconds() / 86_400 / DAYS_A_WEEK
    return pd.DataFrame(
        {
            "user": events.names,
            "code": np.arange(n),
            "events": counts,
            "purchases": purchases,
            "orders": visit["size"].astype(float),
            "spend": spend,
            "days_active": np.bincount(days[0], minlength=n).astype(float),
            "gap_days": gap.where(visit["size"] > 1),
            "items_per_order": counts / visit["size"],
            "spend_per_order": spend / visit["size"],
            # Less than a week of history does not tell a weekly rate.
            "visits_per_week": visit["size"] / weeks.clip(lower=1.0),
        }
    )


def _order_numbers(user: npt.NDArray[np.intp], order: pd.Series) -> npt.NDArray[np.int64]:
    """Number the baskets of each user by first appearance; rows are grouped by user."""
    basket = pd.factorize(order)[0].astype(np.int64)
    known = order.to_numpy() != ""
    pair = user[known].astype(np.int64) * (int(basket.max(initial=0)) + 1) + basket[known]
    number = pd.factorize(pair)[0].astype(np.int64)  # rising by first appearance
    starts = np.searchsorted(user[known], np.arange(int(user.max(initial=0)) + 1))
    first = number[np.minimum(starts, max(len(number) - 1, 0))] if len(number) else number
    out = np.full(len(user), -1, dtype=np.int64)
    out[known] = number - first[user[known]] if len(number) else number
    return out
