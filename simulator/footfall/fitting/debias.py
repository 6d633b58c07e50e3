"""Take out of a model's answers what comes from how it was asked.

All functions work on log-probabilities or log-odds. ``order`` says which item stood behind
which letter: ``order[n, p]`` is the column of the item at place p.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from footfall.errors import DataError

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


def letter_prior(by_place: Floats) -> Floats:
    """How much each place is liked whatever stands there, centred to 0.

    Args:
        by_place: [n, k] log-scores of the places of n slates whose items were put in random
            order; NaN rows (no answer) are ignored.

    Returns:
        [k]. A few hundred slates give it to about 0.05 nats.

    Raises:
        DataError: No slate was answered.
    """
    answered = ~np.isnan(by_place).any(axis=1)
    if not answered.any():
        raise DataError(
            "debias: the model answered no question, so nobody knows which letters it favours; "
            "see to the model"
        )
    rows = by_place[answered]
    # Only differences within a slate mean anything.
    centred = rows - rows.mean(axis=1, keepdims=True)
    return np.asarray(centred.mean(axis=0))


def without_prior(by_place: Floats, prior: Floats, order: Numbers) -> Floats:
    """[n, k] scores by item (column), the prior of the places subtracted."""
    out = np.empty_like(by_place)
    np.put_along_axis(out, order, by_place - prior, axis=1)
    return out


def average_rotations(by_place: Floats, orders: Numbers) -> Floats:
    """[n, k] mean score of each item over several orders of the same slates.

    Averaging log-scores over all cyclic orders cancels any additive liking of places exactly.

    Args:
        by_place: [rotations, n, k] log-scores by place.
        orders: [rotations, n, k] the column at each place.
    """
    by_item = np.empty_like(by_place)
    np.put_along_axis(by_item, orders, by_place, axis=2)
    return np.asarray(by_item.mean(axis=0))


def cyclic_orders(k: int) -> Numbers:
    """[k, k] all rotations of the columns 0 to k-1."""
    columns = np.arange(k)
    return np.asarray((columns[None, :] + columns[:, None]) % k)


def pointwise_information(given_history: Floats, without_history: Floats) -> Floats:
    """PMI: what the history adds to the log-probability of an item."""
    return given_history - without_history
