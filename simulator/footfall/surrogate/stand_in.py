"""Where a language model is expected and a surrogate answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from footfall.llm.fake import FakeModel, FakeTokenizer
from footfall.llm.nobody import NoModel
from footfall.llm.protocol import LanguageModel, NoAnswer, Question, Reply, Tokenizer
from footfall.llm.specs import open_model
from footfall.options import Announce
from footfall.scenario import Scenario
from footfall.surrogate.folder import read_card


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
        return {"path": self.folder, **{name: self.card[name] for name in kept}}

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


def open_answering(scenario: Scenario, base: Path, announce: Announce) -> LanguageModel:
    """The scenario's language model, or the stand-in for it where a surrogate answers.

    Raises:
        ModelError: See ``footfall.llm.specs.open_model``; or there is no surrogate.
    """
    if scenario.choice.mode != "surrogate":
        return open_model(scenario.model, announce=announce)
    assert scenario.choice.path is not None, "checked by ChoiceSpec"
    return StandIn(read_card(base / scenario.choice.path), scenario.choice.path)


def needs_no_store(model: LanguageModel) -> bool:
    """Whether computing an answer is cheaper than looking it up."""
    return isinstance(model, FakeModel | NoModel | StandIn)


def _number(value: float | None) -> str:
    return "not at all" if value is None else f"{value:.2f}"
