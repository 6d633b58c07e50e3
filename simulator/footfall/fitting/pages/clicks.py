"""What moves clicks: turns of coefficients, users, items and the reading curve."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from footfall.behaviour import decisions
from footfall.behaviour.specs import Habits
from footfall.fitting.pages.blocks import Blocks, Design, PageWeight, Posterior, start
from footfall.fitting.pages.curve import ReadingCurve, next_curve
from footfall.fitting.pages.log import PageLog
from footfall.fitting.pages.picks import Family, Grid, Pull, chances, expected_pull, log_likelihood
from footfall.run_folder.reading_on import reads_after

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

PLAIN_SWEEPS = 4
"""Turns before taste comes in."""


@dataclass(frozen=True, eq=False)
class ClickFit:
    """What moves clicks."""

    family: Family
    design: Design
    post: Posterior
    curve: ReadingCurve

    def reading(self, log: PageLog) -> Floats:
        """[n] P(an impression is read), given what was clicked above it on its page."""
        return np.asarray(self.curve.at(log.positions) * stays(self.family, log))


def stays(family: Family, log: PageLog) -> Floats:
    """[n] by what the clicks above an impression multiply its reading."""
    most = int(log.clicks_above.max(initial=0))
    return np.asarray(reads_after(family.reads_on, most)[log.clicks_above])


def click_chances(log: PageLog, fit: ClickFit) -> Floats:
    """[n] P(clicked) of every impression."""
    utility = fit.post.expected(fit.design)
    return chances(fit.family, log.grid, utility, fit.reading(log))


def page_clicks(fit: ClickFit, grid: Grid, utility: Floats, positions: Numbers) -> Floats:
    """[n_pages] clicks expected before any is known; utilities and positions are the rows'."""
    shown = grid.rows >= 0
    habits = Habits(
        picks=fit.family.picks, crowding=fit.family.crowding, reads_on=fit.family.reads_on
    )
    found = decisions.chances(
        np.where(shown, utility[grid.rows], -np.inf),
        fit.curve.at(positions)[grid.rows] * shown,
        habits,
    )
    return np.asarray(found.sum(axis=1))


def score(log: PageLog, part: Design, fit: ClickFit, test: Bools) -> float:
    """Mean log-likelihood of pages that were not fitted: ``part`` is the design of ``test`` [n]."""
    utility = fit.post.expected(part)
    reading = fit.reading(log)[test]
    each = log_likelihood(fit.family, part.grid, utility, reading, log.clicked[test])
    return float(each.mean())


def fit_clicks(
    log: PageLog,
    design: Design,
    family: Family,
    rows: Bools,
    sweeps: int,
    begin: ClickFit | None = None,
) -> ClickFit:
    """Take ``sweeps`` turns; from ``begin``, if there is. ``design`` is that of ``rows`` [n]."""
    positions, clicked = log.positions[rows], log.clicked[rows]
    left = stays(family, log)[rows]
    curve = ReadingCurve.flat(int(log.positions.max(initial=-1)) + 1)
    if begin is None:
        post = start(design, float((clicked.sum() + 0.5) / (len(clicked) + 1.0)))
    else:
        curve, post = begin.curve, deepcopy(begin.post)
        post.page = PageWeight()
        post.item_var[1:] = design.taste_var

    def at(mean: Floats, spread: Floats) -> Pull:
        return expected_pull(family, design.grid, mean, spread, curve.at(positions) * left, clicked)

    blocks, variance = Blocks(design, at), post.variance(design)
    for number in range(sweeps):
        tasting = design.factors > 0 and (begin is not None or number >= PLAIN_SWEEPS)
        if tasting and begin is None and number == PLAIN_SWEEPS:
            blocks.taste_from_residuals(post)
            variance = post.variance(design)
        blocks.sweep(post, variance, taste=tasting)
        variance = post.variance(design)
        for _ in range(2 if number < sweeps - 1 else 4):
            utility = post.expected(design, variance)
            chance = chances(family, design.grid, utility, curve.at(positions) * left)
            curve, level = next_curve(curve, positions, chance, clicked)
            post.common[0] += level
    return ClickFit(family, design, post, curve)


def everybody(log: PageLog, design: Design, fit: ClickFit) -> ClickFit:
    """Fold everybody's own memory in, the shared numbers as they are."""

    def at(mean: Floats, spread: Floats) -> Pull:
        return expected_pull(fit.family, design.grid, mean, spread, fit.reading(log), log.clicked)

    blocks = Blocks(design, at)
    for _ in range(2):
        blocks.spread = fit.post.variance(design)
        blocks.users(fit.post, taste=design.factors > 0)
    return replace(fit, design=design)
