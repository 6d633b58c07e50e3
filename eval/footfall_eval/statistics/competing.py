"""Where one item of a page is picked: from single impressions to whole pages.

The log tells how much likelier an impression is to be clicked among the others that happened to
stand there. An arm replaces them all, and where one pick ends a page its items take clicks from
each other: a page of items twice as good is not clicked twice as often. With the race that users
of one pick are fitted by (``footfall.fitting.pages.picks``), P(a click) = 1 - (1 + c H)^(-1/c), H
the sum of the items' rates and c the crowding, the factor of the rates becomes one of the pages.
"""

from __future__ import annotations

import math

MOST = 0.99
"""Chance of a click a page beyond which none is taken for larger."""


def on_pages(factor: float, chance: float, crowding: float) -> tuple[float, float]:
    """By how much a page is clicked more often when all rates on it are multiplied.

    Args:
        factor: Logarithm of what the rates are multiplied by.
        chance: P(a click on the page) before, in (0, 1).
        crowding: Variance of the users' patience; 0: items take nothing from each other but for
            the one that is taken.

    Returns:
        The logarithm of the ratio of the chances, and its derivative by ``factor``.
    """
    before = min(chance, MOST)
    total = _total(before, crowding) * math.exp(factor)
    after = _chance(total, crowding)
    slope = total * _none(total, crowding) / ((1.0 + crowding * total) * after)
    return math.log(after / before), slope


def _none(total: float, crowding: float) -> float:
    """P(no click)."""
    if crowding == 0:
        return math.exp(-total)
    return math.exp(-math.log1p(crowding * total) / crowding)


def _chance(total: float, crowding: float) -> float:
    return 1.0 - _none(total, crowding)


def _total(chance: float, crowding: float) -> float:
    """The rates' sum that makes ``chance``."""
    if crowding == 0:
        return -math.log1p(-chance)
    return math.expm1(-crowding * math.log1p(-chance)) / crowding
