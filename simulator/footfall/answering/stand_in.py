"""Where a language model is expected and a surrogate answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall.llm.fake import FakeTokenizer
from footfall.llm.protocol import NoAnswer, Question, Reply, Tokenizer


class StandIn:
    """Names the surrogate in manifests. It is never asked anything; if it were, it would not know.

    See ``footfall.llm.protocol.LanguageModel``.
    """

    def __init__(self, card: dict[str, Any], folder: str) -> None:
        self.card = card
        self.folder = folder
        self.name = f"surrogate of {card['teacher']['name']}"
        self.fingerprint = bytes.fromhex(card["numbers"])
        self.tokenizer: Tokenizer = FakeTokenizer()
        self.block_size = 1
        self.max_prompt_tokens = 1
        self.engine_seconds = 0.0

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """No answer, to anything."""
        return [NoAnswer("a surrogate stands in for the language model")] * len(questions)

    def close(self) -> None:
        """Nothing to free."""

    def provenance(self) -> dict[str, Any]:
        """What a manifest tells of it: teacher, question, data and fidelity."""
        kept = ("teacher", "scenario", "data", "lessons", "fidelity", "footfall", "numbers")
        taught = {"taught": self.card.get("taught", [])}
        return {"path": self.folder, **{name: self.card[name] for name in kept}, **taught}

    def caution(self) -> str:
        """One sentence for whoever reads a result."""
        users = self.card["fidelity"]["held-out users"]
        pairs = self.card["fidelity"]["cells"]["held-out users"]
        return (
            f"a surrogate answered in place of {self.card['teacher']['name']}: on "
            f"{users['users']} users that it had not learned from its utilities correlate "
            f"{_number(pairs['pearson'])} with the model's, "
            f"{_number(users['correlation within pages'])} within a page"
        )


def _number(value: float | None) -> str:
    return "not at all" if value is None else f"{value:.2f}"
