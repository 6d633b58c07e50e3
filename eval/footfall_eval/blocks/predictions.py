"""The table that most blocks read: who could choose what, what was chosen, who foresaw it.

One row a (set, model, option): ``set``, ``user``, ``model`` (the predictor's name), ``option``
(from 0; -1 is "none of these"), ``item``, ``position``, ``chosen`` (bool), ``p`` (probability
within the set; sums to 1), and per set ``protocol`` and ``segment``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.errors import DataError

COLUMNS = ("set", "user", "model", "option", "item", "position", "chosen", "p")
OUTSIDE = -1

BLEND = "blend"
"""The simulated users under judgement."""

WITHOUT_MODEL = "blend without llm"
"""The same choice model fitted without the language model's utility."""

SMALLEST = 1e-12
"""Probabilities are floored here, so that one impossible choice costs 28 nats, not infinity."""


@dataclass(frozen=True)
class Scores:
    """How well each model foresaw each set; frames indexed by set, one column a model."""

    users: pd.Series
    """User of each set."""
    nll: pd.DataFrame
    """-log probability of what was chosen, in nats; "none of these" counts."""
    first: pd.DataFrame
    """Share of top-1 hits: the chosen option has the highest probability (ties share it)."""
    reciprocal: pd.DataFrame
    """1 / rank of the chosen item among the items; NaN where nothing was chosen."""
    auc: pd.DataFrame
    """P(the chosen item is ranked above another one of its set); NaN where nothing was chosen."""

    def per_user(self, metric: str) -> pd.DataFrame:
        """Mean of a metric over each user's sets: users down, models across."""
        frame: pd.DataFrame = getattr(self, metric)
        return frame.groupby(self.users).mean()


def check(predictions: pd.DataFrame) -> None:
    """Refuse a table that would make every figure wrong.

    Raises:
        DataError: A column is missing, probabilities do not sum to 1, or a set has not exactly
            one chosen option.
    """
    missing = [name for name in COLUMNS if name not in predictions.columns]
    if missing:
        raise DataError(f'predictions: no column "{missing[0]}"')
    sums = predictions.groupby(["model", "set"])[["p", "chosen"]].sum()
    off = sums[(sums["p"] - 1).abs() > 1e-6]
    if len(off):
        model, number = off.index[0]
        raise DataError(
            f'predictions: the probabilities of "{model}" in set {number} sum to '
            f"{off['p'].iloc[0]:.4g}, not to 1"
        )
    wrong = sums[sums["chosen"] != 1]
    if len(wrong):
        model, number = wrong.index[0]
        raise DataError(
            f'predictions: set {number} of "{model}" has {int(wrong["chosen"].iloc[0])} chosen '
            "options; it must have one (-1 where none of the items was)"
        )


def score(predictions: pd.DataFrame) -> Scores:
    """Score every model on every set."""
    check(predictions)
    rows = predictions.sort_values(["model", "set", "option"], kind="stable")
    found = {str(model): _score_model(part) for model, part in rows.groupby("model", sort=False)}
    users = rows.drop_duplicates("set").set_index("set")["user"]
    parts = {
        name: pd.DataFrame({model: frame[name] for model, frame in found.items()})
        for name in ("nll", "first", "reciprocal", "auc")
    }
    return Scores(users.reindex(parts["nll"].index), **parts)


def _score_model(rows: pd.DataFrame) -> pd.DataFrame:
    chosen = rows[rows["chosen"]].set_index("set")
    p_chosen = rows["set"].map(chosen["p"]).to_numpy()
    above = rows["p"].to_numpy() > p_chosen
    level = np.isclose(rows["p"].to_numpy(), p_chosen, rtol=1e-12, atol=0.0)
    counts = pd.DataFrame(
        {
            "set": rows["set"].to_numpy(),
            "above": above & ~level,
            "level": level,
            "inside": rows["option"].to_numpy() != OUTSIDE,
        }
    )
    everything = counts.groupby("set")[["above", "level"]].sum()
    inside = counts[counts["inside"]].groupby("set")[["above", "level", "inside"]].sum()
    inside = inside.reindex(chosen.index)
    took = (chosen["option"] != OUTSIDE).to_numpy()
    # Ties count as the middle of their ranks, so that a constant predictor scores .5.
    rank = inside["above"] + (inside["level"] + 1) / 2
    others = (inside["inside"] - 1).where(inside["inside"] > 1)
    everything = everything.reindex(chosen.index)
    return pd.DataFrame(
        {
            "nll": -np.log(np.maximum(chosen["p"], SMALLEST)),
            "first": (everything["above"] == 0) / everything["level"],
            "reciprocal": (1 / rank).where(took),
            "auc": (1 - (rank - 1) / others).where(took),
        }
    )


def items_of(predictions: pd.DataFrame, model: str) -> pd.DataFrame:
    """The rows of one model that are items, not "none of these"."""
    return predictions[(predictions["model"] == model) & (predictions["option"] != OUTSIDE)]


def user_sums(
    users: pd.Series, *columns: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], ...]:
    """Sum columns over each user, in the order of sorted user names."""
    codes, names = pd.factorize(users, sort=True)
    return tuple(
        np.bincount(codes, weights=column, minlength=len(names)).astype(np.float64)
        for column in columns
    )
