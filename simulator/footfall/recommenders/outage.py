"""A recommender that does not answer for a while, as a scenario has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from footfall.recommenders.protocol import Recommender, Request, Slate
from footfall.recommenders.wrapping import WrappedRecommender

OUTAGE = "outage of the scenario"
"""Why such requests fail: as planned, and no fault of the recommender."""

_PURPOSE = 0x6F757461  # "outa": keeps these draws apart from others with the same seed
_WORD = 2**64 - 1


@dataclass(frozen=True)
class Window:
    """When requests fail, and how many of them."""

    start: pd.Timestamp
    end: pd.Timestamp | None
    """First moment at which all is well again; None: never."""
    share: float

    def hits(self, request: Request) -> bool:
        """Whether this request fails; by its own luck, so the same in every batch and rerun."""
        if request.time < self.start or (self.end is not None and request.time >= self.end):
            return False
        key = np.array([request.seed & _WORD, _PURPOSE], dtype=np.uint64)
        return self.share >= 1 or np.random.Generator(np.random.Philox(key=key)).random() < (
            self.share
        )


class FailingRecommender(WrappedRecommender):
    """Fails in its windows and is ``recommender`` otherwise; it goes on learning."""

    def __init__(self, recommender: Recommender, windows: Sequence[Window]) -> None:
        super().__init__(recommender)
        self._windows = tuple(windows)

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """One slate a request, in order; failed ones are empty and say why."""
        down = [any(window.hits(request) for window in self._windows) for request in requests]
        asked = [request for request, failed in zip(requests, down, strict=True) if not failed]
        slates = iter(self._recommender.recommend(asked) if asked else ())
        return [Slate((), failure=OUTAGE) if failed else next(slates) for failed in down]
