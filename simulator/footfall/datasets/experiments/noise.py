"""How much two arms differ that look the same: the noise that every test has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.datasets.experiments.pairs import Pairs

FEWEST_TESTS = 20
"""A/A tests without which the overdispersion is not measured."""

DRAWS = 1_000


@dataclass(frozen=True)
class Noise:
    """Variance of differences between equal arms over the binomial variance."""

    overdispersion: float
    """1 where it is not measured, and never below 1."""
    low: float
    """95% interval over stories; NaN where it is not measured."""
    high: float
    pairs: int
    """A/A pairs."""
    tests: int
    """Tests with such pairs."""
    measured: bool

    def sentence(self) -> str:
        """For people."""
        if not self.measured:
            return (
                f"Overdispersion not measured: {self.tests} tests with equal arms, "
                f"{FEWEST_TESTS} are needed; noise is taken as binomial."
            )
        return (
            f"Equal arms differ {self.overdispersion:.2f} times as much as binomial noise "
            f"({self.low:.2f} to {self.high:.2f}; {self.pairs:,} pairs of {self.tests:,} tests)."
        )


def measure_noise(equal: Pairs, seed: int = 0) -> Noise:
    """Measure the overdispersion on A/A pairs (``pairs_of(experiments, ())``).

    Each test counts once, however many pairs it has: its mean squared difference in units of the
    binomial variance. The interval resamples stories.
    """
    tests = len(np.unique(equal.test))
    if tests < FEWEST_TESTS:
        return Noise(1.0, float("nan"), float("nan"), len(equal), tests, measured=False)
    square = equal.difference**2 / equal.binomial
    number, place = np.unique(equal.test, return_inverse=True)
    each = np.bincount(place, weights=square) / np.bincount(place)
    story = np.zeros(len(number), dtype=np.int64)
    story[place] = equal.story
    drawn = _resampled(each, story, np.random.default_rng(seed))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Noise(
        max(1.0, float(each.mean())), float(low), float(high), len(equal), tests, measured=True
    )


def _resampled(
    values: npt.NDArray[np.float64], story: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """[DRAWS] means of ``values`` over resampled stories."""
    _, place = np.unique(story, return_inverse=True)
    sums, counts = np.bincount(place, weights=values), np.bincount(place)
    picks = rng.integers(len(sums), size=(DRAWS, len(sums)))
    return np.asarray(sums[picks].sum(axis=1) / counts[picks].sum(axis=1))
