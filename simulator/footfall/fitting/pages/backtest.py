"""How far the model itself is off: what a fit to the earlier days foretells of the later ones.

Two arms differ in what they show. So the later days' impressions are divided in thirds, by whatever
arms may prefer (items' effects, content, price, a user's own taste, what was seen), and the log of
the ratio of clicks between the upper and the lower third is held against the foretold one. What
is left beyond counting errors is the discrepancy of the model on the log of a lift. A shop has few
such contrasts, so a prior from planted shops weighs in.

The same is asked of whole pages, by the mean of their items: an arm fills pages, and users who take
less of a page the better all of it is are right on single impressions and wrong on pages. The
larger discrepancy of the two counts.

How much more a better page is clicked is asked for by itself (``page_slope``): where users hold
items against each other by a rule that no term knows, every lift is too large by the same share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.behaviour.people import OWN
from footfall.fitting.pages.blocks import Design, Posterior

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

PRIOR = 0.045
"""Of the discrepancy on the log of a lift: found in twelve planted shops."""

PRIOR_SPREAD = 0.5
"""Standard deviation of the prior of its logarithm."""

STEPS = 20

LEAST_INFORMATION = 1.0
"""Below it the error of a slope is more than 1, and nothing is said."""

FEWEST = 20.0
"""Clicks in a third below which a contrast tells nothing."""


CERTAIN, NOTABLE = 3.0, 0.2
"""A slope is refuted if it is so many errors from 1, and by so much."""


@dataclass(frozen=True)
class PageSlope:
    """How much more a page is clicked that is foretold to be clicked more by a little: 1 is right.

    Within users: that some click more than others says nothing about pages.
    """

    value: float
    """NaN: nobody clicked on pages that differ."""
    error: float

    @property
    def stretch(self) -> float:
        """Share of a lift's logarithm that is missing (below 0: too much); 0: none is refuted."""
        off = self.value - 1.0
        return off if abs(off) > max(NOTABLE, CERTAIN * self.error) else 0.0


def page_slope(foretold: Floats, clicks: Floats, users: Numbers) -> PageSlope:
    """Of pages that were not fitted; all [n_pages].

    A user's clicks fall on the user's pages in proportion to foretold ** slope: the likelihood
    given how many they are, maximised by Newton's method.
    """
    log = np.log(np.maximum(foretold, 1e-12))
    x = log - mean_by_user(users, log)
    slope, information = 1.0, 0.0
    for _ in range(STEPS):
        weight = np.exp(slope * x)
        centre = mean_by_user(users, x, weight)
        spread = mean_by_user(users, (x - centre) ** 2, weight)
        information = float((clicks * spread).sum())
        if information < LEAST_INFORMATION:
            return PageSlope(float("nan"), float("nan"))
        slope += float((clicks * (x - centre)).sum()) / information
    return PageSlope(slope, information**-0.5)


def mean_by_user(users: Numbers, values: Floats, weight: Floats | None = None) -> Floats:
    """[n] weighted mean of ``values`` [n] over the rows of each row's user."""
    weight = np.ones(len(values)) if weight is None else weight
    total = np.maximum(np.bincount(users, weight), 1e-300)
    return np.asarray((np.bincount(users, weight * values) / total)[users])


@dataclass(frozen=True)
class Discrepancy:
    """How far lifts that the model foretells are off, beside all luck and errors of the fit."""

    value: float
    """Standard deviation on the log of a lift."""
    contrasts: int
    """Pairs of thirds that it was looked for in; 0: it is the prior."""
    rms: float
    """Root mean square of the gaps found, counting errors included; NaN without contrasts."""


def discrepancy(design: Design, post: Posterior, chance: Floats, clicked: Bools) -> Discrepancy:
    """Of impressions that were not fitted, under ``chance`` [n]."""
    single = _preferences(design, post)
    found = [_of_thirds(scores, chance, clicked) for scores in (single, _of_pages(design, single))]
    return max(found, key=lambda one: one.value)


def _of_thirds(scores: list[Floats], chance: Floats, clicked: Bools) -> Discrepancy:
    gaps, variances = [], []
    for score in scores:
        low, high = np.quantile(score, [1 / 3, 2 / 3])
        parts = [clicked[score <= low].sum(), clicked[score >= high].sum()]
        if low == high or min(parts) < FEWEST:
            continue
        expected = [chance[score <= low].sum(), chance[score >= high].sum()]
        gaps.append(np.log(parts[1] / expected[1]) - np.log(parts[0] / expected[0]))
        variances.append(1.0 / parts[0] + 1.0 / parts[1])
    if not gaps:
        return Discrepancy(PRIOR, 0, float("nan"))
    found = _posterior_mean(np.array(gaps), np.array(variances))
    return Discrepancy(found, len(gaps), float(np.sqrt(np.mean(np.square(gaps)))))


def _of_pages(design: Design, scores: list[Floats]) -> list[Floats]:
    """[n] each: the mean over the page of each score."""
    grid = design.grid
    sizes = np.maximum(grid.sums(np.ones(len(grid.page))), 1.0)
    return [np.asarray((grid.sums(score) / sizes)[grid.page]) for score in scores]


def _preferences(design: Design, post: Posterior) -> list[Floats]:
    """[n] each: what arms may prefer."""
    k, own = post.slopes, post.users[design.users]
    item = post.items[design.items]
    content = design.own[:, len(OWN) :]
    return [
        item[:, 0],
        np.einsum("nr,nr->n", content, own[:, len(OWN) : k]),
        np.einsum("nf,nf->n", own[:, k:], item[:, 1:]),
        *design.common[:, 1:].T,
        *content.T,
    ]


def _posterior_mean(gaps: Floats, variances: Floats) -> float:
    """Of the standard deviation, on a grid of its logarithm."""
    grid = np.exp(np.linspace(np.log(0.005), np.log(0.5), 200))
    total = variances[None, :] + grid[:, None] ** 2
    fit = -0.5 * (np.log(total) + gaps[None, :] ** 2 / total).sum(axis=1)
    fit -= 0.5 * (np.log(grid / PRIOR) / PRIOR_SPREAD) ** 2
    weight = np.exp(fit - fit.max())
    return float((grid * weight).sum() / weight.sum())
