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


def mixed(cheap: Array, dear: Array, asked: Numbers, groups: Numbers | None = None) -> Mixed:
    """Mean over all users of what the language model would say.

    Args:
        cheap: [n_users] surrogate, everybody.
        dear: [n_asked] language model, the users asked.
        asked: [n_asked] their numbers among all users.
        groups: [n_users] users of one number are not independent of each other: copies of one
            real user. None: all of them are.

    Raises:
        ValueError: Fewer than ``FEWEST_ASKED`` users were asked, or fewer than two others.
    """
    rest = np.ones(len(cheap), dtype=np.bool_)
    rest[asked] = False
    others, own = cheap[rest], cheap[asked]
    one = np.arange(len(cheap)) if groups is None else np.unique(groups, return_inverse=True)[1]
    told = np.unique(one[asked])
    n, many = len(dear), len(others)
    if len(told) < FEWEST_ASKED or many < 2:
        raise ValueError(f"{len(told)} users asked and {many} others: too few for two levels")
    first = np.isin(one[asked], told[::2])  # who is of one group is in one half
    terms, of = _Terms.of(others, one[rest], int(one.max()) + 1), one[asked]
    weights = [terms.weight(own[~half], dear[~half], of[~half], n) for half in (first, ~first)]
    used = np.where(first, weights[0], weights[1])
    weight, gaps = float(used.mean()), dear - used * own
    parts = np.array([weight * terms.others, terms.added(gaps, of) / n])
    shares = (parts**2).sum(axis=1)
    total = float((parts.sum(axis=0) ** 2).sum())
    # One weight is fitted in each half, which takes a degree of freedom from each.
    freedoms = np.array([len(np.unique(one[rest])) - 1.0, len(told) - 3.0])
    known = float((shares**2 / freedoms).sum())
    alone = terms.added(dear, of) / n
    return Mixed(
        value=float(weight * others.mean() + gaps.mean()),
        error=math.sqrt(total),
        freedom=float(shares.sum() ** 2 / known) if known else n - 1.0,
        weight=weight,
        correlation=correlation(own, dear),
        skewness=float((parts.sum(axis=0) ** 3).sum() / total**1.5) if total else 0.0,
        alone=math.sqrt(float((alone**2).sum())),
    )


@dataclass(frozen=True, eq=False)
class _Terms:
    """What each group of users adds to the error of a mean: variances are sums of their squares."""

    others: Array
    """[n_groups] of the surrogate's mean over the users who were not asked."""

    @classmethod
    def of(cls, others: Array, groups: Numbers, count: int) -> _Terms:
        return cls(_added(others, groups, count) / len(others))

    def added(self, values: Array, groups: Numbers) -> Array:
        """[n_groups] sums of deviations from the mean."""
        return _added(values, groups, len(self.others))

    def weight(self, cheap: Array, dear: Array, groups: Numbers, asked: int) -> float:
        """Of the smallest variance, told from some of the ``asked`` users."""
        times = 1.0 / math.sqrt(len(dear) * asked)
        y, z = (self.added(values, groups) * times for values in (dear, cheap))
        both = self.others * math.sqrt(asked / len(dear))  # where a group is on both sides
        spread = float((self.others**2).sum() + (z**2).sum() - 2 * (both @ z))
        return float(y @ z - both @ y) / spread if spread > 0 else 0.0


def _added(values: Array, groups: Numbers, count: int) -> Array:
    """[count] sums of deviations by group, scaled so that few groups are not underrated."""
    of = len(np.unique(groups))
    scale = math.sqrt(of / (of - 1)) if of > 1 else 1.0
    sums = np.bincount(groups, values - values.mean(), count) * scale
    return np.asarray(sums, dtype=np.float64)


def widened(freedom: float, level: float) -> float:
    """How much wider Student's t is than the normal: for bands that know only the normal."""
    tail = (1 + level) / 2
    return float(stats.t.ppf(tail, freedom) / stats.norm.ppf(tail))


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
    cheap: Level,
    dear: Level,
    asked: Numbers,
    *,
    level: float = 0.95,
    groups: Numbers | None = None,
) -> TwoLevels:
    """Treatment minus control, as the language model alone would have it for all users.

    Args:
        cheap: The surrogate's, for all users.
        dear: The language model's, for the users asked.
        asked: [n_asked] their numbers among all users.
        level: Confidence level of the intervals.
        groups: See ``mixed``.
    """
    base, other = cheap.control.linearised(), cheap.treatment.linearised()
    model_base, model_other = dear.control.linearised(), dear.treatment.linearised()

    def of(all_users: Array, model: Array) -> Mixed:
        return mixed(all_users, model, asked, groups)

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
    users = len(base) if groups is None else len(np.unique(groups))
    words = f"two levels, {len(asked)} of {users} users asked"
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
            users=users,
            method=words if cheap.control.denominator is None else f"delta method, {words}",
        ),
        control=control,
        treatment=control + found.value,
        mixed=found,
    )
