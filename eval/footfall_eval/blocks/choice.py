"""Block B: do simulated users pick what the real ones picked?

Pass: the blend foresees held-out choices better than the best baseline, the same choice model
without the language model included; the 95% interval of the gain over users excludes 0. Amber:
it is better than every baseline but those made of its own features, so that its users are as
real as can be, and the language model adds nothing to them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from footfall_eval.blocks.predictions import BLEND, WITHOUT_MODEL, Scores, score
from footfall_eval.reading.block import Block, BlockStatus
from footfall_eval.statistics.resample import Interval, mean_interval

SHARING = frozenset({WITHOUT_MODEL, "logistic"})
"""Baselines made of the blend's own features: they differ from it in the language model only."""

NOTHING = "the language model adds nothing here"


def choice(predictions: pd.DataFrame, heard: pd.DataFrame | None, *, seed: int) -> Block:
    """Judge the model ``blend`` of the predictions against all the others.

    Args:
        predictions: See ``footfall_eval.blocks.predictions``.
        heard: Predictions of ``blend`` and ``blend without llm`` on choices that the language
            model was asked about, its weight at full; None: it was not asked.
        seed: Of the resampling of users.
    """
    scores = score(predictions)
    nll = scores.per_user("nll")
    rivals = [name for name in nll.columns if name != BLEND]
    classical = [name for name in rivals if name not in SHARING]
    best = str(nll[rivals].mean().idxmin())
    gains = {name: _gain(nll, name, seed) for name in rivals}
    best_classical = str(nll[classical].mean().idxmin()) if classical else best
    model_gain = None if heard is None else _gain(score(heard).per_user("nll"), WITHOUT_MODEL, seed)
    status = _status(gains[best], gains[best_classical])
    metrics: dict[str, Any] = {
        "sets": len(scores.users),
        "users": len(nll),
        "chosen share": float(scores.auc[BLEND].notna().mean()),
        "nll": float(nll[BLEND].mean()),
        "nll interval": mean_interval(nll[BLEND].to_numpy(), seed).pair(),
        "best baseline": best,
        "gain over best baseline": gains[best].value,
        "gain over best baseline interval": gains[best].pair(),
        "best classical baseline": best_classical,
        "gain over best classical": gains[best_classical].value,
        "gain over best classical interval": gains[best_classical].pair(),
    }
    if model_gain is not None:
        metrics |= {
            "gain of the language model": model_gain.value,
            "gain of the language model interval": model_gain.pair(),
            "language model adds": model_gain.low > 0,
        }
    explanation = _explain(best_classical, gains[best_classical], model_gain)
    return Block("B", status, explanation, metrics, _rows(scores, gains, seed))


def _gain(nll: pd.DataFrame, rival: str, seed: int) -> Interval:
    """Nats a choice that the blend saves against a rival, mean over users."""
    return mean_interval((nll[rival] - nll[BLEND]).to_numpy(), seed)


def _status(over_best: Interval, over_classical: Interval) -> BlockStatus:
    if over_best.low > 0:
        return "pass"
    # Better than everything that does not share its features, but the model did not earn its place.
    return "amber" if over_classical.low > 0 else "red"


def _explain(rival: str, classical: Interval, model_gain: Interval | None) -> str:
    words = {True: "better than", False: "no better than"}[classical.low > 0]
    first = (
        f"The blend foresees held-out choices {words} the best classical baseline, {rival}: "
        f"{_nats(classical)}."
    )
    if model_gain is None:
        return f"{first} No language model was asked: {NOTHING}."
    if model_gain.low > 0:
        return f"{first} The language model saves {_nats(model_gain)}."
    return f"{first} {NOTHING.capitalize()}: {_nats(model_gain)}."


def _nats(gain: Interval) -> str:
    return f"{gain.value:+.4f} nats a choice (95% interval {gain.low:+.4f} to {gain.high:+.4f})"


def _rows(scores: Scores, gains: dict[str, Interval], seed: int) -> tuple[dict[str, Any], ...]:
    """One row a model, best NLL first."""
    frames = {name: scores.per_user(name) for name in ("nll", "first", "reciprocal", "auc")}
    rows = []
    for model in frames["nll"].mean().sort_values().index:
        nll = mean_interval(frames["nll"][model].to_numpy(), seed)
        gain = gains.get(model, Interval(0.0, np.nan, np.nan))
        rows.append(
            {
                "model": model,
                "nll": nll.value,
                "nll interval": nll.pair(),
                "top-1": float(frames["first"][model].mean()),
                "mrr": float(frames["reciprocal"][model].mean()),
                "auc": float(frames["auc"][model].mean()),
                "gain of the blend": gain.value,
                "gain interval": gain.pair(),
            }
        )
    return tuple(rows)
