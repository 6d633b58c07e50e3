"""Block D's row about ratings: the stars that users of a run would give, and those they gave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

from footfall.behaviour.ratings import RatingModel, fit_remembered, rating_features
from footfall.errors import DataError
from footfall.fitting.ground import Ground
from footfall.fitting.known import Known
from footfall_eval.blocks.distributions import Compared
from footfall_eval.reading.block import Block

KOLMOGOROV = "ratings: Kolmogorov-Smirnov distance"


def compared_stars(ground: Ground, known: Known) -> Compared | None:
    """Simulated and real stars of the same held-out pairs; None: the scenario has no ratings.

    Args:
        ground: Who may learn from what.
        known: Of the test stage.

    Raises:
        DataError: There is nothing to compare, or to fit to; says why.
    """
    spec, stage = ground.scenario.actions.rate, ground.stages.test
    if spec is None:
        return None
    rows = stage.choices[stage.choices["action"] == "rate"]
    if rows.empty:
        raise DataError(
            "the tested users have rated nothing after the split; split earlier, or test more users"
        )
    if spec.levels is not None and spec.cuts is not None:
        model = RatingModel(np.array(spec.levels), np.array(spec.cuts))
    else:
        model = fit_remembered(stage.crowd, ground.split.remembered.items, ground.catalogue)
    users = np.array([stage.number(user) for user in rows["user"]], dtype=np.int64)
    codes = ground.catalogue.codes(rows["item"])[:, None]
    told = rating_features(known.past, known.features, users, codes)[:, 0]
    luck = np.random.default_rng(ground.scenario.seed).random(len(rows))
    given = pd.DataFrame({"user": rows["user"], "value": rows["value"], "weight": 1.0})
    leniency, quality, approval = told.T
    drawn = model.draw(leniency, quality, approval, luck)
    return Compared("ratings", "amounts", given.assign(value=drawn), given)


def with_kolmogorov(block: Block, stars: Compared) -> Block:
    """``block`` with the largest gap between the two cumulative distributions of stars."""
    gap = float(ks_2samp(stars.simulated["value"], stars.real["value"]).statistic)
    return replace(block, metrics={**block.metrics, KOLMOGOROV: gap})
