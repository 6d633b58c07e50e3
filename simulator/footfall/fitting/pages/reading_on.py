"""How clicks shorten reading, where several items of a page are picked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from footfall.behaviour.people import sigmoid
from footfall.fitting.pages.clicks import ClickFit
from footfall.fitting.pages.log import PageLog
from footfall.fitting.pages.picks import Family

Bools = npt.NDArray[np.bool_]

FEWEST_BELOW = 30.0
"""Clicks expected below so many clicks, without which nothing is told about reading there."""

CERTAIN, NOTABLE = 3.0, 0.05
"""Reading is shorter only if the log says so by so many standard errors, and beyond so small a
share."""


def with_reading(log: PageLog, fit: ClickFit, rows: Bools) -> Family:
    """The family, with as much reading below clicks as makes clicks there as many as were.

    Each number of clicks above is asked about by itself: some users stop with their first click,
    others are content with two. Users whose activity is not known exactly make reading look longer,
    so shorter reading is never found by mistake; where the log does not refute it, reading goes on
    as before.
    """
    if fit.family.picks == "one":
        return fit.family
    known = log.positions[rows] >= 0
    above = log.clicks_above[rows]
    utility = fit.post.expected(fit.design)
    wanted = fit.curve.at(log.positions[rows]) * sigmoid(utility)
    clicked = log.clicked[rows]
    found: list[float] = []
    last = 1.0
    for clicks in range(1, int(above.max(initial=0)) + 1):
        there = known & (above == clicks)
        expected, counted = float(wanted[there].sum()), float(clicked[there].sum())
        if expected < FEWEST_BELOW:
            break
        share, error = counted / expected, np.sqrt(max(counted, 1.0)) / expected
        if share + CERTAIN * error < last * (1.0 - NOTABLE):
            last = share
        found.append(last)
    return replace(fit.family, reads_on=tuple(found) if last < 1 else ())
