"""Predictors side by side: accuracy, precision, recall, F1 and ROC-AUC on one task.

Where there are two classes a predictor says yes from the score on that gave the best F1 on the
tuning rows, alike for all. Where there are more it says the likeliest class, and figures are
means over classes. Accuracy never stands alone: beside it stands that of always saying the most
common class, which on rare events is hard to beat and worth nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall_eval.statistics.resample import DRAWS, spread, weights

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

CONSTANT = "constant"
"""Always says the most common class of the very test rows, which no predictor can know."""

AUC_DRAWS = 300
"""Resamples of users for an interval of the AUC."""


@dataclass(frozen=True, eq=False)
class PredictionRows:
    """What is to be foreseen, and what predictors make of it."""

    truth: Numbers
    """[n] class of each row."""
    users: Numbers
    """[n] whose row it is."""
    scores: dict[str, Floats] = field(default_factory=dict)
    """Predictor -> [n, classes], larger is likelier; of two classes only [n] of the second."""


def compare_predictors(
    test: PredictionRows, tuning: PredictionRows, *, classes: int, seed: int
) -> list[dict[str, Any]]:
    """One row a predictor, best AUC first, the constant one last.

    A predictor without scores on ``tuning`` rows has no threshold: only its AUC is told.
    """
    rows = []
    for name, scores in test.scores.items():
        said = _said(scores, tuning.scores.get(name), tuning.truth)
        rows.append(_row(name, test, scores, said, classes, seed))
    rows.sort(key=lambda row: -(row["roc auc"] if np.isfinite(row["roc auc"]) else -1.0))
    common = int(np.bincount(test.truth, minlength=classes).argmax())
    flat = np.zeros(len(test.truth)) if classes == 2 else np.zeros((len(test.truth), classes))
    rows.append(_row(CONSTANT, test, flat, np.full(len(test.truth), common), classes, seed))
    return rows


def best_level(scores: Floats, truth: Numbers) -> float:
    """The score from which on "yes" gives the best F1."""
    levels = np.unique(np.quantile(scores, np.linspace(0, 1, 201)))
    order = np.sort(scores)
    hits = np.sort(scores[truth == 1])
    said = len(order) - np.searchsorted(order, levels)
    right = len(hits) - np.searchsorted(hits, levels)
    return float(levels[np.argmax(2.0 * right / np.maximum(1, said + len(hits)))])


def _weighted_auc(place: Numbers, positive: npt.NDArray[np.bool_], weight: Floats) -> float:
    up = np.bincount(place, weights=weight * positive)
    down = np.bincount(place, weights=weight * ~positive)
    both = up.sum() * down.sum()
    below = np.cumsum(down) - down / 2
    return float((up * below).sum() / both) if both else np.nan


def _said(scores: Floats, tuned: Floats | None, truth: Numbers) -> Numbers | None:
    if scores.ndim == 2:
        return np.asarray(scores.argmax(axis=1))
    if tuned is None:
        return None
    return np.asarray(scores >= best_level(tuned, truth), dtype=np.int64)


def _row(
    name: str, test: PredictionRows, scores: Floats, said: Numbers | None, classes: int, seed: int
) -> dict[str, Any]:
    wanted = range(classes) if classes > 2 else [1]
    columns = scores if scores.ndim == 2 else scores[:, None]
    _, who = np.unique(test.users, return_inverse=True)
    row: dict[str, Any] = {"predictor": name, "rows": len(test.truth), "users": int(who.max()) + 1}
    aucs = [
        _auc(columns[:, place], test.truth == label, who, seed)
        for place, label in enumerate(wanted)
    ]
    row["roc auc"] = float(np.nanmean([value for value, _ in aucs])) if aucs else np.nan
    interval = spread(row["roc auc"], np.nanmean([draws for _, draws in aucs], axis=0))
    row["roc auc interval"] = interval.pair()
    empty = dict.fromkeys(("precision", "recall", "f1", "f1 interval", "accuracy"))
    return {**row, **(empty if said is None else _decided(test.truth, said, who, wanted, seed))}


def _auc(
    scores: Floats, positive: npt.NDArray[np.bool_], who: Numbers, seed: int
) -> tuple[float, Floats]:
    """The AUC, and as often as users are drawn again."""
    _, place = np.unique(scores, return_inverse=True)
    drawn = weights(int(who.max()) + 1, seed, AUC_DRAWS)
    again = np.array([_weighted_auc(place, positive, draw[who]) for draw in drawn])
    return _weighted_auc(place, positive, np.ones(len(scores))), again


def _decided(truth: Numbers, said: Numbers, who: Numbers, wanted: Any, seed: int) -> dict[str, Any]:
    """Precision, recall and F1 (means over the wanted classes) and accuracy."""
    n = int(who.max()) + 1
    drawn = weights(n, seed, DRAWS)
    found: dict[str, list[float]] = {"precision": [], "recall": [], "f1": []}
    f1_draws = []
    for label in wanted:
        hit = np.bincount(who, weights=(truth == label) & (said == label), minlength=n)
        yes = np.bincount(who, weights=said == label, minlength=n)
        real = np.bincount(who, weights=truth == label, minlength=n)
        found["precision"].append(_share(hit.sum(), yes.sum()))
        found["recall"].append(_share(hit.sum(), real.sum()))
        found["f1"].append(_share(2 * hit.sum(), yes.sum() + real.sum()))
        below = drawn @ (yes + real)
        f1_draws.append(
            np.divide(2 * (drawn @ hit), below, out=np.zeros(len(below)), where=below > 0)
        )
    means: dict[str, Any] = {name: float(np.mean(values)) for name, values in found.items()}
    means["f1 interval"] = spread(means["f1"], np.mean(f1_draws, axis=0)).pair()
    means["accuracy"] = float((truth == said).mean())
    return means


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
