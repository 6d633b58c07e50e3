"""From utilities to behaviour: read down the page, click, buy, go on, come back.

The choice is a logit with an outside option ("none of these", utility 0). The utility of
item i at position p (from 0) for user u is

    U = none + llm*LLM + position*log(1+p) + popularity*log(1+sales) + price*log(p_i/p_cat)
        + repeat*log(1+own purchases) + fatigue*times seen

where ``LLM`` is the language model's utility in nats a token or log-odds, ``sales`` the item's
remembered purchases a thousand users, and ``p_cat`` the median price of the item's category.
The user reads the page from the top and stops somewhere (``examination``); what was not read
cannot be chosen. Everything here is arithmetic on arrays of pages: no draw is made here and
nothing is remembered, so the result cannot depend on how pages were batched.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field, model_validator

from footfall.catalogue import Catalogue
from footfall.errors import did_you_mean
from footfall.spec import SPEC
from footfall.world.luck import exponential, gumbel, uniform

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]


class _Spec(BaseModel):
    model_config = SPEC


class Terms(_Spec):
    """Coefficients of the utility of a click; all are assumptions until fitted to real choices."""

    none: float = -2.0
    """Added to every item, so minus the appeal of "none of these"."""
    llm: float = 1.0
    """Per unit of the language model's utility."""
    position: float = 0.0
    """Per log(1+position); 0 because reading depth already makes low positions lose."""
    popularity: float = 0.25
    """Per log(1 + remembered purchases a thousand users)."""
    price: float = -0.3
    """Per log of the price over the category's median price."""
    repeat: float = 1.0
    """Per log(1 + own remembered purchases)."""
    fatigue: float = -0.15
    """Per earlier time that the user saw the item in this run."""
    recency: float = 0.0
    """Per log(1 + own remembered purchases, each fading with exp(-days/28))."""
    category: float = 0.0
    """Per log of the share of the item's category or genres in own takings over the crowd's."""
    approval: float = 0.0
    """Per standard deviation of own ratings of the item's genres above expectation."""
    quality: float = 0.0
    """Per standard deviation of others' ratings of the item above their own means."""
    appetite: float = 0.0
    """Per log of own takings a visit over the crowd's; moves all items against "none"."""
    spending: float = 0.0
    """Per log relative price times the mean log relative price of own takings."""
    mainstream: float = 0.0
    """Per log(1+sales) times the mean of it over own takings, centred."""
    era: float = 0.0
    """Per decade that the item's year lies away from the mean year of own takings, negative:
    larger is nearer; for titles that end with a year, such as "Heat (1995)"."""
    unknown: float = 0.0
    """If nobody of the crowd has taken the item: it is unpopular, or it is new."""
    novelty: float = 0.0
    """If the user never took the item, times how much of the own takings were first ones,
    above the population's mean: novelty seekers against creatures of habit."""
    occasion: float = 0.0
    """Per log of the share of the item's category at this time of the week and of the year over
    its share at all times."""
    trend: float = 0.0
    """Per log(1 + purchases a thousand users in the arm's last epochs); see ``social``."""
    friends: float = 0.0
    """Per friend who bought the item in the last epochs; see ``social``."""


TERMS = tuple(Terms.model_fields)
"""Names of the coefficients, in the order of columns of ``PageFeatures.own``."""


class SegmentsSpec(_Spec):
    """Coefficients of some users, in place of the common ones."""

    by: str
    """A profile column, for instance "age"."""
    click: dict[str, dict[str, float]] = Field(min_length=1)
    """Value of that column -> term -> coefficient. Users of other values keep the common ones."""

    @model_validator(mode="after")
    def _terms_exist(self) -> SegmentsSpec:
        for group, terms in self.click.items():
            for name in terms:
                if name not in TERMS:
                    raise ValueError(f'{group}: no term "{name}"; {did_you_mean(name, TERMS)}')
        return self


class MoodSpec(_Spec):
    """Satisfaction that is carried over visits, from -1 to 1; off unless it is named.

    A visit in which something was clicked lifts it, another one lowers it, each against what was
    expected (expectancy disconfirmation: Oliver, Journal of Marketing Research 17, 1980).
    """

    carry: float = Field(default=0.7, ge=0, lt=1)
    """Share of the satisfaction that is left after the next visit."""
    expects: float = Field(default=0.5, ge=0, le=1)
    """Share of visits in which the user expects to find something."""
    gap: float = Field(default=0.5, ge=-5, le=5)
    """Days to the next visit are multiplied by exp(-gap * satisfaction)."""
    go_on: float = Field(default=0.5, ge=-5, le=5)
    """Added to the log-odds of opening another page, times satisfaction."""
    click: float = Field(default=0.0, ge=-5, le=5)
    """Added to the utility of every item, times satisfaction."""


class BuyTerms(_Spec):
    """Coefficients of the log-odds of buying what was clicked."""

    base: float = -0.5
    price: float = -0.5
    """Per log of the price over the category's median price."""
    repeat: float = 0.5
    """Per log(1 + own remembered purchases)."""


class Habits(_Spec):
    """How users read, dwell and come back; assumptions until fitted."""

    examination: float = Field(default=0.5, ge=0)
    """P(reads down to position p) = (1/p)**examination, p from 1. 1 is usual for search results
    (Joachims, Swaminathan and Schnabel, WSDM 2017), 0 reads everything."""
    examine_curve: tuple[float, ...] = ()
    """Measured P(reads down to position p), from 1.0 downwards; replaces ``examination``."""
    go_on: float = Field(default=0.2, ge=-10, le=10)
    """Log-odds of opening another page after one without a click."""
    go_on_after_click: float = 0.8
    """Added to those log-odds after a click."""
    look_seconds: float = Field(default=2.0, gt=0)
    """Time to read one item of the page."""
    dwell_seconds: float = Field(default=20.0, gt=0)
    """Time on the page of a clicked item."""
    gap_days: float = Field(default=7.0, gt=0)
    """Mean gap between visits of a user whose history does not tell one."""
    picks: Literal["one", "many"] = "one"
    """"one": at most one click a page (multinomial logit). "many": every item that beats
    "none of these" is clicked (each against the outside option, sharing its noise)."""


class BehaviourSpec(_Spec):
    """Everything about behaviour that a scenario can set; see the defaults' sources above."""

    click: Terms = Terms()
    segments: SegmentsSpec | None = None
    """Coefficients of some users; None: all have the common ones."""
    spread: dict[str, float] = {}
    """Term -> standard deviation between users of its coefficient (a mixed logit): each user
    differs from everybody by a draw that stays the same in all arms and visits."""
    mood: MoodSpec | None = None
    """Satisfaction that is carried over visits; None: every visit begins alike."""
    buy: BuyTerms = BuyTerms()
    habits: Habits = Habits()
    sources: dict[Literal["click", "buy", "habits"], str] = {}
    """Where the numbers of a group come from, for instance what they were fitted to. A group
    without a source is reported as assumed."""

    @model_validator(mode="after")
    def _spreads_exist(self) -> BehaviourSpec:
        for name, value in self.spread.items():
            if name not in TERMS:
                raise ValueError(f'spread: no term "{name}"; {did_you_mean(name, TERMS)}')
            if value < 0:
                raise ValueError(f'spread: "{name}" is {value:g}; a spread is at least 0')
        return self


TASTES = (
    "recency",
    "category",
    "approval",
    "quality",
    "appetite",
    "spending",
    "mainstream",
    "era",
    "unknown",
    "novelty",
    "occasion",
)
"""Terms that are 0 until fitted; the order of the columns of ``PageFeatures.tastes``."""

SITUATION = ("trend", "friends")
"""Terms of the moment; the order of the columns of ``PageFeatures.situation``."""

NO_TASTES: Floats = np.zeros(0)


@dataclass(frozen=True)
class PageFeatures:
    """What the choice depends on; arrays of shape [n_pages, k], padded at the end of a row."""

    shown: Bools
    """False where a slate is shorter than k."""
    llm: Floats
    """NaN where the model gave no answer."""
    popularity: Floats
    price: Floats
    repeat: Floats
    seen: Floats
    tastes: Floats = field(default_factory=lambda: NO_TASTES)
    """[n_pages, k, len(TASTES)], or empty: all 0."""
    own: Floats | None = None
    """[n_pages, len(TERMS)] coefficients of the page's user; None: the common ones."""
    situation: Floats | None = None
    """[n_pages, k, len(SITUATION)]; None: all 0."""
    mood: Floats | None = None
    """[n_pages] satisfaction that the user came with; None: all 0."""
    appeal: Floats | None = None
    """Added to the utility by promotions; None: nowhere."""
    sellable: Bools | None = None
    """False: out of stock, can be clicked but not bought; None: everything is there."""
    examination: Floats | None = None
    """[n_pages] exponent of reading in place of the habit, NaN: the habit; None: all of them."""


@dataclass(frozen=True)
class PageLuck:
    """Random words: per item [n_pages, k], per page [n_pages]."""

    item_noise: Words
    item_buy: Words
    depth: Words
    outside: Words
    go_on: Words


@dataclass(frozen=True)
class Decisions:
    """What happened on each page; [n_pages, k] unless said otherwise."""

    utility: Floats
    p_examine: Floats
    p_click: Floats
    """P(clicked | page shown), before any draw."""
    p_buy: Floats
    """P(bought | clicked)."""
    examined: Bools
    clicked: Bools
    bought: Bools
    answered: Bools
    """[n_pages] False: the model gave no answer and nobody decided; the rest is then void."""
    go_on: Bools
    """[n_pages] opens another page."""
    seconds: Floats
    """[n_pages] simulated time spent."""


class Behaviour:
    """Turns pages into decisions; it knows the habits and coefficients, and no user or item."""

    def __init__(self, spec: BehaviourSpec) -> None:
        self.spec = spec

    def decide(self, features: PageFeatures, luck: PageLuck) -> Decisions:
        """Decide all pages at once."""
        habits = self.spec.habits
        utility = self._utility(features)
        reading = _reading(habits, features)
        depth = np.sum(uniform(luck.depth)[:, None] < reading, axis=1)
        examined = (np.arange(features.shown.shape[1]) < depth[:, None]) & features.shown
        answered = np.all(~np.isnan(features.llm) | ~features.shown, axis=1)
        clicked = _choose(utility, examined, luck, habits.picks) & answered[:, None]
        p_buy = _sigmoid(
            self.spec.buy.base
            + self.spec.buy.price * features.price
            + self.spec.buy.repeat * features.repeat
        )
        if features.sellable is not None:
            p_buy = np.where(features.sellable, p_buy, 0.0)
        bought = clicked & (uniform(luck.item_buy) < p_buy)
        any_click = clicked.any(axis=1)
        odds = habits.go_on + habits.go_on_after_click * np.asarray(any_click)
        if features.mood is not None and self.spec.mood is not None:
            odds = odds + self.spec.mood.go_on * features.mood
        go_on = uniform(luck.go_on) < _sigmoid(odds)
        return Decisions(
            utility=utility,
            p_examine=reading,
            p_click=click_probabilities(utility, reading, habits.picks),
            p_buy=p_buy,
            examined=examined,
            clicked=clicked,
            bought=bought,
            answered=answered,
            go_on=go_on,
            seconds=depth * habits.look_seconds + clicked.sum(axis=1) * habits.dwell_seconds,
        )

    def terms(self, features: PageFeatures) -> dict[str, Floats]:
        """What the utility is the sum of, in the order of adding; each broadcasts to [n, k]."""
        weights = _Weights(self.spec.click, features.own)
        position = np.log1p(np.arange(features.shown.shape[1], dtype=np.float64))
        terms = {
            "none": weights["none"] * np.ones((1, 1)),
            "llm": weights["llm"] * features.llm,
            "position": weights["position"] * position[None, :],
            "popularity": weights["popularity"] * features.popularity,
            "price": weights["price"] * features.price,
            "repeat": weights["repeat"] * features.repeat,
            "fatigue": weights["fatigue"] * features.seen,
        }
        if features.tastes.size:
            for number, name in enumerate(TASTES):
                terms[name] = weights[name] * features.tastes[:, :, number]
        if features.situation is not None:
            for number, name in enumerate(SITUATION):
                terms[name] = weights[name] * features.situation[:, :, number]
        if features.mood is not None and self.spec.mood is not None:
            terms["mood"] = self.spec.mood.click * features.mood[:, None]
        if features.appeal is not None:
            terms["appeal"] = features.appeal
        return terms

    def _utility(self, features: PageFeatures) -> Floats:
        # A sum of products, not a matrix product: its rounding must not depend on the batch.
        utility = reduce(np.add, self.terms(features).values())
        return np.where(features.shown, utility, -np.inf)


@dataclass(frozen=True)
class _Weights:
    """The coefficient of a term: the common one, or one a page, ready to meet [n_pages, k]."""

    common: Terms
    own: Floats | None

    def __getitem__(self, name: str) -> float | Floats:
        if self.own is None:
            return float(getattr(self.common, name))
        return np.asarray(self.own[:, TERMS.index(name), None])


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


def _reading(habits: Habits, features: PageFeatures) -> Floats:
    """[n_pages, k] P(the user reads down to this position), 0 where nothing is."""
    k = features.shown.shape[1]
    curve = np.broadcast_to(examination_curve(habits, k), features.shown.shape)
    if features.examination is not None:
        other = np.arange(1, k + 1, dtype=np.float64) ** -features.examination[:, None]
        curve = np.where(np.isnan(other), curve, other)
    return np.asarray(curve * features.shown)


def examination_curve(habits: Habits, k: int) -> Floats:
    """[k] P(the user reads down to this position); starts at 1 and never rises."""
    if habits.examine_curve:
        known = np.minimum.accumulate(np.asarray(habits.examine_curve, dtype=np.float64))
        return np.pad(known[:k], (0, max(0, k - len(known))), mode="edge")
    return np.asarray(np.arange(1, k + 1, dtype=np.float64) ** -habits.examination)


def click_probabilities(utility: Floats, reading: Floats, picks: str) -> Floats:
    """[n_pages, k] exact P(clicked), summed over how far the user may read.

    "one": sum over depths d >= i of P(depth = d) * exp(U_i) / (1 + sum of exp(U_j), j <= d).
    "many": P(read down to i) * exp(U_i) / (1 + exp(U_i)).
    """
    if picks == "many":
        return reading * _sigmoid(utility)
    scale = np.maximum(utility.max(axis=1, keepdims=True), 0.0)
    weight = np.exp(utility - scale)
    below = np.exp(-scale) + np.cumsum(weight, axis=1)
    stops = reading - np.pad(reading[:, 1:], ((0, 0), (0, 1)))
    share = np.cumsum((stops / below)[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(weight * share)


def _choose(utility: Floats, examined: Bools, luck: PageLuck, picks: str) -> Bools:
    """Gumbel noise on every item and on the outside option; the best of them wins."""
    noisy = np.where(examined, utility + gumbel(luck.item_noise), -np.inf)
    outside = gumbel(luck.outside)[:, None]
    wins = noisy > outside
    if picks == "many":
        return wins
    best = np.argmax(noisy, axis=1)[:, None]
    return np.asarray(wins & (np.arange(noisy.shape[1]) == best))


def gap_days(words: Words, mean_days: Floats) -> Floats:
    """Days until the next visit: exponential gaps, that is visits at random times."""
    return np.asarray(exponential(words) * mean_days)


def _sigmoid(x: npt.NDArray[Any]) -> Floats:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def _median(prices: Floats) -> float:
    known = prices[prices > 0]
    return float(np.median(known)) if known.size else 0.0
