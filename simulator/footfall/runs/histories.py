"""Real histories, read and cut, and who of them is played."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset, Split
from footfall.datasets.sources import load
from footfall.datasets.split import split as cut
from footfall.errors import DataError
from footfall.llm.nobody import NOBODY
from footfall.options import Announce
from footfall.runs.presenting import Presentations, presentations_of
from footfall.runs.staging import choose_items, draw_in_waves, without_new
from footfall.scenario.scenario import Scenario
from footfall.users.apart import Apart, keep_apart
from footfall.users.neighbours import Neighbours
from footfall.users.population import Population
from footfall.world.interventions import with_new_items
from footfall.world.schedule import Chosen


@dataclass(frozen=True)
class Histories:
    """Real histories, read and cut, and who of them is played."""

    dataset: Dataset
    split: Split
    catalogue: Catalogue
    population: Population
    apart: Apart
    chosen: Chosen
    """The scenario's interventions, each with the items that it is about."""
    arrivals: npt.NDArray[np.float64]
    """[n_users] simulated second from which on each user may come."""
    presentations: Presentations
    """What arms, or some days, show otherwise."""


def read_histories(scenario: Scenario, base: Path, announce: Announce) -> Histories:
    """Steps 1 to 3: read, cut and draw."""
    announce(f"reading {scenario.data.kind}")
    dataset = load(scenario.data, base, announce)
    for doubt in dataset.doubts():
        announce(doubt)
    events = scenario.interventions
    dataset = replace(dataset, items=with_new_items(dataset.items, events))
    split = cut(dataset, scenario.split)
    catalogue = Catalogue.from_items(split.remembered.items, dataset.currency, dataset.images)
    slate = max([scenario.world.slate, *(getattr(one, "slate", None) or 0 for one in events)])
    if slate > len(catalogue):
        raise DataError(
            f"a slate of {slate} items (world.slate) is larger than the "
            f"catalogue of {len(catalogue)}; make it smaller"
        )
    chosen = choose_items(events, split, catalogue, scenario.seed)
    memory = without_new(split, chosen, catalogue)
    population, arrivals = draw_in_waves(memory, catalogue, scenario)
    apart = keep_apart(split, population, scenario.seed)
    if scenario.model.name != NOBODY or scenario.choice.mode == "surrogate":
        crowd = Neighbours.of(apart.for_behaviour.interactions, catalogue)
        population = replace(population, neighbours=crowd)
    learned = without_new(apart.for_recommenders, chosen, catalogue)
    apart = replace(apart, for_recommenders=learned)
    shown = presentations_of(scenario, catalogue, base, announce)
    return Histories(dataset, split, catalogue, population, apart, chosen, arrivals, shown)
