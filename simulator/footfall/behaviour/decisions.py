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
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.behaviour.people import PERSONAL
from footfall.behaviour.specs import SITUATION, TASTES, TERMS, BehaviourSpec, Habits, Terms
from footfall.luck import Luck, Purpose, exponential, gumbel, uniform
from footfall.run_folder.reading_on import reads_after

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]


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
    personal: Floats | None = None
    """[n_pages, k, len(PERSONAL)] terms of users fitted to pages; None: there are none."""
    buy_odds: Floats | None = None
    """Log-odds of buying what was clicked, in place of the coefficients of ``buy``."""
    going: Floats | None = None
    """[n_pages, 3] log-odds of another page, and what a click and a purchase add to them, in
    place of the habits."""


@dataclass(frozen=True)
class PageLuck:
    """Random words: per item [n_pages, k], per page [n_pages]."""

    item_noise: Words
    item_buy: Words
    depth: Words
    outside: Words
    go_on: Words
    item_look: Words

    @classmethod
    def drawn(
        cls,
        luck: Luck,
        users: Words,
        sessions: npt.NDArray[np.int64],
        pages: npt.NDArray[np.int64],
        items: Words,
        picks: str,
    ) -> PageLuck:
        """Of pages [n_pages] with ``items`` [n_pages, k]."""
        noise, buy, look, _ = luck.words(
            Purpose.ITEM, users[:, None], sessions[:, None], pages[:, None], items
        )
        if picks == "one":
            # One click a page at most: arms that get different items clicked still share the
            # luck of buying, which makes the paired difference of purchases a lot less noisy.
            once, _, _, _ = luck.words(Purpose.BUY, users, sessions, pages)
            buy = np.broadcast_to(once[:, None], buy.shape)
        depth, outside, go_on, _ = luck.words(Purpose.PAGE, users, sessions, pages)
        return cls(noise, buy, depth, outside, go_on, look)


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
        if habits.picks == "many" and habits.reads_on:
            clicked, examined = content_by_clicks(utility, reading, luck, habits.reads_on)
        else:
            clicked = _clicked(utility, examined, reading, luck, habits)
        clicked = clicked & answered[:, None]
        if habits.crowding is not None:
            examined |= clicked[:, ::-1].cumsum(axis=1)[:, ::-1] > 0  # what was clicked was read
        p_buy = self._buying(features)
        if features.sellable is not None:
            p_buy = np.where(features.sellable, p_buy, 0.0)
        bought = clicked & (uniform(luck.item_buy) < p_buy)
        go_on = uniform(luck.go_on) < _sigmoid(self._going(features, clicked, bought))
        return Decisions(
            utility=utility,
            p_examine=reading,
            p_click=chances(utility, reading, habits),
            p_buy=p_buy,
            examined=examined,
            clicked=clicked,
            bought=bought,
            answered=answered,
            go_on=go_on,
            seconds=depth * habits.look_seconds + clicked.sum(axis=1) * habits.dwell_seconds,
        )

    def _buying(self, features: PageFeatures) -> Floats:
        """[n, k] P(bought | clicked)."""
        if features.buy_odds is not None:
            return _sigmoid(features.buy_odds)
        buy = self.spec.buy
        return _sigmoid(buy.base + buy.price * features.price + buy.repeat * features.repeat)

    def _going(self, features: PageFeatures, clicked: Bools, bought: Bools) -> Floats:
        """[n] log-odds of another page."""
        habits, any_click = self.spec.habits, np.asarray(clicked.any(axis=1))
        if features.going is not None:
            base, click, purchase = features.going.T
            odds = base + click * any_click + purchase * bought.any(axis=1)
        else:
            odds = habits.go_on + habits.go_on_after_click * any_click
        if features.mood is not None and self.spec.mood is not None:
            odds = odds + self.spec.mood.go_on * features.mood
        return np.asarray(odds)

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
        if features.personal is not None:
            for number, name in enumerate(PERSONAL):
                terms[f"own {name}"] = features.personal[:, :, number]
        if features.situation is not None:
            for number, name in enumerate(SITUATION):
                terms[name] = weights[name] * features.situation[:, :, number]
        if features.mood is not None and self.spec.mood is not None:
            terms["mood"] = self.spec.mood.click * features.mood[:, None]
        if features.appeal is not None:
            terms["appeal"] = features.appeal
        return terms

    def expected(self, features: PageFeatures) -> tuple[Floats, Floats]:
        """[n_pages, k] P(clicked | page shown) and P(bought | clicked), nothing being drawn."""
        utility, reading = self._utility(features), _reading(self.spec.habits, features)
        chance = chances(utility, reading, self.spec.habits)
        return np.where(features.shown, chance, 0.0), self._buying(features)

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


def chances(utility: Floats, reading: Floats, habits: Habits) -> Floats:
    """[n_pages, k] exact P(clicked), by the habits' rule of picking."""
    if habits.picks == "many" and habits.reads_on:
        return _chances_less_by_clicks(reading * _sigmoid(utility), habits.reads_on)
    if habits.picks == "many" or habits.crowding is None:
        return click_probabilities(utility, reading, habits.picks)
    rates = reading * np.exp(np.minimum(utility, 30.0))
    # Added in order: the rounding must not depend on the batch.
    total = np.maximum(reduce(np.add, rates.T), 1e-300)[:, None]
    if habits.crowding == 0:
        some = -np.expm1(-total)
    else:
        some = -np.expm1(-np.log1p(habits.crowding * total) / habits.crowding)
    return np.asarray(rates / total * some)


def _clicked(
    utility: Floats, examined: Bools, reading: Floats, luck: PageLuck, habits: Habits
) -> Bools:
    """[n_pages, k] what is clicked, as luck has it."""
    if habits.picks == "many" or habits.crowding is None:
        return _choose(utility, examined, luck, habits.picks)
    above = noise_of_one(utility, reading, luck, habits.crowding)
    best = np.argmax(above, axis=1)[:, None]
    return np.asarray((above > 0) & (np.arange(above.shape[1]) == best))


def noise_of_one(utility: Floats, reading: Floats, luck: PageLuck, crowding: float) -> Floats:
    """[n_pages, k] by how much each item is above what a click takes, where they crowd."""
    with np.errstate(divide="ignore"):
        noisy = utility + np.log(reading) + gumbel(luck.item_noise)
    return np.asarray(noisy + np.log(_patience(uniform(luck.outside), crowding))[:, None])


def content_by_clicks(
    utility: Floats, reading: Floats, luck: PageLuck, reads_on: tuple[float, ...]
) -> tuple[Bools, Bools]:
    """What is clicked and what is looked at by users who read less after each click.

    Places are looked at independently of each other, as the position-based model has it.
    """
    look, wins = uniform(luck.item_look), uniform(luck.item_noise) < _sigmoid(utility)
    examined, clicked = np.zeros(wins.shape, dtype=bool), np.zeros(wins.shape, dtype=bool)
    left, above = reads_after(reads_on, wins.shape[1]), np.zeros(len(wins), dtype=np.int64)
    for place in range(wins.shape[1]):
        examined[:, place] = look[:, place] < reading[:, place] * left[above]
        clicked[:, place] = examined[:, place] & wins[:, place]
        above += clicked[:, place]
    return clicked, examined


def _chances_less_by_clicks(wanted: Floats, reads_on: tuple[float, ...]) -> Floats:
    """[n_pages, k] P(clicked), where ``wanted`` are the chances without any click above."""
    pages, k = wanted.shape
    after = reads_after(reads_on, k)
    clicks = np.zeros((pages, k + 1))  # P(so many clicks above)
    clicks[:, 0] = 1.0
    found = np.empty(wanted.shape)
    for place in range(k):
        hit = clicks * after * wanted[:, place, None]
        # Added in order: the rounding must not depend on the batch.
        found[:, place] = reduce(np.add, hit.T)
        clicks -= hit
        clicks[:, 1:] += hit[:, :-1]
    return found


def _patience(draws: Floats, crowding: float) -> Floats:
    """[n_pages] when the user looks no further: gamma distributed with mean 1."""
    if crowding == 0:
        return np.ones(len(draws))
    from scipy.special import gammaincinv  # noqa: PLC0415 - heavy, and seldom needed

    return np.asarray(np.maximum(gammaincinv(1 / crowding, draws) * crowding, 1e-300))


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
