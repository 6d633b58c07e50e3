"""What is asked: pages of real households of the embedded Complete Journey data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from footfall.choice.protocol import Page
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.sources import load
from footfall.datasets.split import split as cut
from footfall.options import Announce
from footfall.scenario.reading import read_scenario
from footfall.users.population import Population, PopulationSpec

HISTORIES = (20, 100, 400)
SLATES = (5, 10, 50)


@dataclass(frozen=True, order=True)
class QuestionSize:
    """One size of the questions."""

    history: int
    """Remembered events in the prompt."""
    slate: int
    """Items on a page."""


@dataclass(frozen=True)
class Workload:
    """The same pages for everybody who is measured."""

    catalogue: Catalogue
    pages: dict[QuestionSize, tuple[Page, ...]]
    """One page a household; no two pages share a history."""

    def histories(self) -> int:
        """Events of the longest history that is asked about."""
        return max(cell.history for cell in self.pages)


def groceries(cells: Sequence[QuestionSize], households: int, announce: Announce) -> Workload:
    """Draw households with long enough histories, and slates of random items.

    Raises:
        DataError: So many households with such histories there are not.
    """
    scenario = read_scenario("demo")
    announce(f"reading {scenario.data.kind}")
    parts = cut(load(scenario.data, Path()), scenario.split)
    catalogue = Catalogue.from_items(parts.remembered.items, "USD")
    longest = max(cell.history for cell in cells)
    who = PopulationSpec(users=households, where=f"events >= {longest}")
    population = Population.draw(parts, catalogue, who, seed=0)
    luck = np.random.Generator(np.random.Philox(key=0))
    slates = [
        luck.choice(len(catalogue), size=max(SLATES), replace=False).tolist()
        for _ in range(households)
    ]
    pages = {
        cell: tuple(
            Page(population.persona(number), tuple(slate[: cell.slate]), seed=number)
            for number, slate in enumerate(slates)
        )
        for cell in cells
    }
    return Workload(catalogue, pages)
