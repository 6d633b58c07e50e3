"""What a user has met of an item until now: views, clicks and purchases that fade.

A faded count is the sum of exp(-days/life) over earlier events. It means the same whether memory
reaches back two weeks or two months, as long as that is longer than the life, which a plain sum
does not; and faded counts of two spans of time simply add up: what a user remembers from before
a run (``Remembered``), and what happens in it (``Traces``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

KINDS = (
    ("view", 2.0),
    ("view", 10.0),
    ("view", 40.0),
    ("click", 10.0),
    ("click", 60.0),
    ("purchase", 5.0),
    ("purchase", 30.0),
)
"""What is counted, and the days after which 1/e of it is left; the order of all columns."""

LIVES: Floats = np.array([life for _, life in KINDS])


def amounts(viewed: Floats, clicked: Floats, bought: Floats) -> Floats:
    """[n, len(KINDS)] what events add to the counts."""
    of = {"view": viewed, "click": clicked, "purchase": bought}
    return np.stack([of[kind] for kind, _ in KINDS], axis=-1)


def faded_before(pairs: Numbers, days: Floats, amounts: Floats) -> Floats:
    """[n, len(KINDS)] what came before each event of the same (user, item) pair, faded.

    Args:
        pairs: [n] number of the pair of each event.
        days: [n] when; events of the same pair at the same time do not count for each other.
        amounts: [n, len(KINDS)] what each event adds.
    """
    order = np.lexsort((days, pairs))
    pair, day = pairs[order], days[order]
    fresh = np.ones(len(pair), dtype=bool)
    fresh[1:] = (pair[1:] != pair[:-1]) | (day[1:] != day[:-1])
    moment = np.cumsum(fresh) - 1
    pair, day = pair[fresh], day[fresh]
    amount = np.zeros((len(pair), amounts.shape[1]))
    np.add.at(amount, moment, amounts[order])
    out = np.empty(amounts.shape)
    out[order] = _carried(pair, day, amount)[moment]
    return out


def _carried(pair: Numbers, day: Floats, amount: Floats) -> Floats:
    """Like ``faded_before`` of sorted events, one a pair and moment."""
    n = len(pair)
    first = np.ones(n, dtype=bool)
    first[1:] = pair[1:] != pair[:-1]
    rank = np.arange(n) - np.maximum.accumulate(np.where(first, np.arange(n), 0))
    decay = np.exp(-np.diff(day, prepend=day[:1])[:, None] / LIVES)
    sums = np.zeros(amount.shape)
    by_rank = np.argsort(rank, kind="stable")
    bounds = np.searchsorted(rank[by_rank], np.arange(1, int(rank.max(initial=0)) + 2))
    for start, end in pairwise(bounds.tolist()):
        at = by_rank[start:end]
        sums[at] = (sums[at - 1] + amount[at - 1]) * decay[at]
    return sums


@dataclass(frozen=True, eq=False)
class Remembered:
    """Faded counts of (user, item) pairs at one moment; all others have none."""

    keys: Numbers
    """[n_pairs] user * n_items + item, rising."""
    counts: Floats
    """[n_pairs, len(KINDS)]"""
    n_items: int

    @classmethod
    def nothing(cls, n_items: int) -> Remembered:
        """Nobody remembers anything."""
        return cls(np.zeros(0, dtype=np.int64), np.zeros((0, len(KINDS))), n_items)

    @classmethod
    def of(
        cls, pairs: Numbers, days: Floats, amounts: Floats, at: float, n_items: int
    ) -> Remembered:
        """Events before day ``at``, summed up there."""
        keys, place = np.unique(pairs, return_inverse=True)
        counts = np.zeros((len(keys), amounts.shape[1]))
        np.add.at(counts, place, amounts * np.exp(-(at - days)[:, None] / LIVES))
        return cls(keys.astype(np.int64), counts, n_items)

    def at(self, users: Numbers, items: Codes, days: Floats) -> Floats:
        """[n, k, len(KINDS)] of ``users`` [n] and ``items`` [n, k] so many days [n] later."""
        wanted = users[:, None] * self.n_items + items
        if not len(self.keys):
            return np.zeros((*wanted.shape, len(KINDS)))
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        found = (self.keys[place] == wanted) & (items >= 0)
        counts = self.counts[place] * found[:, :, None]
        return np.asarray(counts * np.exp(-days[:, None, None] / LIVES))

    def of_users(self, rows: Numbers) -> Remembered:
        """The same for some users, numbered anew; -1 is somebody without memory."""
        users, items = np.divmod(self.keys, self.n_items)
        starts = np.searchsorted(users, np.arange(int(users.max(initial=-1)) + 2))
        keys, counts = [], []
        for number, row in enumerate(rows.tolist()):
            if 0 <= row < len(starts) - 1:
                own = slice(starts[row], starts[row + 1])
                keys.append(number * self.n_items + items[own])
                counts.append(self.counts[own])
        if not keys:
            return Remembered.nothing(self.n_items)
        return Remembered(np.concatenate(keys), np.concatenate(counts), self.n_items)


class Traces:
    """What one user met during a run.

    Awake it is a dict of lists; asleep, which most users are at any time, two packed arrays.
    """

    __slots__ = ("_awake", "_packed")

    def __init__(self) -> None:
        self._awake: dict[int, list[float]] | None = None
        self._packed: tuple[npt.NDArray[np.int32], Floats] | None = None

    def add(
        self, items: Sequence[int], clicked: Sequence[int], bought: Sequence[int], day: float
    ) -> None:
        """A page with ``items`` was shown on ``day``; some were clicked, some bought."""
        counts = self._wake()
        hit, paid = set(clicked), set(bought)
        for item in items:
            now = _aged(counts.get(item), day)
            for number, (kind, _) in enumerate(KINDS):
                done = kind == "view" or (kind == "click" and item in hit)
                now[1 + number] += done or (kind == "purchase" and item in paid)
            counts[item] = now

    def of(self, items: Sequence[int], day: float) -> list[list[float]]:
        """[k, len(KINDS)] faded counts on ``day``."""
        counts = self._wake()
        return [_aged(counts.get(item), day)[1:] for item in items]

    def rest(self) -> None:
        """Pack until somebody asks again."""
        if self._awake is not None:
            items = np.fromiter(self._awake, dtype=np.int32, count=len(self._awake))
            self._packed = (items, np.array(list(self._awake.values()), dtype=np.float64))
            self._awake = None

    def _wake(self) -> dict[int, list[float]]:
        if self._awake is None:
            packed = self._packed
            self._awake = (
                {}
                if packed is None
                else dict(zip(packed[0].tolist(), packed[1].tolist(), strict=True))
            )
            self._packed = None
        return self._awake


_NEVER = [0.0] * (1 + len(KINDS))


def _aged(counts: list[float] | None, day: float) -> list[float]:
    """[1 + len(KINDS)] the day, and what is left of each count on it."""
    if counts is None:
        return [day, *_NEVER[1:]]
    gone = day - counts[0]
    if not gone:
        return counts.copy()
    fades = (exp(-gone / life) for _, life in KINDS)
    return [day, *(count * left for count, left in zip(counts[1:], fades, strict=True))]
