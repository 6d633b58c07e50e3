"""Correct a simulated effect with a little real data from both arms.

Simulated users are biased in ways that nobody knows; a few real users, whose simulated selves
are in the run as well, say by how much. Two estimates, both honest whatever the simulation is
worth, and both narrower than the real data alone where it is worth something:

* prediction-powered inference: the simulated mean over many users plus the mean error over the
  real ones, with the simulation weighted by what it explains (Angelopoulos, Bates, Fannjiang,
  Jordan and Zrnic, "Prediction-powered inference", Science 382, 2023; the weight:
  Angelopoulos, Duchi and Zrnic, "PPI++", arXiv 2311.01453, section 6);
* the simulated outcomes of both arms as covariates of the real test (Lin's regression, HC3).

The estimator is written out here because ``ppi-python`` brings gdown and pins nothing; figures
of both side by side are in docs/statistics.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from footfall.errors import DataError, UserError, did_you_mean
from footfall_eval.measures.metrics import Array, columns, derive, find_metrics
from footfall_eval.reading.load import RunLog
from footfall_eval.statistics.adjust import lin
from footfall_eval.statistics.effects import mean_difference

FEWEST = 10
"""Real users needed in each arm: with fewer a variance is a guess."""


@dataclass(frozen=True)
class DifferenceInterval:
    """A difference, treatment minus control, with its confidence interval."""

    difference: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class Corrected:
    """The same effect four times, from least to most informed."""

    metric: str
    control: str
    treatment: str
    simulated: DifferenceInterval
    """Simulated users only; its interval does not cover the simulation's error."""
    real: DifferenceInterval
    """Real users only (Welch)."""
    prediction_powered: DifferenceInterval
    """Both; right whatever the simulation's bias."""
    adjusted: DifferenceInterval
    """Real users, with their simulated outcomes in both arms as covariates."""
    weights: dict[str, float]
    """By arm: how far prediction-powered inference trusts the simulation, 0 to 1 and beyond."""
    real_users: dict[str, int]
    """By arm."""
    simulated_users: int
    """Without the real ones."""


def correct(
    log: RunLog,
    real: pd.DataFrame,
    *,
    treatment: str,
    control: str | None = None,
    metric: str = "purchases",
    level: float = 0.95,
) -> Corrected:
    """Correct one effect of a paired run.

    Args:
        log: A paired run in which every real user of ``real`` is simulated.
        real: One row a real user: ``user``, ``arm`` (the one that he or she met, live) and
            ``outcome`` (the metric per user over the same number of days).
        treatment: Arm to compare.
        control: Arm to compare with; by default the run's.
        metric: A metric per user.
        level: Confidence level; 0.95, where ppi-python's default is 0.9.

    Raises:
        UserError: An arm was never live, the run is not paired, or the metric is a ratio.
        DataError: The real data lack a column, or a user of theirs was not simulated.
    """
    control = control or log.control
    if log.design != "paired":
        raise UserError("correction needs a paired run: every user simulated in both arms")
    if not find_metrics((metric,))[0].per_user:
        raise UserError(f"{metric} is a ratio; correct a metric per user, such as purchases")
    simulated = _simulated(log, metric, (control, treatment))
    outcomes = _outcomes(real, simulated, (control, treatment))
    rest = simulated[~simulated.index.isin(set(real["user"].astype(str)))]
    if len(rest) < FEWEST:
        raise UserError(
            f"only {len(rest)} simulated users are not among the real ones; at least {FEWEST} "
            "are needed: simulate more users"
        )
    powered, weights = _powered(outcomes, simulated, rest, (control, treatment), level)
    return Corrected(
        metric=metric,
        control=control,
        treatment=treatment,
        simulated=_mean(simulated[treatment].to_numpy() - simulated[control].to_numpy(), level),
        real=_welch(outcomes[control].to_numpy(), outcomes[treatment].to_numpy(), level),
        prediction_powered=powered,
        adjusted=_adjusted(outcomes, simulated, (control, treatment), level),
        weights=weights,
        real_users={arm: len(values) for arm, values in outcomes.items()},
        simulated_users=len(rest),
    )


def _simulated(log: RunLog, metric: str, arms: tuple[str, str]) -> pd.DataFrame:
    """[user, arm] simulated outcomes."""
    chosen = find_metrics((metric,))[0]
    counts = derive(log.per_user())
    known = list(dict.fromkeys(counts["arm"]))
    for arm in arms:
        if arm not in known:
            raise UserError(f"no arm {arm!r} in the run; {did_you_mean(arm, known)}")
    users = counts.loc[counts["arm"] == arms[0], "user"].to_numpy()
    return pd.DataFrame(
        {arm: columns(counts, chosen, arm).numerator for arm in arms}, index=users.astype(str)
    )


def _outcomes(
    real: pd.DataFrame, simulated: pd.DataFrame, arms: tuple[str, str]
) -> dict[str, pd.Series]:
    """By arm: real outcomes indexed by user; checked."""
    for name in ("user", "arm", "outcome"):
        if name not in real.columns:
            raise DataError(f"the real data have no column {name!r}; they need user, arm, outcome")
    if real["outcome"].isna().any():
        raise DataError("the real data have missing outcomes; a user who did nothing has 0")
    users = real["user"].astype(str)
    if users.duplicated().any():
        raise DataError(f"user {users[users.duplicated()].iloc[0]} is twice in the real data")
    found = {}
    for arm in arms:
        mine = (real["arm"] == arm).to_numpy()
        if not mine.any():
            raise UserError(
                f"arm {arm!r} was never live: the real data have no user in it, and nothing can "
                "correct (or validate) an arm that nobody real has met"
            )
        if mine.sum() < FEWEST:
            raise UserError(f"only {mine.sum()} real users in arm {arm!r}; {FEWEST} are needed")
        values = pd.Series(real.loc[mine, "outcome"].to_numpy(dtype=float), index=users[mine])
        strangers = values.index.difference(simulated.index)
        if len(strangers):
            raise DataError(
                f"{len(strangers)} real users were not simulated (first: {strangers[0]}); "
                "simulate them, or leave them out"
            )
        found[arm] = values
    return found


def _powered(
    outcomes: dict[str, pd.Series],
    simulated: pd.DataFrame,
    rest: pd.DataFrame,
    arms: tuple[str, str],
    level: float,
) -> tuple[DifferenceInterval, dict[str, float]]:
    centre, variance = 0.0, 0.0
    weights: dict[str, float] = {}
    spread = np.zeros(len(rest))
    for arm, sign in zip(arms, (-1.0, 1.0), strict=True):
        outcome = outcomes[arm].to_numpy()
        twin = simulated.loc[outcomes[arm].index, arm].to_numpy()
        weight = tuned(outcome, twin, len(rest))
        error = outcome - weight * twin
        centre += sign * (weight * float(rest[arm].mean()) + float(error.mean()))
        variance += float(error.var(ddof=1)) / len(outcome)
        spread += sign * weight * rest[arm].to_numpy()
        weights[arm] = weight
    # The same simulated users stand for both arms, so their part is paired.
    variance += float(spread.var(ddof=1)) / len(rest)
    reach = float(stats.norm.ppf((1 + level) / 2)) * math.sqrt(variance)
    return DifferenceInterval(centre, centre - reach, centre + reach), weights


def tuned(outcome: Array, twin: Array, others: int) -> float:
    """The weight that makes the interval narrowest, 0 where the simulation explains nothing.

    Args:
        outcome: [n] real outcomes.
        twin: [n] simulated outcomes of the same users.
        others: Simulated users without a real outcome.
    """
    spread = float(twin.var(ddof=1))
    if spread == 0:
        return 0.0
    together = float(np.cov(outcome, twin)[0, 1])
    return together / (spread * (1 + len(outcome) / others))


def _adjusted(
    outcomes: dict[str, pd.Series], simulated: pd.DataFrame, arms: tuple[str, str], level: float
) -> DifferenceInterval:
    base, other = (outcomes[arm].to_numpy() for arm in arms)
    before, after = (simulated.loc[outcomes[arm].index].to_numpy(dtype=np.float64) for arm in arms)
    both = np.vstack([before, after])
    usable = both.max(axis=0) > both.min(axis=0)
    if not usable.any():
        return _welch(base, other, level)
    fit, _ = lin(base, other, before[:, usable], after[:, usable])
    low, high = fit.conf_int(alpha=1 - level)[1]
    return DifferenceInterval(float(fit.params[1]), float(low), float(high))


def _mean(gaps: Array, level: float) -> DifferenceInterval:
    reach = float(stats.t.ppf((1 + level) / 2, len(gaps) - 1) * stats.sem(gaps))
    return DifferenceInterval(
        float(gaps.mean()), float(gaps.mean()) - reach, float(gaps.mean()) + reach
    )


def _welch(base: Array, other: Array, level: float) -> DifferenceInterval:
    difference, error, freedom = mean_difference(base, other, "split")
    reach = float(stats.t.ppf((1 + level) / 2, freedom)) * error
    return DifferenceInterval(difference, difference - reach, difference + reach)
