"""What the modes share: prompts of visits kept in memory, one batch of questions, counts."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from footfall.choice.protocol import Diagnostics, Page, PageUtilities
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.errors import ScenarioError, TemplateError
from footfall.llm.protocol import Answer, LanguageModel, NoAnswer, Question, Reply, Tokens
from footfall.llm.stream import Pending, submit
from footfall.prompting.prompter import Budget, Layout, Prompter, VisitSoFar
from footfall.prompting.templates import Template
from footfall.users.familiarity import Familiarity
from footfall.users.population import Persona

_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True)
class Score:
    """What one answer says about one item."""

    value: float
    label_mass: float = math.nan


@dataclass(frozen=True, slots=True)
class SlateUtilities:
    """What the model said about a whole slate, orders averaged."""

    utilities: npt.NDArray[np.float64]
    """[k]"""
    label_mass: float
    least_mass: float


@dataclass(slots=True)
class VisitState:
    """One prompt of one user, and what the model said after it."""

    prefix: Tokens
    familiarity: Familiarity | None = None
    """How well the user knows the items, where the template tells."""
    scores: dict[int, Score] = field(default_factory=dict)
    """By item code; modes that ask about one item at a time."""
    utilities: dict[int, float] = field(default_factory=dict)
    """By item code, ready to use."""
    slates: dict[tuple[tuple[int, ...], int], SlateUtilities] = field(default_factory=dict)
    """By (items, luck of the page); the mode that asks about a slate at a time."""


@dataclass(slots=True)
class Spent:
    """Tokens of the questions that were asked for one page."""

    prompt_tokens: int = 0
    cached_tokens: int = 0

    def add(self, question: Question, reply: Answer) -> None:
        """Count a question, unless the store answered it."""
        if not reply.from_store:
            self.prompt_tokens += len(question)
            self.cached_tokens += reply.cached_tokens


def open_prompter(
    spec: ChoiceSpec,
    model: LanguageModel,
    catalogue: Catalogue,
    base: Path,
    *,
    item_in_answer: bool,
) -> Prompter:
    """Check the template and make the prompter of a mode."""
    template = Template(spec.template or spec.mode, base, required=("history", "item"))
    if spec.context is not None and "context" not in template.source:
        raise TemplateError(
            f"{template.path}: does not show `context`; use it in the block visit, or leave "
            "choice.context out"
        )
    limit = min(spec.max_prompt_tokens or model.max_prompt_tokens, model.max_prompt_tokens)
    budget = Budget(
        history_events=spec.history_events,
        history_tokens=spec.max_history_tokens,
        prompt_tokens=limit,
        title_chars=spec.max_title_chars,
        regulars=spec.regulars,
    )
    layout = Layout(item_in_answer=item_in_answer, block_size=model.block_size)
    return Prompter(
        template,
        layout,
        budget,
        model.tokenizer,
        catalogue,
        persona_prose=spec.persona_prose,
        hide_suspects=spec.suspects == "hide",
        image_mark=_image_mark(spec, model, catalogue),
    )


def _image_mark(spec: ChoiceSpec, model: LanguageModel, catalogue: Catalogue) -> str:
    """Text that stands for an item's image; "" where none are shown."""
    if not spec.images:
        return ""
    if not any(catalogue.images):
        raise ScenarioError(
            "choice.images: no item has an image; name their column (data: {items: {image: ...}})"
        )
    return model.tokenizer.image_mark()


class VisitStates:
    """Prompts of visits, made in batches, the least recently used forgotten first."""

    def __init__(self, prompter: Prompter, spec: ChoiceSpec, diagnostics: Diagnostics) -> None:
        self._prompter = prompter
        self._spec = spec
        self._diagnostics = diagnostics
        self._states: OrderedDict[tuple[object, ...], VisitState] = OrderedDict()

    def of(self, pages: Sequence[Page]) -> list[VisitState]:
        """One state a page, in order; pages with the same prompt share one."""
        keys = [self._key(page) for page in pages]
        found = self._states
        new = {key: page for key, page in zip(keys, pages, strict=True) if key not in found}
        if new:
            self._make(new)
        states = []
        for key in keys:
            found.move_to_end(key)
            states.append(found[key])
        while len(found) > self._spec.remembered_prefixes:
            found.popitem(last=False)
        return states

    def _make(self, new: dict[tuple[object, ...], Page]) -> None:
        prefixes = self._prompter.prefixes([self._visit(page) for page in new.values()])
        for key, prefix in zip(new, prefixes, strict=True):
            self._states[key] = VisitState(prefix.tokens, prefix.familiarity)
            self._diagnostics.truncated_prompts += prefix.dropped_events > 0
            self._diagnostics.dropped_events += prefix.dropped_events

    def _visit(self, page: Page) -> VisitSoFar:
        context = self._context(page)
        if not self._spec.visit_events:
            return VisitSoFar(page.persona, context=context)
        return VisitSoFar(page.persona, page.clicked, page.bought, context)

    def _context(self, page: Page) -> str:
        return "" if self._spec.context is None else self._spec.context.words(page)

    def _key(self, page: Page) -> tuple[object, ...]:
        """Everything that a prompt can depend on."""
        visit = (page.clicked, page.bought) if self._spec.visit_events else ()
        persona = page.persona
        all_counts = self._spec.regulars or self._prompter.personal
        whole: tuple[object, ...] = ()
        if all_counts:
            whole = persona.items.tobytes(), persona.actions.tobytes(), persona.neighbours
        moment = self._context(page)
        return (*_persona_key(persona, self._spec.history_events), *whole, visit, moment)


def _persona_key(persona: Persona, events: int) -> tuple[object, ...]:
    newest = slice(max(0, len(persona.items) - events), None)
    return (
        persona.user,
        *(column.tobytes() for column in persona.columns(newest).values()),
        persona.summary,
        *persona.profile.values(),
    )


class Asker:
    """Asks a batch of questions and keeps the books."""

    def __init__(self, model: LanguageModel, diagnostics: Diagnostics) -> None:
        self._model = model
        self._diagnostics = diagnostics

    def submit(self, questions: Sequence[Question]) -> Pending:
        """Queue questions; an answer with impossible numbers will be none."""
        if not questions:
            return list
        pending, kept = submit(self._model, questions), list[Reply]()

        def wait() -> list[Reply]:
            if not kept:
                kept.extend(map(_checked, pending()))
                self._count(questions, kept)
            return kept

        return wait

    def _count(self, questions: Sequence[Question], replies: Sequence[Reply]) -> None:
        spent = Spent()
        for question, reply in zip(questions, replies, strict=True):
            if isinstance(reply, Answer):
                self._diagnostics.from_store += reply.from_store
                spent.add(question, reply)
        self._diagnostics.questions += len(questions)
        self._diagnostics.prompt_tokens += spent.prompt_tokens
        self._diagnostics.cached_tokens += spent.cached_tokens


def no_opinion(
    items: int, reason: str, spent: Spent, label_mass: float = math.nan
) -> PageUtilities:
    """A page that the model did not answer: NaN for every item, and why."""
    nan = np.full(items, np.nan)
    return PageUtilities(nan, label_mass, spent.prompt_tokens, spent.cached_tokens, reason)


def note(diagnostics: Diagnostics, opinions: Sequence[PageUtilities]) -> None:
    """Count pages, failures and label mass."""
    diagnostics.pages += len(opinions)
    for opinion in opinions:
        if opinion.reason:
            diagnostics.unanswered_pages += 1
            counted = diagnostics.no_answers
            counted[opinion.reason] = counted.get(opinion.reason, 0) + 1
        if not math.isnan(opinion.label_mass):
            diagnostics.label_mass_sum += opinion.label_mass
            diagnostics.label_mass_pages += 1


def single_tokens(model: LanguageModel, words: Sequence[str]) -> tuple[int, ...]:
    """Ids of those spellings that are one token of this model, without repeats."""
    encoded = [model.tokenizer.encode(word) for word in words]
    return tuple(dict.fromkeys(ids[0] for ids in encoded if len(ids) == 1))


def _possible(logprobs: tuple[float, ...]) -> bool:
    """Whether all are numbers of at most 0; a sum is NaN if any of its parts is."""
    return max(logprobs, default=0.0) <= 0 and not math.isnan(sum(logprobs))


def _checked(reply: Reply) -> Reply:
    if isinstance(reply, NoAnswer) or _possible(reply.logprobs):
        return reply
    # NaN ends up here too; rounding may lift a certain token a little above 0.
    if all(value <= _ROUNDING for value in reply.logprobs):
        values = tuple(min(value, 0.0) for value in reply.logprobs)
        return Answer(values, reply.cached_tokens, reply.from_store)
    return NoAnswer("the model's log-probability is not a number below 0")
