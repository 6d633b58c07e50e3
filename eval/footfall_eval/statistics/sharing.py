"""How to share out a budget between two levels of users: the optimum of multi-level Monte Carlo.

Of an effect's variance with one user asked, let a share b = r^2 be repeated by the surrogate and
a = 1 - r^2 not. With n users asked and m played by the surrogate the variance is a / n + b / m of
that. Where a user of the surrogate costs c of a user asked, it is smallest for a given cost at

    m / n = sqrt(b / (a c))

(Giles, "Multilevel Monte Carlo methods", Acta Numerica 2015, section 1.3).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FIRST = 20
"""Users asked, at the least; see ``statistics.two_levels``."""

MOST_TIMES = 20
"""How often the surrogate plays one user at the most: by then luck is averaged out."""


@dataclass(frozen=True)
class Repeated:
    """What a pilot tells of a surrogate."""

    share: float
    """r^2: share of the variance between users that the surrogate repeats."""
    cost: float
    """Of a user of the surrogate, as a share of a user asked."""

    @classmethod
    def of(cls, correlation: float, users: int, cost: float) -> Repeated:
        """From the correlation over some users, of which few flatter.

        However well n of them were repeated, the next one may not be: at least 1 / n is lost.
        """
        lost = max((1.0 - correlation**2) * (users - 1) / (users - 2), 1.0 / users)
        return cls(max(0.0, 1.0 - lost) if correlation > 0 else 0.0, cost)

    def variance(self, asked: float, played: float) -> float:
        """Of the effect, with one user asked as the unit."""
        return (1.0 - self.share) / asked + self.share / played

    @property
    def played_for_each(self) -> float:
        """Users of the surrogate for each user asked, at the optimum."""
        lost = max(1.0 - self.share, 1e-6)
        return math.sqrt(self.share / (lost * self.cost))

    def as_good_as(self, users: float) -> tuple[int, int]:
        """(asked, played) at the least cost with the variance of so many users asked alone."""
        each = self.played_for_each
        asked = max(users * ((1.0 - self.share) + self.share / each), FIRST) if each else users
        return math.ceil(asked), math.ceil(asked * each)


@dataclass(frozen=True)
class Sharing:
    """How many users the model plays, and how often the surrogate plays each."""

    asked: int
    times: int
    worth: float
    """How many users asked alone would tell as much, for each that the whole budget pays."""

    @property
    def pays(self) -> bool:
        """Whether there are enough users, and they tell more than without a surrogate."""
        return self.asked >= FIRST and self.worth > 1.0


def share_out(users: int, budget: float, spent: float, repeated: Repeated) -> Sharing:
    """Spend what a pilot has left of a budget.

    Args:
        users: All there are; the surrogate plays each of them at least once.
        budget: In users asked.
        spent: Of it, by the pilot.
        repeated: What the pilot told of the surrogate.
    """
    left, each = budget - spent, repeated.played_for_each
    ideal = left / (1.0 + each * repeated.cost) * each / users
    affordable = (left - FIRST) / (users * repeated.cost)  # with enough users asked as well
    times = int(min(max(1.0, min(round(ideal), affordable)), MOST_TIMES))
    asked = math.floor(min(left - times * users * repeated.cost, users - spent))
    if asked < 1:
        return Sharing(0, times, 0.0)
    # More luck for the same users says nothing new of who they are: counted as once.
    return Sharing(asked, times, 1.0 / (budget * repeated.variance(asked, users)))
