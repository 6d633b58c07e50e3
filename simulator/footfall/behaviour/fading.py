"""How fast popularity fades: as fast as a crowd's own newest takings say.

What was taken most in all the years of a log is not what is taken today. So takings count less the
older they are, exp(-age / lifetime). The lifetime is the one with which the newest fifth of the
takings is best foretold from those before; where none does so beyond luck, all count alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

NEWEST = 0.2
"""Share of the takings, the newest ones, that are foretold."""

LIFETIMES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.125, 0.09, 0.06, 0.045, 0.03)
"""Lifetimes that are tried, in units of the time over which there are takings to foretell from."""

ERRORS = 2.0
"""Standard errors over users by which fading must foretell better than counting all alike."""


def fading(
    times: npt.NDArray[np.datetime64],
    items: Codes,
    users: npt.NDArray[np.int64],
    n_items: int,
    n_users: int,
) -> Floats:
    """[n_takings] what each taking counts, 1 on average.

    Args:
        times: [n_takings]
        items: [n_takings] catalogue codes.
        users: [n_takings] numbers of the users.
        n_items: Items of the catalogue.
        n_users: Users of the crowd, those who took nothing included.
    """
    alike = np.ones(len(times))
    if not len(times):
        return alike
    late = times >= np.sort(times)[int(len(times) * (1.0 - NEWEST))]
    early = ~late
    if not early.any() or times[early].max() == times[early].min():
        return alike
    span = times[early].max() - times[early].min()

    def foretold(weights: Floats) -> Floats:
        counts = np.bincount(items[early], weights=weights, minlength=n_items)
        shares = 1.0 + counts * 1000.0 / n_users
        return np.asarray(np.log(shares / shares.sum())[items[late]])

    usual = foretold(alike[early])
    gains = [foretold(_weights(times[early], span * lifetime)) - usual for lifetime in LIFETIMES]
    best = max(range(len(gains)), key=lambda number: float(gains[number].sum()))
    mine = np.bincount(np.unique(users[late], return_inverse=True)[1], weights=gains[best])
    if len(mine) < 2 or mine.sum() <= ERRORS * mine.std(ddof=1) * np.sqrt(len(mine)):
        return alike
    return _weights(times, span * LIFETIMES[best])


def _weights(times: npt.NDArray[np.datetime64], lifetime: np.timedelta64) -> Floats:
    weights = np.exp(-((times.max() - times) / lifetime))
    return np.asarray(weights / weights.mean(), dtype=np.float64)
