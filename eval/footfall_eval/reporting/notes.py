"""Sentences beside the effects: narrower intervals, the set of best arms, what to plan next."""

from __future__ import annotations

import pandas as pd

from footfall_eval.comparing.comparison import Comparison
from footfall_eval.comparing.figures import estimate, number, percent
from footfall_eval.comparing.verdict import leading
from footfall_eval.measures.metrics import METRICS
from footfall_eval.reading.load import RunLog
from footfall_eval.reporting.view import p_words
from footfall_eval.statistics.adjust import covariate_columns, cuped, usable_covariates
from footfall_eval.statistics.effects import FEW_USERS
from footfall_eval.statistics.interleaving import credit, interleaving
from footfall_eval.statistics.many import best_arms
from footfall_eval.statistics.power import plan

VOTES = ("clicks", "purchases", "revenue")
"""Metrics by which a user can be said to prefer one side of an interleaved page."""

USERS_A_COVARIATE = 10
"""Fewer users than this for each covariate, and the adjustment fits noise."""

_METRICS = {metric.name: metric for metric in METRICS}


def notes(log: RunLog, result: Comparison) -> tuple[str, ...]:
    """What else the numbers say about the leading effect; empty where there is none."""
    per_user = log.per_user()
    found = [
        preference_words(per_user, result),
        best_words(per_user, result),
        adjusted_words(per_user, log.table("users_table"), result),
    ]
    found.append(planning_words(per_user, result))
    return tuple(sentence for sentence in found if sentence)


def best_words(per_user: pd.DataFrame, result: Comparison) -> str:
    """Which of three or more arms may be the best."""
    best = leading(result)
    if best is None or best.users < FEW_USERS:
        return ""
    if len(result.arms) < 3 or result.design != "paired":
        return ""
    found = best_arms(per_user, result.primary, level=result.level)
    names = ", ".join(found.included)
    label = _METRICS[result.primary].label.lower()
    if len(found.included) == 1:
        return f"Best of all arms in {label}, with {result.level:.0%} confidence: {names}."
    return f"Arms that may be the best in {label} ({result.level:.0%} confidence): {names}."


def preference_words(per_user: pd.DataFrame, result: Comparison) -> str:
    """Interleaved pages: how many users preferred each side."""
    best = leading(result)
    if best is None or result.design != "interleaved" or best.metric not in VOTES:
        return ""
    found = interleaving(
        credit(per_user, best.control, best.treatment, best.metric), level=result.level
    )
    if not found.first_wins + found.second_wins:
        return "No user preferred either side."
    return (
        f"Of the users with a preference, {percent(found.share)} ({percent(found.ci_low)} to "
        f"{percent(found.ci_high)}) preferred {best.treatment} in {best.metric}: "
        f"{found.first_wins:,} against {found.second_wins:,}, {found.ties:,} without one; exact "
        f"binomial p {p_words(found.p_value)}."
    )


def adjusted_words(per_user: pd.DataFrame, users: pd.DataFrame | None, result: Comparison) -> str:
    """The leading effect adjusted for what was known of users before."""
    best = leading(result)
    if best is None or best.standard_error == 0 or users is None:
        return ""
    usable = usable_covariates(users, covariate_columns(users))
    if not usable or best.users < USERS_A_COVARIATE * len(usable):
        return ""
    found = cuped(
        per_user,
        users,
        metric=best.metric,
        control=best.control,
        treatment=best.treatment,
        covariates=usable,
        design=result.design,
        level=result.level,
    )
    size, interval = estimate(
        found.difference, found.ci_low, found.ci_high, _METRICS[best.metric].unit
    )
    change = found.variance_reduction
    words = f"{percent(change)} less variance" if change > 0.01 else "no less variance"
    names = ", ".join(name.removeprefix("before_").replace("_", " ") for name in found.covariates)
    return f"Adjusted for what was known before ({names}): {size} ({interval}), {words}."


def planning_words(per_user: pd.DataFrame, result: Comparison) -> str:
    """How many users this effect asks for, paired and split."""
    best = leading(result)
    if best is None or best.standard_error == 0 or best.difference == 0:
        return ""
    if result.design != "paired":
        return ""
    found = plan(
        per_user,
        metric=best.metric,
        control=best.control,
        treatment=best.treatment,
        effect=best.difference,
    )
    unit = _METRICS[best.metric].unit
    scale, suffix = (100, " points") if unit == "share" else (1, "")
    return (
        f"With {best.users:,} users in both arms, a difference of "
        f"{number(scale * found.paired_detectable)}{suffix} is found 8 times out of 10; split "
        f"between two arms it would have to be {number(scale * found.split_detectable)}{suffix}. "
        f"An effect as large as this one asks for {found.paired_users:,} simulated users in both "
        f"arms, or {found.split_users:,} split between them, as in a live test of users who vary "
        "as much as these."
    )
