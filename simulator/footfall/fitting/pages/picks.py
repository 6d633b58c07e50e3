"""How clicks follow from utilities: several independent picks of a page, or one.

Both families share the reading of a page from the top: ``reading`` is P(the user reads down to
this position), 1 at the top and never rising.

    many   P(click i) = reading_i * sigmoid(U_i): the position-based model (Craswell, Zoeter,
           Taylor and Ramsey, WSDM 2008)
    one    at most one click: a multinomial logit with an outside option over what was read,
           summed over how far the user may have read

Each gives the log-likelihood of what was clicked with its slope and curvature in the utilities,
which is all that the fit of the coefficients asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from footfall.behaviour.people import sigmoid, unsure

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Family = Literal["many", "one"]

SMALLEST = 1e-12
"""No chance is taken for smaller than this, so that no logarithm is infinite."""


@dataclass(frozen=True)
class Grid:
    """Where the rows of a table of impressions lie on their pages, top first."""

    rows: Numbers
    """[n_pages, k] number of the row, -1 for padding at the end."""
    page: Numbers
    """[n_rows] number of the row's page."""
    place: Numbers
    """[n_rows] column of the row in ``rows``."""

    @classmethod
    def of(cls, pages: Numbers) -> Grid:
        """From the page of each row; rows of a page stand together, in the order of reading."""
        starts = np.flatnonzero(np.r_[True, pages[1:] != pages[:-1]]) if len(pages) else pages
        lengths = np.diff(np.r_[starts, len(pages)])
        number = np.repeat(np.arange(len(starts)), lengths)
        place = np.arange(len(pages)) - np.repeat(starts, lengths)
        rows = np.full((len(starts), int(lengths.max(initial=1))), -1, dtype=np.int64)
        rows[number, place] = np.arange(len(pages))
        return cls(rows, number, place)

    def spread(self, values: Floats, fill: float) -> Floats:
        """[n_pages, k] of a number a row."""
        return np.where(self.rows >= 0, values[self.rows], fill)

    def gather(self, table: Floats) -> Floats:
        """[n_rows] of a number a place."""
        return np.asarray(table[self.page, self.place])


@dataclass(frozen=True)
class Pull:
    """The log-likelihood of the clicks as seen from the utilities; [n_rows] each."""

    chance: Floats
    """P(clicked | page shown)."""
    slope: Floats
    """Derivative of the log-likelihood."""
    weight: Floats
    """Expected curvature, not negative. "one": before the share that pages take away, which is
    ``weight`` times the page's weighted mean (``together``)."""
    together: bool
    """Utilities of a page compete."""


NODES = ((-(3.0**0.5), 1 / 6), (0.0, 2 / 3), (3.0**0.5, 1 / 6))
"""Gauss-Hermite: where a standard normal is looked at, and what each place weighs."""


def expected_pull(
    family: Family, grid: Grid, utility: Floats, spread: Floats, reading: Floats, clicked: Bools
) -> Pull:
    """Slope and curvature, expected over utilities of variance ``spread``; arrays are [n_rows]."""
    if family == "one":
        return pull(family, grid, unsure(utility, spread), reading, clicked)
    deviation = np.sqrt(spread)
    parts = [pull(family, grid, utility + x * deviation, reading, clicked) for x, _ in NODES]
    chance, slope, weight = (
        sum(share * getattr(part, name) for part, (_, share) in zip(parts, NODES, strict=True))
        for name in ("chance", "slope", "weight")
    )
    return Pull(chance, slope, weight, together=False)


def pull(family: Family, grid: Grid, utility: Floats, reading: Floats, clicked: Bools) -> Pull:
    """Slope and curvature at ``utility``; all arrays are [n_rows]."""
    if family == "many":
        chance = sigmoid(utility)
        missed = np.maximum(1.0 - reading * chance, SMALLEST)
        slope = np.where(clicked, 1.0, -reading * chance / missed) * (1.0 - chance)
        weight = reading * chance * (1.0 - chance) ** 2 / missed
        return Pull(reading * chance, slope, weight, together=False)
    return _pull_one(grid, utility, reading, clicked)


def _pull_one(grid: Grid, utility: Floats, reading: Floats, clicked: Bools) -> Pull:
    weight, below, stops = _depths(grid, utility, reading)
    share = np.cumsum((stops / below)[:, ::-1], axis=1)[:, ::-1]
    chance = grid.gather(weight * share)
    # Which depths the click (or its absence) leaves possible, and the shares of items there.
    hit = grid.spread(clicked.astype(np.float64), 0.0) > 0
    at = np.where(hit.any(axis=1), hit.argmax(axis=1), 0)
    possible = np.arange(hit.shape[1]) >= at[:, None]
    depth = stops / below * possible
    depth /= np.maximum(depth.sum(axis=1, keepdims=True), SMALLEST)
    expected = weight * np.cumsum((depth / below)[:, ::-1], axis=1)[:, ::-1]
    slope = clicked - grid.gather(expected)
    return Pull(chance, slope, chance, together=True)


def _depths(grid: Grid, utility: Floats, reading: Floats) -> tuple[Floats, Floats, Floats]:
    """[n_pages, k] exp(U), 1 + its sum down to here, and P(reading stops here)."""
    weight = np.exp(np.minimum(grid.spread(utility, -np.inf), 30.0))
    below = 1.0 + np.cumsum(weight, axis=1)
    curve = grid.spread(reading, 0.0)
    stops = curve - np.pad(curve[:, 1:], ((0, 0), (0, 1)))
    return weight, below, np.maximum(stops, 0.0)


def chances(family: Family, grid: Grid, utility: Floats, reading: Floats) -> Floats:
    """[n_rows] P(clicked | page shown)."""
    if family == "many":
        return np.asarray(reading * sigmoid(utility))
    weight, below, stops = _depths(grid, utility, reading)
    share = np.cumsum((stops / below)[:, ::-1], axis=1)[:, ::-1]
    return grid.gather(weight * share)


def log_likelihood(
    family: Family, grid: Grid, utility: Floats, reading: Floats, clicked: Bools
) -> Floats:
    """[n_pages] of what was clicked on each page; "one": only of pages with at most one click."""
    chance = np.clip(chances(family, grid, utility, reading), SMALLEST, 1.0 - SMALLEST)
    n_pages = len(grid.rows)
    if family == "many":
        each = np.where(clicked, np.log(chance), np.log1p(-chance))
        return np.bincount(grid.page, weights=each, minlength=n_pages)
    total = np.bincount(grid.page, weights=chance, minlength=n_pages)
    hit = np.bincount(grid.page, weights=clicked * np.log(chance), minlength=n_pages)
    none = np.bincount(grid.page, weights=clicked, minlength=n_pages) == 0
    return np.where(none, np.log(np.maximum(1.0 - total, SMALLEST)), hit)
