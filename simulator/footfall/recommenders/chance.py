"""Recommenders that draw by lot: ``random`` and ``shuffled``.

The luck is ``Request.seed`` and nothing else, so that a page does not depend on the batch,
the worker or the arm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.catalogue import Catalogue
from footfall.datasets.schema import Dataset
from footfall.recommenders.learning import Learning
from footfall.recommenders.protocol import Request, Slate
from footfall.recommenders.specs import RandomSpec, ShuffledSpec

_PURPOSE = 0x7265636F  # "reco": keeps these draws apart from others with the same seed
_WORD = 2**64 - 1


class ChanceRecommender:
    """A uniform draw without replacement from the most popular items, or from all.

    The candidates of a request are the items on sale (and not known to the user, with
    ``exclude_known``) without ``Request.shown``; the ``pool`` most popular of them, if there
    is a pool. Every ordered choice of k candidates is equally likely, so the propensity of
    each item at each position is 1 / number of candidates (a marginal probability, given
    what was shown before).
    """

    def __init__(
        self,
        learning: Learning,
        *,
        pool: int | None = None,
        exclude_known: bool = False,
        retrain: bool = False,
    ) -> None:
        self._learning = learning
        self._pool = pool
        self._exclude_known = exclude_known
        self._retrain = retrain
        self._eligible = self._by_popularity()

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """One slate a request, drawn with ``Request.seed``."""
        return [self._slate(request) for request in requests]

    def update(self, events: pd.DataFrame) -> None:
        """With ``retrain``, count ``events`` in popularity and known items; else do nothing."""
        if self._retrain and len(events):
            self._learning.add(events)
            self._eligible = self._by_popularity()

    def _by_popularity(self) -> npt.NDArray[np.int32]:
        order = self._learning.by_popularity
        return order[self._learning.on_sale[order]]

    def _slate(self, request: Request) -> Slate:
        candidates = self._candidates(request)
        key = np.array([request.seed & _WORD, _PURPOSE], dtype=np.uint64)
        draw = np.random.Generator(np.random.Philox(key=key))
        count = min(request.k, len(candidates))
        drawn = draw.choice(max(len(candidates), 1), size=count, replace=False)
        ids = self._learning.catalogue.ids
        return Slate(
            items=tuple(ids[candidates[index]] for index in drawn),
            propensities=(1.0 / max(len(candidates), 1),) * count,
        )

    def _candidates(self, request: Request) -> npt.NDArray[np.int32]:
        code = self._learning.catalogue.code
        barred = {found for found in map(code, request.shown) if found is not None}
        if self._exclude_known:
            barred.update(self._learning.known(request.user).tolist())
        candidates = self._eligible
        if self._pool is not None:
            pool = max(self._pool, request.k)
            head = candidates[: pool + len(barred)]
            return head[~np.isin(head, list(barred))][:pool]
        return candidates[~np.isin(candidates, list(barred))] if barred else candidates


def build_chance(
    spec: RandomSpec | ShuffledSpec, remembered: Dataset, catalogue: Catalogue
) -> ChanceRecommender:
    """Make the recommender of a ``random`` or ``shuffled`` spec."""
    return ChanceRecommender(
        Learning(remembered, catalogue, spec.positive),
        pool=spec.pool if isinstance(spec, ShuffledSpec) else None,
        exclude_known=spec.exclude_known,
        retrain=spec.retrain == "epoch",
    )
