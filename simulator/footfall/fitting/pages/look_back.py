"""What a fit to the earlier days foretold of the later ones, asked in several ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.fitting.pages.backtest import Discrepancy, PageSlope, discrepancy, page_slope
from footfall.fitting.pages.blocks import Design, PageWeight
from footfall.fitting.pages.clicks import ClickFit, page_clicks
from footfall.fitting.pages.log import PageLog
from footfall.fitting.pages.page_worth import page_weight
from footfall.fitting.pages.picks import chances
from footfall.fitting.pages.stack import Stack, stacked

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LookBack:
    """What a fit to the earlier days foretold of the later ones."""

    discrepancy: Discrepancy
    slope: PageSlope
    stack: Stack
    page: PageWeight
    """What the rest of a page does to each of its items."""


def look_back(log: PageLog, part: Design, fit: ClickFit, rows: Bools) -> LookBack:
    """Hold a fit to the earlier days against later ones.

    Args:
        log: All days.
        part: The design of the later ones.
        fit: Of the earlier ones; its page's weight is set here.
        rows: [n] which impressions are the later ones.
    """
    reading, clicked = fit.reading(log)[rows], log.clicked[rows]
    stack = stacked(fit.family, part, fit.post, reading, clicked)
    page = page_weight(fit.family, part, fit.post, reading, clicked)
    fit.post.page = page.applied
    utility = fit.post.expected(part)
    chance = chances(fit.family, part.grid, utility, reading)
    first = part.grid.rows[:, 0]
    return LookBack(
        discrepancy(part, fit.post, chance, clicked),
        page_slope(
            page_clicks(fit, part.grid, utility, log.positions[rows]),
            part.grid.sums(clicked),
            part.users[first],
        ),
        stack,
        page,
    )
