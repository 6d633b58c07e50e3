"""No language model at all: users go by their habits, in seconds where a model takes hours.

A scenario says so with ``model: {name: none}``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from footfall.errors import ModelError
from footfall.llm.fake import FakeTokenizer
from footfall.llm.protocol import Question, Reply, Tokenizer

NOBODY = "none"
"""The name by which scenarios know it."""


class NoModel:
    """``footfall.llm.protocol.LanguageModel`` that refuses questions; a run asks it none."""

    def __init__(self) -> None:
        self.name = NOBODY
        self.fingerprint = hashlib.blake2b(NOBODY.encode(), digest_size=16).digest()
        self.tokenizer: Tokenizer = FakeTokenizer()
        self.block_size = 1
        self.max_prompt_tokens = 1
        self.engine_seconds = 0.0

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """Refuse.

        Raises:
            ModelError: Always; something wants an opinion that a scenario has ruled out.
        """
        if not questions:
            return []
        raise ModelError(
            "model: none answers no questions; name a model, for instance --model embedded"
        )

    def close(self) -> None:
        """Nothing to free."""
