"""How clicks follow from utilities: several independent picks of a page, or one.

``reading`` is P(the user reads down to a position), 1 at the top and never rising.

    many   P(click i) = reading_i * sigmoid(U_i): the position-based model (Craswell, Zoeter,
           Taylor and Ramsey, WSDM 2008); where clicks shorten reading, reading_i is that
           times ``reads_on`` for the clicks above (compare the dependent click model: Guo, Liu
           and Wang, WSDM 2009)
    one    at most one click a page, a race: item i comes at rate h_i = reading_i * exp(U_i), the
           first to come is taken, and the user's patience ends it at a time of mean 1 and variance
           ``crowding``: P(nothing) = (1 + crowding * H)^(-1/crowding), H = sum of h, and
           P(click i) = h_i / H * (1 - P(nothing)). With crowding 1 this is the multinomial logit
           with an outside option; with crowding 0 items do not take from each other but for the
           one that is taken: a page of good items is clicked more.

Each gives the log-likelihood of what was clicked with its slope and curvature in the utilities,
which is all that the fit of the coefficients asks for. ``footfall.behaviour.decisions`` draws by
the same formulas.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from footfall.behaviour.people import sigmoid, unsure

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Family:
    """How clicks follow."""

    picks: Literal["many", "one"]
    crowding: float = 1.0
    """With "one": the variance of the users' patience on a page."""
    reads_on: tuple[float, ...] = ()
    """With "many": by what one click above, two, ... multiply reading further down; see
    ``footfall.run_folder.reading_on.reads_after``."""


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

    def sums(self, values: npt.NDArray[Any]) -> Floats:
        """[n_pages] sums of a number a row."""
        found = np.bincount(self.page, weights=values, minlength=len(self.rows))
        return np.asarray(found, dtype=np.float64)


ROWS_AT_ONCE = 20_000
"""Rows whose arithmetic is done at a time: what is made on the way stays in the caches."""


def stretches(n: int) -> Iterator[slice]:
    """``n`` rows, some at a time."""
    return (slice(start, start + ROWS_AT_ONCE) for start in range(0, n, ROWS_AT_ONCE))


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
    together: float
    """How far the utilities of a page compete, from 0 (not at all) to 1 (a multinomial logit)."""


NODES = ((-(3.0**0.5), 1 / 6), (0.0, 2 / 3), (3.0**0.5, 1 / 6))
"""Gauss-Hermite: where a standard normal is looked at, and what each place weighs."""


def expected_pull(
    family: Family, grid: Grid, utility: Floats, spread: Floats, reading: Floats, clicked: Bools
) -> Pull:
    """Slope and curvature, expected over utilities of variance ``spread``; arrays are [n_rows]."""
    if family.picks == "one":
        return pull(family, grid, unsure(utility, spread), reading, clicked)
    n = len(utility)
    out = Pull(np.empty(n), np.empty(n), np.empty(n), together=0.0)
    for rows in stretches(n):
        deviation = np.sqrt(spread[rows])
        parts = [
            pull(family, grid, utility[rows] + x * deviation, reading[rows], clicked[rows])
            for x, _ in NODES
        ]
        for name in ("chance", "slope", "weight"):
            shares = zip(parts, NODES, strict=True)
            getattr(out, name)[rows] = sum(
                share * getattr(part, name) for part, (_, share) in shares
            )
    return out


def pull(family: Family, grid: Grid, utility: Floats, reading: Floats, clicked: Bools) -> Pull:
    """Slope and curvature at ``utility``; all arrays are [n_rows]."""
    if family.picks == "many":
        half = np.tanh(0.5 * utility)
        chance, rest = 0.5 * (1.0 + half), 0.5 * (1.0 - half)
        missed = np.maximum((1.0 - reading) + reading * rest, SMALLEST)
        slope = np.where(clicked, 1.0, -reading * chance / missed) * rest
        weight = reading * chance * rest**2 / missed
        return Pull(reading * chance, slope, weight, together=0.0)
    race = _Race.of(family, grid, utility, reading)
    hit = grid.sums(clicked) > 0
    # Derivatives of log P of the page by the log of all its rates: with a click, and without.
    taken = race.ends / np.maximum(race.some, SMALLEST) - 1.0 / race.total
    pulled = np.where(hit, taken, -race.ends / np.maximum(race.none, SMALLEST))
    slope = clicked + race.rate * pulled[grid.page]
    return Pull(race.chance(grid), slope, race.chance(grid), together=min(family.crowding, 1.0))


@dataclass(frozen=True)
class _Race:
    """Rates [n_rows]; of each page their sum, P(nothing is clicked) and what follows from it."""

    rate: Floats
    total: Floats
    none: Floats
    some: Floats
    """1 - ``none``."""
    ends: Floats
    """Derivative of ``some`` by ``total``."""

    @classmethod
    def of(cls, family: Family, grid: Grid, utility: Floats, reading: Floats) -> _Race:
        rate = np.maximum(reading * np.exp(np.minimum(utility, 30.0)), SMALLEST)
        total = grid.sums(rate)
        crowding = max(family.crowding, SMALLEST)
        log_none = -np.log1p(crowding * total) / crowding
        none = np.exp(log_none)
        return cls(rate, total, none, -np.expm1(log_none), none / (1.0 + crowding * total))

    def chance(self, grid: Grid) -> Floats:
        """[n_rows] P(clicked)."""
        return np.asarray(self.rate * (self.some / self.total)[grid.page])


def chances(family: Family, grid: Grid, utility: Floats, reading: Floats) -> Floats:
    """[n_rows] P(clicked | page shown)."""
    if family.picks == "many":
        return np.asarray(reading * sigmoid(utility))
    return _Race.of(family, grid, utility, reading).chance(grid)


def log_likelihood(
    family: Family, grid: Grid, utility: Floats, reading: Floats, clicked: Bools
) -> Floats:
    """[n_pages] of what was clicked on each page; "one": only of pages with at most one click."""
    chance = np.clip(chances(family, grid, utility, reading), SMALLEST, 1.0 - SMALLEST)
    if family.picks == "many":
        each = np.where(clicked, np.log(chance), np.log1p(-chance))
        return grid.sums(each)
    race = _Race.of(family, grid, utility, reading)
    hit = grid.sums(clicked * np.log(chance))
    none = grid.sums(clicked) == 0
    return np.where(none, np.log(np.maximum(race.none, SMALLEST)), hit)
