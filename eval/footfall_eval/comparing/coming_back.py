"""What to say where the log cannot tell how arms change when users come back."""

from __future__ import annotations

import math
from collections.abc import Sequence

from footfall_eval.reading.load import RunLog
from footfall_eval.reading.uncertainty import log_ratio_draws, sameness

IN_DOUBT = 0.05
"""Standard deviation, on the logarithm of a ratio of visits, beyond which it is said."""

FAR = 0.1
"""Share of a first page by which an arm must differ from the log to be named."""

REACH = 1.96


def of_returning(log: RunLog, control: str, arms: Sequence[str]) -> str | None:
    """A caution where visits are in doubt because no log has seen first pages so old, or so new.

    Args:
        log: The run.
        control: Arm that the others are compared with.
        arms: All of them.
    """
    shares = sameness(log)
    if shares is None:
        return None
    usual, of_arms = shares
    errors = {
        arm: log_ratio_draws(log, control, arm, "visits")
        for arm in arms
        if arm != control and arm in of_arms and abs(of_arms[arm] - of_arms[control]) > FAR
    }
    doubtful = {arm: error for arm, error in errors.items() if error > IN_DOUBT}
    if not doubtful:
        return None
    worst = math.expm1(REACH * max(doubtful.values()))
    named = ", ".join(f"{arm} ({of_arms[arm]:.0%})" for arm in doubtful)
    return (
        f"Whether users come back as often is not known: {usual:.0%} of a first page stood on the "
        f"one of the visit before in the log, {of_arms[control]:.0%} under {control}; far from "
        f"that are {named}. The log hardly tells what that does; visits, and all that comes with "
        f"them, may be off by {worst:.0%}. The intervals with all uncertainty hold it; a log whose "
        "first pages stay the same for some users or weeks would tell."
    )
