"""When users come: gaps between visits and the hour of the day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.behaviour.decisions import gap_days
from footfall.luck import Luck, Purpose, uniform

HOUR = 3_600.0
DAY = 24 * HOUR
"""Seconds."""


@dataclass(frozen=True)
class Calendar:
    """The coming and going of a population; the same in every arm."""

    luck: Luck
    identities: npt.NDArray[np.uint64]
    """[n_users] keys of the users."""
    mean_gap_days: npt.NDArray[np.float64]
    """[n_users]"""
    hours: npt.NDArray[np.float64]
    """[n_users, 24] cumulative distribution of the hour at which each user shops."""
    arrivals: npt.NDArray[np.float64]
    """[n_users] simulated second from which on each user may come; 0 but for later waves."""

    def next_starts(
        self,
        users: npt.NDArray[np.int64],
        sessions: npt.NDArray[np.int64],
        now: npt.NDArray[np.float64],
        stretched: npt.NDArray[np.float64] | float = 1.0,
    ) -> npt.NDArray[np.float64]:
        """[n] simulated second at which visit ``sessions`` of each user starts, seen from ``now``.

        That is a drawn gap after ``now``, ``stretched`` so many times, at a drawn time of that
        day, and always later.
        """
        words = self.luck.words(Purpose.VISIT, self.identities[users], sessions)
        gaps = gap_days(words[0], self.mean_gap_days[users]) * stretched
        hours = (self.hours[users] <= uniform(words[1])[:, None]).sum(axis=1)
        clock = (np.minimum(hours, 23) + uniform(words[2])) * HOUR
        start = np.floor(now / DAY + gaps) * DAY + clock
        return np.where(start > now, start, start + DAY)


def gaps_to_draw(
    gap_days: npt.NDArray[np.float64], hours: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Means of the gaps to draw so that visits come ``gap_days`` apart on the whole.

    A drawn gap ends on a day, and the visit comes at a drawn hour of it, or a day later where that
    hour has passed: so visits lie further apart than the gaps that were drawn for them.

    Args:
        gap_days: [n_users] wanted.
        hours: [n_users, 24] cumulative distribution of the hour, as in ``Calendar``.
    """
    share = np.diff(hours, axis=1, prepend=0.0)
    clock = (np.arange(24) + 0.5) / 24
    passed = hours - 0.5 * share
    drawn = np.maximum(gap_days, 0.05)
    for _ in range(60):
        one = 1.0 / drawn[:, None]
        days = np.exp(clock * one) / np.expm1(one)
        later = -np.expm1(-(1.0 - clock) * one) * passed
        real = ((days + later) * share).sum(axis=1)
        drawn = np.clip(drawn - 0.7 * (real - gap_days), 0.05, None)
    return np.asarray(drawn)
