"""Would the visits that the model cut short change the ruling?

A visit ends where the model gives no answer. Metrics per user count what was done until then, so an
arm that loses more visits looks worse than it is: whichever arm a surrogate knows less of, or
whose items a server refuses. No winner is named where the loss alone may have made it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from footfall_eval.comparing.comparison import Arm, Contrast
from footfall_eval.measures.metrics import METRICS

NEGLIGIBLE = 0.01
"""Share of an arm's visits that may be cut short without anybody asking what it did."""

_METRICS = {metric.name: metric for metric in METRICS}


def lost_visits(counts: pd.DataFrame) -> float:
    """Share of the visits that ended because the model gave no answer.

    Args:
        counts: Of one arm, one row a user, as ``RunLog.per_user`` gives them.
    """
    visits = float(counts["visits"].sum())
    return float(counts["undecided_pages"].sum()) / visits if visits else 0.0


def uneven(per_user: pd.DataFrame) -> bool:
    """Whether arms lost visits in shares that are not alike: a run does not stop early on that.

    Args:
        per_user: One row a (arm, user).
    """
    lost = [lost_visits(own) for _, own in per_user.groupby("arm")]
    return max(lost) > NEGLIGIBLE and max(lost) - min(lost) > NEGLIGIBLE


def doubts(
    arms: Sequence[Arm], contrasts: Sequence[Contrast], primary: str, level: float
) -> tuple[str, ...]:
    """Why no winner can be named in the primary metric, a sentence for each contrast in doubt.

    The ruling must be the same if visits that were cut short had gone like the others of their arm.

    Args:
        arms: All of them, with the share of visits that were cut short.
        contrasts: With corrected p-values.
        primary: The metric of the verdict.
        level: Of confidence.
    """
    lost = {arm.name: arm.lost_visits for arm in arms}
    return tuple(
        f"The model gave no answer in {_told(lost, one)}; had those visits gone on like the "
        "others of their arm, the verdict would be another."
        for one in contrasts
        if one.metric == primary
        and _METRICS[primary].per_user
        and max(lost[one.control], lost[one.treatment]) > NEGLIGIBLE
        and _ruling(one, level) != _if_whole(one, lost, level)
    )


def _told(lost: dict[str, float], one: Contrast) -> str:
    return " and ".join(
        f"{lost[arm]:.1%} of the visits of {arm}" for arm in (one.treatment, one.control)
    )


def _ruling(one: Contrast, level: float) -> int:
    """1: the treatment has more, -1: less, 0: nobody can tell."""
    if not one.p_adjusted < 1 - level:
        return 0
    return 1 if one.direction > 0 else -1


def _if_whole(one: Contrast, lost: dict[str, float], level: float) -> int:
    """The ruling if no visit had been cut short, by an interval as wide as it is."""
    control = _whole(one.control_value, lost[one.control])
    treatment = _whole(one.treatment_value, lost[one.treatment])
    shift, low, high = treatment - control - one.difference, one.ci_low, one.ci_high
    if one.evidence is not None:
        shift = treatment / control - 1 - one.lift if control else math.nan
        low, high = one.evidence.both.low, one.evidence.both.high
    told = int(low + shift > 0) - int(high + shift < 0)
    # What was not clear is not cleared up by guessing, unless much is missing.
    much = max(lost[one.control], lost[one.treatment]) > 5 * NEGLIGIBLE
    return told if much or _ruling(one, level) else 0


def _whole(value: float, lost: float) -> float:
    """Of a metric per user, where a share of the visits brought nothing."""
    return value / (1 - lost) if lost < 1 else math.inf
