"""When users come: gaps between visits and the hour of the day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.behaviour import gap_days
from footfall.world.luck import Luck, Purpose, uniform

HOUR = 3_600.0
DAY = 24 * HOUR
"""Seconds."""

BLOCK = 16
"""Visits drawn at once: one draw costs nearly as much as sixteen."""


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

    def plan(self, user: int, first: int) -> list[tuple[float, float]]:
        """Gap in days and time of day in seconds of ``BLOCK`` visits from number ``first`` on."""
        sessions = np.arange(first, first + BLOCK)
        words = self.luck.words(Purpose.VISIT, self.identities[user : user + 1], sessions)
        gaps = gap_days(words[0], self.mean_gap_days[user])
        hours = np.searchsorted(self.hours[user], uniform(words[1]), side="right")
        clock = (np.minimum(hours, 23) + uniform(words[2])) * HOUR
        return list(zip(gaps.tolist(), clock.tolist(), strict=True))


def next_start(now: float, gap: float, clock: float) -> float:
    """Simulated second of the next visit: ``gap`` days after ``now``, at that time of day."""
    start = float(np.floor(now / DAY + gap)) * DAY + clock
    return start if start > now else start + DAY
