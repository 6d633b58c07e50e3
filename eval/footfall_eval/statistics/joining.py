"""A simulated lift and an off-policy one, joined.

The simulation says how much an arm gains over the run, all that follows on the way included; the
log says, on single pages, by which factor the simulation is wrong about the arm. The join is the
simulated lift times that factor, drawn towards 1 by a prior that was fixed in advance: mostly the
simulation is about right (the spike, whose width is its usual error), and sometimes it is wrong by
any factor (the slab). A factor that the log knows badly so moves nothing, one that it knows well
stands as it is, and a gap that no usual error explains is believed to the log.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SLAB_SHARE = 0.3
"""How many arms the simulation may be wrong about by any factor, before the log is seen."""

SLAB = 0.5
"""Standard deviation of the logarithm of that factor: mostly between .4 and 2.7."""

SPIKE = 0.1
"""Usual error of the simulation, on the logarithm of a lift, where nobody has measured it."""

SPIKE_SPREAD = 0.5
"""Standard deviation of the prior of the logarithm of the usual error, around what is known of it
without any arm."""


@dataclass(frozen=True)
class Correction:
    """What the log says of the logarithm of (true over simulated)."""

    mean: float
    deviation: float
    weight: float
    """How much of the gap is believed: 0 is the simulation alone, 1 the log alone."""


def correction(gap: float, error: float, spike: float = SPIKE) -> Correction:
    """Posterior of the simulation's error, given the gap between log and simulation.

    Args:
        gap: Logarithm of the off-policy lift over the simulated one, on the same pages.
        error: Its standard error.
        spike: Usual error of the simulation.
    """
    widths = np.array([max(spike, 1e-6), SLAB])
    prior = np.array([1.0 - SLAB_SHARE, SLAB_SHARE])
    spread = widths**2 + error**2
    log_evidence = np.log(prior) - 0.5 * np.log(spread) - 0.5 * gap**2 / spread
    share = np.exp(log_evidence - log_evidence.max())
    share /= share.sum()
    trust = widths**2 / spread
    means, variances = trust * gap, trust * error**2
    mean = float(share @ means)
    variance = float(share @ (variances + (means - mean) ** 2))
    return Correction(mean, math.sqrt(variance), float(share @ trust))


def usual_error(known: float, gaps: Sequence[float], errors: Sequence[float]) -> float:
    """Usual error of the simulation of one arm, as the other arms of the run tell it.

    A look back at the log knows nothing of what arms find out that the users do not know, so it
    mostly promises too much. The other arms' gaps between log and simulation tell more; each may
    also be one of those that the simulation is wrong about by any factor.

    Args:
        known: What was known before: of the look back, or an assumption.
        gaps: Of the other arms, see ``correction``.
        errors: Their standard errors.

    Returns:
        Its posterior mean.
    """
    if not len(gaps) or known <= 0:
        return known
    gap, error = np.asarray(gaps)[:, None], np.asarray(errors)[:, None]
    grid = known * np.exp(np.linspace(-4.0, 4.0, 161) * SPIKE_SPREAD)

    def density(width: float | np.ndarray) -> np.ndarray:
        spread = width**2 + error**2
        return np.asarray(np.exp(-0.5 * gap**2 / spread) / np.sqrt(spread))

    each = (1.0 - SLAB_SHARE) * density(grid[None, :]) + SLAB_SHARE * density(SLAB)
    log = np.log(np.maximum(each, 1e-300)).sum(axis=0)
    log -= 0.5 * (np.log(grid / known) / SPIKE_SPREAD) ** 2
    weight = np.exp(log - log.max())
    return float((grid * weight).sum() / weight.sum())


def joined(simulated: float, luck: float, found: Correction) -> tuple[float, float]:
    """Logarithm of the joint lift, and its standard error.

    Args:
        simulated: Logarithm of 1 + the simulated lift.
        luck: Its standard error: the draw of users, and fitted coefficients where known.
        found: The correction.
    """
    return simulated + found.mean, math.hypot(luck, found.deviation)
