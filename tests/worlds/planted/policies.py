"""Who fills pages in a planted shop: the old policy with its luck, rankings, and plain lots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


class Policy(Protocol):
    """Fills pages, and knows with which chance."""

    def pages(self, users: Ints, shown: Bools, rng: np.random.Generator) -> Ints:
        """[n, slate] items for ``users`` [n] who saw ``shown`` [n, n_items] in this visit."""

    def chances(self, users: Ints, shown: Bools, items: Ints) -> Floats:
        """[n, slate] chance that this policy puts each of ``items`` at its place, given shown."""


@dataclass(frozen=True)
class Rows:
    """An old ranker with luck: its ranking is cut in rows of a page's length.

    Each place of the page draws a row, mostly the first, and takes from it the item that a random
    rotation of that row puts there. So no item comes twice, every item can stand at every place,
    and the chance of that is known exactly: P(row) x P(rotation).
    """

    ranking: Ints
    """[n_users, available] items, best first; ``available`` is a multiple of ``slate``."""
    slate: int
    keenness: float = 0.85
    """Each further row is drawn so many times as often as the one before ..."""
    luck: float = 0.2
    """... but for this share of the places, which draw any row."""

    def pages(self, users: Ints, shown: Bools, rng: np.random.Generator) -> Ints:
        left = _left(self.ranking[users], shown)
        rows = left.shape[1] // self.slate
        drawn = rng.choice(rows, size=(len(users), self.slate), p=self._of_rows(rows))
        turns = rng.choice(self.slate, size=(len(users), rows), p=self._of_turns())
        turn = np.take_along_axis(turns, drawn, axis=1)
        at = drawn * self.slate + (np.arange(self.slate) + turn) % self.slate
        return np.take_along_axis(left, at, axis=1)

    def chances(self, users: Ints, shown: Bools, items: Ints) -> Floats:
        left = _left(self.ranking[users], shown)
        rank = np.full(shown.shape, -1)
        np.put_along_axis(rank, left, np.arange(left.shape[1])[None, :], axis=1)
        at = np.take_along_axis(rank, items, axis=1)
        turn = (at - np.arange(self.slate)) % self.slate
        of_rows = self._of_rows(left.shape[1] // self.slate)
        return np.where(at >= 0, of_rows[at // self.slate] * self._of_turns()[turn], 0.0)

    def _of_rows(self, rows: int) -> Floats:
        keen = self.keenness ** np.arange(rows)
        return np.asarray((1 - self.luck) * keen / keen.sum() + self.luck / rows)

    def _of_turns(self) -> Floats:
        """Mostly nearly in order: the best of a row stands more often at the top."""
        turns = 1 / (3.0 + np.minimum(np.arange(self.slate), np.arange(self.slate, 0, -1)))
        return np.asarray(turns / turns.sum())


@dataclass(frozen=True)
class Ranked:
    """The same ranking for a user at every visit, page after page."""

    ranking: Ints
    """[n_users, n] items, best first; as many as a visit can show at least."""
    slate: int

    def pages(self, users: Ints, shown: Bools, rng: np.random.Generator) -> Ints:
        return self._next(users, shown)

    def chances(self, users: Ints, shown: Bools, items: Ints) -> Floats:
        return (self._next(users, shown) == items).astype(float)

    def _next(self, users: Ints, shown: Bools) -> Ints:
        ranking = self.ranking[users]
        seen = np.take_along_axis(shown, ranking, axis=1)
        order = np.argsort(seen, axis=1, kind="stable")[:, : self.slate]
        return np.take_along_axis(ranking, order, axis=1)


@dataclass(frozen=True)
class Lots:
    """Any item that the visit has not shown yet."""

    slate: int

    def pages(self, users: Ints, shown: Bools, rng: np.random.Generator) -> Ints:
        luck = np.where(shown, 2.0, rng.random(shown.shape))
        return np.argsort(luck, axis=1)[:, : self.slate]

    def chances(self, users: Ints, shown: Bools, items: Ints) -> Floats:
        free = ~np.take_along_axis(shown, items, axis=1)
        return free / (~shown).sum(axis=1, keepdims=True)


def _left(ranking: Ints, shown: Bools) -> Ints:
    """[n, m] of each ranking what was not shown; all visits stand at the same page."""
    fresh = ~np.take_along_axis(shown, ranking, axis=1)
    return ranking[fresh].reshape(len(ranking), -1)
