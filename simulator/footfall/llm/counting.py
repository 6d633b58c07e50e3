"""A stand-in that counts what a language model would have to compute."""

from __future__ import annotations

from collections.abc import Sequence

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
            self.questions += 1
            self.tokens += len(question.suffix)
            if question.prefix.digest not in self._prefixes:
                self._prefixes.add(question.prefix.digest)
                self.tokens += len(question.prefix)
        return [Answer((-1.0,) * (len(q.labels) or len(q.suffix))) for q in questions]
