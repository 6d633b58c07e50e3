"""Which of several wordings wins: chances and intervals from scores, and when to say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from footfall.appeal.model import Appeal, Noises

Floats = npt.NDArray[np.float64]

SURE = 0.75
"""Chance of beating the runner-up from which a winner is named."""

LEVEL = 1.959964
"""Standard deviations on both sides of a 95% interval."""

_NODES = 64
"""Points of the quadrature over the best one's score."""


@dataclass(frozen=True)
class Ranked:
    """One wording among its rivals."""

    title: str
    place: int
    """Row among the wordings as given, from 0."""
    best: float
    """Chance that it is the best of all."""
    beats_first: float
    """Chance that it beats the first wording given; 0.5 for that one itself."""
    lift: float
    """Expected share taken over that of the first wording, less 1."""
    low: float
    """95% interval of ``lift``: of the truth, not of what a test of some size would read."""
    high: float


@dataclass(frozen=True)
class WordingRanking:
    """Wordings of one item, the most promising first."""

    item: str
    ranked: tuple[Ranked, ...]
    ahead: float
    """Chance that the first of ``ranked`` beats the second."""
    sure: float
    """What ``ahead`` must be for a winner to be named."""

    @property
    def winner(self) -> str | None:
        """The wording to take, or None: it cannot be told."""
        return self.ranked[0].title if self.ahead >= self.sure else None

    def sentence(self) -> str:
        """For people."""
        if self.winner is None:
            return f"cannot tell: the first two are {self.ahead:.0%} to {1 - self.ahead:.0%}"
        return f"take the first: {self.ahead:.0%} that it beats the second"


def rank(
    appeal: Appeal, titles: Sequence[str], item: str = "", sure: float = SURE
) -> WordingRanking:
    """Rank at least two wordings of one item; the first given is what the others are held to."""
    return rank_scores(appeal.score(titles), titles, appeal.noises, item, sure)


def rank_scores(
    scores: Floats, titles: Sequence[str], noises: Noises, item: str = "", sure: float = SURE
) -> WordingRanking:
    """``rank`` with scores at hand ([n_titles])."""
    best = chances_of_best(scores, noises.spread)
    ahead = scores - scores[0]
    reach = LEVEL * noises.spread
    ranked = tuple(
        Ranked(
            title=titles[row],
            place=int(row),
            best=float(best[row]),
            beats_first=float(ndtr(ahead[row] / noises.spread)),
            lift=float(np.expm1(ahead[row])),
            low=float(np.expm1(ahead[row] - (reach if row else 0.0))),
            high=float(np.expm1(ahead[row] + (reach if row else 0.0))),
        )
        for row in np.argsort(-scores, kind="stable")
    )
    top = np.sort(scores)[::-1]
    chance = float(ndtr((top[0] - top[1]) / noises.spread))
    return WordingRanking(item, ranked, chance, sure)


def chances_of_best(scores: Floats, spread: float) -> Floats:
    """[n] chance of each to be the largest, when truths lie normally around scores.

    ``spread`` is that of the difference of two; each alone has it over the root of 2, independent
    of the others. Integrated over the winner's truth by Gauss-Hermite quadrature.
    """
    alone = max(spread, 1e-9) / np.sqrt(2.0)
    points, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    truths = scores[:, None] + alone * points
    below = ndtr((truths[:, :, None] - scores) / alone)  # [winner, point, rival]
    rows = np.arange(len(scores))
    below[rows, :, rows] = 1.0
    found = (below.prod(axis=2) * weights).sum(axis=1)
    return np.asarray(found / found.sum())
