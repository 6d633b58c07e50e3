"""Fitted users as they may truly be: draws of everything that the fit knows only so well.

A draw is one world: coefficients, items and users fixed at values that the log leaves possible.
Nothing is unsure in it. Averaged over draws, chances are those that ``People`` gives.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from footfall.behaviour.coming_back import ComingBack
from footfall.behaviour.people import People

Floats = npt.NDArray[np.float64]


def drawn(people: People, rng: np.random.Generator) -> People:
    """One world that the log leaves possible."""
    shared, coming = people.shared, people.coming
    items, users = people.items, people.users
    return replace(
        people,
        shared=replace(
            shared,
            common=_normal(shared.common, shared.common_cov, rng),
            buy_common=_normal(shared.buy_common, shared.buy_cov, rng),
            page=_weight(shared.page, rng),
        ),
        items=replace(
            items,
            effect=_apart(items.effect, items.effect_var, rng),
            effect_var=np.zeros_like(items.effect_var),
            likeness=_apart(items.likeness, items.likeness_var, rng),
            likeness_var=np.zeros_like(items.likeness_var),
            buy=_apart(items.buy, items.buy_var, rng),
        ),
        users=replace(
            users,
            own=_apart(users.own, users.own_var, rng),
            own_var=np.zeros_like(users.own_var),
            taste=_apart(users.taste, users.taste_var, rng),
            taste_var=np.zeros_like(users.taste_var),
            buy=_apart(users.buy, users.buy_var, rng),
        ),
        coming=_otherwise(coming, rng),
    )


def _otherwise(coming: ComingBack, rng: np.random.Generator) -> ComingBack:
    """What the visits of late do, and for how long a first page counts."""
    life = int(rng.integers(len(coming.lives)))
    errors = np.array([coming.click_error[0], coming.same_errors[life]])
    return replace(
        coming,
        rate=coming.rate + errors * rng.standard_normal(len(errors)),
        life=coming.lives[life : life + 1],
        bend=coming.bend + coming.bend_error * rng.standard_normal(1),
        leaving=_normal(coming.leaving, coming.leaving_cov, rng),
    )


def _normal(mean: Floats, cov: Floats, rng: np.random.Generator) -> Floats:
    """From a normal distribution; ``cov`` may be of less than full rank."""
    values, vectors = np.linalg.eigh(cov)
    steps = np.sqrt(np.maximum(values, 0.0)) * rng.standard_normal(len(mean))
    return np.asarray(mean + vectors @ steps)


def _weight(page: Floats, rng: np.random.Generator) -> Floats:
    """A page's weight, below -1 of which a better page would be clicked less."""
    weight, error, usual = page
    return np.array([max(weight + error * rng.standard_normal(), -0.95), 0.0, usual])


def _apart(mean: Floats, variance: Floats, rng: np.random.Generator) -> Floats:
    return np.asarray(mean + np.sqrt(variance) * rng.standard_normal(mean.shape))
