"""Pages cut from rankings: score a user once for each training, then slice.

A ranking depends on the user and the training only, so it is kept until the next training.
Equal scores are ordered by popularity and then by catalogue order, never by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.recommenders.learning import Learning
from footfall.recommenders.protocol import Materials, Request, Slate
from footfall.recommenders.trained_specs import TrainedSpec

SPARE = 128
"""Items that a kept ranking holds beyond the first page, so that later pages are free."""

Scores = npt.NDArray[np.float32]


KEPT = 50_000
"""Users whose rankings are kept; the oldest are forgotten first and made again when asked."""


class Scorer(Protocol):
    """A trained model."""

    @property
    def for_everyone(self) -> bool:
        """Whether every user gets the same scores."""
        ...

    def scores(self, user: str) -> Scores | None:
        """[n_items] larger is better, NaN: cannot be recommended; None: unknown user."""
        ...


Train = Callable[[Learning], Scorer]
"""Trains a model on what was liked; it is called again when there is more of it."""


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
        train: Train,
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

    def __getstate__(self) -> dict[str, Any]:
        # A copy for a worker is trained here, once, and brings along only what answers need.
        self._trained()
        learning = self._learning.answering(known=self._exclude_known)
        return {**self.__dict__, "_rankings": {}, "_learning": learning}

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
        reach = request.k + len(request.shown) + len(request.unavailable)
        ranking = self._ranking(request.user, reach)
        self.diagnostics["fallback_requests"] += ranking.fallback
        codes, scores = ranking.codes[:reach].tolist(), ranking.scores[:reach].tolist()
        barred = self._barred(request)
        if barred:
            fresh = [place for place, code in enumerate(codes) if code not in barred]
            codes, scores = [codes[place] for place in fresh], [scores[place] for place in fresh]
        ids = self._learning.catalogue.ids
        items = tuple([ids[code] for code in codes[: request.k]])
        return Slate(items, tuple(scores[: request.k]), (1.0,) * len(items))

    def _barred(self, request: Request) -> set[int]:
        """Codes that are not wanted: shown already, or not on sale now."""
        barred = set(self._learning.catalogue.known(request.shown))
        if request.unavailable:
            barred.update(self._learning.barred(request.unavailable).tolist())
        return barred

    def _ranking(self, user: str, depth: int) -> Ranking:
        scorer = self._trained()
        key = "" if scorer.for_everyone and not self._exclude_known else user
        kept = self._rankings.get(key)
        if kept is None or not (kept.complete or len(kept.codes) >= depth):
            kept = self._rankings[key] = self._rank(scorer, user, depth + SPARE)
            if len(self._rankings) > KEPT:
                del self._rankings[next(iter(self._rankings))]
        return kept

    def _trained(self) -> Scorer:
        if self._scorer is None:
            self._scorer = self._train(self._learning)
            self.diagnostics["trainings"] += 1
        return self._scorer

    def _rank(self, scorer: Scorer, user: str, depth: int) -> Ranking:
        scores = scorer.scores(user)
        fallback = scores is None
        if scores is None:
            scores = self._learning.counts.astype(np.float32)
        allowed = self._learning.on_sale & np.isfinite(scores)
        if self._exclude_known:
            allowed[self._learning.known(user)] = False
        return _top(scores, allowed, self._learning.by_popularity, depth, fallback=fallback)


def ranked(spec: TrainedSpec, materials: Materials, train: Train) -> RankedRecommender:
    """Make the recommender of a model that scores all items."""
    return RankedRecommender(
        Learning(materials.split.remembered, materials.catalogue, spec.positive, spec.window_days),
        train,
        exclude_known=spec.exclude_known,
        retrain=spec.retrains,
    )


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
