"""How many users the next run needs, from a pilot: paired and split side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from statsmodels.stats.power import TTestIndPower, TTestPower

from footfall.errors import UserError
from footfall_eval.measures.metrics import columns, derive, find_metrics
from footfall_eval.statistics.effects import correlation


@dataclass(frozen=True)
class Plan:
    """What a number of users can show, or what an effect asks for."""

    metric: str
    control_value: float
    correlation: float
    """Between arms in the pilot: the reason why pairing needs fewer users."""
    paired_deviation: float
    """Standard deviation over users of the difference."""
    split_deviation: float
    """Standard deviation over users within an arm, both arms pooled."""
    effect: float
    """Difference in units of the metric that is to be found."""
    power: float
    alpha: float
    paired_users: int
    """Users in total, every one in both arms."""
    split_users: int
    """Users in total, half of them in each arm."""
    paired_detectable: float
    """Smallest difference that as many users as in the pilot find with this power."""
    split_detectable: float
    """The same if they were split between two arms."""


def plan(
    per_user: pd.DataFrame,
    *,
    metric: str,
    control: str,
    treatment: str,
    effect: float | None = None,
    lift: float | None = None,
    power: float = 0.8,
    alpha: float = 0.05,
) -> Plan:
    """Plan a run from a paired pilot.

    Args:
        per_user: The pilot, as ``RunLog.per_user`` gives it; paired.
        metric: Name of a metric; ratios go by their linearised terms.
        control: Arm to compare with.
        treatment: Arm to compare.
        effect: Difference to find, in units of the metric.
        lift: The same relative to the control's value. By default 5%.
        power: Probability of finding it.
        alpha: Of the two-sided test.

    Raises:
        UserError: The pilot has fewer than two users or both ``effect`` and ``lift`` are given.
    """
    chosen = find_metrics((metric,))[0]
    counts = derive(per_user)
    base_columns = columns(counts, chosen, control)
    base, other = base_columns.linearised(), columns(counts, chosen, treatment).linearised()
    if len(base) != len(other) or len(base) < 2:
        raise UserError("a pilot needs at least two users, every one of them in both arms")
    if effect is not None and lift is not None:
        raise UserError("give the effect or the lift to find, not both")
    wanted = effect if effect is not None else (lift or 0.05) * base_columns.value
    if not wanted:
        raise UserError("the effect to find must not be zero")
    paired = float(np.std(other - base, ddof=1))
    split = math.sqrt((base.var(ddof=1) + other.var(ddof=1)) / 2)
    pilot = len(base)
    return Plan(
        metric=metric,
        control_value=base_columns.value,
        correlation=correlation(base, other),
        paired_deviation=paired,
        split_deviation=split,
        effect=wanted,
        power=power,
        alpha=alpha,
        paired_users=users_for(abs(wanted), paired, power=power, alpha=alpha, paired=True),
        split_users=2 * users_for(abs(wanted), split, power=power, alpha=alpha, paired=False),
        paired_detectable=paired * _solve(TTestPower(), nobs=pilot, power=power, alpha=alpha),
        split_detectable=split * _solve(TTestIndPower(), nobs1=pilot / 2, power=power, alpha=alpha),
    )


def users_for(
    effect: float, deviation: float, *, power: float = 0.8, alpha: float = 0.05, paired: bool
) -> int:
    """Users a group; at least two, which is all that it takes where nothing varies."""
    if deviation == 0 or effect / deviation > 10:
        return 2
    size = effect / deviation
    if paired:
        return math.ceil(_solve(TTestPower(), effect_size=size, power=power, alpha=alpha))
    return math.ceil(_solve(TTestIndPower(), effect_size=size, power=power, alpha=alpha))


def _solve(family: TTestPower | TTestIndPower, **known: float) -> float:
    return float(np.squeeze(family.solve_power(**known, alternative="two-sided")))
