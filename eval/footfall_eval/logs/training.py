"""Train on synthetic, test on real: does a recommender learn from the log what reality teaches?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from lenskit.als import ImplicitMFScorer
from lenskit.basic import PopScorer
from lenskit.data import DatasetBuilder, ItemList
from lenskit.knn import ItemKNNScorer
from lenskit.pipeline import RecPipelineBuilder
from lenskit.training import TrainingOptions
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has no types

from footfall_eval.logs.real import Real, same_size
from footfall_eval.statistics.resample import Interval, ratio_interval

Floats = npt.NDArray[np.float64]

K = 10
"""Depth of the NDCG."""

REPEATS = 5
"""Draws of equally large logs, and seeds of the training, that each user's NDCG is averaged over:
one draw moves the share by as much as the interval is wide."""

MODELS: dict[str, tuple[type, dict[str, Any]]] = {
    "popularity": (PopScorer, {"score": "count"}),
    "item-knn": (ItemKNNScorer, {"feedback": "implicit", "max_nbrs": 20, "save_nbrs": 200}),
    "implicit-als": (ImplicitMFScorer, {"embedding_size": 32, "epochs": 10, "weight": 1.0}),
}
"""LensKit scorers; ALS with the weight that suits dense baskets, as in the demo."""


@dataclass(frozen=True)
class TrainingComparison:
    """One recommender, trained on logs of the same users and the same size."""

    model: str
    users: int
    """With something to learn from in both logs, and something to find afterwards."""
    interactions: int
    """In each log; the same number of every user."""
    real: float
    """NDCG@10 on later real takings, trained on the real log."""
    synthetic: float
    blind: float
    """Trained on as many items drawn from the same pages: what the slates alone are worth."""
    share: Interval
    """``synthetic`` over ``real``, resampling users."""
    blind_share: Interval


def train_and_test(
    synthetic: pd.DataFrame, real: Real, seed: int, models: Mapping[str, Any] | None = None
) -> list[TrainingComparison]:
    """Compare trainings on the log, on the real log, and on blind picks; test on later takings.

    Args:
        synthetic: Columns ``user``, ``item``, ``blind`` (see ``simulated_takings``).
        real: The histories.
        seed: Of the draws that make sizes equal, of ALS and of the intervals.
        models: Other LensKit scorers than ``MODELS``: (class, configuration) by name.

    Returns:
        One a model; empty where nobody has takings in both logs and afterwards.
    """
    draws = [same_size(synthetic, real.window, seed + place) for place in range(REPEATS)]
    truth = {str(user): set(part) for user, part in real.later.groupby("user")["item"]}
    users = sorted(set(draws[0][0]["user"]) & set(truth))
    if not users:
        return []
    items = sorted(real.items["item"])

    def mean(side: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame], model: Any) -> Floats:
        found = [
            _ndcg(side(ours, theirs), truth, users, items, model[0], model[1], seed + place)
            for place, (ours, theirs) in enumerate(draws)
        ]
        return np.asarray(np.mean(found, axis=0))

    return [
        _trained(
            name,
            len(draws[0][0]),
            real=mean(lambda _, theirs: theirs, model),
            synthetic=mean(lambda ours, _: ours, model),
            blind=mean(lambda ours, _: ours.assign(item=ours["blind"]), model),
            seed=seed,
        )
        for name, model in (models or MODELS).items()
    ]


def _trained(
    name: str, interactions: int, *, real: Floats, synthetic: Floats, blind: Floats, seed: int
) -> TrainingComparison:
    return TrainingComparison(
        model=name,
        users=len(real),
        interactions=interactions,
        real=float(real.mean()),
        synthetic=float(synthetic.mean()),
        blind=float(blind.mean()),
        share=ratio_interval(synthetic, real, seed),
        blind_share=ratio_interval(blind, real, seed),
    )


def _ndcg(
    log: pd.DataFrame,
    truth: Mapping[str, set[str]],
    users: list[str],
    items: list[str],
    scorer: type,
    config: dict[str, Any],
    seed: int,
) -> Floats:
    """[n_users] NDCG at ``K``; what was bought before may be recommended again."""
    builder = DatasetBuilder("log")
    builder.add_entities("item", items)
    rows = log[["user", "item"]].rename(columns={"user": "user_id", "item": "item_id"})
    builder.add_interactions(
        "taking", rows, entities=["user", "item"], missing="insert", allow_repeats=True,
        default=True,
    )  # fmt: skip
    data = builder.build()
    plan = RecPipelineBuilder()
    plan.scorer(scorer, config)
    pipeline = plan.build()
    everything = ItemList(vocabulary=data.items, item_nums=np.arange(data.item_count))
    ids = np.asarray(data.items.ids(), dtype=object)
    discount = 1.0 / np.log2(np.arange(2, K + 2))
    found = []
    # One thread, so that sums and factors do not depend on the machine's cores.
    with threadpool_limits(limits=1):
        pipeline.train(data, TrainingOptions(rng=seed))
        for user in users:
            scores = pipeline.run("scorer", query=user, items=everything).scores()
            order = np.argsort(-np.nan_to_num(scores, nan=0.0), kind="stable")[:K]
            hits = np.array([item in truth[user] for item in ids[order]], dtype=np.float64)
            best = discount[: min(K, len(truth[user]))].sum()
            found.append(float((hits * discount[: len(hits)]).sum() / best))
    return np.array(found)
