"""What classical models would have foreseen: the baselines' probabilities on the same sets."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from footfall.fitting.baselines.scorers import BASELINES, Scaled, baseline
from footfall.fitting.known import Known
from footfall.fitting.sets import Sets
from footfall.options import Announce
from footfall_lab.validation.blend import chances

Floats = npt.NDArray[np.float64]

LOGIT = "logit"
"""The baseline that is the blend without the language model."""

POSITIONED = frozenset({"impressions"})
"""Protocols whose slates have positions; elsewhere the columns are in random order."""


def train(
    sets: Sets,
    known: tuple[Known, Known],
    *,
    seed: int,
    announce: Announce,
    names: Collection[str] = tuple(BASELINES),
) -> dict[str, Scaled]:
    """Fit the baselines that the protocol allows, by name, to what the players are fitted to.

    Args:
        sets: Those of the fit and of the calibration stage are learned from.
        known: Before the choices of these two stages.
        seed: For baselines that need one.
        announce: Told what is done.
        names: Which baselines.
    """
    fitted = {}
    for name in names:
        if name == "position+popularity" and sets.protocol not in POSITIONED:
            continue
        announce(f'{sets.protocol}: baseline "{name}"')
        fitted[name] = baseline(name, seed=seed)
        fitted[name].fit((known[0], sets.fit), (known[1], sets.calibrate))
    return fitted


def foresee(fitted: dict[str, Scaled], sets: Sets, known: Known) -> dict[str, Floats]:
    """Baseline -> [n, k + 1] probabilities on the test sets."""
    return {
        name: chances(sets.test, scorer.open(known)(sets.test.users, sets.test.items))
        for name, scorer in fitted.items()
    }
