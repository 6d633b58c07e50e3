"""Stand-ins that count what a language model would have to compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from footfall.llm.distant import Distant, Facts
from footfall.llm.protocol import Answer, LanguageModel, Question, Reply


class Counting(Distant):
    """A language model that counts what it would have to compute, and answers at random."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__(Facts.of(model))
        self.questions = 0
        self.tokens = 0
        self._prefixes: set[bytes] = set()

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """Count every suffix, and every prefix the first time."""
        for question in questions:
            self.count(question)
        return [Answer((-1.0,) * (len(q.labels) or len(q.suffix))) for q in questions]

    def count(self, question: Question) -> int:
        """Count one question; the tokens that it adds."""
        tokens = len(question.suffix)
        if question.prefix.digest not in self._prefixes:
            self._prefixes.add(question.prefix.digest)
            tokens += len(question.prefix)
        self.questions += 1
        self.tokens += tokens
        return tokens


@dataclass(frozen=True)
class Counted:
    """One different question."""

    asker: int
    """Who asked it first."""
    prefix: bytes
    """Hash of the part that it may share with others."""
    tokens: int


class CountingOnce(Counting):
    """Counts each question once, as a store of answers does, and remembers who asked it."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__(model)
        self.asker = 0
        """Who asks now; set by whoever asks."""
        self.different: list[Counted] = []
        self.askers: dict[bytes, set[int]] = {}
        """Prefix -> everybody who asked with it."""
        self._known: set[bytes] = set()

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """Count what was not asked before."""
        for question in questions:
            self.askers.setdefault(question.prefix.digest, set()).add(self.asker)
            key = question.key(b"")
            if key not in self._known:
                self._known.add(key)
                tokens = self.count(question)
                self.different.append(Counted(self.asker, question.prefix.digest, tokens))
        return [Answer((-1.0,) * (len(q.labels) or len(q.suffix))) for q in questions]
