"""What is known about a user and an item before a choice: one computation for fit and world.

Everything comes from remembered events: of the user (repeat, recency, category, ...) and of a
crowd of other users (popularity, quality). Whoever fits a coefficient and whoever simulates
with it reads the same numbers from the same object. ``names`` tells what the columns of ``of``
are; ``footfall.behaviour.specs.Terms`` has a coefficient of the same name for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.alike import Alike, Tastes
from footfall.behaviour.fading import fading
from footfall.behaviour.specs import TASTES
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import ACTIONS
from footfall.users.population import Population

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

FEATURES = ("popularity", "price", "repeat", *TASTES)
"""Columns of ``PairFeatures.of``, named like the coefficients in ``behaviour.specs.Terms``."""

FADE_DAYS = 28.0
"""A purchase counts 1/e for recency after this many days."""

PRIOR = 10.0
"""Events' worth of the crowd's habits that are mixed into a user's own."""

OCCASION_PRIOR = 500.0
"""Takings' worth of the usual shares that are mixed into those of a part of the week or a month:
a month that the crowd has not lived through says nothing."""

RATING_PRIOR = 3.0
"""Ratings' worth of "average" that are mixed into the mean rating of an item or a genre. On
MovieLens small 2 to 10 cost less than 0.01 nats a choice either way."""

DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Past:
    """Remembered events of some users as columns, in any order."""

    users: Numbers
    """[n_events] number of the user, from 0."""
    items: Codes
    ages: Floats
    """[n_events] days before the moment for which features are wanted; not below 0."""
    taken: Bools
    """[n_events] bought, or liked where there are only ratings."""
    ratings: Floats
    """[n_events] NaN where the event is not a rating."""
    visits: Numbers
    """[n_users] remembered visits."""

    @property
    def n_users(self) -> int:
        """Users, with and without events."""
        return len(self.visits)

    @classmethod
    def of_rows(
        cls,
        rows: pd.DataFrame,
        users: Sequence[str],
        catalogue: Catalogue,
        at: pd.Timestamp | pd.Series,
        taken: Bools,
    ) -> Past:
        """Read canonical interactions.

        Args:
            rows: Interactions of ``users`` and of nobody else.
            users: Ids; a user's number is the place here.
            catalogue: Knows the items.
            at: The moment features are wanted for, or one a user (indexed by id).
            taken: [n_rows] what counts as taken.
        """
        numbers = pd.Series(np.arange(len(users)), index=list(users))
        user = rows["user"].map(numbers).to_numpy(dtype=np.int64)
        moment = at if isinstance(at, pd.Timestamp) else rows["user"].map(at)
        visit = rows["order"].where(rows["order"] != "", rows["time"].dt.floor("D").astype(str))
        visits = visit.groupby(user).nunique().reindex(range(len(users)), fill_value=0)
        ages = np.asarray(moment - rows["time"]) / DAY
        return cls(
            users=user,
            items=catalogue.codes(rows["item"]),
            ages=np.maximum(0.0, ages.astype(np.float64)),
            taken=taken,
            ratings=_ratings(rows),
            visits=np.asarray(visits, dtype=np.int64),
        )

    @classmethod
    def of_population(cls, population: Population, at: pd.Timestamp) -> Past:
        """What the users of a population remember at ``at``."""
        users, rows = population.event_rows()
        times = population.times[rows]
        days = times.astype("datetime64[D]").astype(np.int64)
        orders = population.orders[rows]
        visit = np.where(orders >= 0, orders, -days)
        pairs = np.unique(np.stack([users, visit]), axis=1)
        ages = (at.to_datetime64() - times) / DAY
        return cls(
            users=users,
            items=population.items[rows],
            ages=np.maximum(0.0, ages),
            taken=population.taken[rows],
            ratings=np.where(
                population.actions[rows] == ACTIONS.index("rate"),
                population.values[rows],  # noqa: PD011 - a column of ours
                np.nan,
            ),
            visits=np.bincount(pairs[0], minlength=len(population)),
        )


@dataclass(frozen=True)
class PairTable:
    """A number for some (user, item) pairs and 0 for all others, looked up by the thousand."""

    keys: Numbers
    """[n_pairs] user * n_items + item, rising."""
    values: Floats
    """[n_pairs]"""
    n_items: int

    @classmethod
    def total(cls, users: Numbers, items: Codes, amounts: Floats, n_items: int) -> PairTable:
        """Sum ``amounts`` over events, aligned with ``users`` and ``items``."""
        keys, place = np.unique(users * n_items + items, return_inverse=True)
        sums = np.bincount(place, weights=amounts, minlength=len(keys))
        return cls(keys.astype(np.int64), sums.astype(np.float64), n_items)

    def of(self, users: Numbers, items: Codes) -> Floats:
        """[n, k] of ``users`` [n] and ``items`` [n, k]; 0 for code -1."""
        wanted = users[:, None] * self.n_items + items
        if not len(self.keys):
            return np.zeros(wanted.shape)
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        found = (self.keys[places] == wanted) & (items >= 0)
        return np.where(found, self.values[places], 0.0)


@dataclass(frozen=True)
class CrowdView:
    """What a crowd of other users tells about the items."""

    popularity: Floats
    """[n_items] log(1 + takings a thousand users), older takings faded (``behaviour.fading``)."""
    quality: Floats
    """[n_items] mean rating above the raters' own means, in standard deviations of ratings,
    shrunk to 0; 0 without ratings."""
    tag_shares: Floats
    """[n_tags] share of takings."""
    rating_spread: float
    """Standard deviation of ratings around their raters' means; 1 without ratings."""
    basket: float
    """Mean takings a visit."""
    takings: tuple[Numbers, Codes]
    """[n_takings] numbers of the users, and items: who took what."""
    occasions: tuple[Floats, Floats]
    """[8, n_tags] by part of the week and [12, n_tags] by month, see ``slots_of``: log of the
    tag's share of takings then over its share at all times, shrunk to 0."""


@dataclass(frozen=True)
class Tags:
    """Categories or genres of the items."""

    codes: Codes
    """[n_items, most] tag numbers, -1 for padding."""
    names: tuple[str, ...]

    @classmethod
    def of_items(cls, items: pd.DataFrame) -> Tags:
        """Genres ("a, b") where the items have them, else the category."""
        if "genres" in items:
            lists = [[tag for tag in text.split(", ") if tag] for text in items["genres"]]
        else:
            lists = [[text] for text in items["category"]]
        names = tuple(sorted({tag for tags in lists for tag in tags}))
        number = {name: place for place, name in enumerate(names)}
        codes = np.full((len(lists), max(1, *map(len, lists))), -1, dtype=np.int32)
        for row, tags in enumerate(lists):
            codes[row, : len(tags)] = [number[tag] for tag in tags]
        return cls(codes, names)

    def count(
        self,
        items: Codes,
        users: Numbers | None = None,
        n_users: int = 1,
        amounts: Floats | None = None,
    ) -> Floats:
        """[n_users, n_tags] events, or the sum of their amounts, by tag.

        An event with several tags is shared among them.
        """
        tags = self.codes[items]
        share = 1.0 / np.maximum(1, (tags >= 0).sum(axis=1, keepdims=True))
        owner = np.zeros(len(items), dtype=np.int64) if users is None else users
        cell = owner[:, None] * len(self.names) + tags
        known = tags >= 0
        parts = np.broadcast_to(share if amounts is None else share * amounts[:, None], tags.shape)
        size = n_users * len(self.names)
        counts = np.bincount(cell[known], weights=parts[known], minlength=size)
        return np.asarray(counts.reshape(n_users, -1), dtype=np.float64)

    def mean(self, numbers: Floats, users: Numbers, items: Codes) -> Floats:
        """[n, k] mean of ``numbers`` [n_users, n_tags] over the tags of each item."""
        tags = self.codes[items]
        found = np.where(tags >= 0, numbers[users[:, None, None], tags], 0.0)
        return np.asarray(found.sum(axis=2) / np.maximum(1, (tags >= 0).sum(axis=2)))


@dataclass(frozen=True)
class PairFeatures:
    """Features of (user, item) pairs at one moment; see ``footfall.behaviour.specs.Terms``."""

    crowd: CrowdView
    tags: Tags
    price: Floats
    """[n_items] log of the price over the category's median."""
    repeat: PairTable
    recent: PairTable
    category: Floats
    """[n_users, n_tags] log of own share over the crowd's, shrunk."""
    approval: Floats
    """[n_users, n_tags] mean own rating above what this user and the items' quality let expect,
    in standard deviations, shrunk to 0; 0 without ratings."""
    appetite: Floats
    """[n_users] log of takings a visit over the crowd's, shrunk."""
    spending: Floats
    """[n_users] mean ``price`` of what was taken, shrunk to 0."""
    year: Floats
    """[n_items] year at the end of the title; the median of the others where there is none."""
    own_year: Floats
    """[n_users] mean year of what was taken, shrunk to the median."""
    mainstream: Floats
    """[n_users] mean popularity of what was taken less the population's mean, shrunk to 0."""
    curiosity: Floats
    """[n_users] share of takings that were first ones less the population's mean, shrunk to 0."""
    takings: tuple[Numbers, Codes]
    """[n_takings] numbers of the users, and items, that were taken."""

    @classmethod
    def build(cls, past: Past, crowd: CrowdView, tags: Tags, catalogue: Catalogue) -> PairFeatures:
        """Summarise what ``past`` tells about each of its users."""
        users, items = past.users[past.taken], past.items[past.taken]
        ages, n = past.ages[past.taken], len(catalogue)
        price = relative_prices(catalogue)
        counts = np.bincount(users, minlength=past.n_users).astype(np.float64)
        ones = np.ones(len(items))

        def level(of_item: Floats) -> Floats:
            sums = np.bincount(users, weights=of_item[items], minlength=past.n_users)
            return np.asarray(sums / (counts + PRIOR))

        year = title_years(catalogue)
        median = float(np.median(year)) if len(year) else 0.0
        middle = float(crowd.popularity[items].mean()) if len(items) else 0.0
        return cls(
            crowd=crowd,
            tags=tags,
            price=price,
            repeat=PairTable.total(users, items, ones, n),
            recent=PairTable.total(users, items, np.exp(-ages / FADE_DAYS), n),
            category=_category(past, crowd, tags, counts),
            approval=_approval(past, crowd, tags),
            appetite=np.log((counts + PRIOR) / (past.visits + PRIOR / crowd.basket) / crowd.basket),
            spending=level(price),
            year=year,
            own_year=level(year - median) + median,
            mainstream=level(crowd.popularity - middle),
            curiosity=_curiosity(users, items, n, counts),
            takings=(users, items),
        )

    @cached_property
    def tastes(self) -> Tastes:
        """What goes with what was taken; learned when it is first wanted."""
        alike = Alike.learn(*self.crowd.takings, len(self.price))
        return alike.of(*self.takings, len(self.appetite))

    def of(
        self,
        users: Numbers,
        items: Codes,
        times: npt.NDArray[np.datetime64] | None = None,
        shifts: Floats | None = None,
        *,
        tasteful: bool = True,
        unused: frozenset[str] = frozenset(),
    ) -> Floats:
        """[n, k, len(FEATURES)] of ``users`` [n] and ``items`` [n, k]; code -1 means nothing.

        ``times`` [n] are for ``occasion``, UTC; without them that is 0. ``shifts`` [n, k] are
        added to ``price``: log of today's price over the usual one. Without ``tasteful``, ``taste``
        is 0 and nothing is learned for it; ``unused`` features are 0, too, and cost nothing.
        """
        row = users[:, None]
        popularity, price = self.crowd.popularity[items], self.price[items]
        if shifts is not None:
            price = price + shifts
        own = self.repeat.of(users, items)
        columns: dict[str, Callable[[], Floats]] = {
            "popularity": lambda: popularity,
            "price": lambda: price,
            "repeat": lambda: np.log1p(own),
            "recency": lambda: np.log1p(self.recent.of(users, items)),
            "category": lambda: self.tags.mean(self.category, users, items),
            "approval": lambda: self.tags.mean(self.approval, users, items),
            "quality": lambda: self.crowd.quality[items],
            "appetite": lambda: np.broadcast_to(self.appetite[row], items.shape),
            "spending": lambda: self.spending[row] * price,
            "mainstream": lambda: self.mainstream[row] * popularity,
            "era": lambda: -np.abs(self.year[items] - self.own_year[row]) / 10.0,
            "unknown": lambda: (popularity == 0) * 1.0,
            "novelty": lambda: (own == 0) * self.curiosity[row],
            "occasion": lambda: self._occasion(items, times),
            "taste": lambda: self.tastes.at(users, items),
        }
        found = np.zeros((*items.shape, len(FEATURES)))
        for place, name in enumerate(FEATURES):
            if name not in unused and (tasteful or name != "taste"):
                found[:, :, place] = columns[name]()
        return found

    def _occasion(self, items: Codes, times: npt.NDArray[np.datetime64] | None) -> Floats:
        if times is None:
            return np.zeros(items.shape)
        found = np.zeros(items.shape)
        for slots, table in zip(slots_of(times), self.crowd.occasions, strict=True):
            found += self.tags.mean(table, slots, items)
        return found


def slots_of(times: npt.NDArray[np.datetime64]) -> tuple[Numbers, Numbers]:
    """[n] part of the week (weekday or weekend, in quarters of the day), and [n] month, from 0.

    Parts of the week are ``8`` and months ``12``; UTC, as everything here.
    """
    days = times.astype("datetime64[D]")
    # 1970-01-01 was a Thursday: day 3 of a week that begins on Monday.
    weekend = (days.astype(np.int64) + 3) % 7 >= 5
    hours = (times.astype("datetime64[h]") - days.astype("datetime64[h]")).astype(np.int64)
    months = times.astype("datetime64[M]").astype(np.int64) % 12
    return np.asarray(weekend * 4 + hours // 6, dtype=np.int64), months


def _curiosity(users: Numbers, items: Codes, n_items: int, counts: Floats) -> Floats:
    """[n_users] how much likelier than others' a taking is the first of its item, shrunk to 0."""
    if not len(users):
        return np.zeros(len(counts))
    firsts = np.unique(users * n_items + items) // n_items
    different = np.bincount(firsts, minlength=len(counts))
    middle = different.sum() / counts.sum()
    return np.asarray((different - middle * counts) / (counts + PRIOR))


def title_years(catalogue: Catalogue) -> Floats:
    """[n_items] the year that a title ends with, in parentheses; else the median of the others.

    0 for all where no title has one, so that nobody is near or far.
    """
    found = (re.search(r"\((1[89]\d\d|20\d\d)\)\s*$", title) for title in catalogue.titles)
    years = np.array([np.nan if one is None else float(one[1]) for one in found])
    if not np.isfinite(years).any():
        return np.zeros(len(years))
    return np.where(np.isfinite(years), years, np.nanmedian(years))


def view_crowd(rows: pd.DataFrame, catalogue: Catalogue, tags: Tags, taken: Bools) -> CrowdView:
    """Count what a crowd took and liked; ``rows`` are its interactions, ``taken`` [n_rows]."""
    codes = catalogue.codes(rows["item"])
    n = len(catalogue)
    users = max(1, rows["user"].nunique())
    counts = tags.count(codes[taken])[0]
    visit = rows["order"].where(rows["order"] != "", rows["time"].dt.floor("D").astype(str))
    visits = len(pd.DataFrame({"user": rows["user"], "visit": visit}).drop_duplicates())
    quality, spread = _quality(rows, codes, n)
    times = rows["time"].to_numpy()[taken]
    takers = pd.factorize(rows["user"][taken])[0].astype(np.int64)
    weights = fading(times, codes[taken], takers, n, users)
    return CrowdView(
        popularity=np.log1p(np.bincount(codes[taken], weights, minlength=n) * 1000.0 / users),
        quality=quality,
        rating_spread=spread,
        tag_shares=(counts + 1.0) / (counts.sum() + len(tags.names)),
        basket=max(1.0, float(taken.sum())) / max(1, visits),
        takings=(takers, codes[taken]),
        occasions=_occasions(times, codes[taken], tags),
    )


def _occasions(
    times: npt.NDArray[np.datetime64], items: Codes, tags: Tags
) -> tuple[Floats, Floats]:
    """See ``CrowdView.occasions``."""
    parts, months = (
        _log_shares(tags.count(items, slots, n), tags)
        for slots, n in zip(slots_of(times), (8, 12), strict=True)
    )
    return parts, months


def _log_shares(counts: Floats, tags: Tags) -> Floats:
    """[n_slots, n_tags] log of a tag's share in a slot over its share in all, shrunk to 0."""
    total = counts.sum(axis=0)
    share = (total + 1.0) / (total.sum() + len(tags.names))
    prior = OCCASION_PRIOR * share
    inside = (counts + prior) / (counts.sum(axis=1, keepdims=True) + OCCASION_PRIOR)
    return np.asarray(np.log(inside / share))


def _ratings(rows: pd.DataFrame) -> Floats:
    return np.asarray(rows["value"].where(rows["action"] == "rate"), dtype=np.float64)


def _quality(rows: pd.DataFrame, codes: Codes, n_items: int) -> tuple[Floats, float]:
    """[n_items] ``CrowdView.quality``, and ``CrowdView.rating_spread``."""
    ratings = pd.Series(_ratings(rows))
    above = (ratings - ratings.groupby(rows["user"].to_numpy()).transform("mean")).to_numpy()
    rated = np.isfinite(above)
    spread = float(above[rated].std()) if rated.any() else 0.0
    if spread == 0:
        return np.zeros(n_items), 1.0
    sums = np.bincount(codes[rated], weights=above[rated], minlength=n_items)
    counts = np.bincount(codes[rated], minlength=n_items)
    return np.asarray(sums / spread / (counts + RATING_PRIOR)), spread


def _category(past: Past, crowd: CrowdView, tags: Tags, counts: Floats) -> Floats:
    own = tags.count(past.items[past.taken], past.users[past.taken], past.n_users)
    share = (own + PRIOR * crowd.tag_shares) / (counts[:, None] + PRIOR)
    return np.asarray(np.log(share / crowd.tag_shares))


def _approval(past: Past, crowd: CrowdView, tags: Tags) -> Floats:
    rated = np.isfinite(past.ratings)
    users, items = past.users[rated], past.items[rated]
    ratings = past.ratings[rated] / crowd.rating_spread
    counts = np.bincount(users, minlength=past.n_users)
    own = np.bincount(users, weights=ratings, minlength=past.n_users) / np.maximum(1, counts)
    above = ratings - own[users] - crowd.quality[items]
    sums = tags.count(items, users, past.n_users, above)
    return np.asarray(sums / (tags.count(items, users, past.n_users) + RATING_PRIOR))


def relative_prices(catalogue: Catalogue) -> Floats:
    """[n_items] log of price over the median price of the category; 0 where there is no price."""
    prices = catalogue.prices
    categories, rows = np.unique(
        np.asarray(catalogue.categories, dtype=object), return_inverse=True
    )
    medians = np.array(
        [_median(prices[rows == number]) for number in range(len(categories))], dtype=np.float64
    )
    usable = (prices > 0) & (medians[rows] > 0)
    ratio = np.divide(prices, medians[rows], out=np.ones_like(prices), where=usable)
    return np.asarray(np.log(ratio))


def _median(prices: Floats) -> float:
    known = prices[prices > 0]
    return float(np.median(known)) if known.size else 0.0
