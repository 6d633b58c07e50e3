"""How well estimates of lifts foresee the truth: order, size, and intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planted.people import Floats

APART = 0.02
"""Arms differ truly where one brings so much more than the other."""


@dataclass(frozen=True)
class Estimate:
    """What somebody says each arm brings, the control first."""

    value: Floats
    """[n_arms] outcomes per user, or anything that ranks arms where ``ranks_only``."""
    low: Floats | None = None
    """[n_arms] ends of the 95% interval of the lift over the control; NaN: none."""
    high: Floats | None = None
    significant: npt.NDArray[np.bool_] | None = None
    """[n_arms] called different from the control; by default where 0 is outside the interval."""
    ranks_only: bool = False


@dataclass(frozen=True)
class Score:
    """One estimate held against the truth of one shop; NaN or 0 of 0 where it says nothing.

    Arms that are left out count nowhere but in ``left_out``.
    """

    pairs_right: float
    """Pairs of arms that truly differ and are in the right order; a tie counts half."""
    pairs: int
    slope: float
    """Least squares of estimated on true lifts over the control."""
    correlation: float
    error: float
    """Mean absolute difference of estimated and true lifts."""
    level: float
    """Estimated over true outcome of the control."""
    covered: int
    """Contrasts whose 95% interval holds the true lift ..."""
    intervals: int
    """... of so many."""
    wrong: int
    """Significant contrasts with the wrong sign ..."""
    significant: int
    """... of so many significant ones."""
    left_out: int
    """Arms of which nothing is said."""

    @property
    def order(self) -> float:
        """Share of pairs in the right order."""
        return self.pairs_right / self.pairs if self.pairs else float("nan")


def score(true: Floats, estimate: Estimate, arms: Sequence[int] | None = None) -> Score:
    """Hold an estimate against the truth.

    Args:
        true: [n_arms] true outcomes per user, the control first.
        estimate: What is judged.
        arms: Numbers of the arms that count; the control, 0, is always among them.
    """
    kept = np.array(sorted({0, *(range(len(true)) if arms is None else arms)}))
    value = estimate.value[kept]
    right, pairs = _pairs(true[kept], value)
    lifts, found = true[kept[1:]] / true[0] - 1, value[1:] / value[0] - 1
    said = np.isfinite(found)
    sized = not estimate.ranks_only and said.sum() > 2
    slope = np.polyfit(lifts[said], found[said], 1)[0] if sized else np.nan
    covered, intervals, wrong, significant = _intervals(lifts, found, estimate, kept[1:])
    return Score(
        pairs_right=right,
        pairs=pairs,
        slope=float(slope),
        correlation=float(np.corrcoef(lifts[said], found[said])[0, 1]) if sized else np.nan,
        error=float(np.abs(lifts - found)[said].mean()) if sized else np.nan,
        level=float(value[0] / true[0]) if sized else np.nan,
        covered=covered,
        intervals=intervals,
        wrong=wrong,
        significant=significant,
        left_out=int((~said).sum()),
    )


def _pairs(true: Floats, value: Floats) -> tuple[float, int]:
    one, two = np.triu_indices(len(true), 1)
    apart = np.abs(true[one] / true[two] - 1) > APART
    agree = np.sign(true[one] - true[two]) * np.sign(value[one] - value[two])
    told = apart & np.isfinite(value[one] - value[two])
    return float((0.5 + agree[told] / 2).sum()), int(told.sum())


def _intervals(
    lifts: Floats, found: Floats, estimate: Estimate, arms: npt.NDArray[np.int64]
) -> tuple[int, int, int, int]:
    """Covered, intervals, wrong, significant."""
    if estimate.low is None or estimate.high is None:
        return 0, 0, 0, 0
    low, high = estimate.low[arms], estimate.high[arms]
    there = np.isfinite(low) & np.isfinite(high)
    holds = there & (low <= lifts) & (lifts <= high)
    called = there & ((low > 0) | (high < 0))
    if estimate.significant is not None:
        called = estimate.significant[arms]
    wrong = called & (np.sign(found) != np.sign(lifts))
    return int(holds.sum()), int(there.sum()), int(wrong.sum()), int(called.sum())
