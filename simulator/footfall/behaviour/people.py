"""Users as a log of pages knows them: a utility, an intent to buy and a patience of their own.

The utility of item i to user u on a page is

    common . x  +  (slopes of u's own) . x  +  effect of i  +  taste of u . likeness of i

where x is what ``measure`` makes of prices, of what u met of i until now (``traces``) and of how
new i is. Everything here is arithmetic on fitted numbers (``footfall.fitting.pages`` fits them).
What is not known exactly, of a user or of an item, moves the chance of a click up: the mean over
what may be true is what a run needs, and ``unsure`` is that difference as a term of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from footfall.behaviour.around import ABOVE, alike_above
from footfall.behaviour.coming_back import Before, ComingBack
from footfall.behaviour.in_visit import VISIT
from footfall.behaviour.traces import KINDS, Remembered

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

MEASURES = (
    "constant",
    "price",
    "price squared",
    "seen these days",
    "seen of late",
    "seen before",
    "clicked of late",
    "clicked before",
    "bought of late",
    "bought before",
    "new",
    *ABOVE,
    *VISIT,
)
"""What a utility is made of, beside items' effects, content and taste; the order of columns."""

OWN = (0, 1, 2, 4, 7, 9, 10)
"""Columns of ``MEASURES`` for which users have slopes of their own."""

NEW_DAYS = 14.0
"""An item is 1/e as new after so many days."""

TERM_OF = {
    "activity": (0,),
    "price": (1, 2),
    "seen": (3, 4, 5),
    "taken": (6, 7, 8, 9),
    "new": (10,),
    "above": (11, 12, 13),
    "visit": (14, 15),
}
"""Names of the terms that explain a utility -> the measures that they sum up."""

PERSONAL = (*TERM_OF, "item", "content", "taste", "page", "unsure")
"""Terms of a fitted utility, in the order of the columns of ``Opinion.terms``."""

BUY_MEASURES = ("constant", "price", "price squared", "bought of late", "bought before", "worth")
"""What buying a clicked item depends on; "worth" is the utility of the click."""

BUY_OWN = (0, 1)

GOING = ("constant", "further pages", "clicked", "bought")
"""What asking for another page depends on."""


def measure(price: Floats, traces: Floats, newness: Floats, above: Floats, visit: Floats) -> Floats:
    """[..., len(MEASURES)] from relative log prices, faded counts, newness, page and visit.

    Args:
        price: [...] over the category's median.
        traces: [..., len(KINDS)] faded counts.
        newness: [...], 1 on the first day.
        above: [..., len(ABOVE)] see ``footfall.behaviour.around.alike_above``.
        visit: [..., len(VISIT)] see ``footfall.behaviour.in_visit``.

    Counts saturate, n / (1 + n): the tenth time adds less than the second. An arm that shows the
    same items every day leads beyond what the log has seen, and there a straight line, even one in
    the logarithm, goes on for ever.
    """
    met = traces / (1.0 + traces)
    parts = [np.ones(price.shape), price, price**2, *np.moveaxis(met, -1, 0), newness]
    return np.stack([*parts, *np.moveaxis(above, -1, 0), *np.moveaxis(visit, -1, 0)], axis=-1)


def newness(first_day: Floats, day: Floats | float) -> Floats:
    """1 at an item's first day, fading; 0 where it was always there (-inf)."""
    age = np.maximum(day - first_day, 0.0)
    return np.asarray(np.exp(-age / NEW_DAYS))


@dataclass(frozen=True, eq=False)
class Shared:
    """What all users have in common."""

    centre: Floats
    """[len(MEASURES)] what is taken off each measure ..."""
    scale: Floats
    """... and what it is then divided by; 1 and 0 for the constant."""
    common: Floats
    """[len(MEASURES)] per unit of the scaled measures."""
    buy_centre: Floats
    buy_scale: Floats
    buy_common: Floats
    """[len(BUY_MEASURES)]"""
    common_cov: Floats
    """Covariance of ``common``: of the fit, and of which users there were."""
    buy_cov: Floats
    go_common: Floats
    """[len(GOING)]"""
    discrepancy: Floats
    """[2] the model's own error on the log of a lift, as a look back says: its standard deviation,
    and the share of the lift's own logarithm that is missing (below 0: too much)."""

    page: Floats
    """[3] what each unit of a page's mean worth, activity left out, adds to all of its items (below
    0: they are held against each other); its error; and the mean worth of the log's pages."""

    def scaled(self, measures: Floats) -> Floats:
        """Measures in units of their spread over the log."""
        return np.asarray((measures - self.centre) / self.scale)


@dataclass(frozen=True, eq=False)
class ItemTraits:
    """What is known of each item; [n_items, ...]."""

    effect: Floats
    effect_var: Floats
    content: Floats
    """[n_items, r] what it is on paper."""
    likeness: Floats
    """[n_items, f]"""
    likeness_var: Floats
    buy: Floats
    buy_var: Floats
    first_day: Floats
    """Day of its first page, counted from the end of memory; -inf: always there."""
    kind: Numbers
    """Number of its category; -1: like nothing else."""


@dataclass(frozen=True, eq=False)
class UserTraits:
    """What is known of each user; [n_users, ...]."""

    own: Floats
    """[n_users, len(OWN) + r] slopes of their own, on scaled measures and on content."""
    own_var: Floats
    taste: Floats
    taste_var: Floats
    buy: Floats
    """[n_users, len(BUY_OWN)]"""
    buy_var: Floats
    go: Floats
    """[n_users] own log-odds of going on."""
    gap_days: Floats
    """[n_users] mean days between visits, after a usual one."""
    usual_clicks: Floats
    """[n_users] clicks of a usual visit."""
    late: Floats
    """[n_users, len(LATE)] what the visits of late were like, as of the last one ..."""
    late_day: Floats
    """[n_users] ... which was on that day, counted from the end of memory."""
    gone: Floats
    """[n_users] P(the user had left for good by the end of memory)."""
    front: Numbers
    """[n_users, k] items of the first page of the last visit; -1: none."""

    def take(self, rows: Numbers, stranger: UserTraits) -> UserTraits:
        """Some users by number; -1 is the ``stranger`` (one row)."""
        known = rows >= 0
        return UserTraits(
            **{
                name: np.where(
                    known.reshape(-1, *[1] * (values.ndim - 1)),
                    values[np.where(known, rows, 0)],
                    getattr(stranger, name),
                )
                for name, values in vars(self).items()
            }
        )


@dataclass(frozen=True)
class Opinion:
    """What users think of the items on their pages."""

    terms: Floats
    """[n, k, len(PERSONAL)] what the utility is the sum of."""
    worth: Floats
    """[n, k] the utility without what is not known."""
    buy_odds: Floats
    """[n, k] log-odds of buying what was clicked."""

    @classmethod
    def plain(cls, utility: Floats, buy_odds: Floats) -> Opinion:
        """Of users whose utility is one number, all of it called taste."""
        terms = np.zeros((*utility.shape, len(PERSONAL)))
        terms[..., PERSONAL.index("taste")] = utility
        return cls(terms, utility, buy_odds)


@dataclass(frozen=True, eq=False)
class People:
    """The users of a run, as fitted; plain arrays, so that workers can be sent them."""

    shared: Shared
    coming: ComingBack
    items: ItemTraits
    users: UserTraits
    """In the order of the population."""
    remembered: Remembered
    """At the start of the run."""

    @property
    def gap_days(self) -> Floats:
        """[n_users] mean days between visits."""
        return self.users.gap_days

    def think(
        self,
        users: Numbers,
        items: Codes,
        price: Floats,
        days: Floats,
        traces: Floats,
        visit: Floats,
    ) -> Opinion:
        """What they think of pages.

        Args:
            users: [n] numbers in the population.
            items: [n, k] catalogue codes; -1 for padding, whose numbers mean nothing.
            price: [n, k] relative log prices.
            days: [n] days since the start of the run.
            traces: [n, k, len(KINDS)] what was met in the run; memory is added here.
            visit: [n, len(VISIT)] where in the visit the pages come.
        """
        met = traces + self.remembered.at(users, items, days)
        fresh = newness(self.items.first_day[items], days[:, None])
        kinds = np.where(items >= 0, self.items.kind[items], -1)
        place = np.broadcast_to(visit[:, None, :], (*items.shape, len(VISIT)))
        raw = measure(price, met, fresh, alike_above(kinds), place)
        x = self.shared.scaled(raw)
        parts, variance = self._personal(users, items, x)
        worth = sum_of(parts)
        around = self._page(worth - parts[0], items >= 0)
        unknown = unsure(worth + around, variance) - worth - around
        terms = np.stack([*parts, around, unknown], axis=-1)
        return Opinion(terms, worth, self._buy(users, items, raw, worth))

    def _personal(self, users: Numbers, items: Codes, x: Floats) -> tuple[list[Floats], Floats]:
        """Parts of the utility [n, k], and its variance [n, k]."""
        who, what = self.users, self.items
        own, own_var = who.own[users], who.own_var[users]
        slopes = {column: place for place, column in enumerate(OWN)}
        parts: list[Floats] = []
        variance = what.effect_var[items].copy()
        for columns in TERM_OF.values():
            part = np.zeros(items.shape)
            for column in columns:
                coefficient = self.shared.common[column] + np.zeros((len(users), 1))
                if column in slopes:
                    coefficient = coefficient + own[:, slopes[column], None]
                    variance += own_var[:, slopes[column], None] * x[:, :, column] ** 2
                part = part + coefficient * x[:, :, column]
            parts.append(part)
        parts.append(what.effect[items])
        content, taste = np.zeros(items.shape), np.zeros(items.shape)
        for number in range(what.content.shape[1]):
            value = what.content[items, number]
            content = content + own[:, len(OWN) + number, None] * value
            variance += own_var[:, len(OWN) + number, None] * value**2
        for number in range(what.likeness.shape[1]):
            likes, like = who.taste[users, number, None], what.likeness[items, number]
            sure, shaky = who.taste_var[users, number, None], what.likeness_var[items, number]
            taste = taste + likes * like
            variance += likes**2 * shaky + sure * like**2 + sure * shaky
        return [*parts, content, taste], variance

    def _page(self, lively: Floats, shown: npt.NDArray[np.bool_]) -> Floats:
        """[n, k] what the rest of the page does to an item; ``lively`` is worth by its items."""
        weight, _, usual = self.shared.page
        if not weight:
            return np.zeros(shown.shape)
        count = np.maximum(shown.sum(axis=1), 1)
        # Added in order: the rounding must not depend on the batch.
        total = sum_of(list((lively * shown).T))
        return np.asarray(weight * ((total / count)[:, None] - usual) + np.zeros(shown.shape))

    def _buy(self, users: Numbers, items: Codes, raw: Floats, worth: Floats) -> Floats:
        shared, own = self.shared, self.users.buy[users]
        x = (buy_measures(raw, worth) - shared.buy_centre) / shared.buy_scale
        odds = self.items.buy[items].copy()
        for number in range(len(BUY_MEASURES)):
            odds = odds + shared.buy_common[number] * x[:, :, number]
        for place, number in enumerate(BUY_OWN):
            odds = odds + own[:, place, None] * x[:, :, number]
        return odds

    def going(self, users: Numbers, pages: Numbers) -> Floats:
        """[n, 3] log-odds of another page, and what a click and a purchase add to them."""
        shared = self.shared.go_common
        base = shared[0] + self.users.go[users] + shared[1] * np.log1p(pages)
        ones = np.ones(len(users))
        return np.stack([base, shared[2] * ones, shared[3] * ones], axis=1)

    def before(self, user: int) -> Before:
        """What a user brings along from before the run."""
        clicks, visits, same, pages = self.users.late[user].tolist()
        front = tuple(item for item in self.users.front[user].tolist() if item >= 0)
        day, gone = float(self.users.late_day[user]), float(self.users.gone[user])
        late, life = (clicks, visits, same, pages), float(self.coming.life[0])
        return Before(late, day, front, gone, self.usual_sameness, life)

    @property
    def usual_sameness(self) -> float:
        """Mean sameness of the log's visits."""
        return float(self.coming.usual[0])

    def stretch(self, users: Numbers, late: Floats) -> Floats:
        """[n] by what the days to the next visit are multiplied.

        Args:
            users: [n] numbers in the population.
            late: [n, len(LATE)] what their visits of late were like.
        """
        return self.coming.stretch(late, self.users.usual_clicks[users])

    def leaves(self, clicks: Floats) -> Floats:
        """[n] P(a user never comes back) after visits with so many clicks."""
        return self.coming.leaves(clicks)

    def of(self, rows: Numbers, stranger: UserTraits) -> People:
        """The same for other users: numbers among these ones, -1 for strangers."""
        return replace(
            self,
            users=self.users.take(rows, stranger),
            remembered=self.remembered.of_users(rows),
        )


def buy_measures(raw: Floats, worth: Floats) -> Floats:
    """[..., len(BUY_MEASURES)] from unscaled ``MEASURES`` and the utility of the click."""
    columns = [MEASURES.index(name) for name in BUY_MEASURES[:-1]]
    return np.concatenate([raw[..., columns], worth[..., None]], axis=-1)


def sum_of(parts: list[Floats]) -> Floats:
    """Added in order: the rounding must not depend on the batch."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def unsure(utility: Floats, variance: Floats) -> Floats:
    """The utility whose chance is about the mean chance of utilities of that ``variance``.

    Second order, flattened where the variance is large:
    E[sigmoid(U)] = sigmoid(U + variance/2 * (1 - 2 sigmoid(U))) and higher terms.
    """
    flat = variance / (1.0 + 0.25 * variance)
    return np.asarray(utility + 0.5 * flat * (1.0 - 2.0 * sigmoid(utility)))


def sigmoid(x: Floats) -> Floats:
    """The logistic function, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


assert len(MEASURES) == 4 + len(KINDS) + len(ABOVE) + len(VISIT)
