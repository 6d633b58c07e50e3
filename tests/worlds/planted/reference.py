"""What an engineer can do without simulated users: NDCG and SNIPS on the later days of the log.

Plain on purpose: these are the yardsticks that simulated users have to beat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from planted.living import Pages
from planted.people import Floats
from planted.policies import Bools, Ints, Policy, Ranked
from planted.shop import Shop

RESAMPLES = 500
"""Draws of users for the intervals of SNIPS."""

LOTS = 20
"""Pages over which the NDCG of an arm with luck is averaged."""


@dataclass(frozen=True)
class Snips:
    """Self-normalised inverse propensity scoring of one outcome."""

    value: Floats
    """[n_arms] outcomes per user over the later days, at the log's own number of impressions."""
    low: Floats
    """[n_arms] ends of the 95% interval of the lift over the first arm; users are resampled."""
    high: Floats
    effective: Floats
    """[n_arms] (sum of weights)^2 / sum of squared weights: impressions that count."""
    mean_weight: Floats
    """[n_arms] 1 where propensities are right and the arm shows nothing that the log cannot."""


def later_pages(shop: Shop) -> list[Pages]:
    """Pages of the judged days, in order of day and depth."""
    return [page for page in shop.pages if page.day >= shop.days]


def snips(shop: Shop, policies: Mapping[str, Policy], outcome: str) -> Snips:
    """Estimate every arm from the later days; item-at-place weights, all pages of a visit.

    An arm without luck is asked for its own second page, that follows its own first one. Were it
    asked what it would show after the log's first page, it could show its best items twice.

    Args:
        shop: The planted shop.
        policies: Arm -> who would fill the pages; the first one is the control.
        outcome: ``clicks`` or ``purchases``.
    """
    users = len(shop.world.people.activity)
    weight, hit = np.zeros((2, len(policies), users))
    square, count = np.zeros(len(policies)), 0
    logged, own = _Seen(shop), [_Seen(shop) for _ in policies]
    for page in later_pages(shop):
        acted = page.clicked if outcome == "clicks" else page.bought
        before = logged.before(page)
        for arm, policy in enumerate(policies.values()):
            seen = own[arm].before(page) if isinstance(policy, Ranked) else before
            ratio = policy.chances(page.lives, seen, page.items) / page.propensity
            weight[arm, page.lives] += ratio.sum(axis=1)
            hit[arm, page.lives] += (ratio * acted).sum(axis=1)
            square[arm] += (ratio**2).sum()
            if isinstance(policy, Ranked):
                own[arm].add(page, policy.pages(page.lives, seen, np.random.default_rng(0)))
        logged.add(page, page.items)
        count += page.items.size
    value = hit.sum(axis=1) / weight.sum(axis=1) * count / users
    draws = np.random.default_rng(0).multinomial(users, np.full(users, 1 / users), RESAMPLES)
    with np.errstate(invalid="ignore", divide="ignore"):
        rates = (hit @ draws.T) / (weight @ draws.T)
        low, high = np.nanquantile(rates / rates[0] - 1, [0.025, 0.975], axis=1)
    total = weight.sum(axis=1)
    return Snips(value, low, high, total**2 / square, total / count)


class _Seen:
    """What each user was shown so far in the visit under way."""

    def __init__(self, shop: Shop) -> None:
        shape = (len(shop.world.people.activity), len(shop.world.goods.launch))
        self._shown = np.zeros(shape, dtype=bool)

    def before(self, page: Pages) -> Bools:
        """[n, n_items] before this page; the first page of a visit begins anew."""
        if page.depth == 0:
            self._shown[:] = False
        return np.asarray(self._shown[page.lives])

    def add(self, page: Pages, items: Ints) -> None:
        """These were on it."""
        self._shown[page.lives[:, None], items] = True


def ndcg(shop: Shop, policies: Mapping[str, Policy], outcome: str) -> Floats:
    """[n_arms] mean NDCG of each arm's first page against what users took in the later days."""
    users, slate = len(shop.world.people.activity), shop.world.slate
    taken = np.zeros((users, len(shop.world.goods.launch)), dtype=bool)
    for page in later_pages(shop):
        acted = page.clicked if outcome == "clicks" else page.bought
        taken[page.lives[:, None], page.items] |= acted
    who = np.flatnonzero(taken.any(axis=1))
    gain = 1 / np.log2(np.arange(slate) + 2)
    ideal = gain.cumsum()[np.minimum(taken[who].sum(axis=1), slate) - 1]
    nothing, rng = np.zeros(taken[who].shape, dtype=bool), np.random.default_rng(0)
    found = []
    for policy in policies.values():
        pages = [policy.pages(who, nothing, rng) for _ in range(LOTS)]
        hits = np.mean([np.take_along_axis(taken[who], page, axis=1) for page in pages], axis=0)
        found.append(((hits @ gain) / ideal).mean())
    return np.array(found)
