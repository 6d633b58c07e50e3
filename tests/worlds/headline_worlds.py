"""Made-up archives of headline tests whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from footfall.datasets.experiments import ARMS, Experiments

GOOD = ("amazing", "brave", "secret", "hero")
BAD = ("report", "policy", "annual", "memo")
PLAIN = ("dog", "house", "river", "stone", "cloud", "paper", "green", "lamp", "chair", "road")


def headlines(tests: int = 120, worth: float = 0.3, noise: float = 1.0, seed: int = 0):
    """Tests of three wordings and one that is shown twice.

    A good word lifts the log of the share taken by ``worth`` and a bad one lowers it. ``noise`` is
    the overdispersion: rates move between arms so that equal ones differ that much.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for test in range(tests):
        about = [str(word) for word in rng.choice(PLAIN, 3)]
        wordings = []
        for _ in range(3):
            words = [
                *about,
                *rng.choice(GOOD, rng.integers(0, 3)),
                *rng.choice(BAD, rng.integers(0, 2)),
            ]
            rng.shuffle(words)
            wordings.append(f"{' '.join(words)} number {test}")
        wordings.append(wordings[-1])
        for title in wordings:
            told = title.split()
            gain = worth * (sum(w in GOOD for w in told) - sum(w in BAD for w in told))
            shown, rate = 4_000, 0.03 * np.exp(gain)
            extra = max(0.0, noise - 1.0) / (shown * rate)
            taken = rng.binomial(shown, min(1.0, rate * np.exp(rng.normal(0, np.sqrt(extra)))))
            rows.append(
                (
                    f"t{test}",
                    f"s{test // 2}",
                    float(test),
                    title,
                    "",
                    np.nan,
                    f"i{test}",
                    shown,
                    int(taken),
                )
            )
    arms = pd.DataFrame(rows, columns=list(ARMS.columns))
    return Experiments("made up", ARMS.validate(arms))
