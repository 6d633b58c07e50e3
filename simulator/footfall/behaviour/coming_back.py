"""Whether and when a fitted user comes back, by what the visits of late were like.

Days to the next visit are exponential with the user's own mean, divided by

    exp(r . (clicks of late above the usual, sameness of late above the log's))

where the sameness of a visit is the share of its first page that stood on the first page of the
visit before (1 - temporal diversity: Lathia, Hailes, Capra and Amatriain, SIGIR 2010). After each
visit a user may also leave for good (the BG/NBD model's dropping out: Fader, Hardie and Lee,
Marketing Science 2005), more likely where nothing was clicked.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

LATE = ("clicks", "visits", "sameness", "first pages")
"""What a user carries along from visit to visit: sums over visits, fading; the order of columns."""

LATE_DAYS = 7.0
"""The clicks of a visit, and the visit, count 1/e after so many days. The sameness of first pages,
and their number, have a life of their own."""

MOST_ABOVE = 6.0
"""Clicks above the usual beyond which more make no difference."""

NEVER = -50.0
"""Log-odds of leaving for good where nobody does."""

RATE = ("click above the usual", "first page as the last one")
"""What the rate of coming back depends on."""

LEAVING = ("after any visit", "nothing clicked")
"""What the log-odds of leaving for good depend on."""

Late = tuple[float, float, float, float]


class Before(NamedTuple):
    """What a user brings along from before a run."""

    late: Late
    """``LATE``, as of the last visit ..."""
    day: float
    """... which was on that day of the run: 0 or less."""
    front: tuple[int, ...]
    """Items of the first page of the last visit."""
    gone: float
    """P(the user has left for good)."""
    usual: float
    """Sameness of a visit without one before."""
    life: float
    """Days after which a first page's sameness counts 1/e."""


@dataclass(frozen=True, eq=False)
class ComingBack:
    """What all users have in common."""

    rate: Floats
    """[len(RATE)] added to the log of the rate of coming back."""
    click_error: Floats
    """[1] of the first of them."""
    lives: Floats
    """[m] days after which a first page's sameness may count 1/e: what the log leaves possible."""
    same_errors: Floats
    """[m] of the second of them, for each such life. Where the log does not tell it from nothing,
    it is played as 0, and all that the log leaves possible is here."""
    usual: Floats
    """[1] mean sameness of the log's visits."""
    seen: Floats
    """[2] the least and the most sameness of late, above the usual, that the log has seen."""
    bend: Floats
    """[1] by how much more, per sameness, it moves the rate beyond that: nobody knows, so it is
    played as 0 ..."""
    bend_error: Floats
    """[1] ... give or take so much: what a log says of small differences says little of large
    ones."""
    life: Floats
    """[1] the one of ``lives`` that is played."""
    leaving: Floats
    """[len(LEAVING)] log-odds of leaving for good."""
    leaving_cov: Floats

    @property
    def anybody_leaves(self) -> bool:
        """Whether users may leave for good."""
        return bool(self.leaving[0] > NEVER)

    def stretch(self, late: Floats, usual_clicks: Floats) -> Floats:
        """[n] by what the days to the next visit are multiplied; ``late`` [n, len(LATE)]."""
        above = above_usual(late[:, 0], late[:, 1], usual_clicks)
        same = above_sameness(late, float(self.usual[0]))
        beyond = same - np.clip(same, *self.seen)
        return np.asarray(
            np.exp(-(self.rate[0] * above + self.rate[1] * same + self.bend[0] * beyond))
        )

    def leaves(self, clicks: Floats) -> Floats:
        """[n] P(a user never comes back) after visits with so many clicks."""
        odds = self.leaving[0] + self.leaving[1] * (clicks == 0)
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * odds)))


def above_usual(clicks: Floats, visits: Floats, usual: Floats) -> Floats:
    """Clicks of late above the usual ones of as many visits; extremes count like large ones."""
    return np.asarray(np.clip(clicks - usual * visits, -MOST_ABOVE, MOST_ABOVE))


def above_sameness(late: Floats, usual: float) -> Floats:
    """[n] mean sameness of the visits of late above the usual; 0 without visits."""
    pages = np.maximum(late[:, 3], 1e-9)
    return np.asarray(np.where(late[:, 3] > 0, late[:, 2] / pages - usual, 0.0))


def sameness(page: Collection[int], front: Collection[int], usual: float) -> float:
    """Share of a visit's first page that stood on the visit's before; without one, the usual."""
    if not front or not page:
        return usual
    known = frozenset(front)
    return sum(item in known for item in page) / len(page)


AT_ONCE = 20_000
"""Pages that are compared at a time."""


def samenesses(pages: npt.NDArray[np.integer], before: npt.NDArray[np.integer]) -> Floats:
    """[n] ``sameness`` of ``pages`` [n, k] after ``before`` [n, j], both padded with -1.

    0 where a page, or the one before, has no items.
    """
    found = np.zeros(len(pages))
    for first in range(0, len(pages), AT_ONCE):
        page, front = pages[first : first + AT_ONCE], before[first : first + AT_ONCE]
        old = (page[:, :, None] == front[:, None, :]).any(axis=2) & (page >= 0)
        found[first : first + AT_ONCE] = old.sum(axis=1) / np.maximum((page >= 0).sum(axis=1), 1)
    return found


def lives(life: float) -> Floats:
    """[len(LATE)] days after which each of them counts 1/e."""
    return np.array([LATE_DAYS, LATE_DAYS, life, life])


def faded(amounts: Floats, days: Floats, users: Numbers, life: Floats) -> Floats:
    """[n, m] sums of ``amounts`` of each user up to and with each visit, fading.

    Args:
        amounts: [n, m] of each visit.
        days: [n] when.
        users: [n]; visits of a user stand together, in the order of time.
        life: [m] days after which each amount counts 1/e.
    """
    found = amounts.astype(np.float64)
    begins = np.diff(users, prepend=users[:1] - 1) != 0
    since = np.where(begins, 0.0, np.diff(days, prepend=days[:1]))
    starts = np.flatnonzero(begins)
    rank = np.arange(len(users)) - np.repeat(starts, np.diff(np.r_[starts, len(users)]))
    order = np.argsort(rank, kind="stable")
    edges = np.searchsorted(rank[order], np.arange(1, int(rank.max(initial=0)) + 2))
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        rows = order[first:last]
        found[rows] += found[rows - 1] * np.exp(-since[rows, None] / life)
    return found
