"""Users of a log larger than memory who are not loaded: what is counted of them, and of all."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd


class CountedLog(Protocol):
    """A log on disk."""

    def ask(self, query: str, first: int = 0, end: int | None = None) -> pd.DataFrame:
        """Answer SQL about ``events``, the rows of the parts from ``first`` to before ``end``."""

    def filled(self) -> list[int]:
        """Parts that have rows."""


@dataclass(frozen=True, eq=False)
class Beyond:
    """What lies beyond the loaded users of a log."""

    log: CountedLog
    first: int
    """The first part of the log that is not loaded."""
    events: int
    """Of the whole log."""
    users: int
    """Of the whole log."""
    before: pd.Timestamp | None = None
    """Nothing later is counted; None: all is."""

    def cut(self, at: pd.Timestamp) -> Beyond:
        """What lies before ``at``."""
        return dataclasses.replace(self, before=at)

    def prices(self) -> pd.Series:
        """Item -> median price paid for one unit in the whole log; NaN where nobody bought it."""
        found = self._ask(
            "item::VARCHAR AS item, median(value / quantity) AS price",
            "action = 'purchase' AND value IS NOT NULL",
            0,
        )
        return found.set_index("item")["price"].astype(float)

    def takings(self, liked: float) -> tuple[pd.Series, int]:
        """Takings of each item by users who are not loaded, and how many these users are.

        Args:
            liked: The smallest rating that says so; NaN where purchases count.
        """
        took = "action = 'purchase'"
        if not np.isnan(liked):
            took = f"action = 'rate' AND value >= {liked!r}"
        counts = self._ask("item::VARCHAR AS item, count(*) AS n", took, self.first)
        users = self._ask("count(DISTINCT user) AS n", "true", self.first)
        return counts.set_index("item")["n"].astype(np.int64), int(users["n"].sum())

    def _ask(self, what: str, where: str, first: int) -> pd.DataFrame:
        """``what`` of the events that come ``before``; both texts are ours."""
        if self.before is not None:
            where += f" AND time < TIMESTAMP_NS '{self.before}'"
        return self.log.ask(f"SELECT {what} FROM events WHERE {where} GROUP BY ALL", first)  # noqa: S608
