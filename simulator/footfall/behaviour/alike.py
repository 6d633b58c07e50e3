"""What goes with what: a taste learned from the takings of some users, and folded in for others.

EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019): weights from item to
item with which takings are best foretold from the other takings of the same user, in closed form.
They are learned among users whom no recommender under test has seen; a user's own takings times
the weights are the user's taste, and somebody without takings has none. The users that it is
learned from are few, so the weights are never written out, item by item: by the matrix inversion
lemma they are a product over those users.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

MOST_USERS = 3000
"""Users that it is learned from at most, the first ones."""

MOST_CELLS = 10_000_000
"""Users times items at most; a larger catalogue is learned from fewer users."""

RIDGE, LEAST_RIDGE = 30.0, 100.0
"""EASE's penalty, in mean takings of an item, and at least. On MovieLens small 30 foretells
held-out likings better than 0.1 to 8 do."""

AT_ONCE = 2_000_000
"""Numbers that are looked at together; more would only take more memory."""

FEWEST = 20
"""Takings below which nothing is learned."""


@dataclass(frozen=True, eq=False)
class Alike:
    """What was learned: a score is own takings times ``left`` times ``right``, see ``of``."""

    left: Floats
    """[n_items, m] of what was taken; m users were learned from."""
    right: Floats
    """[m, n_items] of what is looked at."""
    own: Floats
    """[n_items] what having taken the item itself adds."""
    spread: float
    """Standard deviation of the scores over the users that it was learned from."""

    @classmethod
    def learn(cls, users: Numbers, items: Codes, n_items: int) -> Alike:
        """From who took what; taking twice counts once."""
        if len(items) < FEWEST:
            return cls(np.zeros((n_items, 0)), np.zeros((0, n_items)), np.zeros(n_items), 1.0)
        who, row = np.unique(users, return_inverse=True)
        most = min(MOST_USERS, max(1, MOST_CELLS // n_items), len(who))
        taken = np.zeros((most, n_items))
        kept = row < most
        taken[row[kept], items[kept]] = 1.0
        ridge = max(LEAST_RIDGE, RIDGE * float(taken.sum(axis=0).mean()))
        kernel = np.linalg.inv(ridge * np.eye(most) + taken @ taken.T)
        left = taken.T @ kernel
        # (1 - x' K x) is the diagonal of the inverse of X'X + ridge, times ridge.
        diagonal = 1.0 - np.einsum("im,mi->i", left, taken)
        right, own = taken / diagonal, 1.0 - 1.0 / diagonal
        scores = taken @ left @ right + taken * own
        return cls(left, right, own, max(float(scores.std()), 1e-9))

    def of(self, users: Numbers, items: Codes, n_users: int) -> Tastes:
        """The tastes of ``n_users`` from what they took."""
        pairs = np.unique(users * len(self.own) + items)
        who, what = np.divmod(pairs, len(self.own))
        inner = np.zeros((n_users, self.left.shape[1]))
        np.add.at(inner, who, self.left[what])
        return Tastes(inner, self, pairs)


@dataclass(frozen=True, eq=False)
class Tastes:
    """Tastes of some users, looked up by the thousand."""

    inner: Floats
    """[n_users, m]"""
    alike: Alike
    pairs: Numbers
    """Rising numbers of (user, item) pairs that were taken."""

    def at(self, users: Numbers, items: Codes) -> Floats:
        """[n, k] of ``users`` [n] and ``items`` [n, k], 0 for -1.

        The scores are in standard deviations, on a scale (arcsinh) on which large ones count by
        their logarithm: a few items that go with everything that was taken would else decide all.
        """
        alike = self.alike
        if not self.inner.shape[1]:
            return np.zeros(items.shape)
        found = np.empty(items.shape)
        step = max(1, AT_ONCE // (items.shape[1] * self.inner.shape[1]))
        for first in range(0, len(items), step):
            part = slice(first, first + step)
            likes = alike.right[:, items[part]]
            found[part] = np.einsum("nm,mnk->nk", self.inner[users[part]], likes)
        wanted = users[:, None] * len(alike.own) + items
        place = np.minimum(np.searchsorted(self.pairs, wanted), max(len(self.pairs) - 1, 0))
        took = (self.pairs[place] == wanted) if len(self.pairs) else np.zeros(items.shape, bool)
        score = (found + took * alike.own[items]) / alike.spread
        return np.asarray(np.arcsinh(score) * (items >= 0))
