"""Resampling users: everything of a user stays together.

Statistics here are functions of per-user sums, so a resample is a row of weights over users
and a bootstrap is one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

DRAWS = 2000
"""Resamples of an interval: its ends then move by about 2% of its width from seed to seed."""

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95% interval over users."""

    value: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether 0 lies outside the interval; False where it is undefined."""
        return self.low > 0 or self.high < 0

    def pair(self) -> list[float]:
        """Both ends, low first."""
        return [self.low, self.high]


def weights(users: int, seed: int, draws: int = DRAWS) -> Floats:
    """[draws, users] how often each user is drawn, over the number of users."""
    rng = np.random.default_rng(seed)
    even = np.full(users, 1.0 / users)
    return rng.multinomial(users, even, size=draws).astype(np.float64) / users


def mean_interval(per_user: Floats, seed: int) -> Interval:
    """Mean of one figure a user; NaN users (nothing to measure) are left out."""
    known = np.asarray(per_user, dtype=np.float64)
    known = known[np.isfinite(known)]
    if len(known) < 2:
        return Interval(float(known.mean()) if len(known) else np.nan, np.nan, np.nan)
    return spread(float(known.mean()), weights(len(known), seed) @ known)


def ratio_interval(numerator: Floats, denominator: Floats, seed: int) -> Interval:
    """Ratio of two sums over users, with the interval of resampled users."""
    if len(numerator) < 2 or not denominator.sum():
        return Interval(np.nan, np.nan, np.nan)
    drawn = weights(len(numerator), seed)
    below = drawn @ denominator
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = (drawn @ numerator) / below
    return spread(float(numerator.sum() / denominator.sum()), ratios)


def spread(value: float, draws: Floats) -> Interval:
    """An estimate with the percentile interval of its resamples; undefined ones are left out."""
    known = draws[np.isfinite(draws)]
    if len(known) < len(draws) / 2:
        return Interval(value, np.nan, np.nan)
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))
