"""Carts, quantities, budgets, ratings and the next page: what follows a page's clicks.

Arithmetic on arrays of pages, like ``behaviour.decisions``; all luck is keyed by user, visit, page
and item, so the same item gets the same rating in every arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.behaviour.decisions import Decisions, PageFeatures
from footfall.behaviour.features import FEATURES, PairFeatures
from footfall.behaviour.ratings import RatingModel
from footfall.behaviour.specs import TASTES, BehaviourSpec
from footfall.luck import Luck, Purpose, uniform
from footfall.world.actions.reviews import review
from footfall.world.actions.search import query_for
from footfall.world.actions.specs import ActionsSpec, RateSpec
from footfall.world.pages import Happening, PageRequest

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int32]

STRONG = 0.7
"""A term that lowers the mean item's utility by this much halves its odds: a reason to leave."""


@dataclass(frozen=True)
class Acts:
    """What followed some pages; rows are pages."""

    decisions: Decisions
    """With what the budget forbids not bought."""
    quantity: Floats
    """[n, k] pieces of what was bought; 0 elsewhere."""
    happenings: list[list[Happening]]
    then: list[tuple[str, str]]
    """("search", query), ("similar", item's code as text), or ("", "") for what usually comes."""
    reasons: list[str]
    """Why the user would leave after this page; "" unless wanted."""


@dataclass(frozen=True)
class Funnel:
    """The actions of a scenario for one population; plain, so that workers can be sent it."""

    spec: ActionsSpec
    behaviour: BehaviourSpec
    luck: Luck
    users: npt.NDArray[np.uint64]
    items: npt.NDArray[np.uint64]
    titles: tuple[str, ...]
    quantities: Floats
    """[n_items] mean pieces a purchase."""
    budgets: Floats
    """[n_users] money a visit; infinite without a budget."""
    leniency: Floats
    """[n_users]"""
    ratings: RatingModel | None
    known: PairFeatures

    def act(
        self,
        requests: Sequence[PageRequest],
        items: Codes,
        features: PageFeatures,
        prices: Floats,
        decisions: Decisions,
    ) -> Acts:
        """Follow pages that were decided.

        Args:
            requests: The pages.
            items: [n, k] codes, -1 padding.
            features: What the decisions were made from.
            prices: [n, k] unit prices, NaN where there is none.
            decisions: Clicks, and purchases before budget and quantity.
        """
        words = self._words(requests, items)
        left = self.budgets[[r.user for r in requests]] - [r.spent for r in requests]
        quantity, decisions, over = self._pay(items, prices, decisions, words[0], left)
        carted = self._carted(decisions, words[1])
        rows: list[list[Happening]] = [[] for _ in requests]
        for n, column in np.argwhere(decisions.clicked | over).tolist():
            rows[n] += self._after_click(
                requests[n], int(items[n, column]),
                bought=float(quantity[n, column]), price=float(prices[n, column]),
                carted=bool(carted[n, column]), over=bool(over[n, column]),
            )  # fmt: skip
        self._rate(rows, requests, items, decisions, words)
        then = self._then(requests, items, decisions)
        return Acts(decisions, quantity, rows, then, self._reasons(features, decisions, over))

    def _words(self, requests: Sequence[PageRequest], items: Codes) -> list[Floats]:
        """Four uniform draws an item: pieces, whether it is rated, the rating, the review."""
        users = self.users[[r.user for r in requests]]
        sessions = np.array([r.session for r in requests])
        pages = np.array([r.page for r in requests])
        words = self.luck.words(
            Purpose.ACT, users[:, None], sessions[:, None], pages[:, None], self.items[items]
        )
        return [uniform(word) for word in words]

    def _pay(
        self, items: Codes, prices: Floats, decisions: Decisions, draws: Floats, left: Floats
    ) -> tuple[Floats, Decisions, Bools]:
        """Pieces bought, decisions under the budget, and what was wanted but not affordable."""
        mean = self.quantities[items]
        more = 1.0 - 1.0 / np.maximum(mean, 1.0)
        with np.errstate(divide="ignore"):
            extra = np.where(more > 0, np.floor(np.log(draws) / np.log(np.maximum(more, 1e-12))), 0)
        wanted = np.where(decisions.bought, 1.0 + extra, 0.0)
        if self.spec.quantity is None:
            wanted = decisions.bought * 1.0
        if self.spec.budget is None:
            return wanted, decisions, np.zeros_like(decisions.bought)
        cost = np.nan_to_num(prices)
        affordable = cost <= left[:, None]
        quantity = wanted.copy()
        for n in np.flatnonzero((wanted * cost).sum(axis=1) > left).tolist():
            quantity[n] = _within(wanted[n], cost[n], float(left[n]))
        bought = quantity > 0
        over = decisions.bought & ~bought
        p_buy = np.where(affordable, decisions.p_buy, 0.0)
        return quantity, replace(decisions, bought=bought, p_buy=p_buy), over

    def _carted(self, decisions: Decisions, draws: Floats) -> Bools:
        """What was put into the cart; everything bought was."""
        if self.spec.cart is None:
            return decisions.bought
        # P(cart | click) = P(bought | click) / (1 - abandoned), at most 1.
        into = np.minimum(1.0, decisions.p_buy / (1.0 - self.spec.cart.abandoned))
        without = np.divide(
            into - decisions.p_buy, 1.0 - decisions.p_buy, out=np.zeros_like(into),
            where=decisions.p_buy < 1.0,
        )  # fmt: skip
        return np.asarray(decisions.bought | (decisions.clicked & (draws < without)))

    def _after_click(
        self, request: PageRequest, item: int,
        *, bought: float, price: float, carted: bool, over: bool,
    ) -> list[Happening]:  # fmt: skip
        """Rows of the log for one clicked item."""

        def row(action: str, quantity: float = np.nan, value: float = np.nan) -> Happening:
            return Happening(
                request.session, request.page, request.time, action, item, quantity, value,
                request.kind,
            )  # fmt: skip

        found = [row("click")] if request.kind else []
        if self.spec.cart is not None and (carted or over):
            found.append(row("cart", max(1.0, bought), price))
        if bought and (request.kind or self.spec.quantity is not None):
            found.append(row("purchase", bought, bought * price))
        if over:
            found.append(row("over budget", value=price))
        return found

    def _rate(
        self,
        rows: list[list[Happening]],
        requests: Sequence[PageRequest],
        items: Codes,
        decisions: Decisions,
        words: list[Floats],
    ) -> None:
        """Add ratings, thumbs and reviews to the rows."""
        spec, model = self.spec.rate, self.ratings
        if spec is None or model is None:
            return
        took = decisions.bought if spec.of == "bought" else decisions.clicked
        cells = np.argwhere(took & (words[1] < spec.share))
        users = np.array([requests[n].user for n in cells[:, 0].tolist()], dtype=np.int64)
        codes = items[cells[:, 0], cells[:, 1]]
        known = self.known.of(users, codes[:, None], tasteful=False)[:, 0]
        quality, approval = (known[:, FEATURES.index(name)] for name in ("quality", "approval"))
        draws = words[2][cells[:, 0], cells[:, 1]]
        stars = model.draw(self.leniency[users], quality, approval, draws)
        said = words[3][cells[:, 0], cells[:, 1]]
        for (n, _), item, star, word in zip(
            cells.tolist(), codes.tolist(), stars.tolist(), said.tolist(), strict=True
        ):
            rows[n] += self._rating(spec, model, requests[n], item, star, word)

    def _rating(
        self, spec: RateSpec, model: RatingModel, request: PageRequest, item: int, star: float,
        word: float,
    ) -> list[Happening]:  # fmt: skip
        def row(action: str, text: str = "") -> Happening:
            return Happening(
                request.session, request.page, request.time, action, item, value=star, text=text
            )

        found = [row("rate")]
        if spec.like_from is not None and star >= spec.like_from:
            found.append(row("like"))
        if spec.dislike_to is not None and star <= spec.dislike_to:
            found.append(row("dislike"))
        if word < spec.review:
            place = float(np.searchsorted(model.levels, star)) / (len(model.levels) - 1)
            found.append(row("review", review(self.titles[item], place, word / spec.review)))
        return found

    def _then(
        self, requests: Sequence[PageRequest], items: Codes, decisions: Decisions
    ) -> list[tuple[str, str]]:
        """Whether a search or similar items come next."""
        search, similar = self.spec.search, self.spec.similar
        found = [("", "")] * len(requests)
        if search is None and similar is None:
            return found
        words = self.luck.words(
            Purpose.NEXT,
            self.users[[r.user for r in requests]],
            np.array([r.session for r in requests]),
            np.array([r.page for r in requests]),
        )
        searching, looking, wish, _ = (uniform(word).tolist() for word in words)
        clicked, go_on = decisions.clicked, decisions.go_on.tolist()
        for n, request in enumerate(requests):
            if not decisions.answered[n]:
                continue
            if clicked[n].any():
                if similar is not None and looking[n] < similar.share:
                    found[n] = ("similar", str(int(items[n, int(np.argmax(clicked[n]))])))
            elif search is not None and not go_on[n] and searching[n] < search.share:
                found[n] = ("search", query_for(self.titles[self._wished(request.user, wish[n])]))
        return found

    def _wished(self, user: int, draw: float) -> int:
        """An item that the user might look for: one of the own past ones, the fresher the likelier.

        Somebody without a past wishes for what is popular.
        """
        recent = self.known.recent
        first, last = np.searchsorted(
            recent.keys, [user * recent.n_items, (user + 1) * recent.n_items]
        )
        if first < last:
            weights, codes = recent.values[first:last], recent.keys[first:last] % recent.n_items
        else:
            weights = np.expm1(self.known.crowd.popularity) + 1e-9
            codes = np.arange(recent.n_items)
        total = np.cumsum(weights)
        return int(codes[min(len(codes) - 1, int(np.searchsorted(total, draw * total[-1])))])

    def _reasons(self, features: PageFeatures, decisions: Decisions, over: Bools) -> list[str]:
        if not self.spec.reasons:
            return [""] * len(decisions.answered)
        terms = self.behaviour.click
        shown = features.shown
        count = np.maximum(1, shown.sum(axis=1))
        dear = terms.price * features.price
        if features.tastes.size:
            dear = dear + terms.spending * features.tastes[:, :, TASTES.index("spending")]
        price = -(dear * shown).sum(axis=1) / count
        again = -(terms.fatigue * features.seen * shown).sum(axis=1) / count
        found = []
        for n in range(len(shown)):
            if decisions.bought[n].any() or decisions.clicked[n].any():
                text = "found something"
            elif over[n].any():
                text = "out of budget"
            elif max(price[n], again[n]) < STRONG:
                text = "nothing of interest"
            else:
                text = "too dear" if price[n] >= again[n] else "seen before"
            found.append(text)
        return found


def _within(wanted: Floats, cost: Floats, left: float) -> Floats:
    """[k] pieces from the top of the page down, as many as the money allows."""
    quantity = np.zeros_like(wanted)
    for column in np.flatnonzero(wanted).tolist():
        pieces = wanted[column]
        if cost[column] > 0:
            pieces = min(pieces, np.floor(left / cost[column]))
        quantity[column] = max(0.0, pieces)
        left -= quantity[column] * cost[column]
    return quantity


def quantities(
    pieces: npt.NDArray[Any], items: Codes, n_items: int, mean: float | None, prior: float = 10.0
) -> Floats:
    """[n_items] mean pieces a purchase, shrunk to the mean of all; at least 1.

    Args:
        pieces: [n_events] of remembered purchases.
        items: [n_events] their codes.
        n_items: Size of the catalogue.
        mean: The same for all items instead; None: from the events.
        prior: Purchases' worth of the common mean that are mixed in.
    """
    if mean is not None or not len(pieces):
        return np.full(n_items, 1.0 if mean is None else mean)
    whole = np.maximum(1.0, np.round(pieces))
    sums = np.bincount(items, weights=whole, minlength=n_items)
    counts = np.bincount(items, minlength=n_items)
    common = float(whole.mean())
    return np.asarray((sums + prior * common) / (counts + prior))
