"""The modes that ask one question an item."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from footfall.choice.asking import Asker, Score, Spent, VisitState, VisitStates, no_opinion, note
from footfall.choice.protocol import Diagnostics, Opinions, Page, PageUtilities
from footfall.choice.specs import ChoiceSpec
from footfall.llm.protocol import Answer, LanguageModel, NoAnswer, Question
from footfall.prompting.prompter import Prompter, VisitSoFar


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


class _Batch:
    """Questions that went out together, and what of other batches their pages wait for."""

    def __init__(self, wanted: Sequence[_Wanted], earlier: Iterable[_Batch]) -> None:
        self.wanted = wanted
        self.earlier = tuple(dict.fromkeys(earlier))
        self.failed: _Failures = {}
        self.pending: Callable[[], None] | None = None

    def settle(self) -> None:
        """Wait for the answers, those of the earlier batches first; once."""
        for batch in self.earlier:
            batch.settle()
            self.failed |= batch.failed
        self.earlier = ()
        if self.pending is not None:
            self.pending()
            self.pending = None


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
        self._nobody = VisitState(prompter.prefixes([VisitSoFar(None)])[0].tokens)
        """Somebody without a past; its scores are the constants of the items."""
        self._under_way: dict[tuple[int, int], _Batch] = {}
        """(id of the state, item) -> the batch in which it is asked just now."""

    def utilities(self, pages: Sequence[Page]) -> list[PageUtilities]:
        """One opinion a page, in order; all questions go out in one batch."""
        return self.begin(pages)()

    def begin(self, pages: Sequence[Page]) -> Opinions:
        """Queue the questions about these pages; see ``footfall.choice.feeding``."""
        states = self._states.of(pages)
        spent: dict[int, Spent] = {}
        batch = self._ask(pages, states, spent)

        def wait() -> list[PageUtilities]:
            batch.settle()
            opinions = [
                self._opinion(page.items, state, spent.get(number, _NOTHING), batch.failed)
                for number, (page, state) in enumerate(zip(pages, states, strict=True))
            ]
            note(self.diagnostics, opinions)
            return opinions

        return wait

    def _ask(
        self, pages: Sequence[Page], states: Sequence[VisitState], spent: dict[int, Spent]
    ) -> _Batch:
        """Queue what is not known yet, each once, a prompt's items next to each other."""
        wanted: dict[tuple[int, int], _Wanted] = {}
        earlier: list[_Batch] = []
        nobody = self._nobody if self._reading.subtract_no_history else None
        for number, (page, state) in enumerate(zip(pages, states, strict=True)):
            new = [item for item in page.items if item not in state.utilities]
            if not new:
                continue
            books = spent[number] = Spent()
            for asked in (state, nobody) if nobody is not None else (state,):
                for item in new:
                    if item in asked.scores or (key := (id(asked), item)) in wanted:
                        continue
                    if key in self._under_way:
                        earlier.append(self._under_way[key])
                    else:
                        wanted[key] = _Wanted(asked, item, books)
        batch = _Batch(list(wanted.values()), earlier)
        self._send(batch)
        self._under_way.update(dict.fromkeys(wanted, batch))
        return batch

    def _send(self, batch: _Batch) -> None:
        labels = self._reading.labels
        items = [want.item for want in batch.wanted]
        known = [want.state.familiarity for want in batch.wanted]
        suffixes = self._prompter.suffixes(items, known)
        questions = [
            Question(want.state.prefix, suffix, labels, self._prompter.image(want.item))
            for want, suffix in zip(batch.wanted, suffixes, strict=True)
        ]
        pending = self._asker.submit(questions)

        def read() -> None:
            for want, question, reply in zip(batch.wanted, questions, pending(), strict=True):
                key = (id(want.state), want.item)
                del self._under_way[key]
                if isinstance(reply, NoAnswer):
                    batch.failed[key] = reply.reason
                else:
                    want.state.scores[want.item] = self._reading.score(reply)
                    want.spent.add(question, reply)

        batch.pending = read

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
