"""A log of pages as visits: when users came, what they clicked, how new the first page was."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from footfall.behaviour.coming_back import (
    LATE_DAYS,
    above_sameness,
    above_usual,
    faded,
    lives,
    samenesses,
)
from footfall.fitting.pages.log import PageLog

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

USUAL_PRIOR = 3.0
"""Visits' worth of everybody's clicks that are mixed into a user's usual ones."""

SOONEST = 0.01
"""Days after the visit before that a visit is taken to come at least."""


@dataclass(frozen=True, eq=False)
class Visits:
    """Visits of a log, those of a user together, in the order of time; [n] each."""

    users: Numbers
    days: Floats
    clicks: Floats
    same: Floats
    """Share of the first page that stood on the first page of the visit before; NaN: none."""
    usual: Floats
    """[n_users + 1] clicks of a usual visit; the last one is of somebody unknown."""
    front: Numbers
    """[n_users, k] items of the first page of the last visit; -1: none."""

    @classmethod
    def of(cls, log: PageLog) -> Visits:
        """Of everybody in ``log``."""
        begins = np.diff(log.page_visit, prepend=-1) != 0
        pages = log.grid.rows[begins]
        items = np.where(pages >= 0, log.items[pages], -1)
        users = log.users[pages[:, 0]]
        clicks = np.bincount(log.page_visit[log.pages], log.clicked, len(users))
        again = np.diff(users, prepend=-1) == 0
        same = np.full(len(users), np.nan)
        rows = np.flatnonzero(again)
        same[rows] = samenesses(items[rows], items[rows - 1])
        visits = np.bincount(users, minlength=log.n_users)
        total = np.bincount(users, clicks, log.n_users)
        average = float(clicks.mean()) if len(clicks) else 0.0
        usual = np.r_[(total + USUAL_PRIOR * average) / (visits + USUAL_PRIOR), average]
        front = np.full((log.n_users, items.shape[1]), -1, dtype=np.int64)
        ends = np.diff(users, append=-1) != 0
        front[users[ends]] = items[ends]
        days = log.days[pages[:, 0]]
        return cls(users, days, clicks.astype(np.float64), same, usual, front)

    def __len__(self) -> int:
        return len(self.users)

    @cached_property
    def last(self) -> Bools:
        """Whether it is the user's last one."""
        return np.asarray(np.diff(self.users, append=-1) != 0)

    @cached_property
    def usual_sameness(self) -> float:
        """Mean of ``same``; 0 where nobody came twice."""
        known = self.same[np.isfinite(self.same)]
        return float(known.mean()) if len(known) else 0.0

    def late(self, life: float) -> Floats:
        """[n, len(LATE)] fading sums up to and with each visit.

        Args:
            life: Days after which a first page's sameness counts 1/e.
        """
        same = np.where(np.isfinite(self.same), self.same, self.usual_sameness)
        ones = np.ones(len(self))
        amounts = np.stack([self.clicks, ones, same, ones], axis=1)
        return faded(amounts, self.days, self.users, lives(life))

    def measures(self, life: float) -> Floats:
        """[n, len(RATE)] what the rate of the next visit depends on; see ``late``."""
        late = self.late(life)
        above = above_usual(late[:, 0], late[:, 1], self.usual[self.users])
        return np.stack([above, above_sameness(late, self.usual_sameness)], axis=1)

    def momentum(self) -> Floats:
        """[n, 2] how often the user came of late: what a burst of visits looks like.

        The logarithms of the days since the visit before (less its mean; 0 of a first visit), and
        of the visits of late.
        """
        again = np.diff(self.users, prepend=-1) == 0
        gap = np.log(np.maximum(np.diff(self.days, prepend=0.0), SOONEST))
        centre = float(gap[again].mean()) if again.any() else 0.0
        visits = np.log(self.late(LATE_DAYS)[:, 1])
        return np.stack([np.where(again, gap - centre, 0.0), visits - visits.mean()], axis=1)

    def nothing(self) -> Floats:
        """[n, len(LEAVING)] what leaving for good depends on."""
        return np.asarray(np.stack([np.ones(len(self)), self.clicks == 0], axis=1), np.float64)

    def waited(self, at: float) -> Floats:
        """[n] days to the next visit, or to day ``at`` after the last one."""
        days = np.where(self.last, at - self.days, np.diff(self.days, append=at))
        return np.asarray(np.maximum(days, SOONEST))

    def before(self, at: float) -> Numbers:
        """Numbers of the visits before day ``at``."""
        return np.flatnonzero(self.days < at)
