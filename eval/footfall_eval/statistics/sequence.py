"""Look as often as you like: intervals that hold on every day, or after every user, at once.

An ordinary 95% interval that is looked at daily misses the truth on some day far more often
than 5% of the time. A confidence sequence misses it on *any* day at most 5% of the time
(asymptotically): Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), "Time-uniform
central limit theory and asymptotic confidence sequences", Annals of Statistics 52(6),
theorem 2.2 and equation 10 for the tuning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from footfall_eval.measures.metrics import Array, columns, derive, find_metrics
from footfall_eval.reading.load import COUNTS, RunLog
from footfall_eval.statistics.effects import mean_difference


@dataclass(frozen=True)
class DayEffect:
    """Treatment minus control, counted from the first day to the end of this one."""

    day: str
    """ISO date, simulated."""
    difference: float
    ci_low: float
    """Of the confidence sequence; NaN while the metric is not defined."""
    ci_high: float


def radius(variance: Array, planned: float, level: float = 0.95) -> Array:
    """Half-width around a sum whose variance so far is ``variance``.

    The normal mixture boundary, narrowest where the variance reaches ``planned``.

    Args:
        variance: [n] variance of the running sum at each look, rising.
        planned: Variance at which to be narrowest; that of the last look, normally.
        level: Probability that the boundary is never left.
    """
    if planned <= 0:
        return np.zeros_like(variance)
    return boundary(variance, tuning(planned, level), level)


def tuning(planned: float, level: float) -> float:
    """rho^2 of the mixture that is narrowest where the variance of the sum is ``planned``."""
    alpha = 1 - level
    return (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / planned


def boundary(variance: Array, rho2: float, level: float) -> Array:
    """[n] half-widths around a sum, for a mixture fixed beforehand."""
    grown = variance * rho2 + 1
    half: Array = np.sqrt(grown / rho2 * np.log(grown / (1 - level) ** 2))
    return half


def confidence_sequence(
    differences: Array, *, level: float = 0.95, start: int = 30
) -> tuple[Array, Array, Array]:
    """Running mean of per-user differences with an interval that may be watched.

    For a run to which users are added: stop whenever the interval is narrow enough.

    Args:
        differences: [n_users] treatment minus control, in the order of arrival.
        level: Confidence that no interval misses.
        start: Users before the first look, for the normal approximation to hold.

    Returns:
        Mean, low and high, each [n_users]; NaN before ``start``.
    """
    n = np.arange(1, len(differences) + 1)
    mean = np.cumsum(differences) / n
    spread = np.maximum(np.cumsum(differences**2) / n - mean**2, 0.0)
    planned = float(n[-1] * spread[-1]) if len(n) else 0.0
    half = radius(n * spread, planned, level) / n
    early = n < start
    mean, low, high = mean.copy(), mean - half, mean + half
    for line in (mean, low, high):
        line[early] = np.nan
    return mean, low, high


def effect_over_days(
    log: RunLog,
    metric: str,
    control: str,
    treatment: str,
    *,
    level: float = 0.95,
) -> tuple[DayEffect, ...]:
    """The effect from the first day to each day, with one band for all the days.

    Users are independent of each other; one user's days need not be, as long as luck does
    not tend to be made up for on later days (non-negative autocorrelation of the noise:
    then the running sum has at least the covariances of a Brownian motion with the same
    variances, and by Slepian's inequality leaves the boundary at most as often).
    """
    daily = running_effects(log, log.per_user_and_day(), "day", metric, control, treatment)
    days = [pd.Timestamp(str(day)).date().isoformat() for day in daily.at]
    return _band(days, daily.means, daily.errors, daily.rows, level)


@dataclass(frozen=True)
class Running:
    """An effect as it grew."""

    at: tuple[Any, ...]
    """[n] days or epochs at whose end it was looked at."""
    means: Array
    """[n] treatment minus control, everything up to then."""
    errors: Array
    """[n] standard errors."""
    rows: int
    """Rows of users that carry the sums: what turns means into sums for the boundary."""

    @property
    def variances(self) -> Array:
        """[n] of the running sums."""
        found: Array = (self.errors * self.rows) ** 2
        return found


def running_effects(
    log: RunLog, pieces: pd.DataFrame, key: str, metric: str, control: str, treatment: str
) -> Running:
    """Add up ``pieces`` (counts of users by ``key``) in the order of ``key``."""
    chosen = find_metrics((metric,))[0]
    grid = log.per_user()[["arm", "user"]]
    grid = grid[grid["arm"].isin([control, treatment])].reset_index(drop=True)
    pieces = pieces.merge(grid.reset_index(names="row"), on=["arm", "user"])
    total = np.zeros((len(grid), len(COUNTS)))
    at, means, errors = [], [], []
    for name, rows in pieces.groupby(key, sort=True):
        total[rows["row"].to_numpy()] += rows[list(COUNTS)].to_numpy(dtype=np.float64)
        so_far = derive(pd.concat([grid, pd.DataFrame(total, columns=list(COUNTS))], axis=1))
        base, other = columns(so_far, chosen, control), columns(so_far, chosen, treatment)
        difference = error = float("nan")
        if math.isfinite(base.value) and math.isfinite(other.value):
            difference, error, _ = mean_difference(
                base.linearised(), other.linearised(), log.design
            )
        at.append(name)
        means.append(difference)
        errors.append(error)
    return Running(tuple(at), np.array(means), np.array(errors), len(grid))


def _band(
    days: list[str], means: Array, errors: Array, rows: int, level: float
) -> tuple[DayEffect, ...]:
    """Put the boundary around the running means; as a sum over users, so that time adds up."""
    variance = (errors * rows) ** 2
    known = variance[np.isfinite(variance)]
    half = radius(variance, float(known[-1]) if known.size else 0.0, level) / rows
    return tuple(
        DayEffect(day, float(mean), float(mean - reach), float(mean + reach))
        for day, mean, reach in zip(days, means, half, strict=True)
    )
