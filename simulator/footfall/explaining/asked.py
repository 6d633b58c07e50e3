"""What the model was asked about a page, word for word, and what it answered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from footfall.answering.repricing import open_with_prices
from footfall.explaining.absent import absent_model
from footfall.explaining.mind import RememberedEvent, asked_ones, remembered
from footfall.explaining.replay import ExplainedPage, Replay
from footfall.llm.nobody import NOBODY
from footfall.llm.protocol import Answer, LanguageModel, NoAnswer, Question, Reply, Tokenizer
from footfall.llm.store import AnswerStore
from footfall.llm.writing import Passage, Writer, Written
from footfall.plumbing.json_files import parse_object
from footfall.run_folder.layout import STORE


@dataclass(frozen=True)
class AskedQuestion:
    """One question."""

    shared: str
    """The part that all questions of this user share."""
    own: str
    """The part about this item or slate."""
    answer: str
    """Probabilities in words; "" where nothing is stored."""
    probabilities: dict[str, float]
    """Of each label, or of each token of ``own``; empty where nothing is stored."""
    image: str = ""
    """The image that was shown with it: format, size and the beginning of its SHA-256."""
    reason: str = ""
    """The model's words, where it was asked for some with its answer."""


@dataclass(frozen=True)
class AskedAbout:
    """What the model was asked about a page, and what it was told that the user remembers."""

    questions: tuple[AskedQuestion, ...] = ()
    memory: tuple[RememberedEvent, ...] = ()
    """Oldest first. The model was told of no other event."""


def asked_about(replay: Replay, page: ExplainedPage, store: Path | None = None) -> AskedAbout:
    """What the model was asked about one page of a replayed user.

    No engine starts and no server is asked: answers come from the run's store. Questions whose
    answers are not there are shown without.

    Raises:
        ModelError: The model's tokenizer is not on this machine.
    """
    members = asked_ones(replay.scenario.choice)
    if replay.scenario.model.name == NOBODY or not members:
        return AskedAbout()
    known: list[RememberedEvent] = []
    with ExitStack() as stack:
        model = absent_model(replay)
        listener = _Listener(model, _open(stack, store or _store_of(replay.run)))
        pages = replay.service.pages([page.request], [np.array(page.codes, dtype=np.int32)])
        for member in members:
            choice = open_with_prices(
                member,
                listener,
                replay.histories.catalogue,
                replay.service.schedule.prices,
                base=replay.base,
            )
            assert choice is not None
            choice.utilities(pages)
            dropped = choice.diagnostics.dropped_events
            known += remembered(member, pages[0], dropped, replay)
        told = tuple(_told(one, reply, model.tokenizer) for one, reply in listener.heard)
    return AskedAbout(told, tuple(sorted(set(known), key=lambda event: event.time)))


def _store_of(run: Path) -> Path | None:
    """The run's own store, or the one that it shares with the other runs of its grid."""
    places = (run / STORE, run.parent / STORE)
    return next((place for place in places if place.exists()), None)


def _open(stack: ExitStack, path: Path | None) -> AnswerStore | None:
    return None if path is None else stack.enter_context(AnswerStore(path))


class _Listener:
    """A language model that looks answers up, asks nobody, and remembers the questions."""

    def __init__(self, model: LanguageModel, store: AnswerStore | None) -> None:
        self.name, self.fingerprint = model.name, model.fingerprint
        self.tokenizer, self.block_size = model.tokenizer, model.block_size
        self.max_prompt_tokens = model.max_prompt_tokens
        self.engine_seconds = 0.0
        self.heard: list[tuple[Question | Passage, Reply | Written]] = []
        self._model = model
        self._store = store

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """Stored answers; the fake model's are computed, because nobody stores them."""
        if self.name == "fake":
            replies = self._model.ask(questions)
        else:
            keys = [question.key(self.fingerprint) for question in questions]
            known = {} if self._store is None else self._store.find(keys)
            replies = [
                Answer(known[key], from_store=True) if key in known else NoAnswer("not stored")
                for key in keys
            ]
        self.heard += zip(questions, replies, strict=True)
        return replies

    def write(self, passages: Sequence[Passage]) -> list[Written | NoAnswer]:
        """Stored texts; the fake model's are computed."""
        replies: list[Written | NoAnswer]
        if self.name == "fake" and isinstance(self._model, Writer):
            replies = self._model.write(passages)
        else:
            keys = [passage.key(self.fingerprint) for passage in passages]
            known = {} if self._store is None else self._store.texts(keys)
            replies = [
                Written(known[key], from_store=True) if key in known else NoAnswer("not stored")
                for key in keys
            ]
        self.heard += zip(passages, replies, strict=True)
        return replies

    def close(self) -> None:
        """Nothing of its own to free."""


def _told(
    question: Question | Passage, reply: Reply | Written, tokenizer: Tokenizer
) -> AskedQuestion:
    if isinstance(question, Passage):
        text = reply.text if isinstance(reply, Written) else ""
        prompt = tokenizer.decode(question.prompt.ids)
        return AskedQuestion(prompt, "", text, {}, reason=_reason(question, text))
    shared = tokenizer.decode(question.prefix.ids).lstrip("\n")
    own = tokenizer.decode(question.suffix.ids)
    image = "" if question.image is None else str(question.image)
    if not isinstance(reply, Answer):
        return AskedQuestion(shared, own, "", {}, image)
    tokens = question.labels or question.suffix.ids
    chances = [math.exp(value) for value in reply.logprobs]
    words = [tokenizer.decode([token]) for token in tokens]
    if question.labels:
        best = sorted(zip(chances, words, strict=True), reverse=True)[:4]
        answer = ", ".join(f"{word.strip()} {chance:.1%}" for chance, word in best)
    else:
        mean = sum(reply.logprobs) / len(reply.logprobs)
        answer = f"log P {mean:.3f} a token, {len(tokens)} tokens"
    labels = [f"{word}" if question.labels else f"{n}:{word}" for n, word in enumerate(words)]
    return AskedQuestion(shared, own, answer, dict(zip(labels, chances, strict=True)), image)


def _reason(question: Passage, text: str) -> str:
    """The reason in an answer that was to have one; "" where it has none."""
    wanted = (question.schema or {}).get("properties") or {}
    if "reason" not in wanted:
        return ""
    try:
        said = parse_object(text).get("reason")
    except ValueError:
        return ""
    return " ".join(said.split()) if isinstance(said, str) else ""
