"""What would another recommender have earned? Estimates from logged propensities.

    IPS    mean of w r                        unbiased, wild
    SNIPS  sum of w r / sum of w              a little biased, calmer
    DR     mean of q + w (r - q_logged)       right if the weights or the model are

with w = target probability / logging propensity. See Dudik, Langford and Li (2011), "Doubly
robust policy evaluation and learning", ICML; Swaminathan and Joachims (2015), "The
self-normalized estimator for counterfactual learning", NeurIPS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.parquet as pq

from footfall.datasets.arrow_columns import as_frame
from footfall.datasets.cells import numbers
from footfall.datasets.delimited import read_cells
from footfall.datasets.frames import DAMAGES
from footfall.errors import DataError, did_you_mean, one_line
from footfall_eval.measures.metrics import Array
from footfall_eval.reading.load import RunLog

Reward = Literal["clicked", "bought", "value"]
"""Columns of the log that can serve as the reward."""

NUMBERS = ("reward", "propensity", "target", "predicted", "predicted_target")
"""Columns of a table for ``off_policy`` that hold numbers."""


@dataclass(frozen=True)
class PolicyValue:
    """Mean reward of an impression under the target recommender."""

    value: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class OffPolicy:
    """Three estimates, and what to know before believing them."""

    ips: PolicyValue
    snips: PolicyValue
    doubly_robust: PolicyValue | None
    """None without a reward model."""
    logged: float
    """Mean reward as logged."""
    effective_sample_size: float
    """(sum w)^2 / sum w^2: how many impressions the weighted ones are worth."""
    impressions: int
    users: int
    clipped: int
    """Weights that were cut down to ``clip``; this biases the estimates towards zero."""
    mean_weight: float
    """Before clipping; far from 1 the propensities are wrong."""


def off_policy(
    frame: pd.DataFrame,
    *,
    clip: float | None = None,
    level: float = 0.95,
    resamples: int = 2_000,
    seed: int = 0,
) -> OffPolicy:
    """Estimate the target's mean reward from another recommender's log.

    Args:
        frame: One row an impression: ``user``, ``reward``, ``propensity`` (of what was shown,
            under the logging recommender), ``target`` (its probability under the target) and,
            for the doubly robust estimate, ``predicted`` (the reward model for what was shown)
            and ``predicted_target`` (its mean over what the target would show).
        clip: Largest weight; no clipping by default.
        level: Confidence level.
        resamples: Bootstrap resamples; whole users are drawn.
        seed: Of the bootstrap.

    Raises:
        DataError: A column is missing, or a propensity is not above 0 and at most 1.
    """
    _check(frame)
    raw = (frame["target"] / frame["propensity"]).to_numpy(dtype=np.float64)
    weight = raw if clip is None else np.minimum(raw, clip)
    reward = frame["reward"].to_numpy(dtype=np.float64)
    terms = {"n": np.ones_like(weight), "w": weight, "wr": weight * reward}
    robust = "predicted" in frame.columns
    if robust:
        model = frame["predicted"].to_numpy(dtype=np.float64)
        direct = frame["predicted_target"].to_numpy(dtype=np.float64)
        terms["dr"] = direct + weight * (reward - model)
    sums, users = _by_user(terms, frame["user"])
    draws = _draws(sums, resamples, seed)

    def estimate(of: Callable[[dict[str, Array]], Array]) -> PolicyValue:
        whole = {name: values.sum(keepdims=True) for name, values in sums.items()}
        low, high = np.quantile(of(draws), [(1 - level) / 2, (1 + level) / 2])
        return PolicyValue(float(of(whole)[0]), float(low), float(high))

    return OffPolicy(
        ips=estimate(lambda total: total["wr"] / total["n"]),
        snips=estimate(lambda total: _divide(total["wr"], total["w"])),
        doubly_robust=estimate(lambda total: total["dr"] / total["n"]) if robust else None,
        logged=float(reward.mean()),
        effective_sample_size=float(_divide(weight.sum() ** 2, (weight**2).sum())),
        impressions=len(frame),
        users=users,
        clipped=int((raw > weight).sum()),
        mean_weight=float(raw.mean()),
    )


def read_bandit_log(path: Path | str, columns: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Read somebody else's log with propensities, CSV or Parquet, for ``off_policy``.

    Args:
        path: The file.
        columns: Our names (``user``, ``reward``, ``propensity``, ``target``, ``predicted``,
            ``predicted_target``) to the file's, where they differ.

    Raises:
        DataError: The file cannot be read, or does not have a column that ``columns`` names.
    """
    file = Path(path)
    if file.suffix not in {".csv", ".parquet"}:
        raise DataError(f"{file}: a log with propensities is a csv or parquet file")
    if not file.exists():
        raise DataError(f"no file {file}")
    try:
        frame = read_cells(file).frame if file.suffix == ".csv" else as_frame(pq.read_table(file))
    except DAMAGES as problem:
        raise DataError(f"{file}: cannot be read ({one_line(problem, 200)})") from None
    for ours, theirs in (columns or {}).items():
        if theirs not in frame.columns:
            raise DataError(
                f"{file} has no column {theirs!r} for {ours}; {did_you_mean(theirs, frame.columns)}"
            )
    frame = frame.rename(columns={theirs: ours for ours, theirs in (columns or {}).items()})
    return frame.assign(**{name: numbers(frame[name]) for name in NUMBERS if name in frame})


def logged_bandit(
    log: RunLog, arm: str, targets: pd.DataFrame, reward: Reward = "clicked"
) -> pd.DataFrame:
    """One arm of a run as a table for ``off_policy``.

    Args:
        log: A run whose recommender gave propensities.
        arm: The arm that was shown.
        targets: Columns ``user``, ``session``, ``page``, ``position``, ``item`` and ``target``:
            the probability that the other recommender would have put this item there.
        reward: ``clicked``, ``bought`` or ``value``.

    Raises:
        DataError: The arm has no propensities, or an impression has no target probability.
    """
    shown = log.execute(
        'SELECT "user", session, page, position, item, clicked, bought, "value", propensity '
        "FROM impressions WHERE arm = ? AND answered",
        [arm],
    ).df()
    lacking = int(shown["propensity"].isna().sum())
    if lacking or shown.empty:
        raise DataError(
            f"{lacking} of {len(shown)} answered impressions of arm {arm!r} have no propensity; "
            "its recommender has to return them (Slate.propensities)"
        )
    keys = ["user", "session", "page", "position", "item"]
    shown["reward"] = shown[reward].astype(float)
    joined: pd.DataFrame = shown.merge(
        targets[[*keys, "target"]], on=keys, how="left", validate="one_to_one"
    )
    unknown = int(joined["target"].isna().sum())
    if unknown:
        raise DataError(
            f"{unknown} impressions of arm {arm!r} have no target probability; give one for each"
        )
    return joined


def _check(frame: pd.DataFrame) -> None:
    needed = ["user", "reward", "propensity", "target"]
    if "predicted" in frame.columns or "predicted_target" in frame.columns:
        needed += ["predicted", "predicted_target"]
    for name in needed:
        if name not in frame.columns:
            raise DataError(
                f"the table has no column {name!r}; {did_you_mean(name, frame.columns)}"
            )
        if frame[name].isna().any():
            raise DataError(f"column {name!r} has {int(frame[name].isna().sum())} missing values")
    if frame.empty:
        raise DataError("the table has no rows to estimate from")
    wrong = ~frame["propensity"].between(0, 1, inclusive="right")
    if wrong.any():
        raise DataError(
            f"{int(wrong.sum())} propensities are not above 0 and at most 1 "
            f"(first: {frame.loc[wrong, 'propensity'].iloc[0]}); off-policy needs real ones"
        )


def _by_user(terms: dict[str, Array], users: pd.Series) -> tuple[dict[str, Array], int]:
    codes, names = pd.factorize(users)
    sums = {name: np.bincount(codes, values).astype(np.float64) for name, values in terms.items()}
    return sums, len(names)


def _draws(sums: dict[str, Array], resamples: int, seed: int) -> dict[str, Array]:
    """[resamples] sums over users drawn with replacement."""
    rng = np.random.default_rng(seed)
    n = len(next(iter(sums.values())))
    table = np.column_stack(list(sums.values()))
    totals = np.empty((resamples, table.shape[1]))
    even: npt.NDArray[np.float64] = np.full(n, 1 / n)
    for row in range(resamples):
        totals[row] = rng.multinomial(n, even) @ table
    return {name: totals[:, place] for place, name in enumerate(sums)}


def _divide(above: Array, below: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Array = np.divide(above, below)
    return result
