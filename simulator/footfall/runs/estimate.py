"""What a run would take, and whether its arms answer, without asking the model anything."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from footfall.answering.opening import open_answering, open_choice
from footfall.bench.rates import recall
from footfall.choice.protocol import Page
from footfall.llm.counting import Counting
from footfall.llm.nobody import NOBODY
from footfall.options import Announce
from footfall.run_folder.answers import Answers
from footfall.runs.arms import probe
from footfall.runs.histories import Histories, read_histories
from footfall.runs.preparing import expected_decisions, setting_of
from footfall.scenario.scenario import Scenario

SAMPLE = 30
"""Users whose prompts are made in order to count their tokens."""

CPU_TOKENS_PER_SECOND = 700.0
"""Prompt tokens that vLLM computes a second for the embedded model of 135M parameters on two
cores: the order of magnitude measured in ``benchmarks/RESULTS.md``, not a promise. Used where
``footfall bench`` has not measured this machine."""


@dataclass(frozen=True)
class Estimate:
    """Expectations, not promises: visits are random, and stored answers cost nothing."""

    users: int
    arms: int
    item_decisions: float
    prompts: float
    tokens: float
    """Prompt tokens to compute at most; a history shared by a page is counted once."""
    seconds: float | None
    """Of the model; None where nobody measured its speed."""
    speed_from: str
    """Who measured the speed, when and where."""
    answers: tuple[Answers, ...] = ()
    """What callables, tables and services answered to a few requests."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        answered = {one.arm: one.as_dict() for one in self.answers}
        return {**asdict(self), "answers": answered}


def estimate(scenario: Scenario, base: Path, announce: Announce) -> Estimate:
    """Read the data, make some prompts, and scale their tokens up to the whole run."""
    histories = read_histories(scenario, base, announce)
    decisions = expected_decisions(scenario, setting_of(scenario, histories))
    with closing(open_answering(scenario, base, announce)) as model:
        counting = Counting(model)
        pages = _sample(histories, scenario.world.slate)
        if model.name != NOBODY:
            open_choice(scenario.choice, counting, histories.catalogue, base=base).utilities(pages)
    share = decisions / (len(pages) * scenario.world.slate)
    tokens = counting.tokens * share
    rate, speed_from = _speed(scenario)
    return Estimate(
        users=len(histories.population),
        arms=len(scenario.arms),
        item_decisions=decisions,
        prompts=counting.questions * share,
        tokens=tokens,
        seconds=tokens / rate if rate else None,
        speed_from=speed_from,
        answers=probe(scenario, histories, base, announce),
    )


def _speed(scenario: Scenario) -> tuple[float | None, str]:
    """Computed prompt tokens a second of this model in this mode, and where that is from."""
    model, mode = scenario.model, scenario.choice.mode
    if model.name == "fake":
        return None, "the fake model takes no time worth mentioning"
    if mode == "surrogate":
        return None, "a surrogate answers, in no time worth mentioning"
    if model.server is not None:
        return None, "nobody measured the server"
    known = recall(model.name)
    if known is not None and mode in known.tokens_per_second:
        return known.tokens_per_second[mode], f"footfall bench, {known.date}: {known.machine}"
    if model.name == "embedded":
        return CPU_TOKENS_PER_SECOND, "two other cores; measure yours with: footfall bench"
    return None, f"nobody; measure it with: footfall bench --model {model.name}"


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
