"""Two recommenders of a few lines, as one writes them for a scenario (``kind: callable``)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
import pandas as pd

from footfall import Catalogue
from footfall.datasets.schema import Split
from footfall.recommenders import Request, Slate

_WORD = 2**64 - 1


class Mixed:
    """The most-taken items of the past, learned anew every epoch, and some places for chance."""

    def __init__(self, split: Split, catalogue: Catalogue, places: int = 2) -> None:
        """Leave the last ``places`` of every page to chance."""
        self._ids = np.array(catalogue.ids, dtype=object)
        self._counts = pd.Series(0.0, index=self._ids)
        self._places = places
        self.update(split.remembered.interactions)

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """Best-sellers, then items drawn with the request's own luck."""
        return [self._slate(request) for request in requests]

    def update(self, events: pd.DataFrame) -> None:
        """Count what was taken."""
        counts = events["item"].value_counts().reindex(self._ids).fillna(0.0)
        self._counts = self._counts + counts
        self._order = self._ids[np.argsort(-self._counts.to_numpy(), kind="stable")]

    def _slate(self, request: Request) -> Slate:
        barred = request.unavailable.union(request.shown)
        left = [item for item in self._order if item not in barred]
        best = left[: max(0, request.k - self._places)]
        rest = left[len(best) :]
        luck = np.random.Generator(np.random.Philox(key=request.seed & _WORD))
        count = min(request.k - len(best), len(rest))
        drawn = luck.choice(len(rest), size=count, replace=False) if count else []
        return Slate((*best, *(rest[place] for place in drawn)))


class Cheapest:
    """The same cheap items for everybody."""

    def __init__(self, catalogue: Catalogue) -> None:
        order = np.argsort(catalogue.prices, kind="stable")
        self._order = [catalogue.ids[code] for code in order]

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """From the cheapest up."""
        slates = []
        for request in requests:
            barred = request.unavailable.union(request.shown)
            items = (item for item in self._order if item not in barred)
            slates.append(Slate(tuple(islice(items, request.k))))
        return slates

    def update(self, events: pd.DataFrame) -> None:
        """Do nothing: prices do not change for it."""
