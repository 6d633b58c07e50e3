"""What every recommender around another one passes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from footfall.plumbing.latency import Latencies
from footfall.recommenders.protocol import Recommender, Request, Slate


class WrappedRecommender:
    """Is ``recommender`` in all things; subclasses change some."""

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender

    @property
    def diagnostics(self) -> dict[str, int]:
        """Those of the recommender itself."""
        return dict(getattr(self._recommender, "diagnostics", {}))

    @property
    def latencies(self) -> Latencies:
        """Those of the recommender itself, if it has any."""
        inner: Any = self._recommender
        found: Latencies = inner.latencies
        return found

    @latencies.setter
    def latencies(self, new: Latencies) -> None:
        inner: Any = self._recommender
        inner.latencies = new

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """What the recommender answers."""
        return self._recommender.recommend(requests)

    def update(self, events: pd.DataFrame) -> None:
        """Pass ``events`` on."""
        self._recommender.update(events)

    def close(self) -> None:
        """Close the recommender if it can be closed."""
        close: Any = getattr(self._recommender, "close", None)
        if close is not None:
            close()
