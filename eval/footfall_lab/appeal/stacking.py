"""Several voices made one, and differences given their right size, by cross-fitting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from footfall_lab.appeal.lessons import TitlePairs

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

LEAST_SPREAD = 0.05
"""Standard deviation of true differences around predicted ones, at least."""


@dataclass(frozen=True, eq=False)
class Weighing:
    """How voices are added up, and what their sum leaves open."""

    weights: Floats
    """[n_voices] not below 0."""
    spread: float
    """Standard deviation of true differences around predicted ones."""


def weigh(voices: Floats, lessons: TitlePairs, rows: Bools) -> Weighing:
    """Weights by non-negative least squares on predictions of pairs nobody learned from.

    Args:
        voices: [n_pairs, n_voices] cross-fitted predictions.
        lessons: How the pairs came out.
        rows: [n_pairs] those to learn the weights from.
    """
    root = np.sqrt(lessons.weights[rows])
    real, noise = lessons.pairs.difference[rows], lessons.errors[rows] ** 2
    weights, _ = nnls(voices[rows] * root[:, None], real * root)
    left = real - voices[rows] @ weights
    # Pairs that are measured well tell most of what the prediction leaves open.
    sure = lessons.weights[rows] ** 2
    variance = float((sure * (left**2 - noise)).sum() / sure.sum())
    return Weighing(weights, max(LEAST_SPREAD, float(np.sqrt(max(0.0, variance)))))


@dataclass(frozen=True, eq=False)
class Foreseen:
    """Predictions of pairs by someone who had not seen their stories."""

    difference: Floats
    """[n_pairs] expected; NaN where nobody foresaw the pair."""
    spread: Floats
    """[n_pairs] standard deviation of the truth around it."""

    @property
    def told(self) -> Bools:
        """[n_pairs] pairs that were foreseen."""
        return np.isfinite(self.difference)


def foresee(voices: Floats, lessons: TitlePairs, group: Numbers, *, backwards: bool) -> Foreseen:
    """Weigh and size predictions, each group of pairs by what the others came out as.

    Args:
        voices: [n_pairs, n_voices] cross-fitted predictions, NaN where there is none.
        lessons: How the pairs came out.
        group: [n_pairs] fold of each pair.
        backwards: Folds are in time: only earlier ones may teach.
    """
    there = np.isfinite(voices).all(axis=1)
    difference = np.full(len(lessons), np.nan)
    spread = np.full(len(lessons), np.nan)
    for one in np.unique(group[there]):
        others = there & ((group < one) if backwards else (group != one))
        mine = there & (group == one)
        if others.any():
            weighing = weigh(voices, lessons, others)
            difference[mine] = voices[mine] @ weighing.weights
            spread[mine] = weighing.spread
    return Foreseen(difference, spread)
