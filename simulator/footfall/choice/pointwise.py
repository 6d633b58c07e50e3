"""The modes that ask one question an item."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from footfall.choice.asking import Asker, Score, Spent, VisitState, VisitStates, no_opinion, note
from footfall.choice.protocol import Diagnostics, Page, PageUtilities
from footfall.choice.specs import ChoiceSpec
from footfall.llm.protocol import Answer, LanguageModel, NoAnswer, Question
from footfall.prompting import Prompter, Visit


@dataclass(frozen=True)
class Reading:
    """What to ask about an item, and how to read the answer."""

    labels: tuple[int, ...]
    score: Callable[[Answer], Score]
    subtract_no_history: bool


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A question about one item after one prompt."""

    state: VisitState
    item: int
    spent: Spent
    """The books of the page that first wanted it."""


_Failures = dict[tuple[int, int], str]
"""(id of the state, item) -> why the model did not answer, in one batch."""

_NOTHING = Spent()


class PointwiseChoice:
    """Utilities from one question an item; see ``footfall.choice.protocol.ChoiceModel``."""

    def __init__(
        self, reading: Reading, spec: ChoiceSpec, model: LanguageModel, prompter: Prompter
    ) -> None:
        self.diagnostics = Diagnostics()
        self._reading = reading
        self._spec = spec
        self._prompter = prompter
        self._asker = Asker(model, self.diagnostics)
        self._states = VisitStates(prompter, spec, self.diagnostics)
        self._nobody = VisitState(prompter.prefixes([Visit(None)])[0].tokens)
        """Somebody without a past; its scores are the constants of the items."""

    def utilities(self, pages: Sequence[Page]) -> list[PageUtilities]:
        """One opinion a page, in order; all questions go out in one batch."""
        states = self._states.of(pages)
        spent: dict[int, Spent] = {}
        wanted = self._wanted(pages, states, spent)
        failed = self._ask(wanted)
        opinions = [
            self._opinion(page.items, state, spent.get(number, _NOTHING), failed)
            for number, (page, state) in enumerate(zip(pages, states, strict=True))
        ]
        note(self.diagnostics, opinions)
        return opinions

    def _wanted(
        self, pages: Sequence[Page], states: Sequence[VisitState], spent: dict[int, Spent]
    ) -> list[_Wanted]:
        """What is not known yet, each once, a prompt's items next to each other."""
        wanted: dict[tuple[int, int], _Wanted] = {}
        constants = self._nobody.scores if self._reading.subtract_no_history else None
        for number, (page, state) in enumerate(zip(pages, states, strict=True)):
            known = state.utilities
            new = [item for item in page.items if item not in known]
            if not new:
                continue
            books = spent[number] = Spent()
            for item in new:
                if item not in state.scores:
                    wanted.setdefault((id(state), item), _Wanted(state, item, books))
                if constants is not None and item not in constants:
                    nobody = self._nobody
                    wanted.setdefault((id(nobody), item), _Wanted(nobody, item, books))
        return list(wanted.values())

    def _ask(self, wanted: Sequence[_Wanted]) -> _Failures:
        labels = self._reading.labels
        suffix = self._prompter.suffix
        questions = [Question(w.state.prefix, suffix(w.item), labels) for w in wanted]
        failed: _Failures = {}
        for want, question, reply in zip(
            wanted, questions, self._asker.ask(questions), strict=True
        ):
            if isinstance(reply, NoAnswer):
                failed[id(want.state), want.item] = reply.reason
                continue
            want.state.scores[want.item] = self._reading.score(reply)
            want.spent.add(question, reply)
        return failed

    def _opinion(
        self, items: tuple[int, ...], state: VisitState, spent: Spent, failed: _Failures
    ) -> PageUtilities:
        known = state.utilities
        for item in items:
            if item not in known:
                reason = self._settle(item, state, failed)
                if reason:
                    return no_opinion(len(items), reason, spent)
        mass = math.nan
        if self._reading.labels and items:
            masses = [state.scores[item].label_mass for item in items]
            mass = sum(masses) / len(masses)
            if min(masses) < self._spec.min_label_mass:
                reason = f"label mass below {self._spec.min_label_mass:g}"
                return no_opinion(len(items), reason, spent, mass)
        llm = np.array([known[item] for item in items], dtype=np.float64)
        return PageUtilities(llm, mass, spent.prompt_tokens, spent.cached_tokens)

    def _settle(self, item: int, state: VisitState, failed: _Failures) -> str:
        """Make the utility of an item from its scores, or say why there is none."""
        reason = failed.get((id(state), item), "")
        value = state.scores[item].value if not reason else math.nan
        if self._reading.subtract_no_history and not reason:
            reason = failed.get((id(self._nobody), item), "")
            if not reason:
                value -= self._nobody.scores[item].value
        if not reason:
            state.utilities[item] = value
        return reason
