"""From remembered histories to the world's starting state."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour import Behaviour, BehaviourSpec, Habits
from footfall.catalogue import Catalogue
from footfall.datasets.schema import Dataset, Split
from footfall.fitting.features import PairFeatures, Past, Tags, best_rating, taken, view_crowd
from footfall.population import Population
from footfall.world.calendar import Calendar
from footfall.world.crowd import Setting
from footfall.world.luck import Luck, identities, identity

OWN_HOURS_PRIOR = 5.0
"""Visits' worth of the population's hours that are mixed into each user's own."""

FEWEST_OTHERS = 30
"""Users needed to count popularity among; with fewer, the test is circular and says so."""


@dataclass(frozen=True)
class Apart:
    """Real users divided so that the test is not circular.

    The recommenders learn from the simulated users' own memory and from half of the other
    users; what the simulated users find popular is counted among the other half, which no
    recommender has seen.
    """

    for_recommenders: Split
    for_behaviour: Dataset
    circular: bool
    """True: too few other users, so popularity is counted among those the recommenders saw."""


def keep_apart(split: Split, population: Population, seed: int) -> Apart:
    """Divide the remembered interactions; the halves depend on the seed and the user only."""
    events = split.remembered.interactions
    spared = spared_users(split, seed) - set(population.users)
    theirs = events["user"].isin(spared)
    if events.loc[theirs, "user"].nunique() < FEWEST_OTHERS:
        return Apart(split, split.remembered, circular=True)
    return Apart(
        for_recommenders=_narrow(split, events[~theirs]),
        for_behaviour=_narrow(split, events[theirs]).remembered,
        circular=False,
    )


def spared_users(split: Split, seed: int) -> set[str]:
    """The half of the real users that no recommender learns from, unless they are played."""
    users = split.remembered.interactions["user"].unique()
    return {user for user in users if (identity(f"{seed}/{user}") & 1) == 0}


def known_before(
    crowd: Dataset, population: Population, catalogue: Catalogue, at: pd.Timestamp
) -> PairFeatures:
    """What is known at ``at`` of the population (its own memory) and of the items (the crowd)."""
    tags = Tags.of_items(crowd.items)
    rows = crowd.interactions
    seen = view_crowd(rows, catalogue, tags, taken(rows, best_rating(rows)))
    return PairFeatures.build(Past.of_population(population, at), seen, tags, catalogue)


def prepare(
    spec: BehaviourSpec,
    for_behaviour: Dataset,
    population: Population,
    catalogue: Catalogue,
    *,
    at: pd.Timestamp,
    seed: int,
    slate: int,
    max_pages: int,
) -> Setting:
    """Everything that the shoppers of a run share, ready to be sent to workers."""
    users = identities(population.users)
    luck = Luck(seed)
    return Setting(
        behaviour=Behaviour(spec),
        calendar=Calendar(luck, users, _gaps(population, spec.habits), _hours(population)),
        luck=luck,
        users=users,
        items=identities(catalogue.ids),
        prices=catalogue.prices,
        known=known_before(for_behaviour, population, catalogue, at),
        slate=slate,
        max_pages=max_pages,
    )


def _narrow(split: Split, events: pd.DataFrame) -> Split:
    remembered = replace(split.remembered, interactions=events.reset_index(drop=True))
    return replace(split, remembered=remembered)


def _gaps(population: Population, habits: Habits) -> npt.NDArray[np.float64]:
    """[n_users] mean days between visits; the default where the history tells none."""
    own = population.habits["gap_days"].to_numpy(dtype=np.float64)
    return np.where(np.isfinite(own) & (own > 0), own, habits.gap_days)


def _hours(population: Population) -> npt.NDArray[np.float64]:
    """[n_users, 24] cumulative hours of the day: the user's own, smoothed by everybody's."""
    everybody = population.hours.sum(axis=0) + 1.0
    mixed = population.hours + OWN_HOURS_PRIOR * everybody / everybody.sum()
    return np.asarray(np.cumsum(mixed / mixed.sum(axis=1, keepdims=True), axis=1))
