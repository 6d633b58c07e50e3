"""Ask the model about held-out choices until it is clear who foresees them.

Users are asked in an order drawn beforehand. After every ten the gain over the best classical
baseline is looked at through an interval that may be looked at as often as one likes (a confidence
sequence, ``footfall_eval.statistics.sequence``); where it leaves out 0 nothing more is asked. The
looks spend one part in a hundred of being wrong; whoever is asked to the end is judged by the
ordinary interval of block B.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.sets import in_asking_order, mask_of, of_few_users
from footfall.users.population import Population
from footfall_eval.statistics.sequence import boundary, tuning
from footfall_lab.validation.asking import Interviewer, answered
from footfall_lab.validation.players import SETS_A_USER, AskedSets

Floats = npt.NDArray[np.float64]

FIRST_LOOK, STEP = 30, 10
"""Users before the first look, and between looks."""

LEVEL = 0.99
"""Chance that no look is wrong."""

Gain = Callable[[ChoiceSets, Floats], Floats]
"""Sets and what the model said of them -> [n_users] nats a choice saved, in the order of asking."""


@dataclass(frozen=True)
class Asking:
    """What was asked, and why it ended."""

    heard: AskedSets
    users: int
    of: int
    """Users that would have been asked at most."""

    def words(self) -> str:
        """For people."""
        if self.users == self.of:
            return f"all {self.of} users that the questions allow"
        return f"clear after {self.users} of {self.of} users ({LEVEL:.0%} at all looks together)"


def ask_until_clear(
    interviewer: Interviewer,
    population: Population,
    sets: ChoiceSets,
    gain: Gain,
    *,
    wanted: int,
    seed: int,
) -> Asking:
    """Ask about ``wanted`` sets, or fewer where it is clear before.

    Args:
        interviewer: Asks the model.
        population: Of the sets' users.
        sets: Held-out choices.
        gain: What the simulated users save against the best classical baseline.
        wanted: Sets at most, about.
        seed: Draws the users and their order.
    """
    chosen = of_few_users(sets, wanted, SETS_A_USER, seed)
    order = in_asking_order(chosen, seed)
    llm = np.full(chosen.items.shape, np.nan)
    done, rho2 = 0, 0.0
    while done < len(order):
        step = order[done : max(FIRST_LOOK, done + STEP)]
        rows = np.flatnonzero(mask_of(chosen, step))
        llm[rows] = interviewer.of_sets(population, chosen.take(rows), rows.tolist())
        done += len(step)
        kept = answered(llm, chosen) & mask_of(chosen, order[:done])
        if done == len(order) or not kept.any():
            continue
        gains = gain(chosen.take(kept), llm[kept])
        rho2 = rho2 or tuning(float(len(order) * gains.var() + 1e-12), LEVEL)
        if clear(gains, rho2):
            break
    asked = mask_of(chosen, order[:done])
    kept = answered(llm, chosen) & asked
    unanswered = int((asked & ~kept).sum())
    return Asking(AskedSets(chosen.take(kept), llm[kept], unanswered), done, len(order))


def clear(gains: Floats, rho2: float) -> bool:
    """Whether a confidence sequence of the mean gain leaves out 0 at this look."""
    n = len(gains)
    if n < 2:
        return False
    half = float(boundary(np.array([n * gains.var()]), rho2, LEVEL)[0]) / n
    return abs(float(gains.mean())) > half
