"""Choice sets keep one of several takings and hide the others: what is likely, given that.

Where users take every item that is good enough, each for itself, the chance of taking one item of
those left on a slate and no other is its odds over 1 plus everybody's odds: a logit again. So the
coefficients of a logit of such sets are those of the items' own odds, and pages need not be
crowded because the sets have one choice each.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

Picks = Literal["one", "many"]

SEVERAL = 0.005
"""If more of the slates with a choice have several, users take several (as with logged pages)."""

_SURE = 1.0 - 1e-12


def picks_of(several: float) -> Picks:
    """Whether users take one item of a slate or several, by how often several were taken."""
    return "many" if several > SEVERAL else "one"


def one_at_most(taken: Floats, picks: str) -> Floats:
    """[n, k + 1] that this item alone is taken, and last nothing, given that not several are.

    Args:
        taken: [n, k] chance that the item is taken; with ``picks: one`` rows sum to 1 at most.
        picks: ``Habits.picks``.
    """
    if picks == "one":
        return np.column_stack([taken, np.maximum(0.0, 1.0 - taken.sum(axis=1))])
    odds = taken / (1.0 - np.minimum(taken, _SURE))
    whole = 1.0 + odds.sum(axis=1, keepdims=True)
    return np.asarray(np.column_stack([odds, np.ones(len(odds))]) / whole)
