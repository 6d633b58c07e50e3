"""Short reviews made of set phrases: no model writes them, so they say nothing made up."""

from __future__ import annotations

import numpy as np

from footfall.datasets.titles import short

PHRASES = (
    ("would not buy it again.", "not what was expected.", "a disappointment."),
    ("all right.", "does what it should, no more.", "average."),
    ("would buy it again.", "just right.", "very good."),
)
"""By thirds of the scale, the worst first."""


def review(title: str, place: float, uniform: float) -> str:
    """A short review.

    Args:
        title: Of the item.
        place: Of the rating on its scale, 0 the lowest and 1 the highest.
        uniform: A draw from 0 to 1 that chooses the phrase.

    >>> review("Oat milk, 1 l", 1.0, 0.0)
    'Oat milk: would buy it again.'
    """
    third = PHRASES[min(2, int(np.floor(place * 3)))]
    return f"{short(title)}: {third[min(len(third) - 1, int(uniform * len(third)))]}"
