"""What would really happen: many futures of every user under each arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from planted.living import live
from planted.people import Floats
from planted.policies import Policy
from planted.shop import Shop, entropy

OUTCOMES = ("clicks", "purchases", "visits", "pages")
"""What is counted, per user over all later days."""

AT_ONCE = 10
"""Futures that are lived together; more would only take more memory."""


@dataclass(frozen=True)
class Truth:
    """What each arm would bring."""

    arms: tuple[str, ...]
    totals: Mapping[str, Floats]
    """Outcome -> [n_arms, n_futures] mean per user."""

    def value(self, outcome: str) -> Floats:
        """[n_arms] mean per user over all later days."""
        return np.asarray(self.totals[outcome].mean(axis=1))

    def error(self, outcome: str) -> Floats:
        """[n_arms] standard error of that: the luck of so many futures."""
        futures = self.totals[outcome]
        return np.asarray(futures.std(axis=1, ddof=1) / np.sqrt(futures.shape[1]))

    def lift(self, outcome: str, control: int = 0) -> Floats:
        """[n_arms] relative difference from the control."""
        value = self.value(outcome)
        return np.asarray(value / value[control] - 1)


def foretell(shop: Shop, policies: Mapping[str, Policy], futures: int = 30) -> Truth:
    """Live the later days under every policy, from where the log left its users.

    Arms share the seed of their luck, so that a policy given twice has the same futures.

    Args:
        shop: The planted shop.
        policies: Arm -> who fills its pages.
        futures: How many of each user.
    """
    totals = {name: np.zeros((len(policies), futures)) for name in OUTCOMES}
    for number, policy in enumerate(policies.values()):
        for first in range(0, futures, AT_ONCE):
            some = min(AT_ONCE, futures - first)
            seed = [*entropy(shop.kind, shop.seed, 3), first]
            found = _futures(shop, policy, some, np.random.default_rng(seed))
            for name, values in found.items():
                totals[name][number, first : first + some] = values
    return Truth(tuple(policies), totals)


def _futures(shop: Shop, policy: Policy, some: int, rng: np.random.Generator) -> dict[str, Floats]:
    """Outcome -> [some] mean per user of each future."""
    users = len(shop.world.people.activity)
    days = range(shop.days, shop.days + shop.later_days)
    state = shop.state.times(some)
    found = {name: np.zeros(some) for name in OUTCOMES}
    for page in live(shop.world, policy, state, days, rng, lives=users * some):
        future = page.lives // users
        counted = {
            "clicks": page.clicked.sum(axis=1),
            "purchases": page.bought.sum(axis=1),
            "visits": np.full(len(future), float(page.depth == 0)),
            "pages": np.ones(len(future)),
        }
        for name, values in counted.items():
            found[name] += np.bincount(future, values, minlength=some) / users
    return found
