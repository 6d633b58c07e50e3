"""A backtest as one JSON document: every figure with its interval, and what they mean together."""

from __future__ import annotations

from typing import Any

import numpy as np

from footfall.datasets.experiments import check_ratios
from footfall_eval.reading.block import plain
from footfall_lab.appeal.asking import Contamination
from footfall_lab.appeal.backtest import TEXT, Backtest, summary_of
from footfall_lab.appeal.figures import Scored, answered, ceiling, figures, gain
from footfall_lab.appeal.verdict import appeal_verdict

ELSEWHERE = (
    "SimGym (2605.19219), 50 tests of shop themes: direction 77%, r .55 with a browsing agent",
    "SimGym, the same with text only: 70% and .49; with an open model's text 59% and .41",
    "SimAB (2603.01024), 47 tests: winner 67%, 83% where it is sure",
    "Upworthy, raw language models (2606.17165): 39% of the human effect",
)
"""Reported by others on other tests, or by other rules: not comparable with the figures above."""


def results(backtest: Backtest, contamination: Contamination | None) -> dict[str, Any]:
    """Figures of all predictors, gains over text baselines, ceiling, verdict; ready for JSON."""
    lessons = backtest.lessons
    found: dict[str, Any] = {
        "tests": summary_of(lessons),
        "noise": vars(lessons.noise) | {"sentence": lessons.noise.sentence()},
        "sample ratio": check_ratios(lessons.experiments).sentence(),
        "about": backtest.about,
        "costs": backtest.costs,
        "plans": {plan: _plan(backtest, plan) for plan in backtest.foreseen},
        "contamination": None
        if contamination is None
        else vars(contamination) | {"sentence": contamination.sentence()},
        "reported elsewhere, on other tests": list(ELSEWHERE),
    }
    best = fullest(backtest)
    story = found["plans"]["by story"]["predictors"][best]["figures"]
    verdict = appeal_verdict(story, len(np.unique(lessons.pairs.test)))
    found["verdict"] = {
        "predictor": best,
        "status": verdict.status,
        "kind": verdict.kind,
        "reasons": list(verdict.reasons),
        "sentence": verdict.sentence(),
    }
    return dict(plain(listed(found)))


def fullest(backtest: Backtest) -> str:
    """The predictor that knows most: the last blend. Named beforehand, not picked by its score."""
    return list(backtest.about)[-1]


def _plan(backtest: Backtest, plan: str) -> dict[str, Any]:
    lessons, foreseen = backtest.lessons, backtest.foreseen[plan]
    # All on the same pairs: those that the slowest to begin foresees.
    common = np.all([one.told for name, one in foreseen.items() if name in TEXT], axis=0)
    scored = {name: Scored.of(lessons, one, common) for name, one in foreseen.items()}
    top = ceiling(scored["texts"])
    gains = {
        f"{more} over {less}": gain(scored[more], scored[less])
        for more, less in (
            ("texts + states", "texts"),
            ("texts + tuned", "texts"),
            ("all", "texts + tuned"),
        )
        if more in scored and less in scored
    }
    return {
        "pairs": int(common.sum()),
        "tests": len(np.unique(lessons.pairs.test[common])),
        "ceiling": vars(top),
        "predictors": {
            name: {
                "figures": figures(one),
                "answered": answered(one),
                "pairs": len(one.real),
            }
            for name, one in scored.items()
            if len(one.real)
        },
        "gains": gains,
    }


def listed(value: Any) -> Any:
    """Figures as [value, low, high]."""
    if isinstance(value, dict):
        return {key: listed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [listed(item) for item in value]
    return value.as_list() if hasattr(value, "as_list") else value
