"""How well somebody knows an item: how often they took it, or its category, and how long ago.

And, from what others take, how much it is to be expected of them (``footfall.users.neighbours``).

Time is counted in orders, not days: it stands still during a run, so that an answer holds for
every visit, and it means the same to somebody who shops daily and to somebody who shops monthly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from footfall.datasets.schema import ACTIONS
from footfall.users.neighbours import EVEN, TOOK
from footfall.users.population import Persona

TAKEN = [ACTIONS.index(name) for name in TOOK]

_IS_TAKEN = np.isin(np.arange(len(ACTIONS)), TAKEN)


class Repeat(NamedTuple):
    """Repeat consumption of one thing."""

    orders: int = 0
    """Orders in which it was taken; visits or days where the data knows no orders."""
    ago: int = 0
    """Orders since the last of them; 0: it was in the newest order, or never taken."""


@dataclass(frozen=True, slots=True)
class Familiarity:
    """What one persona has taken so far."""

    orders: int
    """Orders in which anything was taken."""
    items: dict[int, Repeat]
    """By catalogue code; never taken ones are not in it."""
    categories: dict[int, Repeat]
    """By number of the category (``categories_of`` in ``of``)."""
    affinities: Callable[[], npt.NDArray[np.int8]] | None = field(
        default=None, repr=False, compare=False
    )
    """[n_items] see ``Neighbours.affinity``, which keeps them; None: nobody else is known."""

    def affinity(self, items: Sequence[int]) -> list[int]:
        """Whether users alike take each more often than all do; see ``Neighbours.affinity``."""
        if self.affinities is None:
            return [EVEN] * len(items)
        found: list[int] = self.affinities()[items].tolist()
        return found

    @classmethod
    def of(cls, persona: Persona | None, categories_of: npt.NDArray[np.integer]) -> Familiarity:
        """Count; None: somebody without a past.

        Args:
            persona: Whose remembered history counts.
            categories_of: [n_items] number of each item's category.
        """
        if persona is None:
            return cls(0, {}, {})
        taken = _IS_TAKEN[persona.actions]
        items = persona.items[taken]
        age, orders = _ages(persona, taken)
        repeats = _repeats(items, age), _repeats(categories_of[items], age)
        if persona.neighbours is None:
            return cls(orders, *repeats)
        return cls(orders, *repeats, partial(persona.neighbours.affinity, persona.original, items))


def _ages(persona: Persona, taken: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], int]:
    """Orders since each event, and how many orders there are."""
    numbers = persona.orders[taken]
    if (numbers < 0).any():
        numbers = persona.times[taken].astype("datetime64[D]").astype(np.int64)
    known, place = np.unique(numbers, return_inverse=True)
    return len(known) - 1 - place, len(known)


def _repeats(codes: npt.NDArray[np.integer], age: npt.NDArray[np.int64]) -> dict[int, Repeat]:
    """Each code's orders and the age of the newest."""
    if not len(codes):
        return {}
    # Pairs as single numbers: unique ones of these are found ten times as fast.
    ages = int(age.max()) + 1
    pairs = np.unique(codes.astype(np.int64) * ages + age)
    found = pairs // ages
    first = np.flatnonzero(np.append(True, found[1:] != found[:-1]))
    orders = np.diff(np.append(first, len(pairs)))
    newest = (pairs - found * ages)[first]
    rows = zip(found[first].tolist(), orders.tolist(), newest.tolist(), strict=True)
    return {code: Repeat(count, ago) for code, count, ago in rows}
