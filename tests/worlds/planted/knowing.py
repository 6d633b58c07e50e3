"""Users who know the truth of a planted shop: what a validation must let pass."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from planted.acting import Glance, clicks, looks, wanted
from planted.living import State
from planted.people import Floats, Ints
from planted.shop import START, Shop

DRAWS = 150
"""Times that a page is lived through to see how often each place is clicked, where no formula says
it."""

Codes = npt.NDArray[np.int32]


class KnowingUsers:
    """The shop's users themselves, in the form of ``footfall.runs.foresight.Foresight``.

    They know their state at the beginning of each later day, as the log left it.
    """

    def __init__(self, shop: Shop, names: Sequence[str], items: Sequence[str]) -> None:
        """``names`` are the population's users in order, ``items`` the catalogue's ids."""
        self._shop = shop
        people = shop.world.people.table["customer_id"].tolist()
        goods = shop.world.goods.table["sku"].tolist()
        self._users = np.array([people.index(name) for name in names])
        self._items = np.array([goods.index(item) for item in items])
        self._days = _mornings(shop)

    def reading(self, k: int) -> Floats:
        """See ``Foresight``."""
        share = self._shop.world.people.phone.mean()
        curves = [looks(self._shop.kind, k, phone=phone) for phone in (False, True)]
        return np.asarray((1 - share) * curves[0] + share * curves[1])

    def of(
        self,
        users: Ints,
        items: Codes,
        times: npt.NDArray[np.datetime64],
        visit: Floats | None = None,
    ) -> tuple[Floats, Floats]:
        """See ``Foresight``."""
        day = (times - START.to_datetime64()) // np.timedelta64(1, "D")
        clicked, buys = np.zeros(items.shape), np.zeros(items.shape)
        for one in np.unique(day).tolist():
            rows = np.flatnonzero(day == one)
            parts = self._of_day(self._users[users[rows]], self._items[items[rows]], int(one))
            clicked[rows], buys[rows] = parts
        return np.where(items >= 0, clicked, 0.0), buys

    def _of_day(self, users: Ints, items: Ints, day: int) -> tuple[Floats, Floats]:
        world = self._shop.world
        kind = world.kind
        utility = world.worth(self._days[day], users, users, items, day)
        curves = np.stack([looks(kind, items.shape[1], phone=phone) for phone in (False, True)])
        page = Glance(
            utility, curves[world.people.phone[users].astype(int)], world.goods.category[items]
        )
        if kind.rule == "several" and not (kind.contrast or kind.variety):
            chance = page.looked * wanted(kind, utility)
        else:
            rng = np.random.default_rng(day)
            lived = np.mean([clicks(kind, page, rng) for _ in range(DRAWS)], axis=0)
            # What was never clicked in so many lives may be all the same.
            chance = np.clip(lived, 0.2 / DRAWS, 1.0)
        dear = kind.buy_price * world.goods.log_price[items] / np.log(2)
        probit = world.buy_level + kind.buy_taste * (utility - world.click_level) - dear
        return chance, norm.cdf(probit)


def _mornings(shop: Shop) -> dict[int, State]:
    """The state of every user at the beginning of each later day."""
    state, found = copy.deepcopy(shop.state), {}
    for day in range(shop.days, shop.days + shop.later_days):
        found[day] = copy.deepcopy(state)
        for page in shop.pages:
            if page.day == day:
                cells = (page.lives[:, None], page.items)
                state.exposure[cells] += 1
                state.clicked[cells] += page.clicked
                state.habit[cells] += page.bought
                state.stock[cells] += page.bought
        state.night(shop.kind)
    return found
