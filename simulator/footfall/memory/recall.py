"""Which events come to mind: the newest, and older ones that are like what is in sight.

The score of an older event is its likeness to the page times how fresh it is, as in the memory
stream of Park et al., "Generative Agents" (UIST 2023), without their score of importance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from footfall.choice.memory_specs import MemorySpec
from footfall.choice.protocol import Page
from footfall.datasets.schema import ACTIONS
from footfall.memory.similarity import ItemSimilarity
from footfall.users.population import Persona

PURCHASE = ACTIONS.index("purchase")

DAY = np.timedelta64(1, "D")

_DIGITS = 6
"""Scores are compared to so many places, so that ties go by age and not by rounding."""


@dataclass(frozen=True)
class Recall:
    """Chooses events for one page."""

    spec: MemorySpec
    similarity: ItemSimilarity | None
    """None where nothing is retrieved."""

    def persona(self, page: Page) -> Persona:
        """The persona with the events that come to mind, oldest first."""
        whole = with_lived(page) if self.spec.simulated else page.persona
        return keep(whole, self._chosen(whole, page))

    def _chosen(self, persona: Persona, page: Page) -> npt.NDArray[np.int64]:
        """Rows of the events, rising."""
        n = len(persona.items)
        older = max(0, n - self.spec.recent)
        newest = np.arange(older, n)
        if not self.spec.retrieved or not older or self.similarity is None or not page.items:
            return newest
        # The last time that each item occurs among the older ones; it is enough once.
        _, back = np.unique(persona.items[:older][::-1], return_index=True)
        rows = older - 1 - back
        rows = rows[~np.isin(persona.items[rows], persona.items[newest])]
        slate = np.asarray(page.items, dtype=np.int32)
        score = self.similarity.nearest(persona.items[rows], slate) if len(rows) else np.zeros(0)
        if self.spec.half_life_days is not None and len(rows):
            age = (persona.times[-1] - persona.times[rows]) / DAY
            score = score * 0.5 ** (age / self.spec.half_life_days)
        order = np.lexsort((-rows, -np.round(score, _DIGITS)))
        best = rows[order[: self.spec.retrieved]]
        return np.sort(np.concatenate([best, newest]))


def with_lived(page: Page, before: int | None = None) -> Persona:
    """The persona with what was bought in earlier visits of the run at the end.

    Args:
        page: The page in front of the user.
        before: Only visits with a lower number.
    """
    persona = page.persona
    lived = [m for m in page.lived if before is None or m.session < before]
    if not lived or page.time is None:
        return persona
    now = page.time.to_datetime64().astype("datetime64[ns]")
    ago = np.array([round((page.clock - m.seconds) * 1e9) for m in lived]).astype("timedelta64[ns]")
    first = int(persona.orders.max(initial=-1)) + 1
    added = {
        "items": np.array([m.item for m in lived], dtype=np.int32),
        "times": now - ago,
        "actions": np.full(len(lived), PURCHASE, dtype=np.int8),
        "quantities": np.array([m.quantity for m in lived]),
        "values": np.array([m.value for m in lived]),
        "orders": np.array([first + m.session for m in lived], dtype=np.int64),
    }
    known = persona.columns(slice(None))
    return replace(persona, **{name: np.concatenate([known[name], added[name]]) for name in known})


def keep(persona: Persona, rows: npt.NDArray[np.int64]) -> Persona:
    """The persona with some of its events only."""
    if len(rows) == len(persona.items):
        return persona
    return replace(persona, **persona.columns(rows))
