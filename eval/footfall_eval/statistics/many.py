"""Many arms at once: which of them may be the best?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from footfall.errors import UserError
from footfall_eval.measures.metrics import columns, derive, find_metrics
from footfall_eval.statistics.effects import FEW_USERS

JITTER = 1e-6
"""Of the spread of the losses: enough to break exact ties, too little to decide anything."""


@dataclass(frozen=True)
class BestArms:
    """A model confidence set: it holds the best arm with the given confidence."""

    metric: str
    included: tuple[str, ...]
    """Arms that may be the best."""
    p_values: dict[str, float]
    """An arm leaves the set where its value is below 1 - level."""


def best_arms(
    per_user: pd.DataFrame, metric: str, *, level: float = 0.95, reps: int = 1_000, seed: int = 0
) -> BestArms:
    """Arms that cannot be told from the best one; for paired designs.

    Hansen, Lunde and Nason (2011), "The model confidence set", Econometrica 79(2), as
    implemented by ``arch.bootstrap.MCS``. Users are drawn one by one (block size 1). Arms that
    are equal for every user share one place.

    Args:
        per_user: As ``RunLog.per_user`` gives it, every arm with the same users.
        metric: Name of a metric; ratios go by their linearised terms.
        level: Confidence that the best arm is in the set.
        reps: Bootstrap resamples.
        seed: Of the bootstrap.

    Raises:
        UserError: Arms have different users, or fewer than ``FEW_USERS``.
    """
    from arch.bootstrap import MCS  # noqa: PLC0415 (two seconds to import, seldom needed)

    chosen = find_metrics((metric,))[0]
    counts = derive(per_user)
    arms = tuple(dict.fromkeys(counts["arm"]))
    terms = [columns(counts, chosen, arm).linearised() for arm in arms]
    if len({len(values) for values in terms}) > 1:
        raise UserError("the set of best arms needs the paired design: every user in every arm")
    if len(terms[0]) < FEW_USERS:
        raise UserError(f"the set of best arms needs {FEW_USERS} users or more")
    sign = 1.0 if chosen.better == "lower" else -1.0
    losses = sign * np.column_stack(terms)
    unique, place = np.unique(losses, axis=1, return_inverse=True)
    place = np.ravel(place)
    if unique.shape[1] == 1:
        return BestArms(metric, arms, dict.fromkeys(arms, 1.0))
    # MCS stops at exact ties and at differences without any spread, which counts do have.
    noise = np.random.default_rng(seed).normal(size=unique.shape)
    unique = unique + noise * JITTER * max(float(np.std(unique)), JITTER)
    found = MCS(
        unique, size=1 - level, reps=reps, block_size=1, bootstrap="moving block", seed=seed
    )
    found.compute()
    p_values = found.pvalues["Pvalue"]
    by_arm = {arm: float(p_values.loc[column]) for arm, column in zip(arms, place, strict=True)}
    kept = set(found.included)
    included = tuple(arm for arm, column in zip(arms, place, strict=True) if column in kept)
    return BestArms(metric, included, by_arm)
