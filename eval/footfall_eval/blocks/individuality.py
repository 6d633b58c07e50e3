"""Block E: are users different from each other, as real ones are?

Two tests. The spread of users around their mean, simulated over real, must be between .8 and
1.25 (amber .5 to 2), where simulated choices are drawn, as many a user as the real ones, so that
both carry the same sampling noise. And giving every user another one's memory must make
held-out choices harder to foresee.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall_eval.blocks.grading import not_run, within, worst
from footfall_eval.blocks.predictions import BLEND, items_of, score
from footfall_eval.reading.block import Block, BlockStatus
from footfall_eval.statistics.resample import Interval, mean_interval, spread, weights

Floats = npt.NDArray[np.float64]

SWAPPED = "blend, memories swapped"
RATIO_PASS, RATIO_AMBER = (0.8, 1.25), (0.5, 2.0)
_DRAWS = 20


def individuality(
    predictions: pd.DataFrame,
    traits: pd.DataFrame,
    swapped: pd.DataFrame,
    *,
    seed: int,
    worlds: Sequence[pd.DataFrame] = (),
) -> Block:
    """Judge the model ``blend``.

    Args:
        predictions: See ``footfall_eval.blocks.predictions``.
        traits: One row an option of the blend that is an item: ``set``, ``option`` and one
            column a trait (popularity, bought before, ...), whose mean over what a user took
            is compared between users.
        swapped: Predictions of ``blend`` and of ``blend, memories swapped`` on the same sets.
        seed: Of the drawn choices and of the resampling.
        worlds: The same predictions for each of some ways in which the users may lastingly
            differ, from which choices are then drawn in turn; none: users differ by what is known
            of them and by nothing else.
    """
    cost = _swap_cost(swapped, seed)
    rows = _spreads(predictions, traits, seed, worlds)
    if not rows:
        return not_run("E", "no user chose often enough to tell users apart")
    spreads = [within(row["ratio"], RATIO_PASS, RATIO_AMBER) for row in rows]
    swap: BlockStatus = "pass" if cost.low > 0 else "red"
    metrics: dict[str, Any] = {
        "swap costs nats": cost.value,
        "swap costs nats interval": cost.pair(),
        **{f"spread of {row['trait']}": row["ratio"] for row in rows},
    }
    extreme = max(rows, key=lambda row: abs(np.log(max(row["ratio"], 1e-9))))
    explanation = (
        f"With another user's memory a choice costs {cost.value:+.3f} nats more (95% interval "
        f"{cost.low:+.3f} to {cost.high:+.3f}). The spread between users is {extreme['ratio']:.2f} "
        f"times the real one in {extreme['trait']}, the farthest of {len(rows)} traits (pass "
        f"{RATIO_PASS[0]} to {RATIO_PASS[1]})."
    )
    return Block("E", worst([swap, *spreads]), explanation, metrics, tuple(rows))


def _swap_cost(predictions: pd.DataFrame, seed: int) -> Interval:
    nll = score(predictions).per_user("nll")
    return mean_interval((nll[SWAPPED] - nll[BLEND]).to_numpy(), seed)


def _spreads(
    predictions: pd.DataFrame, traits: pd.DataFrame, seed: int, worlds: Sequence[pd.DataFrame]
) -> list[dict[str, Any]]:
    """Variance between users of each trait of what they took, simulated over real."""
    rows = items_of(predictions, BLEND).merge(traits, on=["set", "option"], validate="1:1")
    rows = rows.sort_values(["set", "option"], kind="stable", ignore_index=True)
    names = [name for name in traits.columns if name not in {"set", "option"}]
    users, user_names = pd.factorize(rows["user"], sort=True)
    real = rows["chosen"].to_numpy(bool)
    rng = np.random.default_rng(seed)
    chances = [_aligned(rows, world) for world in worlds] or [rows["p"].to_numpy(np.float64)]
    drawn = [_draw(rows, chances[draw % len(chances)], rng) for draw in range(_DRAWS)]
    found = []
    for name in names:
        values = rows[name].to_numpy(np.float64)
        means = _means(values, real, users, len(user_names))
        others = np.array([_means(values, mask, users, len(user_names)) for mask in drawn])
        known = np.isfinite(means)
        if known.sum() < 3 or np.nanvar(means) == 0:
            continue
        interval = _ratio(means[known], others[:, known], seed)
        found.append(
            {
                "trait": name,
                "users": int(known.sum()),
                "ratio": interval.value,
                "ratio interval": interval.pair(),
                "real mean": float(np.nanmean(means)),
                "simulated mean": float(np.nanmean(others)),
            }
        )
    return found


def _aligned(rows: pd.DataFrame, world: pd.DataFrame) -> Floats:
    """[n_rows] chances of one world in the order of ``rows``."""
    found = items_of(world, BLEND)[["set", "option", "p"]]
    keys = rows[["set", "option"]]
    return keys.merge(found, on=["set", "option"], validate="1:1")["p"].to_numpy(np.float64)


def _draw(rows: pd.DataFrame, p: Floats, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """[n_rows] one drawn choice a set, given that something is chosen in the same sets."""
    took = rows.groupby("set")["chosen"].transform("any").to_numpy(bool)
    key = np.log(np.maximum(p, 1e-300)) + rng.gumbel(size=len(rows))
    best = pd.Series(key).groupby(rows["set"].to_numpy()).transform("max").to_numpy()
    return np.asarray((key == best) & took)


def _means(
    values: Floats, mask: npt.NDArray[np.bool_], users: npt.NDArray[np.intp], n: int
) -> Floats:
    count = np.bincount(users[mask], minlength=n).astype(np.float64)
    total = np.bincount(users[mask], weights=values[mask], minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(count > 0, total / count, np.nan))


def _ratio(real: Floats, simulated: Floats, seed: int) -> Interval:
    """Variance between users, simulated (mean over draws) over real, users resampled."""

    def variances(drawn: Floats) -> Floats:
        below = drawn @ real**2 - (drawn @ real) ** 2
        above = np.mean([drawn @ one**2 - (drawn @ one) ** 2 for one in simulated], axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(above / below)

    simulated = np.where(np.isfinite(simulated), simulated, np.nanmean(simulated))
    even = np.full((1, len(real)), 1.0 / len(real))
    return spread(float(variances(even)[0]), variances(weights(len(real), seed, draws=500)))
