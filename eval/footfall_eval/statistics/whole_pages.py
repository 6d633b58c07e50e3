"""Off-policy estimates of arms, brought from single impressions to whole pages.

The log weighs one impression at a time among whatever else stood on its page. Where items of a page
compete (``footfall_eval.statistics.competing``), an arm that replaces all of them gains less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from footfall_eval.statistics.competing import Competition
from footfall_eval.statistics.logged import LoggedArm

Floats = npt.NDArray[np.float64]

FACTORS = np.linspace(-5.0, 5.0, 201)
"""Logarithms of ratios at which the rule is asked; what is beyond is taken for the last one."""


def on_whole_pages(
    arms: Sequence[LoggedArm], base: LoggedArm, rule: Competition | None, places: float
) -> list[LoggedArm]:
    """The same arms with SNIPS and doubly robust estimates as they count on whole pages.

    Args:
        arms: Of one outcome.
        base: The arm that ratios are taken to; its own estimates stay.
        rule: How items compete; None: they do not, and nothing changes.
        places: Impressions a page.
    """
    clicks = base.snips * places
    if rule is None or not clicks > 0:
        return list(arms)
    known = np.array([rule.on_pages(factor, clicks)[0] for factor in FACTORS.tolist()])

    def pages(ratio: Floats | float) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.exp(np.interp(np.log(ratio), FACTORS, known)))

    more = base.doubly_robust / base.simulated if base.simulated else math.nan

    def moved(arm: LoggedArm) -> LoggedArm:
        ahead = arm.doubly_robust / arm.simulated / more if arm.simulated and more else math.nan
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = arm.snips_draws / base.snips_draws
        return replace(
            arm,
            snips=float(base.snips * pages(arm.snips / base.snips)),
            snips_draws=base.snips_draws * pages(ratios),
            doubly_robust=float(arm.simulated * more * pages(ahead)),
        )

    return [moved(arm) for arm in arms]
