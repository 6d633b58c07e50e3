"""The difference between two arms: estimate, interval and test, with the user as the unit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from footfall_eval.measures.metrics import Array, Columns
from footfall_eval.reading.load import Design

FEW_USERS = 30
"""Below this many users (in an arm) p-values come from permutations, not from Student's t."""

PERMUTATIONS = 9_999
RESAMPLES = 9_999


@dataclass(frozen=True)
class Effect:
    """Treatment minus control. NaN stands for "cannot be computed", never for zero."""

    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    correlation: float
    """Between the arms, over users: what pairing has to work with. NaN for a split design."""
    lift: float
    """Difference divided by the control's value."""
    lift_low: float
    lift_high: float
    standard_error: float
    users: int
    """Users in the paired design, users of both arms in the split one."""
    method: str
    """How interval and p-value were computed, in words."""


def effect(
    control: Columns, treatment: Columns, *, design: Design = "paired", level: float = 0.95
) -> Effect:
    """Compare one metric between two arms.

    Args:
        control: [n_control] columns of the control.
        treatment: [n_treatment] columns of the treatment; aligned by user when paired.
        design: ``paired`` or ``split``.
        level: Confidence level of the interval.
    """
    if not _defined(control, treatment, design):
        return _undefined(control, treatment)
    base, other = control.linearised(), treatment.linearised()
    difference, error, freedom = mean_difference(base, other, design)
    low, high, p_value = _student(difference, error, freedom, level)
    method = _method(control, design)
    few = min(len(base), len(other)) < FEW_USERS
    if few and error > 0:
        p_value = permutation_p(control, treatment, design)
        method += ", permutation test"
    elif error == 0 and difference != 0:
        # Every user differs by the same amount: only the signs can be tested.
        p_value = min(1.0, 2.0 ** (1 - len(base)))
        method += ", sign test"
    lift, lift_low, lift_high = _lift(base, other, control.value, difference, design, level)
    return Effect(
        difference=difference,
        ci_low=low,
        ci_high=high,
        p_value=p_value,
        correlation=float("nan") if design == "split" else correlation(base, other),
        lift=lift,
        lift_low=lift_low,
        lift_high=lift_high,
        standard_error=error,
        users=len(base) + len(other) if design == "split" else len(base),
        method=method,
    )


def correlation(first: Array, second: Array) -> float:
    """Pearson correlation; NaN where one side does not vary."""
    if len(first) < 2 or _deviation(first) == 0 or _deviation(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def pairing_ratio(control: Columns, treatment: Columns, *, level: float = 0.95) -> float:
    """How wide the paired interval is against that of a split test with the same users.

    The split test is the same log with half of the users in each arm, by Welch's t. 0.25 means
    that a split test needs 16 times as many users. NaN where the split interval has no width.
    """
    if min(len(control.numerator), len(treatment.numerator)) < 4:
        return float("nan")
    if not _defined(control, treatment, "paired"):
        return float("nan")
    base, other = control.linearised(), treatment.linearised()
    _, error, freedom = mean_difference(base, other, "paired")
    first, second = (2 * _deviation(side) ** 2 / len(side) for side in (base, other))
    if first + second == 0:
        return float("nan")
    alone = (first + second) ** 2 / ((first**2 + second**2) / (len(base) / 2 - 1))
    quantile = (1 + level) / 2
    paired = float(stats.t.ppf(quantile, freedom)) * error
    return paired / (float(stats.t.ppf(quantile, alone)) * math.sqrt(first + second))


def _defined(control: Columns, treatment: Columns, design: Design) -> bool:
    sizes = (len(control.numerator), len(treatment.numerator))
    if design != "split" and sizes[0] != sizes[1]:
        raise ValueError(f"paired arms need the same users, got {sizes[0]} and {sizes[1]}")
    return min(sizes) >= 2 and math.isfinite(control.value) and math.isfinite(treatment.value)


def _undefined(control: Columns, treatment: Columns) -> Effect:
    nan = float("nan")
    users = max(len(control.numerator), len(treatment.numerator))
    difference = nan if users < 1 else treatment.value - control.value
    why = "fewer than two users" if users < 2 else "not defined: its denominator is zero"
    if users > 1 and control.denominator is None:
        why = "not defined: the log does not hold what it needs"
    return undefined(users, why, difference)


def undefined(users: int, why: str, difference: float = float("nan")) -> Effect:
    """An effect that cannot be computed, and why."""
    nan = float("nan")
    return Effect(difference, nan, nan, nan, nan, nan, nan, nan, nan, users, why)


def mean_difference(base: Array, other: Array, design: Design) -> tuple[float, float, float]:
    """Difference, its standard error, and degrees of freedom (paired or Welch)."""
    if design != "split":
        gaps = other - base
        scale = max(float(np.abs(base).max()), float(np.abs(other).max()))
        error = _deviation(gaps, scale) / math.sqrt(len(gaps))
        return float(gaps.mean()), error, len(gaps) - 1.0
    first = _deviation(base) ** 2 / len(base)
    second = _deviation(other) ** 2 / len(other)
    total = first + second
    freedom = len(base) + len(other) - 2.0
    if total > 0:
        freedom = total**2 / (first**2 / (len(base) - 1) + second**2 / (len(other) - 1))
    return float(other.mean() - base.mean()), math.sqrt(total), freedom


def _deviation(values: Array, scale: float | None = None) -> float:
    """Standard deviation, exactly 0 where the values differ by rounding only.

    ``scale`` is the size of the numbers that the values are differences of.
    """
    deviation = float(np.std(values, ddof=1))
    size = float(np.abs(values).max()) if scale is None else scale
    return 0.0 if deviation <= 1e-12 * size else deviation


def _student(
    difference: float, error: float, freedom: float, level: float
) -> tuple[float, float, float]:
    """Interval and two-sided p-value of Student's t (the same as scipy's ttest_rel, ttest_ind)."""
    if error == 0:
        return difference, difference, 1.0 if difference == 0 else 0.0
    reach = float(stats.t.ppf((1 + level) / 2, freedom)) * error
    p_value = 2 * float(stats.t.sf(abs(difference / error), freedom))
    return difference - reach, difference + reach, p_value


def _method(columns: Columns, design: Design) -> str:
    test = "Welch t" if design == "split" else "paired t"
    return test if columns.denominator is None else f"delta method, {test}"


def _lift(
    base: Array, other: Array, control_value: float, found: float, design: Design, level: float
) -> tuple[float, float, float]:
    """Relative difference and its interval, by the delta method on the ratio of values."""
    centre = found / control_value if control_value > 0 else float("nan")
    if not math.isfinite(centre):
        return (float("nan"),) * 3
    ratio = 1 + centre
    # d(T/C) = (dT - (T/C) dC) / C, so the ratio has the terms of these two columns.
    difference, error, freedom = mean_difference(
        base * ratio / control_value, other / control_value, design
    )
    low, high, _ = _student(difference, error, freedom, level)
    return centre, centre + low - difference, centre + high - difference


def permutation_p(control: Columns, treatment: Columns, design: Design, seed: int = 0) -> float:
    """Two-sided p-value by swapping arms within users, or users between arms.

    Exact where there are at most ``PERMUTATIONS`` arrangements.
    """
    above = np.concatenate([control.numerator, treatment.numerator])
    ones = np.ones_like(above)
    below = ones
    if control.denominator is not None and treatment.denominator is not None:
        below = np.concatenate([control.denominator, treatment.denominator])
    n = len(control.numerator)

    def statistic(first: Any, second: Any, axis: int) -> Any:
        with np.errstate(invalid="ignore", divide="ignore"):
            values = above[second].sum(axis) / below[second].sum(axis)
            values = values - above[first].sum(axis) / below[first].sum(axis)
        # An arrangement without any denominator cannot speak for a difference.
        return np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)

    result = stats.permutation_test(
        (np.arange(n), np.arange(n, len(above))),
        statistic,
        permutation_type="independent" if design == "split" else "samples",
        vectorized=True,
        n_resamples=PERMUTATIONS,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def bootstrap_interval(
    control: Columns,
    treatment: Columns,
    *,
    design: Design = "paired",
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """BCa bootstrap interval of a difference: users are drawn, with all that is theirs.

    The check on the delta method, and the choice for a handful of users. Takes memory and
    time in proportion to ``resamples`` times users (in batches).
    """
    parts = [control.numerator, control.denominator, treatment.numerator, treatment.denominator]
    samples = [part for part in parts if part is not None]
    ratio = control.denominator is not None
    half = 2 if ratio else 1

    def value(columns: tuple[Any, ...], axis: int) -> Any:
        if not ratio:
            return columns[0].mean(axis)
        return columns[0].sum(axis) / columns[1].sum(axis)

    def statistic(*drawn: Any, axis: int = -1) -> Any:
        return value(drawn[half:], axis) - value(drawn[:half], axis)

    if design != "split":
        return _bca(tuple(samples), statistic, level, resamples, seed)
    # In a split design users are drawn within arms: row numbers carry both columns at once.
    first = np.arange(len(control.numerator))
    second = np.arange(len(treatment.numerator))

    def by_rows(rows: Any, others: Any, axis: int = -1) -> Any:
        drawn = [part[rows] for part in samples[:half]] + [part[others] for part in samples[half:]]
        return statistic(*drawn, axis=axis)

    return _bca((first, second), by_rows, level, resamples, seed, paired=False)


def _bca(
    samples: tuple[Any, ...],
    statistic: Any,
    level: float,
    resamples: int,
    seed: int,
    *,
    paired: bool = True,
) -> tuple[float, float]:
    users = max(len(sample) for sample in samples)
    result = stats.bootstrap(
        samples,
        statistic,
        paired=paired,
        vectorized=True,
        confidence_level=level,
        n_resamples=resamples,
        batch=max(1, 2_000_000 // users),
        method="BCa",
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)
