"""A baseline as the choice model of a run, in the place of the language model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from footfall.behaviour.specs import TASTES, Terms
from footfall.choice.protocol import Diagnostics, Page, PageUtilities
from footfall.fitting.baselines.scorers import Scores
from footfall.users.population import Population

ALONE = Terms(
    none=0.0,
    llm=1.0,
    position=0.0,
    popularity=0.0,
    price=0.0,
    repeat=0.0,
    fatigue=0.0,
    **dict.fromkeys(TASTES, 0.0),
)
"""Terms with which a baseline's utilities, which hold their own constant, decide alone."""


class ScorerChoice:
    """A ``ChoiceModel`` (``footfall.choice.protocol``) that asks a fitted baseline.

    Use it with the terms ``ALONE``; the log's ``llm`` column then holds the baseline's utility.
    """

    def __init__(self, scores: Scores, population: Population) -> None:
        """``scores`` as opened with ``Known.of_population`` of the same population."""
        self.diagnostics = Diagnostics()
        self._scores = scores
        self._population = population

    def utilities(self, pages: Sequence[Page]) -> list[PageUtilities]:
        """One opinion a page, in order."""
        if not pages:
            return []
        width = max(len(page.items) for page in pages)
        items = np.full((len(pages), width), -1, dtype=np.int32)
        for row, page in enumerate(pages):
            items[row, : len(page.items)] = page.items
        users = np.array([self._population.index(page.persona.user) for page in pages])
        found = self._scores(users, items)
        self.diagnostics.pages += len(pages)
        return [
            PageUtilities(found[row, : len(page.items)].copy()) for row, page in enumerate(pages)
        ]
