"""A scenario's interventions against the data at hand: which items, which users, since when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Split
from footfall.datasets.takings import best_rating, taken
from footfall.recommenders.outage import Window
from footfall.users.population import Population
from footfall.world.calendar import DAY
from footfall.world.interventions import ItemChoice, NewItems, NewUsers, Outage, choose, chooses
from footfall.world.schedule import Chosen

if TYPE_CHECKING:
    from footfall.scenario.scenario import Scenario


def choose_items(
    interventions: Sequence[Any], split: Split, catalogue: Catalogue, seed: int
) -> Chosen:
    """Each intervention with the codes of the items that it is about.

    Raises:
        DataError: An item or a column is unknown, or nothing is chosen.
    """
    if not interventions:
        return []
    events = split.remembered.interactions
    counts = events.loc[taken(events, best_rating(events)), "item"].value_counts()
    users = max(1, events["user"].nunique())
    items = split.remembered.items
    items = items.assign(popularity=items["item"].map(counts).fillna(0.0) * 1000.0 / users)
    out = []
    for number, one in enumerate(interventions):
        names: list[str] = []
        if isinstance(one, NewItems):
            names = [new.item for new in one.add]
        if isinstance(one, ItemChoice) and (not isinstance(one, NewItems) or chooses(one)):
            purpose = f"{one.kind} (number {number + 1})"  # type: ignore[attr-defined]
            names += choose(one, items, seed, purpose)
        out.append((one, catalogue.codes(dict.fromkeys(names))))
    return out


def without_new(split: Split, chosen: Chosen, catalogue: Catalogue) -> Split:
    """The split as those remember it who have never met the new items."""
    new = {
        catalogue.ids[code] for one, codes in chosen if isinstance(one, NewItems) for code in codes
    }
    if not new:
        return split
    events = split.remembered.interactions
    known = events[~events["item"].isin(new)].reset_index(drop=True)
    return replace(split, remembered=replace(split.remembered, interactions=known))


def draw_in_waves(
    split: Split, catalogue: Catalogue, scenario: Scenario
) -> tuple[Population, npt.NDArray[np.float64]]:
    """Everybody who is ever played, and the second from which on each of them may come.

    Those who are there from the start are the same as without later waves.
    """
    waves = [one for one in scenario.interventions if isinstance(one, NewUsers)]
    spec = scenario.population
    everybody = Population.draw(split, catalogue, spec, scenario.seed)
    arrivals = dict.fromkeys(everybody.users, 0.0)
    for wave in sorted(waves, key=lambda one: one.at):
        more = "users" if wave.history else "cold_start"
        spec = spec.model_copy(update={more: getattr(spec, more) + wave.users})
        everybody = Population.draw(split, catalogue, spec, scenario.seed)
        for user in everybody.users:
            arrivals.setdefault(user, wave.at * DAY)
    return everybody, np.array([arrivals[user] for user in everybody.users])


def windows(scenario: Scenario, arm: str, start: pd.Timestamp) -> list[Window]:
    """When the recommender of an arm does not answer."""
    return [
        Window(
            start=start + pd.Timedelta(days=one.at),
            end=None if one.until is None else start + pd.Timedelta(days=one.until),
            share=one.share,
        )
        for one in scenario.interventions
        if isinstance(one, Outage) and (not one.arms or arm in one.arms)
    ]
