"""Two levels of users: many played by a surrogate, some of them by the language model as well.

A surrogate is cheap and a little wrong. Where some users are played by both, with the same luck,
what the surrogate gets wrong can be measured, and taken off what it says of everybody:

    estimate = w * mean(surrogate, users not asked) + mean(model - w * surrogate, users asked)

This is the estimate of multi-level Monte Carlo (Giles, "Multilevel Monte Carlo methods", Acta
Numerica 2015) with the weight of a control variate, known in machine learning as prediction-powered
inference (Angelopoulos, Duchi and Zrnic, "PPI++", 2023). It means what the language model alone
would say of all users, whatever the surrogate gets wrong: a bad surrogate costs width, not truth.
The weight w is the one of the smallest variance; it is fitted on one half of the asked users and
used on the other, so that it cannot flatter the estimate. What users buy is skewed, and few are
asked: intervals are those of Hall's transformation of Student's t ("On the removal of skewness by
transformation", Journal of the Royal Statistical Society B 1992).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from footfall_eval.measures.metrics import Array, Columns
from footfall_eval.statistics.effects import Effect, correlation

FEWEST_ASKED = 20
"""Users played by both below whom neither weight nor error can be told."""

SYMMETRIC = 1e-6
"""Skewness below which there is none."""

Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mixed:
    """A mean over users, from both levels."""

    value: float
    error: float
    """Standard error."""
    freedom: float
    """Degrees of freedom of Student's t (Welch and Satterthwaite)."""
    weight: float
    """Of the surrogate; 0: only the users asked count."""
    correlation: float
    """Between surrogate and model over the users asked; NaN where one side does not vary."""
    skewness: float
    """Of the estimate itself, which fades with the number of users."""
    alone: float
    """Standard error of the users asked without the surrogate."""

    def interval(self, level: float) -> tuple[float, float]:
        """Ends of the interval of that confidence level."""
        reach = float(stats.t.ppf((1 + level) / 2, self.freedom))
        low, high = (self._untransformed(end) for end in (reach, -reach))
        return self.value - self.error * low, self.value - self.error * high

    def p_value(self) -> float:
        """Two-sided, of no difference."""
        if self.error == 0:
            return 1.0 if self.value == 0 else 0.0
        t, k = self.value / self.error, self.skewness
        moved = t + k * t**2 / 3 + k**2 * t**3 / 27 + k / 6
        return 2 * float(stats.t.sf(abs(moved), self.freedom))

    def _untransformed(self, x: float) -> float:
        k = self.skewness
        if abs(k) < SYMMETRIC:
            return x
        return 3 / k * (float(np.cbrt(1 + k * (x - k / 6))) - 1)


def mixed(others: Array, cheap: Array, dear: Array, *, halves: Bools | None = None) -> Mixed:
    """Mean over all users of what the language model would say.

    Args:
        others: [n_others] surrogate, users who were not asked.
        cheap: [n_asked] surrogate, users who were asked.
        dear: [n_asked] language model, the same users in the same order.
        halves: [n_asked] which half a user belongs to; every second one unless told.

    Raises:
        ValueError: Fewer than ``FEWEST_ASKED`` users were asked, or fewer than two others.
    """
    n, many = len(dear), len(others)
    if n < FEWEST_ASKED or many < 2:
        raise ValueError(f"{n} users asked and {many} others: too few for two levels")
    first = np.arange(n) % 2 == 0 if halves is None else halves
    weights = [_weight(cheap[~half], dear[~half], n / many) for half in (first, ~first)]
    own = np.where(first, weights[0], weights[1])
    weight = float(own.mean())
    gaps = dear - own * cheap
    parts = np.array([weight**2 * np.var(others, ddof=1) / many, np.var(gaps, ddof=1) / n])
    total = float(parts.sum())
    # One weight is fitted in each half, which takes a degree of freedom from each.
    free = (
        float(total**2 / (parts**2 / np.array([many - 1.0, n - 3.0])).sum()) if total else n - 1.0
    )
    return Mixed(
        value=float(weight * others.mean() + gaps.mean()),
        error=math.sqrt(total),
        freedom=free,
        weight=weight,
        correlation=correlation(cheap, dear),
        skewness=_skewness((weight * others, gaps), total),
        alone=float(np.std(dear, ddof=1) / math.sqrt(n)),
    )


def _skewness(parts: tuple[Array, Array], variance: float) -> float:
    """Of a sum of two independent means of that variance."""
    if not variance:
        return 0.0
    third = sum(float(np.mean((part - part.mean()) ** 3)) / len(part) ** 2 for part in parts)
    return float(third / variance**1.5)


def _weight(cheap: Array, dear: Array, share: float) -> float:
    """Of the smallest variance, for ``share`` asked users per other user."""
    spread = float(np.var(cheap, ddof=1))
    if spread == 0:
        return 0.0
    return float(np.cov(cheap, dear)[0, 1]) / (spread * (1.0 + share))


@dataclass(frozen=True, eq=False)
class Level:
    """One metric of two arms at one level; aligned by user."""

    control: Columns
    treatment: Columns


@dataclass(frozen=True)
class TwoLevels:
    """An effect, and what the surrogate did for it."""

    effect: Effect
    control: float
    """The metric in the control."""
    treatment: float
    mixed: Mixed
    """Of the difference."""


def effect_of_levels(
    cheap: Level, dear: Level, asked: Numbers, *, level: float = 0.95
) -> TwoLevels:
    """Treatment minus control, as the language model alone would have it for all users.

    Args:
        cheap: The surrogate's, for all users.
        dear: The language model's, for the users asked.
        asked: [n_asked] their numbers among all users.
        level: Confidence level of the intervals.
    """
    base, other = cheap.control.linearised(), cheap.treatment.linearised()
    model_base, model_other = dear.control.linearised(), dear.treatment.linearised()
    rest = np.setdiff1d(np.arange(len(base)), asked)

    def of(all_users: Array, model: Array) -> Mixed:
        return mixed(all_users[rest], all_users[asked], model)

    found, control = of(other - base, model_other - model_base), of(base, model_base).value
    lift, lift_low, lift_high = (math.nan,) * 3
    if control > 0:
        lift = found.value / control
        # d(T/C) = (dT - (T/C) dC) / C, whose mean is 0: the interval is around the lift.
        terms = of(
            (other - (1 + lift) * base) / control, (model_other - (1 + lift) * model_base) / control
        )
        low, high = terms.interval(level)
        lift_low, lift_high = lift + low - terms.value, lift + high - terms.value
    low, high = found.interval(level)
    words = f"two levels, {len(asked)} of {len(base)} users asked"
    return TwoLevels(
        effect=Effect(
            difference=found.value,
            ci_low=low,
            ci_high=high,
            p_value=found.p_value(),
            correlation=correlation(model_base, model_other),
            lift=lift,
            lift_low=lift_low,
            lift_high=lift_high,
            standard_error=found.error,
            users=len(base),
            method=words if cheap.control.denominator is None else f"delta method, {words}",
        ),
        control=control,
        treatment=control + found.value,
        mixed=found,
    )
