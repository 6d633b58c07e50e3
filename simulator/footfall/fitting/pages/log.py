"""A log as pages: what one user was shown at one time, in order, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.in_visit import earlier
from footfall.errors import DataError
from footfall.fitting.pages.picks import Grid

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

DAY = np.timedelta64(1, "D")

BREAK_DAYS = 0.5 / 24
"""A page that comes later than half an hour after the one before begins another visit, where the
log does not name visits."""

LATEST_DAYS = 1.0
"""A click or purchase that names no page belongs to the last page that showed the item to the
user, if that was at most this long before."""


@dataclass(frozen=True, eq=False)
class PageLog:
    """Impressions, sorted by user, time, page and position; [n] unless said otherwise."""

    users: Numbers
    """Number of the user."""
    items: Numbers
    """Number of the item."""
    days: Floats
    """When the page was shown, in days since the first event."""
    pages: Numbers
    """Number of the page, rising from 0."""
    positions: Numbers
    """From 0, the top; -1 unknown."""
    clicked: Bools
    bought: Bools
    """Bought after this impression; what is bought counts as clicked."""
    propensities: Floats
    """P(this item at this position) under the policy that logged; NaN unknown."""
    page_visit: Numbers
    """[n_pages] number of the visit, rising."""
    page_number: Numbers
    """[n_pages] from 0 within the visit."""
    organic: Organic
    """What was taken without an impression that the log knows of."""
    n_users: int
    n_items: int
    start: pd.Timestamp
    """Day 0."""
    notes: tuple[str, ...] = ()
    """What had to be assumed to read the log as pages."""

    def __len__(self) -> int:
        return len(self.users)

    @property
    def n_pages(self) -> int:
        """Pages shown."""
        return len(self.page_visit)

    @cached_property
    def grid(self) -> Grid:
        """Where the rows lie on their pages."""
        return Grid.of(self.pages)

    @cached_property
    def clicks_above(self) -> Numbers:
        """[n] clicks on the same page above each impression."""
        return earlier(self.clicked.astype(np.int64), self.grid.place == 0)

    @cached_property
    def clicks_earlier(self) -> Numbers:
        """[n_pages] clicks on earlier pages of the visit."""
        clicks = np.bincount(self.pages, self.clicked, self.n_pages).astype(np.int64)
        return earlier(clicks, self.page_number == 0)

    @property
    def pairs(self) -> Numbers:
        """[n] number of the (user, item) pair."""
        return np.asarray(self.users * self.n_items + self.items)

    @property
    def last_day(self) -> float:
        """Day of the last page."""
        return float(self.days.max(initial=0.0))


@dataclass(frozen=True, eq=False)
class Organic:
    """Clicks and purchases that no logged impression led to; [m] each."""

    users: Numbers
    items: Numbers
    days: Floats
    clicked: Bools
    bought: Bools


def read_pages(
    interactions: pd.DataFrame,
    users: Sequence[str],
    items: Sequence[str],
    start: pd.Timestamp | None = None,
) -> PageLog:
    """Read canonical interactions as pages; rows of other users and items are left out.

    A page is named by the column ``page``; where that is missing or empty, it is what one user was
    shown in one order or visit, or else at one time.

    Raises:
        DataError: There are no views.
    """
    rows = _coded(interactions, users, items)
    views = rows[rows["action"] == "view"]
    if views.empty:
        raise DataError(
            "pages: the log records no views, so nobody knows what was on a page; log what was "
            "shown, too"
        )
    start = views["time"].min() if start is None else start
    notes: list[str] = []
    views = _named(views, notes)
    views = views.sort_values(["user", "time", "key", "position"], kind="stable")
    # A page may be logged over some seconds; it begins with its first row.
    began = views.groupby(["user", "key"], sort=False)["time"].transform("min")
    views = views.assign(time=began).sort_values(["user", "time", "key", "position"], kind="stable")
    again = views.duplicated(["user", "key", "item"])
    if again.any():
        notes.append(f"{int(again.sum())} items stood twice on a page; the upper place counts")
    views = views[~again].reset_index(drop=True)
    clicked, bought, organic = _outcomes(rows, views, start, notes)
    page = _numbered(views)
    first = np.flatnonzero(np.diff(page, prepend=-1))
    visit, number = _visits(views.iloc[first], start)
    return PageLog(
        users=views["user"].to_numpy(np.int64),
        items=views["item"].to_numpy(np.int64),
        days=_days(views["time"], start),
        pages=page,
        positions=_places(views, notes),
        clicked=clicked,
        bought=bought,
        propensities=_column(views, "propensity"),
        page_visit=visit,
        page_number=number,
        organic=organic,
        n_users=len(users),
        n_items=len(items),
        start=start,
        notes=tuple(notes),
    )


def _coded(rows: pd.DataFrame, users: Sequence[str], items: Sequence[str]) -> pd.DataFrame:
    user = pd.Index(list(users)).get_indexer(pd.Index(rows["user"]))
    item = pd.Index(list(items)).get_indexer(pd.Index(rows["item"]))
    return rows.assign(user=user, item=item)[(user >= 0) & (item >= 0)]


def _named(views: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """With ``key``, the page's name, and ``position``."""
    page = views["page"].fillna("").astype(str) if "page" in views else pd.Series("", views.index)
    order, time = views["order"].astype(str), views["time"].astype("int64").astype(str)
    unnamed = page == ""
    by_order = unnamed & (order != "")
    by_time = unnamed & ~by_order
    for mask, what in ((by_order, "order or visit"), (by_time, "moment")):
        if mask.any():
            notes.append(
                f"{int(mask.sum())} of {len(views)} views name no page: one page is what a user "
                f"was shown in one {what}"
            )
    key = ("p" + page).where(~unnamed, ("o" + order).where(order != "", "t" + time))
    return views.assign(key=key, position=_column(views, "position"))


def _column(rows: pd.DataFrame, name: str) -> Floats:
    if name not in rows:
        return np.full(len(rows), np.nan)
    return rows[name].to_numpy(dtype=np.float64)


def _numbered(views: pd.DataFrame) -> Numbers:
    changed = (views["user"] != views["user"].shift()) | (views["key"] != views["key"].shift())
    return np.asarray(changed.cumsum() - 1, dtype=np.int64)


def _days(times: pd.Series, start: pd.Timestamp) -> Floats:
    return np.asarray((times.to_numpy() - start.to_datetime64()) / DAY, dtype=np.float64)


def _places(views: pd.DataFrame, notes: list[str]) -> Numbers:
    """Positions from 0. A page without positions has none, whatever its order of rows."""
    known = np.isfinite(_column(views, "position"))
    if not known.all():
        notes.append(
            f"{int((~known).sum())} of {len(views)} views have no position: they are taken as read"
        )
    position = np.where(known, np.nan_to_num(views["position"].to_numpy()) - 1.0, -1.0)
    return np.asarray(np.rint(position), dtype=np.int64)


def _outcomes(
    rows: pd.DataFrame, views: pd.DataFrame, start: pd.Timestamp, notes: list[str]
) -> tuple[Bools, Bools, Organic]:
    """What each view led to, and what no view led to."""
    done = rows[rows["action"].isin(["click", "cart", "purchase"])]
    at = _named_view(done, views)
    left = np.flatnonzero(at < 0)
    at[left] = _last_view(done.iloc[left], views)
    bought = np.asarray(done["action"] == "purchase")
    found = at >= 0
    clicks = np.zeros(len(views), dtype=bool)
    clicks[at[found]] = True
    purchases = np.zeros(len(views), dtype=bool)
    purchases[at[found & bought]] = True
    if not found.all():
        notes.append(
            f"{int((~found).sum())} of {len(done)} clicks and purchases follow no view of the item "
            "within a day: they count as what the user took, not as answers to a page"
        )
    lost = done[~found]
    organic = Organic(
        users=lost["user"].to_numpy(np.int64),
        items=lost["item"].to_numpy(np.int64),
        days=_days(lost["time"], start),
        clicked=np.asarray(lost["action"] != "purchase") | True,
        bought=bought[~found],
    )
    return clicks, purchases, organic


def _named_view(done: pd.DataFrame, views: pd.DataFrame) -> Numbers:
    """[n_done] row of ``views`` with the same user, item and page (or order); -1 none."""
    if done.empty:
        return np.zeros(0, dtype=np.int64)
    named = _named(done, [])
    keys = pd.MultiIndex.from_frame(views[["user", "item", "key"]])
    wanted = pd.MultiIndex.from_frame(named[["user", "item", "key"]])
    return np.asarray(keys.get_indexer(wanted), dtype=np.int64)


def _last_view(done: pd.DataFrame, views: pd.DataFrame) -> Numbers:
    """[n_done] row of the last view of the item by the user at most a day before; -1 none."""
    if done.empty:
        return np.zeros(0, dtype=np.int64)
    left = done[["user", "item", "time"]].assign(row=np.arange(len(done))).sort_values("time")
    right = views[["user", "item", "time"]].assign(view=np.arange(len(views))).sort_values("time")
    found = pd.merge_asof(
        left, right, on="time", by=["user", "item"], tolerance=pd.Timedelta(days=LATEST_DAYS)
    )
    out = np.full(len(done), -1, dtype=np.int64)
    out[found["row"].to_numpy()] = found["view"].fillna(-1).to_numpy(np.int64)
    return out


def _visits(pages: pd.DataFrame, start: pd.Timestamp) -> tuple[Numbers, Numbers]:
    """[n_pages] number of the visit and of the page within it."""
    user, day = pages["user"].to_numpy(), _days(pages["time"], start)
    order = pages["order"].to_numpy(dtype=object)
    same = (np.diff(user, prepend=-1) == 0) & (np.diff(day, prepend=-np.inf) <= BREAK_DAYS)
    named = order != ""
    both = named & np.r_[False, named[:-1]]
    same = np.where(both, (np.diff(user, prepend=-1) == 0) & (order == np.roll(order, 1)), same)
    visit = np.cumsum(~same) - 1
    firsts = np.flatnonzero(~same)
    return visit.astype(np.int64), (np.arange(len(visit)) - firsts[visit]).astype(np.int64)
