"""A recommender that learns only every few epochs."""

from __future__ import annotations

import pandas as pd

from footfall.recommenders.protocol import Recommender
from footfall.recommenders.wrapping import WrappedRecommender


class PatientRecommender(WrappedRecommender):
    """Keeps the events of ``every`` epochs back and hands them over together."""

    def __init__(self, recommender: Recommender, every: int) -> None:
        super().__init__(recommender)
        self._every = every
        self._kept: list[pd.DataFrame] = []

    def update(self, events: pd.DataFrame) -> None:
        """Keep ``events``; after the last of ``every`` epochs, learn from all of them."""
        self._kept.append(events)
        if len(self._kept) == self._every:
            filled = [rows for rows in self._kept if len(rows)]
            self._kept = []
            if filled:
                self._recommender.update(pd.concat(filled, ignore_index=True))
