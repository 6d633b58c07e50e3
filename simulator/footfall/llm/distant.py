"""A language model that is elsewhere, by the facts that prompts and keys need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from footfall.llm.protocol import LanguageModel, Question, Reply, Tokenizer


@dataclass(frozen=True)
class Facts:
    """What prompts and keys need to know of a model that is elsewhere."""

    name: str
    fingerprint: bytes
    tokenizer: Tokenizer
    block_size: int
    max_prompt_tokens: int

    @classmethod
    def of(cls, model: LanguageModel) -> Facts:
        """Facts about ``model``."""
        return cls(
            model.name,
            model.fingerprint,
            model.tokenizer,
            model.block_size,
            model.max_prompt_tokens,
        )


class Distant:
    """A language model that others ask: ``ask`` is the way to them."""

    def __init__(self, facts: Facts) -> None:
        self.name, self.fingerprint = facts.name, facts.fingerprint
        self.tokenizer, self.block_size = facts.tokenizer, facts.block_size
        self.max_prompt_tokens = facts.max_prompt_tokens
        self.engine_seconds = 0.0

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to free: the engine is elsewhere."""
