"""Ask a simulated user something, in words.

The model answers as this user: with the user's remembered history, and what the user did in the
run. What it says is what a language model makes up from that; it decided nothing in the run, and is
no evidence of anything about real people.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from footfall.choice.asking import open_prompter
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.errors import ModelError, UserError
from footfall.explaining.replay import Replay
from footfall.llm.nobody import NOBODY
from footfall.llm.opening import open_model
from footfall.llm.protocol import NoAnswer, Tokens
from footfall.llm.specs import ModelSpec
from footfall.llm.store import AnswerStore, StoredModel
from footfall.llm.writing import Passage, Writer
from footfall.options import Announce
from footfall.prompting.prompter import VisitSoFar
from footfall.run_folder.layout import STORE

QUESTION_CHARS = 400
"""Longest question."""

SHIPPED = ("embedded", "fake")
"""Models that are on every machine with Footfall."""
FEWEST_WORDS = 3
"""A text of fewer words may be an answer, whatever they are."""

MOST_DEEDS = 12
"""Newest clicked and bought items of the run that the user is reminded of."""


@dataclass(frozen=True)
class Interview:
    """A question, the whole prompt, and the answer."""

    question: str
    prompt: str
    answer: str
    """"" where the model did not answer."""
    missing: str
    """Why there is no answer; "" where there is one."""


def interview(
    replay: Replay,
    question: str,
    *,
    model: ModelSpec | None = None,
    store: Path | None = None,
    max_tokens: int = 120,
    announce: Announce = lambda _: None,
) -> Interview:
    """Ask the user of a replay.

    Args:
        replay: The user, and what they did.
        question: Up to ``QUESTION_CHARS`` characters.
        model: Who plays the user. Unless told otherwise the run's own model, if it comes with
            Footfall: what a run folder names beyond that is not called. An adapter that was taught
            to answer Yes and No is left out: it can do nothing else.
        store: Store of model answers; the run's own unless told otherwise.
        max_tokens: Longest answer.
        announce: Told about steps that take long.

    Raises:
        UserError: The question is empty or too long, or nobody is there to answer.
    """
    if not 0 < len(question.strip()) <= QUESTION_CHARS:
        raise UserError(f"a question has 1 to {QUESTION_CHARS} characters")
    spec = model or _own_model(replay.scenario.model)
    if spec.adapter is not None:
        announce(f'asking {spec.name} without its adapter "{spec.adapter}", which cannot talk')
        spec = spec.model_copy(update={"adapter": None})
    with ExitStack() as stack:
        engine = stack.enter_context(closing(open_model(spec, announce=announce)))
        if not isinstance(engine, Writer):
            raise ModelError(f'"{engine.name}" cannot write; choose another model')
        kept = stack.enter_context(AnswerStore(store or replay.run / STORE))
        asked = StoredModel(engine, kept)
        catalogue = replay.histories.catalogue
        prompter = open_prompter(
            ChoiceSpec(
                template="interview",
                history_events=30,
                max_title_chars=QUESTION_CHARS,
                suspects="show",
            ),
            engine,
            _with_question(catalogue, question),
            replay.base,
            item_in_answer=False,
        )
        prefix = prompter.prefixes([_lately(replay)])[0].tokens
        tokens = Tokens(prefix.ids + prompter.suffixes([len(catalogue)])[0].ids)
        reply = asked.write([Passage(tokens, max_tokens=max_tokens)])[0]
        prompt = engine.tokenizer.decode(tokens.ids).lstrip("\n")
        if isinstance(reply, NoAnswer):
            return Interview(question, prompt, "", reply.reason)
        said = reply.text.strip()
        if not talks(said):
            reason = f'{engine.name} does not talk: it says "{said[:40]}"; try another --model'
            return Interview(question, prompt, "", reason)
        return Interview(question, prompt, said, "")


def up_to(replay: Replay, visit: int, page: int | None = None) -> Replay:
    """The same user at an earlier moment, who knows nothing of what came later.

    Args:
        replay: The user, and all that they did.
        visit: Number of the visit, from 0.
        page: The last page of it that has been seen; None: all of them.

    Raises:
        UserError: The user saw no such page.
    """
    there = [one for one in replay.pages if one.session == visit and page in {None, one.page}]
    if not there:
        what = f"visit {visit}" if page is None else f"page {page} of visit {visit}"
        raise UserError(f'user {replay.user} saw no {what} in arm "{replay.arm}"')
    last = max((one.session, one.page) for one in there)
    before = tuple(one for one in replay.pages if (one.session, one.page) <= last)
    return replace(replay, pages=before)


def talks(text: str) -> bool:
    """Whether a text is more than one or two words said again and again."""
    words = text.casefold().split()
    return len(words) < FEWEST_WORDS or len(set(words)) > max(2, len(words) // 6)


def _own_model(said: ModelSpec) -> ModelSpec:
    """The run's model, if it is one that comes with Footfall.

    Raises:
        UserError: It is nobody, or elsewhere.
    """
    if said.name == NOBODY:
        raise UserError("the run has no language model (model: none); name one with --model")
    if said.server is not None or said.name not in SHIPPED:
        raise UserError(
            f'the run was played by "{said.name}", which does not come with Footfall, and what a '
            "run folder names is not called; say who answers: --model NAME [--server URL "
            "[--api-key-env VARIABLE]]"
        )
    return ModelSpec(name=said.name, adapter=said.adapter, seed=said.seed)


def _lately(replay: Replay) -> VisitSoFar:
    """The persona, and the newest deeds of the run."""
    deeds = [(d, page) for page in replay.pages for d in page.decisions]
    codes = {"clicked": [], "bought": []}  # type: dict[str, list[int]]
    for decision, page in deeds:
        code = page.codes[decision.position]
        if decision.bought:
            codes["bought"].append(code)
        elif decision.clicked:
            codes["clicked"].append(code)
    clicked, bought = (tuple(codes[name][-MOST_DEEDS:]) for name in ("clicked", "bought"))
    return VisitSoFar(replay.histories.population.persona(replay.number), clicked, bought)


def _with_question(catalogue: Catalogue, question: str) -> Catalogue:
    """The catalogue with the question at its end, so that a prompt can end with it."""
    return replace(
        catalogue,
        ids=(*catalogue.ids, "question"),
        titles=(*catalogue.titles, question),
        categories=(*catalogue.categories, ""),
        prices=np.append(catalogue.prices, np.nan),
        _codes={},
    )
