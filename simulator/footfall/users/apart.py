"""Who is kept apart: users whom neither recommenders nor the choice model may have seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from footfall.datasets.schema import Dataset, Split
from footfall.luck import identity
from footfall.users.population import Population

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


def _narrow(split: Split, events: pd.DataFrame) -> Split:
    remembered = replace(split.remembered, interactions=events.reset_index(drop=True))
    return replace(split, remembered=remembered)
