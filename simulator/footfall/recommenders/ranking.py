"""Pages cut from rankings: score a user once for each training, then slice.

A ranking depends on the user and the training only, so it is kept until the next training.
Equal scores are ordered by popularity and then by catalogue order, never by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.recommenders.learning import Learning
from footfall.recommenders.protocol import Request, Slate

SPARE = 128
"""Items that a kept ranking holds beyond the first page, so that later pages are free."""

Scores = npt.NDArray[np.float32]


class Scorer(Protocol):
    """A trained model."""

    def scores(self, user: str) -> Scores | None:
        """[n_items] larger is better, NaN: cannot be recommended; None: unknown user."""
        ...


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best items of one user."""

    codes: npt.NDArray[np.int32]
    scores: Scores
    complete: bool
    """Whether there is nothing after the last one."""
    fallback: bool
    """Whether the model did not know the user and popularity answered."""


class RankedRecommender:
    """Shows each user the items that a trained model scores highest.

    Users without positive interactions in the training get the most popular items;
    ``diagnostics["fallback_requests"]`` counts the requests answered so.
    """

    def __init__(
        self,
        learning: Learning,
        train: Callable[[Learning], Scorer],
        *,
        exclude_known: bool = False,
        retrain: bool = False,
    ) -> None:
        self._learning = learning
        self._train = train
        self._exclude_known = exclude_known
        self._retrain = retrain
        self._scorer: Scorer | None = train(learning)
        self._rankings: dict[str, Ranking] = {}
        self.diagnostics = {"fallback_requests": 0, "trainings": 1}

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """One slate a request; scores are the model's, propensities are 1."""
        return [self._slate(request) for request in requests]

    def update(self, events: pd.DataFrame) -> None:
        """With ``retrain``, learn from ``events`` before the next page; else do nothing."""
        if self._retrain and len(events):
            self._learning.add(events)
            self._scorer = None  # trained when next asked: a resumed run adds many epochs at once
            self._rankings.clear()

    def _slate(self, request: Request) -> Slate:
        ranking = self._ranking(request.user, request.k + len(request.shown))
        self.diagnostics["fallback_requests"] += ranking.fallback
        reach = request.k + len(request.shown)
        codes, scores = ranking.codes[:reach], ranking.scores[:reach]
        if request.shown:
            fresh = ~np.isin(codes, self._codes(request.shown))
            codes, scores = codes[fresh], scores[fresh]
        ids = self._learning.catalogue.ids
        items = tuple(ids[code] for code in codes[: request.k].tolist())
        return Slate(
            items=items,
            scores=tuple(scores[: request.k].tolist()),
            propensities=(1.0,) * len(items),
        )

    def _codes(self, items: Sequence[str]) -> list[int]:
        codes = (self._learning.catalogue.code(item) for item in items)
        return [code for code in codes if code is not None]

    def _ranking(self, user: str, depth: int) -> Ranking:
        kept = self._rankings.get(user)
        if kept is None or not (kept.complete or len(kept.codes) >= depth):
            kept = self._rank(user, depth + SPARE)
            self._rankings[user] = kept
        return kept

    def _rank(self, user: str, depth: int) -> Ranking:
        if self._scorer is None:
            self._scorer = self._train(self._learning)
            self.diagnostics["trainings"] += 1
        scores = self._scorer.scores(user)
        fallback = scores is None
        if scores is None:
            scores = self._learning.counts.astype(np.float32)
        allowed = self._learning.on_sale & np.isfinite(scores)
        if self._exclude_known:
            allowed[self._learning.known(user)] = False
        return _top(scores, allowed, self._learning.by_popularity, depth, fallback=fallback)


def _top(
    scores: Scores,
    allowed: npt.NDArray[np.bool_],
    tie_order: npt.NDArray[np.int32],
    depth: int,
    *,
    fallback: bool,
) -> Ranking:
    """Rank the best ``depth`` allowed items; equal scores in ``tie_order``."""
    codes = tie_order[allowed[tie_order]]
    values = scores[codes]
    complete = len(values) <= depth
    if not complete:
        # a partition alone would cut ties by chance: keep all that reach the last score
        last = np.partition(values, len(values) - depth)[len(values) - depth]
        codes, values = codes[values >= last], values[values >= last]
    order = np.argsort(-values, kind="stable")[:depth]
    return Ranking(codes[order], values[order], complete=complete, fallback=fallback)
