"""Where the items of a page compete: from single impressions to whole pages.

The log tells how much likelier an impression is to be clicked among the others that happened to
stand there. An arm replaces them all, and where items take clicks from each other a page of items
twice as good is not clicked twice as often. Users fitted to pages know how they compete:

    one pick   the race of ``footfall.fitting.pages.picks``: P(a click) = 1 - (1 + c H)^(-1/c), H
               the sum of the items' rates and c the crowding
    several    clicks above shorten reading: after one, two, ... by ``reads_on``
    both       users may hold items against each other: what all items of a page are worth more,
               each of them is worth more by 1 + ``page_weight`` times as much

and a factor of the items' rates becomes one of the pages.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scipy.optimize import brentq

from footfall.run_folder.reading_on import as_shares, reads_after

MOST = 0.99
"""Chance of a click (on a page, or on an item) beyond which none is taken for larger."""

STEP = 1e-5


@dataclass(frozen=True)
class Competition:
    """How the items of a page take clicks from each other."""

    crowding: float | None
    """Variance of the users' patience where one item is picked (0: items take nothing from each
    other but for the one that is taken); None: several are."""
    reads_on: tuple[float, ...] = ()
    """By what one click above, two, ... multiply reading; further ones by the last step's ratio."""
    curve: tuple[float, ...] = ()
    """[places] reading, from 1 at the top."""
    page_weight: float = 0.0
    """What a page's mean worth adds to each of its items; see ``fitting.pages.page_worth``."""

    @classmethod
    def of(
        cls, habits: Mapping[str, Any], places: int, page_weight: float = 0.0
    ) -> Competition | None:
        """From the habits of a behaviour; None where items do not compete."""
        if habits.get("picks") == "one":
            crowding = habits.get("crowding")
            crowd = float(crowding) if isinstance(crowding, int | float) else 1.0
            return cls(crowd, page_weight=page_weight)
        said = as_shares(habits.get("reads_on", ()))
        # A manifest may be a stranger's: what is no list of numbers says nothing.
        shares = said if isinstance(said, list | tuple) else ()
        reads_on = tuple(float(share) for share in shares if isinstance(share, int | float))
        if len(reads_on) < len(shares) or not any(share < 1 for share in reads_on):
            reads_on = ()
        if not reads_on and not page_weight:
            return None
        read = [float(value) for value in habits.get("examine_curve") or [1.0]]
        return cls(None, reads_on, tuple((read + read[-1:] * places)[:places]), page_weight)

    def on_pages(self, factor: float, clicks: float) -> tuple[float, float]:
        """By how much a page is clicked more often when all rates on it are multiplied.

        Args:
            factor: Logarithm of what the rates are multiplied by.
            clicks: Clicks on the page before, above 0; with one pick, P(a click).

        Returns:
            The logarithm of the ratio of the clicks, and its derivative by ``factor``.
        """
        of = self._several if self.crowding is None else self._race
        rate = _rate_of(clicks, of, self._most())
        gained = 1.0 + self.page_weight
        factor = factor * gained
        here, near = (math.log(of(rate * math.exp(factor + step))) for step in (0.0, STEP))
        return here - math.log(of(rate)), (near - here) / STEP * gained

    def _race(self, total: float) -> float:
        """P(a click) where the rates add up to ``total``."""
        if self.crowding == 0:
            return -math.expm1(-total)
        assert self.crowding is not None, "one is picked"
        return -math.expm1(-math.log1p(self.crowding * total) / self.crowding)

    def _several(self, chance: float) -> float:
        """Clicks where each item that is read is clicked with ``chance``."""
        left = reads_after(self.reads_on, len(self.curve))
        of_clicks, total = {0: 1.0}, 0.0
        for reading in self.curve:
            after: dict[int, float] = {}
            for above, share in of_clicks.items():
                hit = share * reading * left[above] * min(chance, MOST)
                total += hit
                after[above] = after.get(above, 0.0) + share - hit
                after[above + 1] = after.get(above + 1, 0.0) + hit
            of_clicks = after
        return total

    def _most(self) -> float:
        return 1e6 if self.crowding is not None else MOST


def _rate_of(clicks: float, of: Callable[[float], float], most: float) -> float:
    """The rate that makes so many clicks, as far as any does."""
    if of(most) <= clicks:
        return most
    return float(brentq(lambda rate: of(rate) - clicks, 1e-12, most, xtol=1e-14))
