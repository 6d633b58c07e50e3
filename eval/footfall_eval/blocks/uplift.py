"""Block H: are past A/B tests retold, and are A/A tests null?

Needs at least 10 past tests to pass; without any it is not run, whatever the A/A tests say. Past
tests of one kind of change (``with_kind``) tell of that kind only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import ttest_rel

from footfall_eval.blocks.grading import not_run, worst
from footfall_eval.reading.block import Block, BlockStatus

Floats = npt.NDArray[np.float64]

FEWEST_TESTS = 10
ALPHA = 0.05
_TRIALS = 400


def uplift(expected: Floats, tests: pd.DataFrame | None, *, seed: int, why: str = "") -> Block:
    """Compare past tests, and count false positives of tests of a recommender with itself.

    Args:
        expected: [n_users, k] P(taken) of each item of one recommender's slates.
        tests: Rows ``treatment``, ``control``, ``simulated``, ``real`` (relative lifts).
        seed: Of the drawn A/A tests.
        why: Said where there are no tests.
    """
    share = false_positives(expected, seed)
    # Two Monte Carlo standard errors of a share of 5% over the trials.
    slack = 2 * float(np.sqrt(ALPHA * (1 - ALPHA) / _TRIALS))
    metrics: dict[str, Any] = {
        "A/A false positives": share,
        "A/A allowed": [ALPHA - slack, ALPHA + slack],
        "A/A trials": _TRIALS,
    }
    null = abs(share - ALPHA) <= slack
    words = (
        f"{share:.1%} of {_TRIALS} A/A tests with different seeds were called different "
        f"(5% is right, {ALPHA - slack:.1%} to {ALPHA + slack:.1%} is luck)."
    )
    if tests is None or tests.empty:
        return not_run("H", f"{why or 'no past A/B tests were given'}. {words}", metrics)
    signs = np.sign(tests["simulated"]) == np.sign(tests["real"])
    always = float((tests["real"] > 0).mean())
    metrics |= _figures(tests, signs) | {"always ship": always}
    enough = len(tests) >= FEWEST_TESTS
    status: BlockStatus = "pass" if enough and null and signs.mean() > always else "amber"
    if signs.mean() <= 0.5 or not null:
        status = "red"
    explanation = (
        f"{int(signs.sum())} of {len(tests)} past tests have the right sign (shipping always: "
        f"{always:.0%}). {'' if enough else f'Fewer than {FEWEST_TESTS} tests. '}{words}"
    )
    return Block("H", status, explanation, metrics, _rows(tests))


def _figures(tests: pd.DataFrame, signs: pd.Series) -> dict[str, Any]:
    """Of all tests, and of the decisive ones where the table tells real intervals."""
    simulated, real = tests["simulated"].to_numpy(), tests["real"].to_numpy()
    products, size = float((simulated * real).sum()), float((real**2).sum())
    found: dict[str, Any] = {
        "tests": len(tests),
        "same sign": float(signs.mean()),
        "rmse": float(np.sqrt(np.mean((simulated - real) ** 2))),
        "rmse of no difference": float(np.sqrt(np.mean(real**2))),
        "slope": products / size if size else float("nan"),
        "r": products / float(np.sqrt(size * (simulated**2).sum())) if size else float("nan"),
    }
    if not {"low", "high"} <= set(tests.columns):
        return found
    decisive = ((tests["low"] > 0) | (tests["high"] < 0)).to_numpy()
    inside = (simulated >= tests["low"].to_numpy()) & (simulated <= tests["high"].to_numpy())
    return found | {
        "decisive tests": int(decisive.sum()),
        "same sign, decisive": float(signs[decisive].mean()) if decisive.any() else float("nan"),
        "simulated inside the real interval": float(inside.mean()),
    }


def with_kind(block: Block, kind: dict[str, Any]) -> Block:
    """Add what past tests of one kind of change said, as ``footfall backtest`` wrote it.

    Args:
        block: Block H.
        kind: ``kind``, ``status`` ("validated", "direction only", "not validated"), ``sentence``.
    """
    grades: dict[str, BlockStatus] = {"validated": "pass", "direction only": "amber"}
    status = grades.get(kind["status"], "red")
    if block.status != "not run":
        status = worst([block.status, status])
    words = f"{kind['sentence']} {block.explanation}"
    metrics = {**block.metrics, kind["kind"]: kind["status"]}
    return replace(block, status=status, explanation=words, metrics=metrics)


def _rows(tests: pd.DataFrame) -> tuple[dict[str, Any], ...]:
    return tuple(
        {str(key): value for key, value in row.items()} for row in tests.to_dict("records")
    )


def false_positives(expected: Floats, seed: int) -> float:
    """Share of A/A tests, paired over users, with p below 5%; each arm draws its own luck."""
    rng = np.random.default_rng(seed)
    positives = 0
    for _ in range(_TRIALS):
        a, b = ((rng.random(expected.shape) < expected).sum(axis=1) for _ in range(2))
        if np.ptp(a - b):
            positives += bool(ttest_rel(a, b).pvalue < ALPHA)
    return positives / _TRIALS
