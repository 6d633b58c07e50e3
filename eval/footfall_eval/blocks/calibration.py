"""Block C: are the probabilities right?

Pass: expected calibration error at most .02 and a slope between .8 and 1.25.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize

from footfall_eval.blocks.grading import graded, within, worst
from footfall_eval.blocks.predictions import BLEND, items_of, user_sums
from footfall_eval.reading.block import Block
from footfall_eval.statistics.resample import mean_interval, ratio_interval

Floats = npt.NDArray[np.float64]

BINS = 15
ECE_PASS, ECE_AMBER = 0.02, 0.05
SLOPE_PASS, SLOPE_AMBER = (0.8, 1.25), (0.5, 2.0)
_CLIP = 1e-9


def calibration(predictions: pd.DataFrame, *, seed: int, model: str = BLEND) -> Block:
    """Hold the probability of every item against whether it was really chosen."""
    rows = items_of(predictions, model)
    p, y = rows["p"].to_numpy(np.float64), rows["chosen"].to_numpy(np.float64)
    bins = reliability(p, y)
    ece = _ece(bins)
    intercept, slope = recalibration(p, y)
    rate = float(y.mean())
    squared, constant = user_sums(rows["user"], (p - y) ** 2, (rate - y) ** 2)
    skill = ratio_interval(constant - squared, constant, seed)
    floor = _floor(p, seed)
    status = worst([graded(ece, ECE_PASS, ECE_AMBER), within(slope, SLOPE_PASS, SLOPE_AMBER)])
    metrics: dict[str, Any] = {
        "items": len(rows),
        "rate": rate,
        "mean probability": float(p.mean()),
        "ece": ece,
        "ece of a perfect model": floor,
        "slope": slope,
        "intercept": intercept,
        "brier": float(np.mean((p - y) ** 2)),
        "brier of a constant rate": rate * (1 - rate),
        "brier skill": skill.value,
        "brier skill interval": skill.pair(),
        "gain in rate interval": mean_interval(
            user_sums(rows["user"], p - y)[0] / user_sums(rows["user"], np.ones(len(p)))[0], seed
        ).pair(),
    }
    explanation = (
        f"In {BINS} bins of equal mass the probabilities are off by {ece:.3f} on average "
        f"(pass up to {ECE_PASS}; luck alone would give {floor:.3f}); slope {slope:.2f} "
        f"(pass {SLOPE_PASS[0]} to {SLOPE_PASS[1]})."
    )
    return Block("C", status, explanation, metrics, bins, {"reliability": list(bins)})


def reliability(p: Floats, y: Floats, bins: int = BINS) -> tuple[dict[str, float], ...]:
    """Mean probability and rate in bins of equal mass, lowest first."""
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return tuple(
        {
            "predicted": float(p[part].mean()),
            "observed": float(y[part].mean()),
            "items": len(part),
        }
        for part in parts
    )


def expected_calibration_error(p: Floats, y: Floats) -> float:
    """Mean gap between ``p`` [n] and the share of ``y`` [n], in ``BINS`` equal-mass bins."""
    return _ece(reliability(p, y))


def _ece(bins: tuple[dict[str, float], ...]) -> float:
    total = sum(one["items"] for one in bins)
    gaps = (one["items"] * abs(one["predicted"] - one["observed"]) for one in bins)
    return float(sum(gaps) / total)


def _floor(p: Floats, seed: int, draws: int = 20) -> float:
    """Mean ECE of outcomes drawn with exactly these probabilities: what luck alone gives."""
    rng = np.random.default_rng(seed)
    return float(
        np.mean(
            [
                _ece(reliability(p, (rng.random(len(p)) < p).astype(np.float64)))
                for _ in range(draws)
            ]
        )
    )


def recalibration(p: Floats, y: Floats) -> tuple[float, float]:
    """Intercept and slope of a logistic regression of outcomes on the log-odds of ``p``.

    (0, 1) is perfect; a slope below 1 means that the probabilities are too extreme. NaN where
    every outcome or every probability is the same.
    """
    clipped = np.clip(p, _CLIP, 1 - _CLIP)
    x = np.log(clipped / (1 - clipped))
    if y.min() == y.max() or np.ptp(x) < _CLIP:
        return np.nan, np.nan

    def loss(beta: Floats) -> tuple[float, Floats]:
        u = beta[0] + beta[1] * x
        error = 0.5 * (1 + np.tanh(u / 2)) - y
        value = float(np.mean(np.logaddexp(0, u) - y * u))
        return value, np.array([error.mean(), (error * x).mean()])

    found = minimize(loss, np.array([0.0, 1.0]), jac=True, method="BFGS")
    return float(found.x[0]), float(found.x[1])
