"""Block F: does the order of options or the wording matter?

Pass: the first slot draws at most one point more than it does real users, and cyclic orders of
the same slate agree on the best item at least nine times in ten.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from footfall_eval.blocks.grading import not_run, worst
from footfall_eval.reading.block import Block, BlockStatus
from footfall_eval.statistics.resample import Interval, mean_interval

Floats = npt.NDArray[np.float64]

PREMIUM_PASS, PREMIUM_AMBER = 0.01, 0.05
AGREEMENT_PASS, AGREEMENT_AMBER = 0.9, 0.75


@dataclass(frozen=True)
class Retest:
    """What the language model said about the same slates asked in several ways."""

    orders: Floats
    """[n_slates, n_orders, k] utility of each item (columns are items, not slots) when the
    slate is asked in each cyclic order; order r puts item r first."""
    again: Floats
    """[n_slates, k] the same slates with another seed of the page."""
    reworded: Floats | None = None
    """[n_slates, k] the same slates asked with other words; None: there are none."""
    human_premium: float | None = None
    """Measured first-slot premium of real users; None: the data does not tell positions."""


def invariance(retest: Retest | None, why: str = "", *, seed: int) -> Block:
    """Judge the language model's utilities; ``why`` says why there is no retest."""
    if retest is None or not len(retest.orders):
        return not_run("F", why or "no language model was asked")
    premium = mean_interval(_premiums(retest.orders), seed)
    agreement = float(_agreement(retest.orders).mean())
    excess = abs(premium.value - (retest.human_premium or 0.0))
    statuses: list[BlockStatus] = [
        _status(excess <= PREMIUM_PASS, excess <= PREMIUM_AMBER),
        _status(agreement >= AGREEMENT_PASS, agreement >= AGREEMENT_AMBER),
    ]
    metrics: dict[str, Any] = {
        "slates": len(retest.orders),
        "first-slot premium": premium.value,
        "first-slot premium interval": premium.pair(),
        "human first-slot premium": retest.human_premium,
        "agreement over cyclic orders": agreement,
        "same answer with another seed": _same(retest.orders[:, 0], retest.again),
        "rank correlation with other words": _correlation(retest.orders[:, 0], retest.reworded),
    }
    if retest.reworded is not None:
        best = retest.reworded.argmax(axis=1) == retest.orders[:, 0].argmax(axis=1)
        metrics["same best item with other words"] = float(best.mean())
    return Block("F", worst(statuses), _explain(premium, agreement, metrics), metrics)


def _status(green: bool, amber: bool) -> BlockStatus:
    return "pass" if green else "amber" if amber else "red"


def _shares(utilities: Floats) -> Floats:
    shifted = np.exp(utilities - utilities.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def _premiums(orders: Floats) -> Floats:
    """[n_slates] share of an item in the first slot minus its share averaged over slots."""
    shares = _shares(orders)
    slots = np.arange(orders.shape[1])
    return np.asarray(shares[:, slots, slots].mean(axis=1) - 1.0 / orders.shape[2])


def _agreement(orders: Floats) -> Floats:
    """[n_slates] share of the orders whose best item is the commonest best item."""
    best = orders.argmax(axis=2)
    return np.array([np.bincount(row).max() / len(row) for row in best])


def _same(a: Floats, b: Floats) -> float:
    return float(np.mean(np.isclose(a, b, rtol=0, atol=1e-6).all(axis=1)))


def _correlation(a: Floats, b: Floats | None) -> float:
    if b is None:
        return np.nan
    found = [
        spearmanr(x, y).statistic for x, y in zip(a, b, strict=True) if np.ptp(x) and np.ptp(y)
    ]
    return float(np.mean(found)) if found else np.nan


def _explain(premium: Interval, agreement: float, metrics: dict[str, Any]) -> str:
    text = (
        f"An item gains {100 * premium.value:+.1f} points of probability by standing first; cyclic "
        f"orders agree on the best item in {agreement:.0%} of slates."
    )
    if metrics["human first-slot premium"] is None:
        text += " The data does not tell positions, so the human premium is taken as 0."
    if math.isfinite(metrics["rank correlation with other words"]):
        text += (
            " Asked in other words, the ranks of a slate correlate "
            f"{metrics['rank correlation with other words']:.2f}."
        )
    return text
