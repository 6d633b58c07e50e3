"""How far users read: a free, falling, smoothed curve over positions, with its errors.

The curve is fitted by moments: at every position as many clicks are expected as were counted,
and the level of the utilities is what the top position says. A likelihood would mix that up with
how strongly utilities differ, which a shrunken fit always understates on its own data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

BEND = 0.1
"""Standard deviation, before the log is looked at, of how much the log of the curve bends from
one position to the next."""

PRIOR_CLICKS = 1.0
"""Clicks' worth of "as expected" that are mixed into each position's."""

LOWEST = 1e-3


@dataclass(frozen=True)
class ReadingCurve:
    """P(the user reads down to a position), from 1 at the top."""

    curve: Floats
    """[k]"""
    errors: Floats
    """[k] standard errors; 0 at the top."""

    @classmethod
    def flat(cls, k: int) -> ReadingCurve:
        """Everything is read."""
        return cls(np.ones(k), np.zeros(k))

    def at(self, positions: Numbers) -> Floats:
        """At positions from 0; 1 where unknown (-1), the last known one further down."""
        if not len(self.curve):
            return np.ones(len(positions))
        known = np.minimum(positions, len(self.curve) - 1)
        return np.where(positions < 0, 1.0, self.curve[known])


def next_curve(
    before: ReadingCurve, positions: Numbers, chance: Floats, clicked: npt.NDArray[np.bool_]
) -> tuple[ReadingCurve, float]:
    """A better curve than ``before``, under which ``chance`` [n_rows] was expected.

    Returns:
        The curve, and what to add to the log of all chances so that the top is as it was.
    """
    k, known = len(before.curve), positions >= 0
    if k == 0 or not known.any():
        ratio = (clicked.sum() + PRIOR_CLICKS) / (chance.sum() + PRIOR_CLICKS)
        return before, float(np.log(ratio))
    at = positions[known]
    seen = _counts(at, clicked[known], k)
    expected = _counts(at, chance[known], k)
    level = np.log(seen[0] / expected[0])
    logs = np.log(before.curve) + np.log(seen / expected) - level
    smooth, variance = _smoothed(logs, seen)
    curve = np.exp(np.minimum.accumulate(_falling(smooth, seen)))
    curve = np.clip(curve, LOWEST, 1.0)
    return ReadingCurve(curve, curve * np.sqrt(variance)), float(level)


def _counts(at: Numbers, weights: npt.NDArray[Any], k: int) -> Floats:
    found = np.bincount(at, weights=weights, minlength=k) + PRIOR_CLICKS
    return np.asarray(found, dtype=np.float64)


def _smoothed(logs: Floats, clicks: Floats) -> tuple[Floats, Floats]:
    """The log of the curve and its variance, drawn towards one that does not bend; 0 at the top."""
    k = len(logs)
    if k == 1:
        return np.zeros(1), np.zeros(1)
    # Errors of log ratios to the top: own counting error, and the top's in common.
    cov = np.diag(1.0 / clicks[1:]) + 1.0 / clicks[0]
    precision = np.linalg.inv(cov)
    bend = np.diff(np.eye(k), n=2, axis=0)[:, 1:] if k > 2 else np.zeros((0, k - 1))
    total = precision + bend.T @ bend / BEND**2
    mean = np.linalg.solve(total, precision @ logs[1:])
    return np.r_[0.0, mean], np.r_[0.0, np.diag(np.linalg.inv(total))]


def _falling(logs: Floats, weights: Floats) -> Floats:
    """Closest curve that never rises and starts at 0 (pool adjacent violators)."""
    from scipy.optimize import isotonic_regression  # noqa: PLC0415 - heavy

    top = np.minimum(logs, 0.0)
    fitted = isotonic_regression(top, weights=weights, increasing=False).x
    return np.asarray(fitted - fitted[0])
