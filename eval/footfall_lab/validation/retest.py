"""Block F: the same slates asked in every cyclic order, with another seed, in other words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from footfall.fitting.choice_sets import ChoiceSets
from footfall.users.population import Population
from footfall_eval.blocks.invariance import Retest
from footfall_lab.validation.asking import Interviewer

Floats = npt.NDArray[np.float64]


def ask_again(
    interviewer: Interviewer, population: Population, sets: ChoiceSets, reworded: str | None
) -> Retest | None:
    """Ask full slates again; None where the model answered none of them in every way.

    Args:
        interviewer: Asks in the scenario's mode.
        population: Personas of the sets' users.
        sets: Slates; those that are not full are left out.
        reworded: Path of a template with other words; None: none is known for the mode.
    """
    full = sets.take(np.asarray(sets.shown.all(axis=1)))
    users = [full.names[user] for user in full.users]
    k = full.items.shape[1]

    def ask(items: npt.NDArray[np.int32], seed: int, who: Interviewer = interviewer) -> Floats:
        return who.opinions(population, users, items, [seed] * len(users))

    if not len(full):
        return None
    orders = []
    for first in range(k):
        turned = np.roll(full.items, -first, axis=1)
        orders.append(np.roll(ask(turned, 0), first, axis=1))
    stacked, again = np.stack(orders, axis=1), ask(full.items, 1)
    other = None
    if reworded is not None:
        spec = interviewer.spec.model_copy(update={"template": reworded})
        other = ask(full.items, 0, replace(interviewer, spec=spec))
    known = np.isfinite(stacked).all(axis=(1, 2)) & np.isfinite(again).all(axis=1)
    if other is not None:
        known &= np.isfinite(other).all(axis=1)
    if not known.any():
        return None
    return Retest(stacked[known], again[known], None if other is None else other[known])
