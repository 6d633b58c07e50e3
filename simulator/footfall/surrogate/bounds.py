"""How far is too far: a surrogate answers near what it learned from, and nowhere else.

An item is as far as the nearest learned item is by name and category (cosine distance of TF-IDF
weighted letters). A user is as far as the Mahalanobis distance of a few numbers about what is
remembered. The limits are what 99.5% of the learned items and users keep, each measured against
the *others*.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from footfall.surrogate.features import NOTHING, Codes, ItemFeatures
from footfall.surrogate.texts import nearest

Floats = npt.NDArray[np.float64]

WITHIN = 0.995
"""Share of what was learned that lies within the limit."""

USER_AXES = 6
"""Axes of the mean remembered item that place a user."""

FOLDS = 10
"""Users are measured against the others by leaving out a tenth of them at a time."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """Limits, and what distances to users are measured with."""

    item_limit: float
    """Cosine distance."""
    user_limit: float
    """Mahalanobis distance."""
    centre: Floats
    """[q] of the learned users."""
    precision: Floats
    """[q, q] inverse of their covariance, shrunk (Ledoit and Wolf, 2004)."""

    @classmethod
    def learn(cls, learned: sp.csr_matrix, users: Floats, *, seed: int) -> Bounds:
        """From the weighted texts of the learned items and the traits [n, q] of learned users."""
        fold = np.random.default_rng(seed).permutation(len(users)) % FOLDS
        apart = np.empty(len(users))
        for number in range(FOLDS):
            out = fold == number
            if out.any():
                apart[out] = _mahalanobis(users[out], *_spread(users[~out]))
        return cls(
            float(np.quantile(nearest(learned, learned, same=True), WITHIN)),
            float(np.quantile(apart, WITHIN)),
            *_spread(users),
        )

    @classmethod
    def anywhere(cls) -> Bounds:
        """No limits: nobody is far from it."""
        return cls(np.inf, np.inf, np.empty(0), np.empty((0, 0)))

    def far_users(self, traits: Floats) -> npt.NDArray[np.bool_]:
        """[n] of ``traits`` [n, q]."""
        if np.isinf(self.user_limit):
            return np.zeros(len(traits), dtype=bool)
        return np.asarray(_mahalanobis(traits, self.centre, self.precision) > self.user_limit)

    def far_items(self, distances: Floats) -> npt.NDArray[np.bool_]:
        """[n] of cosine distances to the nearest learned item."""
        return np.asarray(distances > self.item_limit)


def traits_of(axes: int) -> int:
    """How many numbers place a user, where texts lie in so many axes."""
    return min(USER_AXES, axes) + 2


def user_traits(windows: Codes, table: ItemFeatures, distances: Floats) -> Floats:
    """[n, q] what places a user: the mean remembered item, how many there are, how far they lie.

    Args:
        windows: [n, events] codes of remembered events.
        table: Of the catalogue.
        distances: [n_items] from the nearest learned item.
    """
    told = windows != NOTHING
    count = np.maximum(1, told.sum(axis=1)).astype(np.float64)
    mean = table.places[windows][:, :, :USER_AXES].sum(axis=1) / count[:, None]
    strange = np.append(distances, 0.0)[windows].sum(axis=1) / count
    return np.column_stack([mean, np.log1p(told.sum(axis=1)), strange])


def _spread(users: Floats) -> tuple[Floats, Floats]:
    from sklearn.covariance import LedoitWolf  # noqa: PLC0415 - slow, needed to learn only

    fitted = LedoitWolf().fit(users)
    return np.asarray(fitted.location_), np.asarray(fitted.precision_)


def _mahalanobis(users: Floats, centre: Floats, precision: Floats) -> Floats:
    away = users - centre
    return np.asarray(np.sqrt(np.maximum(0.0, ((away @ precision) * away).sum(axis=1))))
