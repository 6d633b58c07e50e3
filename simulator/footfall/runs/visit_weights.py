"""The visits of a run, weighed by how much likelier they are where users come back otherwise.

A run plays one way of coming back; the log leaves others possible. Nothing is run again: a visit
counts as many times as it is likelier in the other world than in the one that was played, given
what the user had met until then (importance weights by decision: Precup, Sutton and Singh, ICML
2000). So a world in which an old first page keeps users away has fewer visits under an arm that
never changes its first page.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from footfall.behaviour.coming_back import LATE, faded, lives, sameness, samenesses
from footfall.behaviour.people import People
from footfall.world.calendar import DAY
from footfall.world.crowd import Setting

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

SURELY = 1.0 - 1e-9
"""No chance of leaving is taken for larger, so that no logarithm is infinite."""

MOST = 3.0
"""Logarithm of the largest weight: beyond it a few lucky users would say everything."""


@dataclass(frozen=True, eq=False)
class RunVisits:
    """Visits of one arm, and one row before them for what each user brought along; [m] each."""

    users: Numbers
    amounts: Floats
    """[m, len(LATE)] what is added to them by the visit ..."""
    days: Floats
    """... on that day."""
    clicks: Floats
    real: npt.NDArray[np.bool_]
    """False: what was before the run."""
    waited: Floats
    """Days until the next visit; 0 after the last one."""
    visit: Numbers
    """[n_pages] row of each page's visit."""
    same: float
    """Mean sameness of the visits."""
    _late: dict[float, Floats] = field(default_factory=dict, repr=False)
    """``late`` by life: drawn worlds have few of them, and share them."""

    @classmethod
    def of(
        cls,
        people: People,
        setting: Setting,
        users: Numbers,
        sessions: Numbers,
        days: Floats,
        clicks: Floats,
        items: npt.NDArray[np.int32],
    ) -> RunVisits:
        """From pages in the order of users and time.

        Args:
            people: Of the run.
            setting: Of the run.
            users: [n_pages]
            sessions: [n_pages] visit of the user.
            days: [n_pages] of the run.
            clicks: [n_pages]
            items: [n_pages, k], -1 for padding.
        """
        begins = np.r_[True, (np.diff(users) != 0) | (np.diff(sessions) != 0)][: len(users)]
        first = np.flatnonzero(begins)
        number = np.cumsum(begins) - 1
        came = users[first]
        news = np.diff(came, prepend=-1) != 0
        # One row more for each user, before the first visit.
        row = np.arange(len(first)) + np.cumsum(news)
        m = len(first) + int(news.sum())
        start, begun = row[news] - 1, np.zeros(m, dtype=np.bool_)
        begun[start] = True
        who = np.zeros(m, dtype=np.int64)
        who[row], who[start] = came, came[news]
        total = np.bincount(number, clicks, len(first))
        amounts, day = np.zeros((m, len(LATE))), np.zeros(m)
        end = days[np.r_[first[1:], len(users)][: len(first)] - 1]
        amounts[row, 0], amounts[row, 1], amounts[row, 3], day[row] = total, 1.0, 1.0, end
        amounts[row, 2] = _same(people, came, items[first])
        befores = [people.before(user) for user in came[news].tolist()]
        # Where nobody came, lists are empty and would have another shape.
        amounts[start] = np.reshape([before.late for before in befores], (-1, len(LATE)))
        day[start] = np.array([before.day for before in befores], dtype=np.float64)
        since = np.zeros(m)
        since[row] = days[first]
        waits_from = day.copy()
        waits_from[start] = setting.calendar.arrivals[came[news]] / DAY
        waited = np.r_[since[1:] - waits_from[:-1], 0.0][:m]
        waited[np.r_[begun[1:], True][:m]] = 0.0
        counted = np.zeros(m)
        counted[row] = total
        return cls(
            who,
            amounts,
            day,
            counted,
            ~begun,
            np.maximum(waited, 0.0),
            row[number],
            float(amounts[row, 2].mean()) if len(row) else people.usual_sameness,
        )

    def late(self, life: float) -> Floats:
        """[m, len(LATE)] up to and with each visit, where a first page counts so many days."""
        if life not in self._late:
            self._late[life] = faded(self.amounts, self.days, self.users, lives(life))
        return self._late[life]

    def weights(self, played: People, other: People) -> Floats:
        """[n_pages] how much likelier each page's visit is where users are ``other``."""
        rate = 1.0 / played.gap_days[self.users]
        was, would = (
            1.0 / one.stretch(self.users, self.late(float(one.coming.life[0])))
            for one in (played, other)
        )
        step = np.log(would / was) - rate * (would - was) * self.waited
        stays = [np.log1p(-np.minimum(one.leaves(self.clicks), SURELY)) for one in (played, other)]
        step = step + np.where(self.real, stays[1] - stays[0], 0.0)
        before = np.cumsum(step) - step
        starts = np.flatnonzero(np.diff(self.users, prepend=-1) != 0)
        lengths = np.diff(np.r_[starts, len(self.users)])
        log = before - np.repeat(before[starts], lengths)
        return np.asarray(np.exp(np.clip(log, -MOST, MOST))[self.visit])


def _same(people: People, came: Numbers, fronts: npt.NDArray[np.int32]) -> Floats:
    """[n_visits] share of each first page that stood on the one of the user's visit before."""
    again = np.flatnonzero(np.diff(came, prepend=-1) == 0)
    news = np.flatnonzero(np.diff(came, prepend=-1) != 0)
    found = np.zeros(len(came))
    found[again] = samenesses(fronts[again], fronts[again - 1])
    for number in news.tolist():
        page = [item for item in fronts[number].tolist() if item >= 0]
        found[number] = sameness(
            page, people.before(int(came[number])).front, people.usual_sameness
        )
    return found
