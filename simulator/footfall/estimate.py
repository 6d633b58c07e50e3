"""What a run would take, without asking the model anything."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from footfall.choice.protocol import Page
from footfall.choice.specs import open_choice
from footfall.llm.protocol import Answer, LanguageModel, Question, Reply
from footfall.llm.specs import open_model
from footfall.options import Announce
from footfall.run import Histories, expected_decisions, read_histories, setting_of
from footfall.scenario import Scenario

SAMPLE = 30
"""Users whose prompts are made in order to count their tokens."""

CPU_TOKENS_PER_SECOND = 700.0
"""Prompt tokens that vLLM computes a second for the embedded model of 135M parameters on two
cores: the order of magnitude measured in ``benchmarks/RESULTS.md``, not a promise."""


@dataclass(frozen=True)
class Estimate:
    """Expectations, not promises: visits are random, and stored answers cost nothing."""

    users: int
    arms: int
    item_decisions: float
    prompts: float
    tokens: float
    """Prompt tokens to compute at most; a history shared by a page is counted once."""
    seconds_on_two_cores: float | None
    """With the embedded model; None for others, whose speed is not known here."""

    def as_dict(self) -> dict[str, Any]:
        """For printing and JSON."""
        return asdict(self)


class Counting:
    """A language model that counts what it would have to compute, and answers at random."""

    def __init__(self, model: LanguageModel) -> None:
        self.name, self.fingerprint = model.name, model.fingerprint
        self.tokenizer, self.block_size = model.tokenizer, model.block_size
        self.max_prompt_tokens = model.max_prompt_tokens
        self.engine_seconds = 0.0
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

    def close(self) -> None:
        """Nothing to free."""


def estimate(scenario: Scenario, base: Path, announce: Announce) -> Estimate:
    """Read the data, make some prompts, and scale their tokens up to the whole run."""
    histories = read_histories(scenario, base, announce)
    decisions = expected_decisions(scenario, setting_of(scenario, histories))
    with closing(open_model(scenario.model, announce=announce)) as model:
        counting = Counting(model)
        pages = _sample(histories, scenario.world.slate)
        open_choice(scenario.choice, counting, histories.catalogue, base=base).utilities(pages)
    share = decisions / (len(pages) * scenario.world.slate)
    tokens = counting.tokens * share
    embedded = scenario.model.name == "embedded" and scenario.model.server is None
    return Estimate(
        users=len(histories.population),
        arms=len(scenario.arms),
        item_decisions=decisions,
        prompts=counting.questions * share,
        tokens=tokens,
        seconds_on_two_cores=tokens / CPU_TOKENS_PER_SECOND if embedded else None,
    )


def _sample(histories: Histories, slate: int) -> list[Page]:
    """Pages of random items for the first users."""
    rng = np.random.default_rng(0)
    return [
        Page(
            persona=histories.population.persona(number),
            items=tuple(rng.choice(len(histories.catalogue), size=slate, replace=False).tolist()),
            time=histories.split.at,
        )
        for number in range(min(SAMPLE, len(histories.population)))
    ]
