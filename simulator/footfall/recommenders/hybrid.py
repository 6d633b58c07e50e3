"""Several recommenders with one voice: means of chances, or a vote by rank."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from footfall.recommenders.content import content_training
from footfall.recommenders.learning import Learning
from footfall.recommenders.lenskit_models import train_lenskit
from footfall.recommenders.popular import PopularScorer
from footfall.recommenders.protocol import Materials
from footfall.recommenders.ranking import RankedRecommender, Scorer, Scores, Train, ranked
from footfall.recommenders.sequential import train_sequential
from footfall.recommenders.trained_specs import (
    Component,
    ContentSpec,
    HybridSpec,
    PopularSpec,
    SequentialSpec,
)

VOTE_CONSTANT = 60.0
"""Of reciprocal rank fusion, as its authors set it."""

Floats = npt.NDArray[np.float64]


def build_hybrid(spec: HybridSpec, materials: Materials) -> RankedRecommender:
    """Train the parts on the same interactions, and let them speak with one voice."""
    trainings = [_training(part, materials) for part in spec.of]
    return ranked(spec, materials, partial(train_hybrid, spec, trainings))


def _training(part: Component, materials: Materials) -> Train:
    """How a part is trained."""
    match part:
        case ContentSpec():
            return content_training(part, materials)
        case PopularSpec():
            return PopularScorer
        case SequentialSpec():
            return partial(train_sequential, part, materials.seed)
        case _:
            return partial(train_lenskit, part, materials.seed)


class HybridScorer:
    """Trained parts and how they are put together.

    Scores of different models have no common scale. For the means each part's scores of a user are
    standardised over the items that it can score, and a softmax makes chances of them; an item
    that a part cannot score has no chance there. A part that does not know a user says nothing.
    """

    def __init__(self, parts: Sequence[Scorer], spec: HybridSpec) -> None:
        self._parts = tuple(parts)
        self._how = spec.how
        weights = np.asarray(spec.weights or [1.0] * len(self._parts))
        self._weights: Floats = weights / weights.sum()
        self.for_everyone = all(part.for_everyone for part in self._parts)

    def scores(self, user: str) -> Scores | None:
        """[n_items] pooled chances, their logarithms, or votes; None: no part knows the user."""
        told = [(part.scores(user), part.for_everyone) for part in self._parts]
        if all(scores is None or common for scores, common in told) and not self.for_everyone:
            return None  # what is the same for everyone knows nobody
        known = [
            (scores.astype(np.float64), weight)
            for (scores, _), weight in zip(told, self._weights, strict=True)
            if scores is not None and weight > 0 and np.isfinite(scores).any()
        ]
        if not known:
            return None
        weights = np.array([weight for _, weight in known])
        weights /= weights.sum()
        opinions = [scores for scores, _ in known]
        pooled = self._pooled(opinions, weights)
        nowhere = ~np.any([np.isfinite(scores) for scores in opinions], axis=0)
        pooled[nowhere] = np.nan
        return pooled.astype(np.float32)

    def _pooled(self, opinions: list[Floats], weights: Floats) -> Floats:
        if self._how == "vote":
            return np.asarray(weights @ np.stack([_votes(scores) for scores in opinions]))
        chances = np.stack([_chances(scores) for scores in opinions])
        if self._how == "mean":
            # Of the logarithm, so that float32 tells small chances apart; the order is the same.
            with np.errstate(divide="ignore"):
                return np.asarray(np.log(weights @ chances))
        return np.asarray(weights @ np.log(np.maximum(chances, 1e-12)))


def train_hybrid(spec: HybridSpec, trainings: Sequence[Train], learning: Learning) -> HybridScorer:
    """Train every part on the same interactions."""
    return HybridScorer([train(learning) for train in trainings], spec)


def _chances(scores: Floats) -> Floats:
    """Softmax of standardised scores; 0 where there is no score."""
    good = np.isfinite(scores)
    spread = float(scores[good].std())
    standard = (scores[good] - scores[good].mean()) / (spread or 1.0)
    lifted = np.exp(standard - standard.max())
    chances = np.zeros(len(scores))
    chances[good] = lifted / lifted.sum()
    return chances


def _votes(scores: Floats) -> Floats:
    """Reciprocal ranks; equal scores share the mean of their ranks; 0 where there is no score."""
    good = np.flatnonzero(np.isfinite(scores))
    _, group, sizes = np.unique(-scores[good], return_inverse=True, return_counts=True)
    first = np.cumsum(sizes) - sizes + 1
    ranks = first[group] + (sizes[group] - 1) / 2
    votes = np.zeros(len(scores))
    votes[good] = 1.0 / (VOTE_CONSTANT + ranks)
    return votes
