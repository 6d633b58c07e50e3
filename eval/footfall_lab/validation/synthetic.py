"""Block I's table: a recommender trained on simulated, real and random choices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.schema import Split
from footfall.fitting.choice_sets import OUTSIDE, ChoiceSets
from footfall.fitting.ground import Ground
from footfall.recommenders import Request, build, parse_spec
from footfall_lab.validation.contest import ndcg

Floats = npt.NDArray[np.float64]

RECOMMENDER = "item-knn"
K = 10
TRAINED = 0.7
"""Share of each user's choices, oldest first, that a log holds; the rest is the test."""


def train_on_logs(
    ground: Ground, sets: ChoiceSets, inside: Floats, base: Path
) -> tuple[pd.DataFrame, int]:
    """NDCG a user of each training on later real choices, and how many events a log has.

    Args:
        ground: The data.
        sets: Real choices of the fit stage; those of nothing are left out.
        inside: [n, k] the simulated users' probabilities of the items.
        base: Folder of the scenario.
    """
    took = sets.chosen != OUTSIDE
    sets, inside = sets.take(took), inside[took]
    place = pd.Series(sets.times).groupby(sets.users).rank(method="first", pct=True)
    early = (place <= TRAINED).to_numpy()
    rng = np.random.default_rng(ground.scenario.seed)
    columns = {
        "synthetic": _draw(inside, rng),
        "real": sets.chosen,
        "random": _draw(sets.shown.astype(np.float64), rng),
    }
    users = [sets.names[user] for user in np.unique(sets.users[~early])]
    truth = _truth(sets.take(~early), users)
    scores = {
        name: _ndcg(ground, sets.take(early), column[early], users, truth, base)
        for name, column in columns.items()
    }
    return pd.DataFrame({"user": users, **scores}), int(early.sum())


def _draw(weight: Floats, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """[n] one column a row, drawn in proportion to the weights."""
    ends = np.cumsum(weight, axis=1)
    return np.asarray((rng.random(len(ends))[:, None] * ends[:, -1:] >= ends).sum(axis=1))


def _truth(sets: ChoiceSets, users: list[str]) -> list[npt.NDArray[np.int32]]:
    chosen = sets.items[np.arange(len(sets)), sets.chosen]
    names = np.asarray(sets.names, dtype=object)[sets.users]
    return [np.unique(chosen[names == user]) for user in users]


def _ndcg(
    ground: Ground,
    sets: ChoiceSets,
    column: npt.NDArray[np.int64],
    users: list[str],
    truth: list[npt.NDArray[np.int32]],
    base: Path,
) -> Floats:
    ids = np.asarray(ground.catalogue.ids, dtype=object)
    names = np.asarray(sets.names, dtype=object)
    log = pd.DataFrame(
        {
            "user": names[sets.users],
            "item": ids[sets.items[np.arange(len(sets)), column]],
            "action": "purchase",
            "time": sets.times,
            "quantity": 1.0,
            "value": np.nan,
            "order": "",
        }
    )
    learn = replace(ground.learners, interactions=log)
    split = Split(at=ground.split.at, remembered=learn, held_out=log.iloc[:0])
    trained = build(
        parse_spec({"kind": RECOMMENDER}),
        split,
        ground.catalogue,
        base=base,
        seed=ground.scenario.seed,
    )
    requests = [Request(user, 0, 0, ground.split.at, K, seed=1) for user in users]
    codes = np.full((len(users), 1, K), -1, dtype=np.int32)
    for row, slate in enumerate(trained.recommend(requests)):
        codes[row, 0, : len(slate.items)] = ground.catalogue.codes(slate.items)
    return ndcg(codes, truth)
