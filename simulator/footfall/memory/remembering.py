"""A choice model whose users choose what they bring to mind; see ``MemorySpec``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from footfall.choice.feeding import begin
from footfall.choice.memory_specs import MemorySpec
from footfall.choice.protocol import ChoiceModel, Diagnostics, Opinions, Page, PageUtilities
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.errors import ScenarioError
from footfall.llm.protocol import LanguageModel
from footfall.memory.recall import Recall
from footfall.memory.reflection import Reflector, Summary, open_reflector
from footfall.memory.similarity import open_similarity


class RememberingChoice:
    """``ChoiceModel`` that asks another one, with the events that come to mind."""

    def __init__(self, inner: ChoiceModel, recall: Recall, reflector: Reflector | None) -> None:
        self.inner = inner
        self.recall = recall
        self.reflector = reflector
        self.diagnostics: Diagnostics = inner.diagnostics

    def utilities(self, pages: Sequence[Page]) -> list[PageUtilities]:
        """One opinion a page, in order; without a summary that was wanted there is none."""
        return self.begin(pages)()

    def begin(self, pages: Sequence[Page]) -> Opinions:
        """Sum up what is to be summed up, then queue the questions about these pages."""
        summaries = [Summary()] * len(pages)
        if self.reflector is not None:
            summaries = self.reflector.summaries(pages)
        asked = [
            replace(page, persona=replace(self.recall.persona(page), summary=summary.text))
            for page, summary in zip(pages, summaries, strict=True)
        ]
        ready = [row for row, summary in enumerate(summaries) if not summary.reason]
        pending = begin(self.inner, [asked[row] for row in ready])

        def wait() -> list[PageUtilities]:
            found = dict(zip(ready, pending(), strict=True))
            return [
                self._told(page, found[row], summary)
                if row in found
                else self._failed(page, summary.reason)
                for row, (page, summary) in enumerate(zip(pages, summaries, strict=True))
            ]

        return wait

    def _told(self, page: Page, opinion: PageUtilities, summary: Summary) -> PageUtilities:
        """The opinion, with the summary where it was made for this very visit."""
        if self.reflector is None or page.session != self.reflector.version(page):
            return opinion
        return replace(opinion, summary=summary.text)

    def _failed(self, page: Page, reason: str) -> PageUtilities:
        books = self.diagnostics
        books.pages += 1
        books.unanswered_pages += 1
        books.no_answers[reason] = books.no_answers.get(reason, 0) + 1
        return PageUtilities(np.full(len(page.items), np.nan), reason=reason)


def remembering(
    inner: ChoiceModel,
    memory: MemorySpec,
    choice: ChoiceSpec,
    model: LanguageModel,
    catalogue: Catalogue,
    base: Path,
) -> RememberingChoice:
    """Wrap ``inner``, which was opened for prompts of ``events_shown(memory)`` events.

    Raises:
        ScenarioError: A reflection is wanted of items without categories.
        ModelError: The embedding model is not installed.
    """
    similarity = open_similarity(memory.similarity, catalogue) if memory.retrieved else None
    reflector = None
    if memory.reflection is not None:
        if len(set(catalogue.categories) - {""}) < 2:
            raise ScenarioError(
                "choice.memory.reflection: a summary is made of categories, and these items have "
                "none; leave it out"
            )
        reflector = open_reflector(memory.reflection, choice, model, catalogue, base)
    return RememberingChoice(inner, Recall(memory, similarity), reflector)


def events_shown(memory: MemorySpec) -> int:
    """Events that a prompt may hold."""
    return memory.recent + memory.retrieved
