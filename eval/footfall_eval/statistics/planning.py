"""``footfall plan``: users and days that a minimum detectable effect asks for, and their cost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from footfall.errors import UserError
from footfall_eval.reading.load import COUNTS, RunLog
from footfall_eval.statistics.power import Plan, users_for
from footfall_eval.statistics.power import plan as plan_users
from footfall_eval.statistics.sharing import Repeated

LONGER = (2, 4)
"""Lengths beyond the pilot's, in multiples of it, for which users are extrapolated."""


@dataclass(frozen=True)
class Needed:
    """What one length of the run asks for."""

    days: float
    paired_users: int
    """Every one of them meets every arm."""
    split_users: int
    """In total, divided among two arms."""
    extrapolated: bool
    """Longer than the pilot: by a variance of a + b / days, from half of it and all of it."""
    paired_tokens: float
    split_tokens: float
    paired_seconds: float | None
    """At the speed that ``footfall bench`` measured; None where nobody did."""
    split_seconds: float | None
    asked_users: int | None = None
    """With two levels: users whom the model plays; None where there is one level."""
    crowd_users: int | None = None
    """Users, or copies of users, whom the surrogate plays."""
    asked_tokens: float | None = None
    asked_seconds: float | None = None


@dataclass(frozen=True)
class TestPlan:
    """Users, days, tokens and time for one treatment."""

    metric: str
    control: str
    treatment: str
    lift: float
    """To be found, relative to the control."""
    control_value: float
    """In the pilot, over all its days."""
    power: float
    pilot_users: int
    pilot_days: float
    correlation: float
    """Between arms, in the pilot."""
    lengths: tuple[Needed, ...]


@dataclass(frozen=True)
class Cost:
    """Of one user in one arm over one day."""

    tokens: float
    seconds: float | None


def plan_test(
    log: RunLog,
    cost: Cost,
    *,
    treatment: str,
    control: str | None = None,
    metric: str = "purchases",
    lift: float | None = 0.05,
    effect: float | None = None,
    power: float = 0.8,
    arms: int = 2,
    repeated: Repeated | None = None,
) -> TestPlan:
    """Plan from a paired pilot.

    Args:
        log: The pilot.
        cost: Of a user-day in one arm.
        treatment: Arm to compare.
        control: Arm to compare with; by default the pilot's.
        metric: Metric of the verdict.
        lift: Relative difference to find; None where ``effect`` is given.
        effect: Absolute difference to find over the pilot's days.
        power: Probability of finding it.
        arms: Arms of the planned run: a paired one asks every user in each of them.
        repeated: What a surrogate repeats of the pilot; None: the run has one level.

    Raises:
        UserError: The pilot is not paired, too small, or shows nothing of the metric.
    """
    if log.design != "paired":
        raise UserError(f"{log.path} is not a paired run; a pilot has every user in every arm")
    control = control or log.control
    days = log.length("days") or _days_seen(log)
    chosen: dict[str, Any] = {"metric": metric, "control": control, "treatment": treatment}
    looks = {
        length: plan_users(_up_to(log, length), **chosen, lift=0.05, power=power)
        for length in sorted({max(1, round(days / 2)), round(days)})
    }
    spreads = {length: _spread(look, metric, control, length) for length, look in looks.items()}
    longest = max(looks)
    frame, whole = _up_to(log, longest), looks[longest]
    wanted = lift if effect is None else effect / whole.control_value
    if not wanted:
        raise UserError("the effect to find must not be zero")
    lengths = [(float(length), spread, False) for length, spread in spreads.items()]
    lengths += [(days * k, _extrapolated(spreads, days * k), True) for k in LONGER]
    return TestPlan(
        **chosen,
        lift=wanted,
        control_value=whole.control_value,
        power=power,
        pilot_users=len(frame) // frame["arm"].nunique(),
        pilot_days=days,
        correlation=whole.correlation,
        lengths=tuple(
            _with_levels(_needed(*one, abs(wanted), power, cost, arms), repeated, cost, arms)
            for one in lengths
        ),
    )


def _spread(look: Plan, metric: str, control: str, days: int) -> tuple[float, ...]:
    """Variances of a user's relative difference, paired and split, after so many days.

    Raises:
        UserError: Nothing of the metric was seen by then.
    """
    if not look.control_value > 0:
        raise UserError(
            f"the pilot shows no {metric} of {control} within {days} days; "
            "take a longer or larger one"
        )
    paired, split = look.paired_deviation, look.split_deviation
    return (paired / look.control_value) ** 2, (split / look.control_value) ** 2


def _days_seen(log: RunLog) -> float:
    return float(log.per_user_and_day()["day"].nunique())


def _up_to(log: RunLog, days: float) -> pd.DataFrame:
    """Counts of everybody over the first days of the pilot."""
    daily = log.per_user_and_day()
    first = pd.to_datetime(daily["day"]).min()
    early = daily[pd.to_datetime(daily["day"]) < first + pd.Timedelta(days=days)]
    summed = early.groupby(["arm", "user"], as_index=False)[list(COUNTS)].sum()
    grid = log.per_user()[["arm", "user"]]
    whole = grid.merge(summed, on=["arm", "user"], how="left")
    whole[list(COUNTS)] = whole[list(COUNTS)].fillna(0.0)
    return whole


def _extrapolated(spreads: dict[int, tuple[float, ...]], days: float) -> tuple[float, ...]:
    """Relative variances for more days: what differs between people stays, luck averages out."""
    (short, before), (long, after) = min(spreads.items()), max(spreads.items())
    found = []
    for early, late in zip(before, after, strict=True):
        luck = max(0.0, (early - late) / (1 / short - 1 / long)) if short < long else late * long
        luck = min(luck, late * long)
        found.append(late - luck / long + luck / days)
    return tuple(found)


def _needed(
    days: float,
    spread: tuple[float, ...],
    extrapolated: bool,
    lift: float,
    power: float,
    cost: Cost,
    arms: int,
) -> Needed:
    paired = users_for(lift, math.sqrt(spread[0]), power=power, paired=True)
    split = 2 * users_for(lift, math.sqrt(spread[1]), power=power, paired=False)
    # A paired user is simulated once an arm; a split run of k arms needs k / 2 times two arms.
    visits = (paired * arms * days, split * arms / 2 * days)
    tokens = tuple(count * cost.tokens for count in visits)
    known = cost.seconds is not None
    seconds = tuple(count * (cost.seconds or 0.0) if known else None for count in visits)
    return Needed(
        days=days,
        paired_users=paired,
        split_users=split,
        extrapolated=extrapolated,
        paired_tokens=tokens[0],
        split_tokens=tokens[1],
        paired_seconds=seconds[0],
        split_seconds=seconds[1],
    )


def _with_levels(needed: Needed, repeated: Repeated | None, cost: Cost, arms: int) -> Needed:
    """The same answer with two levels, at the least cost."""
    if repeated is None:
        return needed
    asked, crowd = repeated.as_good_as(needed.paired_users)
    # What the surrogate takes is told as time of the model.
    visits = (asked + crowd * repeated.cost) * arms * needed.days
    return replace(
        needed,
        asked_users=asked,
        crowd_users=crowd,
        asked_tokens=asked * arms * needed.days * cost.tokens,
        asked_seconds=None if cost.seconds is None else visits * cost.seconds,
    )
