"""Several ways of asking with one voice: questions in other words or modes, surrogates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import scipy.special

from footfall.behaviour.pooling import Pooling, pooled
from footfall.choice.protocol import ChoiceModel, Diagnostics, Page, PageUtilities
from footfall.choice.specs import EnsembleSpec

SMALLEST = 1e-6
"""Chance below which a pooled one does not fall, so that its logarithm is a number."""


class Ensemble:
    """Every member is asked about every page, and their chances are pooled.

    A member's utilities u make chances exp(u) / (1 + sum of exp(u)): 0 is the appeal of taking
    nothing. Pooled chances p are utilities again as log(p) - log(chance of nothing), so that a
    member alone is what it was. A page on which any member is silent has no answer.
    """

    def __init__(self, members: Sequence[ChoiceModel], spec: EnsembleSpec) -> None:
        self._members = tuple(members)
        self._how: Pooling = spec.how
        self._weights = None if spec.weights is None else np.asarray(spec.weights)
        self.diagnostics = Diagnostics()
        """Questions and tokens of all members; pages as the world counts them."""

    def utilities(self, pages: Sequence[Page]) -> list[PageUtilities]:
        """One opinion a page, in order."""
        told = []
        for member in self._members:
            told.append(member.utilities(pages))
            self._count(member.diagnostics)
        opinions = [self._together(answers) for answers in zip(*told, strict=True)]
        self.diagnostics.pages += len(pages)
        for opinion in opinions:
            if not opinion.answered:
                self.diagnostics.unanswered_pages += 1
                counted = self.diagnostics.no_answers
                counted[opinion.reason] = counted.get(opinion.reason, 0) + 1
        return opinions

    def _together(self, answers: Sequence[PageUtilities]) -> PageUtilities:
        silent = next((answer for answer in answers if not answer.answered), None)
        tokens = sum(answer.prompt_tokens for answer in answers)
        cached = sum(answer.cached_tokens for answer in answers)
        if silent is not None:
            nothing = np.full(len(silent.llm), np.nan)
            return PageUtilities(nothing, float("nan"), tokens, cached, silent.reason)
        chances = [_chances(answer.llm)[None, :] for answer in answers]
        together = pooled(chances, self._how, outside=True, weights=self._weights)[0]
        rest = max(SMALLEST, 1.0 - float(together.sum()))
        llm = np.log(np.maximum(together, SMALLEST)) - np.log(rest)
        masses = [a.label_mass for a in answers if np.isfinite(a.label_mass)]
        return PageUtilities(llm, min(masses, default=float("nan")), tokens, cached)

    def _count(self, member: Diagnostics) -> None:
        """Move a member's totals here, but for the pages, which every member counts."""
        member.pages = member.unanswered_pages = 0
        member.no_answers.clear()
        self.diagnostics.add(member)
        member.clear()


def _chances(utilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Chances of each item against the others and against taking nothing."""
    return np.asarray(np.exp(utilities - np.logaddexp(0.0, scipy.special.logsumexp(utilities))))
