"""The language model's opinion of slates, asked through the scenario's own choice model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from footfall.answering.opening import open_choice
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.fitting.choice_sets import ChoiceSets
from footfall.llm.protocol import LanguageModel
from footfall.users.population import Population

Floats = npt.NDArray[np.float64]


BATCH = 64
"""Slates asked at once; what was answered is stored, so an interrupted validation loses no more."""


@dataclass(frozen=True)
class Interviewer:
    """Asks one model in the scenario's mode, and counts what it was not told."""

    model: LanguageModel
    spec: ChoiceSpec
    catalogue: Catalogue
    base: Path

    def opinions(
        self,
        population: Population,
        users: Sequence[str],
        slates: npt.NDArray[np.int32],
        seeds: Sequence[int] | None = None,
    ) -> Floats:
        """[n, k] utilities of slates [n, k] (-1 padding) for users [n]; NaN: no answer."""
        choice = open_choice(self.spec, self.model, self.catalogue, base=self.base)
        pages = [
            Page(
                persona=population.persona(population.index(user)),
                items=tuple(int(item) for item in slate if item >= 0),
                seed=0 if seeds is None else seeds[row],
            )
            for row, (user, slate) in enumerate(zip(users, slates, strict=True))
        ]
        found = np.full(slates.shape, np.nan)
        for first in range(0, len(pages), BATCH):
            part = choice.utilities(pages[first : first + BATCH])
            for row, opinion in enumerate(part, first):
                if opinion.answered:
                    found[row, slates[row] >= 0] = opinion.llm
        return found

    def of_sets(
        self, population: Population, sets: ChoiceSets, seeds: Sequence[int] | None = None
    ) -> Floats:
        """[n, k] utilities of the sets' items; NaN where padded or not answered.

        ``seeds`` [n] draw the orders of listwise pages; None: the numbers of the sets.
        """
        users = [sets.names[user] for user in sets.users]
        numbers = list(range(len(sets))) if seeds is None else seeds
        return self.opinions(population, users, sets.items, numbers)

    def anonymised(self) -> Interviewer:
        """The same interviewer, to whom items are numbers: titles tell nothing any more."""
        names = tuple(f"article {number}" for number in range(1, len(self.catalogue) + 1))
        blank = replace(self.catalogue, titles=names, categories=("goods",) * len(names))
        return replace(self, catalogue=blank)


def answered(llm: Floats, sets: ChoiceSets) -> npt.NDArray[np.bool_]:
    """[n] which sets got an opinion on every shown item."""
    return np.asarray((np.isfinite(llm) | ~sets.shown).all(axis=1))
