"""The 1:m task of the literature: which of 20 items did this user take?

Each user gets 20 items, one in (1+m) really taken, the others never touched. A predictor says
yes or no to each. Precision, recall, F1 and accuracy are means over users; from which score on
a predictor says yes is what was best (F1) on other users before the split, so that a popularity
count is treated like a probability. AUC and NDCG@5 need no threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall_eval.blocks.predictions import BLEND
from footfall_eval.statistics.resample import Interval, mean_interval

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

ALWAYS_NO = "always no"


@dataclass(frozen=True)
class Task:
    """Users with 20 items each; rows are users."""

    ratio: int
    """Untouched items for every taken one."""
    taken: Bools
    """[n_users, 20]"""
    scores: dict[str, Floats]
    """Predictor -> [n_users, 20], larger is likelier."""


def discriminate(test: Task, tuning: Task, *, seed: int) -> list[dict[str, Any]]:
    """One row a predictor, best F1 first, and "always no".

    Of ``tuning`` a predictor may have scored only the first users.
    """
    rows = []
    per_user: dict[str, Floats] = {}
    for name, scores in test.scores.items():
        known = tuning.scores[name]
        rule = best_rule(known, tuning.taken[: len(known)])
        figures = _figures(scores, rule.says_yes(scores), test.taken)
        per_user[name] = figures["f1"]
        rows.append(_row(test.ratio, name, figures, seed))
    rows.sort(key=lambda row: -row["f1"])
    nothing = np.zeros(test.taken.shape)
    never = _figures(nothing, np.zeros(test.taken.shape, dtype=bool), test.taken)
    rows.append(_row(test.ratio, ALWAYS_NO, never, seed))
    for row in rows:
        if BLEND in per_user and row["predictor"] in per_user:
            gain = mean_interval(per_user[BLEND] - per_user[row["predictor"]], seed)
            row["f1 gain of the blend"] = gain.value
            row["f1 gain interval"] = gain.pair()
        else:
            row["f1 gain of the blend"], row["f1 gain interval"] = None, None
    return rows


@dataclass(frozen=True)
class Threshold:
    """When a predictor says yes."""

    level: float
    relative: bool
    """Scores are taken less their mean over the user's 20 items."""

    def says_yes(self, scores: Floats) -> Bools:
        """[n_users, 20] whether the score reaches the level."""
        return np.asarray(_seen(scores, self.relative) >= self.level)


def best_rule(scores: Floats, taken: Bools) -> Threshold:
    """The level from which on "yes" gives the best mean F1 over users.

    On the scores as they are or less each user's mean, whichever does better: some scores mean
    the same for everybody, others only rank the items of one user.
    """
    found = []
    for relative in (False, True):
        shown = _seen(scores, relative)
        levels = np.unique(np.quantile(shown, np.linspace(0, 1, 201)))
        means = [float(_f1(shown >= level, taken).mean()) for level in levels]
        best = int(np.argmax(means))
        found.append((means[best], Threshold(float(levels[best]), relative)))
    return max(found, key=lambda pair: pair[0])[1]


def _seen(scores: Floats, relative: bool) -> Floats:
    return scores - scores.mean(axis=1, keepdims=True) if relative else scores


def _f1(said: Bools, taken: Bools) -> Floats:
    hits = (said & taken).sum(axis=1)
    return np.asarray(2.0 * hits / np.maximum(1, said.sum(axis=1) + taken.sum(axis=1)))


def _figures(scores: Floats, said: Bools, taken: Bools) -> dict[str, Floats]:
    hits = (said & taken).sum(axis=1)
    return {
        "precision": hits / np.maximum(1, said.sum(axis=1)),
        "recall": hits / taken.sum(axis=1),
        "f1": _f1(said, taken),
        "accuracy": (said == taken).mean(axis=1),
        "auc": _auc(scores, taken),
        "ndcg@5": _ndcg(scores, taken, 5),
    }


def _auc(scores: Floats, taken: Bools) -> Floats:
    """[n_users] P(a taken item scores above an untouched one), ties half."""
    above = np.sign(scores[:, :, None] - scores[:, None, :]) / 2 + 0.5
    pairs = taken[:, :, None] & ~taken[:, None, :]
    return np.asarray((above * pairs).sum(axis=(1, 2)) / np.maximum(1, pairs.sum(axis=(1, 2))))


def _ndcg(scores: Floats, taken: Bools, depth: int) -> Floats:
    """[n_users] normalised discounted gain; tied scores share the mean gain of their places."""
    k = scores.shape[1]
    discount = np.where(np.arange(k) < depth, 1 / np.log2(np.arange(k) + 2), 0.0)
    gains = np.empty(len(scores))
    for user, (row, truth) in enumerate(zip(scores, taken, strict=True)):
        order = np.argsort(-row, kind="stable")
        _, group = np.unique(-row[order], return_inverse=True)
        share = np.bincount(group, weights=truth[order]) / np.bincount(group)
        ideal = discount[: int(truth.sum())].sum()
        gains[user] = (share[group] * discount).sum() / ideal if ideal else np.nan
    return gains


def _row(ratio: int, name: str, figures: dict[str, Floats], seed: int) -> dict[str, Any]:
    f1: Interval = mean_interval(figures["f1"], seed)
    means = {key: float(np.nanmean(values)) for key, values in figures.items()}
    return {"ratio": f"1:{ratio}", "predictor": name, **means, "f1 interval": f1.pair()}
