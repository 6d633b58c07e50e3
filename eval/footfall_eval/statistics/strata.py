"""Whom to ask: users in strata by how much their answers may change, each stratum asked evenly.

The best chance to ask a user is in proportion to how far the answers may be off, by the root of
what they cost (Neyman, "On the two different aspects of the representative method", Journal of the
Royal Statistical Society 1934). Users are sorted by that, and cut into strata that carry equal
shares of it; each is then asked about equally often, and evenly within (Cochran, "Sampling
techniques", 1977, sections 5.5 and 5A.7). A floor below keeps every chance from being small: what
is foreseen may be wrong, and then costs width, never truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall_eval.measures.metrics import Array

FLOOR = 0.2
"""Of the mean variance a question, added to everybody's: nobody's chance is far below 0.4 of an
even one, whatever was foreseen."""

EACH = 15
"""Users asked in a stratum, at the least: fewer do not tell their own variance."""

MOST = 8
"""Strata; more bring next to nothing (Cochran, section 5A.8)."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Strata:
    """Users by stratum, and how many are asked in each."""

    of_user: Numbers
    """[n_users]"""
    asked: Numbers
    """[n_strata]"""

    def drawn(self, rng: np.random.Generator) -> Numbers:
        """[n_asked] numbers of the users to ask, in order."""
        found = [
            rng.choice(np.flatnonzero(self.of_user == stratum), many, replace=False)
            for stratum, many in enumerate(self.asked)
        ]
        return np.sort(np.concatenate(found)).astype(np.int64)

    def foreseen(self, variance: Array) -> float:
        """Variance of the mean of what is foreseen to be off by ``variance`` [n_users]."""
        users = np.bincount(self.of_user)
        means = _sums(self.of_user, variance) / users
        return float(((users / users.sum()) ** 2 * means / self.asked).sum())


def strata_of(variance: Array, cost: Array, share: float) -> Strata:
    """Share out questions among users.

    Args:
        variance: [n_users] foreseen, of how far each user's answers may be off.
        cost: [n_users] questions that each is foreseen to take.
        share: Of all questions, how many may be asked.
    """
    size = sizes(variance, cost)
    count = int(np.clip(share * len(size) // EACH, 1, MOST))
    order = np.argsort(size, kind="stable")
    below = np.cumsum(size[order]) - size[order] / 2
    of_user = np.empty(len(size), dtype=np.int64)
    of_user[order] = np.minimum(below / size.sum() * count, count - 1).astype(np.int64)
    of_user = np.unique(of_user, return_inverse=True)[1]
    users = np.bincount(of_user)
    questions = _sums(of_user, cost) / users
    asked = _asked(_sums(of_user, size), users, questions, share * float(cost.sum()))
    return Strata(of_user, asked)


def sizes(variance: Array, cost: Array) -> Array:
    """[n_users] to which the best chances are in proportion: the root of the variance a question.

    ``FLOOR`` is added; of users who are asked nothing there is nothing else.
    """
    mean = cost.mean()
    if not mean > 0:
        return np.ones(len(variance))
    each = np.divide(variance * mean, cost, out=np.zeros(len(cost)), where=cost > 0)
    if not each.any():
        return np.ones(len(variance))
    return np.asarray(np.sqrt(each + FLOOR * each.mean()))


def _asked(size: Array, users: Numbers, questions: Array, budget: float) -> Numbers:
    """[n_strata] in proportion to ``size``, nobody twice, at ``budget`` questions."""
    full = np.zeros(len(size), dtype=np.bool_)
    while True:
        left = budget - float((users * questions)[full].sum())
        spent = float((size * questions)[~full].sum())
        times = left / spent if spent > 0 else np.inf
        over = ~full & (times * size >= users)
        if not over.any():
            break
        full |= over
    wanted = np.where(full, users, np.floor(times * size + 0.5))
    return np.clip(wanted, np.minimum(2, users), users).astype(np.int64)


def _sums(of_user: Numbers, values: Array) -> Array:
    return np.bincount(of_user, values).astype(np.float64)
