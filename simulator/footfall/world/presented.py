"""What arms, or some days of the run, show otherwise: other words and prices of the same items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.world.calendar import DAY

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Presented:
    """Arms side by side; arrays only, so that workers can be sent it."""

    appeal: Floats
    """[n_arms, n_items] added to the utility: what the arm's words are worth over the usual."""
    price: Floats
    """[n_arms, n_items] log of the arm's price over the usual one."""

    def of(self, arms: Sequence[int], items: npt.NDArray[np.int32]) -> tuple[Floats, Floats]:
        """[n, k] appeal and log price of ``items`` [n, k] on pages of ``arms`` [n]."""
        cells = (np.asarray(arms, dtype=np.int64)[:, None], items)
        return self.appeal[cells], self.price[cells]


@dataclass(frozen=True, eq=False)
class Reworded:
    """Other words for some days, in every arm; see ``footfall.world.schedule.Offered``."""

    about: str
    """For people: which table, how many items."""
    at: float
    """Days since the start of the run."""
    until: float
    """Likewise; endless where the words stay."""
    appeal: Floats
    """[n_items] added to the utility."""

    def __str__(self) -> str:
        return self.about

    def of(
        self,
        seconds: Sequence[float],
        users: npt.NDArray[np.int64],  # noqa: ARG002 - all users read the same words
        items: npt.NDArray[np.int32],
    ) -> Floats:
        """[n, k] for pages of ``items`` [n, k] that are seen at ``seconds`` [n]."""
        days = np.asarray(seconds, dtype=np.float64) / DAY
        there = (days >= self.at) & (days < self.until)
        return np.where(there[:, None], self.appeal[items], 0.0)
