"""Block H: are past A/B tests retold, and are A/A tests null?

Needs at least 10 past tests to pass; without any it is not run, whatever the A/A tests say.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import ttest_rel

from footfall_eval.blocks.block import Block, Status, not_run

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
    gap = (tests["simulated"] - tests["real"]).to_numpy()
    always = float((tests["real"] > 0).mean())
    metrics |= {
        "tests": len(tests),
        "same sign": float(signs.mean()),
        "always ship": always,
        "rmse": float(np.sqrt(np.mean(gap**2))),
        "slope": float((tests["simulated"] * tests["real"]).sum() / (tests["real"] ** 2).sum()),
    }
    enough = len(tests) >= FEWEST_TESTS
    status: Status = "pass" if enough and null and signs.mean() > always else "amber"
    if signs.mean() <= 0.5 or not null:
        status = "red"
    explanation = (
        f"{int(signs.sum())} of {len(tests)} past tests have the right sign (shipping always: "
        f"{always:.0%}). {'' if enough else f'Fewer than {FEWEST_TESTS} tests. '}{words}"
    )
    return Block("H", status, explanation, metrics, _rows(tests))


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
