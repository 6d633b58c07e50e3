"""When users come back: a rate of their own, and what a good visit does to it.

Days to the next visit are exponential with the user's own mean (``fitting.habits.shrunk_gaps``),
divided by exp(c + r * clicks of late above the user's usual ones). Both numbers are the likeliest;
the last gap of each user ends with the log, unfinished.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.people import LATE_DAYS, above_usual
from footfall.fitting.habits import shrunk_gaps
from footfall.fitting.pages.log import PageLog

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

USUAL_PRIOR = 3.0
"""Visits' worth of everybody's clicks that are mixed into a user's usual ones."""

WEAK = 100.0
"""Precision of the prior of what a click does, around nothing."""


@dataclass(frozen=True, eq=False)
class Returning:
    """Gaps of each user, and what clicks do to them."""

    gap_days: Floats
    """[n_users + 1] after a usual visit; the last one is of somebody unknown."""
    usual_clicks: Floats
    """[n_users + 1] a visit."""
    per_click: float
    error: float


def fit_returning(log: PageLog, at: float) -> Returning:
    """Read from the visits of a log that ends on day ``at``."""
    first = log.grid.rows[np.flatnonzero(np.diff(log.page_visit, prepend=-1)), 0]
    users, days = log.users[first], log.days[first]
    clicks = np.bincount(log.page_visit[log.pages], log.clicked, len(first))
    own, mean = shrunk_gaps(
        pd.DataFrame({"user": users.astype(str), "time": log.start + pd.to_timedelta(days, "D")}),
        log.start + pd.Timedelta(days=at),
    )
    gaps = np.array([*(own.get(str(user), mean) for user in range(log.n_users)), mean])
    visits = np.bincount(users, minlength=log.n_users)
    total = np.bincount(users, clicks, log.n_users)
    average = float(clicks.mean()) if len(clicks) else 0.0
    usual = np.r_[(total + USUAL_PRIOR * average) / (visits + USUAL_PRIOR), average]
    last = np.r_[users[1:] != users[:-1], True]
    waited = np.where(last, at - days, np.diff(days, append=at)) / gaps[users]
    late = _late(users, days, np.stack([clicks, np.ones(len(clicks))], axis=1))
    above = above_usual(late[:, 0], late[:, 1], usual[users])
    shift, per_click, error = _rates(np.maximum(waited, 1e-6), ~last, above)
    return Returning(gaps * np.exp(-shift), usual, per_click, error)


def _late(users: Numbers, days: Floats, amounts: Floats) -> Floats:
    """[n_visits, 2] clicks and visits of each user up to and with each visit, fading."""
    found = amounts.copy()
    fade = np.exp(-np.diff(days, prepend=days[:1]) / LATE_DAYS)
    same = np.diff(users, prepend=-1) == 0
    for row in np.flatnonzero(same).tolist():
        found[row] += found[row - 1] * fade[row]
    return found


def _rates(
    waited: Floats, came: npt.NDArray[np.bool_], above: Floats
) -> tuple[float, float, float]:
    """Shift and slope of the log of the rate, and the slope's error, by Newton's method."""
    x = np.stack([np.ones(len(above)), above], axis=1)
    prior = np.diag([1e-6, WEAK])
    beta, precision = np.zeros(2), np.eye(2)
    for _ in range(20):
        rate = waited * np.exp(np.clip(x @ beta, -5, 5))
        precision = (x * rate[:, None]).T @ x + prior
        beta = beta + np.linalg.solve(precision, x.T @ (came - rate) - prior @ beta)
    error = float(np.sqrt(np.linalg.inv(precision)[1, 1]))
    return float(beta[0]), float(beta[1]), error
