"""LensKit pipelines as recommenders: k-NN of items and users, EASE, SLIM, factors.

LensKit trains and scores; Footfall maps ids and cuts pages (``footfall.recommenders.ranking``).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from implicit.bpr import BayesianPersonalizedRanking
from lenskit.als import ImplicitMFScorer
from lenskit.data import Dataset as LensKitDataset
from lenskit.data import DatasetBuilder, ItemList
from lenskit.implicit import BPR
from lenskit.knn import EASEScorer, ItemKNNScorer, UserKNNScorer
from lenskit.knn.slim import SLIMScorer
from lenskit.parallel import initialize
from lenskit.pipeline import Pipeline, RecPipelineBuilder
from lenskit.training import TrainingOptions
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # has no types

from footfall.recommenders.learning import Learning
from footfall.recommenders.protocol import Materials
from footfall.recommenders.ranking import RankedRecommender, Scorer, Scores, ranked
from footfall.recommenders.trained_specs import (
    EaseSpec,
    ImplicitSpec,
    ItemKnnSpec,
    SlimSpec,
    UserKnnSpec,
)

LensKitSpec = ItemKnnSpec | UserKnnSpec | EaseSpec | SlimSpec | ImplicitSpec

_LINEAR = (UserKnnSpec, EaseSpec, SlimSpec)
"""Models of what was taken at all, however often."""

_THREADS = ThreadpoolController()
"""Of the numeric libraries that the imports above have loaded."""


class QuietBPR(BPR):  # type: ignore[misc]  # lenskit is not typed
    """``implicit``'s BPR without threads (which make it irreproducible) and progress bar."""

    def _construct(self) -> Any:
        model = BayesianPersonalizedRanking(num_threads=1, **self.config.__pydantic_extra__)
        model.fit = partial(model.fit, show_progress=False)
        return model


class LensKitScorer:
    """A trained pipeline behind the ``Scorer`` protocol."""

    for_everyone = False

    def __init__(
        self, pipeline: Pipeline, trained_on: LensKitDataset, n_items: int, spec: LensKitSpec
    ) -> None:
        self._pipeline = pipeline
        self._users = trained_on.users
        self._codes = np.asarray(trained_on.items.ids(), dtype=np.int32)
        self._items = ItemList(vocabulary=trained_on.items, item_nums=np.arange(len(self._codes)))
        self._n_items = n_items
        # k-NN adds similarities up; LensKit says NaN where there is none to add, which is 0
        self._nothing = 0.0 if isinstance(spec, ItemKnnSpec | UserKnnSpec) else np.nan

    def scores(self, user: str) -> Scores | None:
        """[n_items] the scorer's output; items without positives in the training are NaN."""
        if self._users.number(user, missing=None) is None:
            return None
        with _THREADS.limit(limits=1, user_api="blas"):  # the same last bit on any machine
            found = self._pipeline.run("scorer", query=user, items=self._items).scores()
        scores = np.full(self._n_items, np.nan, dtype=np.float32)
        scores[self._codes] = np.nan_to_num(found, nan=self._nothing)
        return scores


def build_lenskit(spec: LensKitSpec, materials: Materials) -> RankedRecommender:
    """Train the recommender of a LensKit spec on the remembered interactions."""
    return ranked(spec, materials, partial(train_lenskit, spec, materials.seed))


def train_lenskit(spec: LensKitSpec, seed: int, learning: Learning) -> Scorer:
    """Train the model of a spec on what was liked."""
    data = _lenskit_data(learning, distinct=isinstance(spec, _LINEAR))
    builder = RecPipelineBuilder()
    builder.scorer(*_scorer(spec, seed))
    pipeline = builder.build(spec.kind)
    with _own_threads():
        pipeline.train(data, TrainingOptions(rng=seed, device="cpu"))
    return LensKitScorer(pipeline, data, len(learning.catalogue), spec)


def _scorer(spec: LensKitSpec, seed: int) -> tuple[type, dict[str, Any]]:
    """LensKit component and its configuration."""
    found: tuple[type, dict[str, Any]]
    match spec:
        case ItemKnnSpec():
            found = (
                ItemKNNScorer,
                {
                    "feedback": "implicit",
                    "max_nbrs": spec.neighbours,
                    "min_sim": spec.min_similarity,
                    "save_nbrs": spec.saved_neighbours,
                },
            )
        case UserKnnSpec():
            found = (
                UserKNNScorer,
                {
                    "feedback": "implicit",
                    "max_nbrs": spec.neighbours,
                    "min_sim": spec.min_similarity,
                },
            )
        case EaseSpec():
            found = EASEScorer, {"regularization": spec.regularization}
        case SlimSpec():
            found = (
                SLIMScorer,
                {
                    "l1_reg": spec.l1,
                    "l2_reg": spec.l2,
                    "max_nbrs": spec.neighbours,
                },
            )
        case ImplicitSpec():
            found = _factors(spec, seed)
    return found


def _factors(spec: ImplicitSpec, seed: int) -> tuple[type, dict[str, Any]]:
    if spec.algorithm == "als":
        return ImplicitMFScorer, {
            "embedding_size": spec.factors,
            "epochs": spec.epochs or 10,
            "regularization": spec.regularization or 0.1,
            "weight": spec.weight or 40.0,
            "user_embeddings": "prefer",  # those of the training: faster, same answer
        }
    return QuietBPR, {
        "factors": spec.factors,
        "iterations": spec.epochs or 100,
        "regularization": spec.regularization or 0.01,
        "learning_rate": spec.learning_rate or 0.01,
        "random_state": seed % 2**32,
    }


def _lenskit_data(learning: Learning, *, distinct: bool) -> LensKitDataset:
    """Positives as a LensKit data set; its item ids are catalogue codes."""
    frame = learning.positives.rename(columns={"user": "user_id", "code": "item_id"})
    if distinct:
        frame = frame.drop_duplicates()
    builder = DatasetBuilder("positives")
    builder.add_interactions(
        "positive",
        frame,
        entities=["user", "item"],
        missing="insert",
        allow_repeats=not distinct,
        default=True,
    )
    return builder.build()


@contextmanager
def _own_threads() -> Iterator[None]:
    """Keep LensKit from changing the threads of the whole process.

    On first use LensKit sets torch's and BLAS's threads for good, which would slow a model
    that runs in this process. BLAS gets one thread while training, so that the sums, and
    with them the factors, do not depend on the number of cores.
    """
    threads = torch.get_num_threads()
    log = logging.getLogger("lenskit.parallel.config")
    level = log.level
    with _THREADS.limit(limits=1, user_api="blas"), warnings.catch_warnings():
        # torch refuses after its first use; LensKit warns, and nothing here needs it
        warnings.filterwarnings("ignore", "failed to set", RuntimeWarning)
        log.setLevel(logging.ERROR)
        try:
            initialize(backend_threads=threads)
            yield
        finally:
            log.setLevel(level)
            torch.set_num_threads(threads)
