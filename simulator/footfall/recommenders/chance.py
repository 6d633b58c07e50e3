"""Recommenders that draw by lot: ``random`` and ``shuffled``.

The luck is ``Request.seed`` and nothing else, so that a page does not depend on the batch,
the worker or the arm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.recommenders.learning import Learning
from footfall.recommenders.lots import WORD, drawn
from footfall.recommenders.protocol import Materials, Request, Slate
from footfall.recommenders.trained_specs import RandomSpec, ShuffledSpec

_PURPOSE = 0x7265636F  # "reco": keeps these draws apart from others with the same seed
_NOTHING = np.empty(0, dtype=np.int64)


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
        self._rank()

    def __getstate__(self) -> dict[str, Any]:
        # A copy for a worker brings along only what answers need.
        learning = self._learning.answering(known=self._exclude_known)
        return {**self.__dict__, "_learning": learning}

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """One slate a request, drawn with ``Request.seed``."""
        barred = [self._barred(request) for request in requests]
        of = np.array([self._candidates(*pair) for pair in zip(requests, barred, strict=True)])
        counts = np.minimum([request.k for request in requests], of)
        out: list[Slate] = [Slate(())] * len(requests)
        for count in np.unique(counts).tolist():
            rows = np.flatnonzero(counts == count).tolist()
            seeds = np.array([requests[row].seed & WORD for row in rows], dtype=np.uint64)
            places = drawn(seeds, _PURPOSE, of[rows], count)
            places += _skips([barred[row] for row in rows], places)
            for row, items, n in zip(rows, self._named(places), of[rows].tolist(), strict=True):
                out[row] = Slate(items, propensities=(1.0 / max(n, 1),) * count)
        return out

    def chances(
        self, requests: Sequence[Request], items: Sequence[Sequence[str]]
    ) -> list[list[float]]:
        """For each request and item: the chance that the item stands at its place."""
        return [self._chances(*pair) for pair in zip(requests, items, strict=True)]

    def update(self, events: pd.DataFrame) -> None:
        """With ``retrain``, count ``events`` in popularity and known items; else do nothing."""
        if self._retrain and len(events):
            self._learning.add(events)
            self._rank()

    def _rank(self) -> None:
        """Order what is on sale by popularity, and note the place of each item in it."""
        order = self._learning.by_popularity
        self._eligible = order[self._learning.on_sale[order]]
        self._places = np.full(len(order), -1, dtype=np.int64)
        self._places[self._eligible] = np.arange(len(self._eligible))

    def _candidates(self, request: Request, barred: npt.NDArray[np.int64]) -> int:
        n = len(self._eligible) - len(barred)
        return n if self._pool is None else min(n, max(self._pool, request.k))

    def _chances(self, request: Request, items: Sequence[str]) -> list[float]:
        barred = self._barred(request)
        n = self._candidates(request, barred)
        codes = [self._learning.catalogue.code(item) for item in items]
        places = np.array([-1 if code is None else self._places[code] for code in codes])
        rank = places - np.searchsorted(barred, places)
        meant = (places >= 0) & ~np.isin(places, barred) & (rank < n)
        return [1.0 / n if there else 0.0 for there in meant.tolist()]

    def _named(self, places: npt.NDArray[np.int64]) -> list[tuple[str, ...]]:
        """Ids of what stands at ``places`` [n, k] of ``_eligible``."""
        ids = self._learning.catalogue.ids
        return [tuple([ids[code] for code in codes]) for codes in self._eligible[places].tolist()]

    def _barred(self, request: Request) -> npt.NDArray[np.int64]:
        """Places in ``_eligible``, rising, of items that this request does not want."""
        barred = set(self._learning.catalogue.known(request.shown))
        if request.unavailable:
            barred.update(self._learning.barred(request.unavailable).tolist())
        if self._exclude_known:
            barred.update(self._learning.known(request.user).tolist())
        if not barred:
            return _NOTHING
        places = self._places[list(barred)]
        return np.sort(places[places >= 0])


def _skips(
    barred: Sequence[npt.NDArray[np.int64]], among: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """[n, k] barred places before each place among the candidates.

    The candidates are never written down, which would cost a copy of the catalogue a page: a place
    among them becomes one among all by skipping the barred places before it.
    """
    lengths = np.array([len(places) for places in barred])
    if not lengths.any():
        return np.zeros_like(among)
    first = np.cumsum(lengths) - lengths
    before = np.concatenate([*barred]) - np.arange(lengths.sum()) + np.repeat(first, lengths)
    # Rows one after the other on one line, so that a single search finds all.
    apart = int(max(before.max(), among.max(initial=0))) + 1
    rows = np.arange(len(barred)) * apart
    line = before + np.repeat(rows, lengths)
    found = np.searchsorted(line, among + rows[:, None], side="right") - first[:, None]
    return np.asarray(found, dtype=np.int64)


def build_chance(spec: RandomSpec | ShuffledSpec, materials: Materials) -> ChanceRecommender:
    """Make the recommender of a ``random`` or ``shuffled`` spec."""
    return ChanceRecommender(
        Learning(materials.split.remembered, materials.catalogue, spec.positive, spec.window_days),
        pool=spec.pool if isinstance(spec, ShuffledSpec) else None,
        exclude_known=spec.exclude_known,
        retrain=spec.retrains,
    )
