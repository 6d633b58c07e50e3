"""Mode ``surrogate``: a distilled model answers in the language model's place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from footfall.choice.asking import Spent, no_opinion, note
from footfall.choice.protocol import Diagnostics, Page, PageUtilities
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.errors import ModelError
from footfall.surrogate.bounds import Bounds
from footfall.surrogate.folder import read_student
from footfall.surrogate.student import Reader, Student
from footfall.users.population import Population

FAR_USER = "the user is unlike those that the surrogate learned from"
FAR_ITEM = "an item is unlike those that the surrogate learned from"

LOOKED_AT = 1_000
"""Users at most whose distance is measured before a run starts."""


class SurrogateChoice:
    """Utilities from a distilled model; see ``footfall.choice.protocol.ChoiceModel``.

    A page of a user, or with an item, outside the surrogate's bounds gets no answer, counted; or
    the surrogate's guess, where it is told to guess.
    """

    def __init__(self, student: Student, catalogue: Catalogue, *, guessing: bool = False) -> None:
        self.diagnostics = Diagnostics()
        if guessing:
            student = replace(student, bounds=Bounds.anywhere())
        self._reader: Reader = student.at(catalogue)
        self._far_items = frozenset(np.flatnonzero(self._reader.far_items).tolist())

    def utilities(self, pages: Sequence[Page]) -> list[PageUtilities]:
        """One opinion a page, in order."""
        if not pages:
            return []
        known = self._reader.known(pages)
        told = self._reader.utilities(pages, known)
        opinions = []
        for page, far, llm in zip(pages, self._reader.far_users(known), told, strict=True):
            strange = not self._far_items.isdisjoint(page.items)
            reason = FAR_USER if far else FAR_ITEM if strange else ""
            refused = no_opinion(len(page.items), reason, Spent()) if reason else None
            opinions.append(refused or PageUtilities(llm))
        note(self.diagnostics, opinions)
        return opinions

    def meet(self, population: Population) -> None:
        """Make sure that there is anybody, and anything, that the surrogate can speak of.

        Raises:
            ModelError: All users, or all items, are unlike what it learned from.
        """
        if self._reader.far_items.all():
            raise ModelError(
                f"choice: all {len(self._reader.far_items)} items are unlike those that the "
                "surrogate learned from; distil one for this catalogue: footfall distill"
            )
        step = max(1, len(population) // LOOKED_AT)
        numbers = range(0, len(population), step)
        known = self._reader.known([Page(population.persona(n), ()) for n in numbers])
        far = self._reader.far_users(known)
        if far.all():
            raise ModelError(
                f"choice: all {len(far)} users looked at are unlike those that the surrogate "
                "learned from; distil one from this population: footfall distill"
            )


def open_surrogate(spec: ChoiceSpec, catalogue: Catalogue, base: Path) -> SurrogateChoice:
    """Read the folder that ``spec.path`` names; see ``footfall.answering.opening.open_choice``."""
    assert spec.path is not None, "checked by ChoiceSpec"
    student, _ = read_student(base / spec.path)
    return SurrogateChoice(student, catalogue, guessing=spec.strangers == "guess")
