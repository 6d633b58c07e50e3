"""Mode ``listwise``: one question a slate, options behind letters, "none of these" last.

    utility = log-odds of the option's letter against the letter of "none of these",
              minus the same log-odds where the options say nothing

Models like some letters and places better than others. What they prefer among options
without content is subtracted, and the order of the options is drawn from the page's luck;
``rotations`` asks several orders and averages them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase

import numpy as np
import numpy.typing as npt

from footfall.choice.asking import (
    Asker,
    SlateUtilities,
    Spent,
    VisitState,
    VisitStates,
    no_opinion,
    note,
    open_prompter,
    single_tokens,
)
from footfall.choice.protocol import ChoiceModel, Diagnostics, Opinions, Page, PageUtilities
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.errors import ModelError
from footfall.llm.protocol import Answer, LanguageModel, NoAnswer, Question, Reply
from footfall.prompting.prompter import Prompter, VisitSoFar
from footfall.prompting.templates import Option

MAX_OPTIONS = len(ascii_uppercase) - 1
"""Longest slate; one letter is left for "none of these"."""

_EMPTY_OPTIONS = ("N/A", "an item", "...")
"""Options that say nothing (the content-free inputs of Zhao et al. 2021)."""


def open_listwise(
    spec: ChoiceSpec, model: LanguageModel, catalogue: Catalogue, base: Path
) -> ChoiceModel:
    """Make the choice model of this mode; see ``footfall.answering.opening.open_choice``."""
    spellings = [single_tokens(model, (letter, f" {letter}")) for letter in ascii_uppercase]
    if not all(spellings):
        raise ModelError(f'"{model.name}" has no token for each letter; use mode likelihood')
    prompter = open_prompter(spec, model, catalogue, base, item_in_answer=False)
    return ListwiseChoice(_Letters(tuple(spellings)), spec, model, prompter)


@dataclass(frozen=True)
class _Letters:
    """The letters of the alphabet, each with its spellings that are one token."""

    spellings: tuple[tuple[int, ...], ...]

    def labels(self, options: int) -> tuple[int, ...]:
        """Token ids to weigh for ``options`` options and "none of these"."""
        return tuple(i for ids in self.spellings[: options + 1] for i in ids)

    def read(self, answer: Answer, options: int) -> tuple[npt.NDArray[np.float64], float]:
        """[options] log-odds against "none of these", and the label mass."""
        ends = np.cumsum([len(ids) for ids in self.spellings[: options + 1]])
        parts = np.split(np.asarray(answer.logprobs), ends[:-1])
        letters = np.array([np.logaddexp.reduce(part) for part in parts])
        return letters[:-1] - letters[-1], math.exp(float(np.logaddexp.reduce(letters)))


_Slate = tuple[int, tuple[int, ...], int]
"""(id of the visit's state, items, luck): pages that agree in these get the same answer."""


@dataclass(frozen=True)
class _Ballot:
    """One page's slate in all the orders in which it is asked."""

    state: VisitState
    page: Page
    orders: tuple[npt.NDArray[np.intp], ...]
    """[k] each: which option of the page stands behind each letter."""
    questions: tuple[Question, ...]
    spent: Spent


class ListwiseChoice:
    """Utilities from one question a slate; see ``footfall.choice.protocol.ChoiceModel``."""

    def __init__(
        self, letters: _Letters, spec: ChoiceSpec, model: LanguageModel, prompter: Prompter
    ) -> None:
        self.diagnostics = Diagnostics()
        self._letters = letters
        self._spec = spec
        self._prompter = prompter
        self._asker = Asker(model, self.diagnostics)
        self._states = VisitStates(prompter, spec, self.diagnostics)
        self._nobody = prompter.prefixes([VisitSoFar(None)])[0].tokens
        self._priors: dict[int, npt.NDArray[np.float64]] = {}
        """Slate length -> [k] log-odds of the letters where the options say nothing."""

    def utilities(self, pages: Sequence[Page]) -> list[PageUtilities]:
        """One opinion a page, in order; all questions go out in one batch."""
        return self.begin(pages)()

    def begin(self, pages: Sequence[Page]) -> Opinions:
        """Queue the questions about these pages; see ``footfall.choice.feeding``."""
        states = self._states.of(pages)
        ballots: dict[_Slate, _Ballot] = {}
        for page, state in zip(pages, states, strict=True):
            slate = (id(state), page.items, page.seed)
            possible = 0 < len(page.items) <= MAX_OPTIONS
            if possible and slate not in ballots and slate[1:] not in state.slates:
                ballots[slate] = self._ballot(page, state)
        lengths = sorted({len(b.page.items) for b in ballots.values()} - self._priors.keys())
        priors = [self._prior_questions(length) for length in lengths]
        votes = [ballot.questions for ballot in ballots.values()]
        pending = self._asker.submit([q for group in (*priors, *votes) for q in group])

        def wait() -> list[PageUtilities]:
            replies = iter(pending())
            for length, group in zip(lengths, priors, strict=True):
                self._keep_prior(length, [next(replies) for _ in group])
            failed = self._keep_all(ballots, replies)
            opinions = [
                self._opinion(page, state, ballots, failed)
                for page, state in zip(pages, states, strict=True)
            ]
            note(self.diagnostics, opinions)
            return opinions

        return wait

    def _ballot(self, page: Page, state: VisitState) -> _Ballot:
        """Draw the orders: a shuffled one, and turns of it by equal steps."""
        k = len(page.items)
        shuffled = np.random.Generator(np.random.Philox(key=abs(page.seed))).permutation(k)
        turns = min(self._spec.rotations, k)
        orders = tuple(np.roll(shuffled, -(turn * k) // turns) for turn in range(turns))
        labels = self._letters.labels(k)
        questions = tuple(
            Question(
                state.prefix,
                self._prompter.slate_suffix(
                    [page.items[i] for i in order], ascii_uppercase[:k], ascii_uppercase[k]
                ),
                labels,
            )
            for order in orders
        )
        return _Ballot(state, page, orders, questions, Spent())

    def _prior_questions(self, options: int) -> list[Question]:
        letters, none = ascii_uppercase[:options], ascii_uppercase[options]
        return [
            Question(
                self._nobody,
                self._prompter.options_suffix([Option(a, text) for a in letters], none),
                self._letters.labels(options),
            )
            for text in _EMPTY_OPTIONS
        ]

    def _keep_all(
        self, ballots: dict[_Slate, _Ballot], replies: Iterator[Reply]
    ) -> dict[_Slate, str]:
        """Keep what was said in the visits' states; return what failed."""
        failed: dict[_Slate, str] = {}
        for slate, ballot in ballots.items():
            reason = self._keep(ballot, [next(replies) for _ in ballot.questions])
            if reason:
                failed[slate] = reason
        return failed

    def _keep_prior(self, length: int, replies: Sequence[Reply]) -> None:
        answers = [reply for reply in replies if isinstance(reply, Answer)]
        # Another batch under way may have asked as well: the first one counts.
        if len(answers) == len(replies) and length not in self._priors:
            read = [self._letters.read(answer, length)[0] for answer in answers]
            self._priors[length] = np.mean(read, axis=0)

    def _keep(self, ballot: _Ballot, replies: Sequence[Reply]) -> str:
        """Average the orders into the visit's state, or say why that is not possible."""
        items, k = ballot.page.items, len(ballot.page.items)
        total, masses = np.zeros(k), []
        for question, order, reply in zip(ballot.questions, ballot.orders, replies, strict=True):
            if isinstance(reply, NoAnswer):
                return reply.reason
            ballot.spent.add(question, reply)
            log_odds, mass = self._letters.read(reply, k)
            masses.append(mass)
            if k in self._priors:
                total[order] += log_odds - self._priors[k]
        if k not in self._priors:
            return "no answer about the letters' prior"
        slate = SlateUtilities(total / len(replies), sum(masses) / len(masses), min(masses))
        ballot.state.slates[items, ballot.page.seed] = slate
        return ""

    def _opinion(
        self,
        page: Page,
        state: VisitState,
        ballots: dict[_Slate, _Ballot],
        failed: dict[_Slate, str],
    ) -> PageUtilities:
        k = len(page.items)
        name = (id(state), page.items, page.seed)
        spent = ballots[name].spent if name in ballots else Spent()
        if k > MAX_OPTIONS:
            return no_opinion(k, f"slate longer than {MAX_OPTIONS} items", spent)
        if name in failed:
            return no_opinion(k, failed[name], spent)
        if not k:
            return PageUtilities(np.empty(0))
        slate = state.slates[page.items, page.seed]
        if slate.least_mass < self._spec.min_label_mass:
            reason = f"label mass below {self._spec.min_label_mass:g}"
            return no_opinion(k, reason, spent, slate.label_mass)
        # A copy: what the caller does to the numbers must not change the memory.
        llm = slate.utilities.copy()
        return PageUtilities(llm, slate.label_mass, spent.prompt_tokens, spent.cached_tokens)
