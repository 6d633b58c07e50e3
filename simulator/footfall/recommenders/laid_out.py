"""A recommender whose slates somebody else lays out: whoever acts, or asks about pages."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from footfall.recommenders.protocol import Request, Slate


class LaidOut:
    """``Recommender`` whose slates are laid out by the caller, in the order of the requests."""

    def __init__(self) -> None:
        self.slates: list[tuple[str, ...]] = []

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """What was laid out, one slate a request."""
        return [Slate(items) for items in self.slates[: len(requests)]]

    def update(self, events: pd.DataFrame) -> None:
        """Learn nothing: whoever acts learns for itself."""
