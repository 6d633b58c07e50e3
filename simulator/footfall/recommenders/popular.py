"""The most popular items, the same for everyone."""

from __future__ import annotations

import numpy as np

from footfall.recommenders.learning import Learning
from footfall.recommenders.protocol import Materials
from footfall.recommenders.ranking import RankedRecommender, Scores, ranked
from footfall.recommenders.trained_specs import PopularSpec


class PopularScorer:
    """Positive interactions of each item."""

    for_everyone = True

    def __init__(self, learning: Learning) -> None:
        counts = learning.counts.astype(np.float32)
        self._scores = np.where(counts > 0, counts, np.nan).astype(np.float32)

    def scores(self, user: str) -> Scores:  # noqa: ARG002 - the same for everyone
        """[n_items] counts; NaN where nobody took the item."""
        return self._scores.copy()


def build_popular(spec: PopularSpec, materials: Materials) -> RankedRecommender:
    """Count what was liked."""
    return ranked(spec, materials, PopularScorer)
