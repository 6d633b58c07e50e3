"""Do users hold the items of a page against each other? What a better page takes off each item.

Asked of pages that were not fitted, within users: what a user's page is worth on average, beside
what the user's pages are worth, is one more term with a weight of its own. 0 is right where every
item is judged for itself; below 0 a page of good items gains less than its items say, above 0 more.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footfall.fitting.pages.backtest import mean_by_user
from footfall.fitting.pages.blocks import Design, PageWeight, Posterior
from footfall.fitting.pages.picks import Family, pull
from footfall.fitting.pages.stack import level_of

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

STEPS = 12

WEAK = 1.0
"""Precision of the prior around 0."""


def page_weight(
    family: Family, design: Design, post: Posterior, reading: Floats, clicked: Bools
) -> PageWeight:
    """Of impressions that were not fitted, whether it is to be used or not; arrays are [n]."""
    mean = post.page_means(design)
    usual = float(mean.mean()) if len(mean) else 0.0
    first = design.grid.rows[:, 0]
    x = (mean - mean_by_user(design.users[first], mean))[design.grid.page]
    utility = post.expected(design)
    value, information = 0.0, WEAK
    for _ in range(STEPS):
        level = level_of(family, design, utility + value * x, reading, clicked)
        now = pull(family, design.grid, utility + value * x + level, reading, clicked)
        weighted = x * now.weight
        information = float((weighted * x).sum()) + WEAK
        if now.together:
            information -= now.together * float((design.grid.sums(weighted) ** 2).sum())
        value += (float((x * now.slope).sum()) - WEAK * value) / information
        value = float(np.clip(value, -0.95, 2.0))
    return PageWeight(value, usual, float(information**-0.5))
