"""What a run would take, and whether its arms answer, without asking the model anything.

The time of a run is that of four parts: reading the data and training the recommenders, which a
dry run does and times; starting the engine; computing tokens; and the world around them. Each has
a lower and an upper bound of its own, and their sums are the range. Other programs may end before
the run does: the lower bound is that of a quiet machine. Or they go on: then what was not timed
here, starting and the world, is as many times slower as the dry run was by the clock than by what
it computed, and the tokens are as many times slower as threads on all cores are now. The upper
bound takes the last quarter of an hour, where that was busier.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from footfall.bench.rates import recall
from footfall.llm.devices import for_cuda
from footfall.llm.nobody import NOBODY
from footfall.llm.specs import served_name
from footfall.options import Announce
from footfall.plumbing.busy import cores, slowed, slowed_lately
from footfall.plumbing.stopwatch import Took
from footfall.run_folder.answers import RequestCounts
from footfall.runs.arms import probe
from footfall.runs.duration import Duration, EngineSeconds, Slowed
from footfall.runs.histories import read_histories
from footfall.runs.levels import asked_of
from footfall.runs.own_users import asks_nobody
from footfall.runs.preparing import setting_of
from footfall.runs.rehearsal import Rehearsal, rehearse
from footfall.scenario.scenario import Scenario

CPU_TOKENS_PER_SECOND = 900.0
"""Prompt tokens that vLLM computes a second for the embedded model of 135M parameters on two
cores: the order of magnitude measured in ``benchmarks/RESULTS.md``, not a promise. Used where
``footfall bench`` has not measured this machine."""

HABITS_A_SECOND, ANSWERS_A_SECOND = 100_000.0, 20_000.0
"""Item decisions that the world makes a second in one process, where nobody is asked and where
somebody (a model, a surrogate, the fake) answers; likewise."""

NO_TIME = 1e9
"""Tokens a second of what only looks them up."""

ENGINE_START = 45.0
"""Seconds in which an engine in this process starts; likewise."""

MEASURED, ELSEWHERE = (0.6, 1.7), (0.35, 3.0)
"""Lower and upper bound of the time of tokens, as shares of what is expected at the fastest and the
slowest speed that was measured on this machine, or at the one that is known from elsewhere."""

SIDES = 1.645
"""Standard errors of the sample's counts on both sides, for nine times in ten."""


@dataclass(frozen=True)
class Speed:
    """How fast the model answers."""

    tokens_per_second: float | None
    """Of a quiet machine; None where nobody measured it, or no model is asked."""
    bounds: tuple[float, float]
    source: str
    """Who measured it, when and where."""


@dataclass(frozen=True)
class Estimate:
    """Expectations, not promises: visits are random, and stored answers cost nothing."""

    users: int
    arms: int
    item_decisions: float
    prompts: float
    """Different questions: one that repeats is answered from the store."""
    tokens: float
    """Prompt tokens to compute; a history shared by a page is counted once."""
    preparing_seconds: float
    """Reading, training, and the start of an engine."""
    seconds: float | None
    """Of the whole run; None where nobody measured the model's speed."""
    seconds_low: float | None
    seconds_high: float | None
    """Nine runs in ten should end between these."""
    busy: float
    """How many times as long as on a quiet machine the run takes if what runs beside it now goes
    on; 1: there is nothing."""
    speed_from: str
    """Who measured the speed, when and where."""
    answers: tuple[RequestCounts, ...] = ()
    """What callables, tables and services answered to a few requests."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        answered = {one.arm: one.as_dict() for one in self.answers}
        return {**asdict(self), "answers": answered}


def estimate(scenario: Scenario, base: Path, announce: Announce) -> Estimate:
    """Read the data, train, make the pages of some users, and scale up to the whole run.

    Of a run of two levels it is the second one that takes time, and that is estimated.
    """
    if scenario.levels is not None:
        scenario = asked_of(scenario, scenario.levels.asked)
    start = Took.now()
    histories = read_histories(scenario, base, announce)
    scenario = asks_nobody(scenario, histories)
    setting = setting_of(scenario, histories, base)
    reading = Took.since(start)
    sample = rehearse(scenario, histories, setting, base, announce)
    speed = _speed(scenario)
    starting = ENGINE_START if _in_process(scenario) else 0.0
    alone = scenario.model.name == NOBODY and scenario.choice.mode != "surrogate"
    constant = starting + sample.decisions / (HABITS_A_SECOND if alone else ANSWERS_A_SECOND)
    timed = reading + sample.training + sample.recommending
    busy = timed.busy
    around = timed + Took(constant * busy, constant)
    takes = _duration(sample, speed, around, _engine_slowed(scenario, sample))
    return Estimate(
        users=len(histories.population),
        arms=len(scenario.arms),
        item_decisions=sample.decisions,
        prompts=sample.prompts,
        tokens=sample.tokens,
        preparing_seconds=(reading + sample.training).seconds + starting * busy,
        seconds=None if takes is None else takes.seconds,
        seconds_low=None if takes is None else takes.low,
        seconds_high=None if takes is None else takes.high,
        busy=busy if takes is None else takes.busy,
        speed_from=speed.source,
        answers=probe(scenario, histories, base, announce),
    )


def _duration(sample: Rehearsal, speed: Speed, around: Took, engine: Slowed) -> Duration | None:
    """How long the run takes; None where nobody measured the model's speed."""
    if sample.tokens and speed.tokens_per_second is None:
        return None
    asking = sample.tokens / speed.tokens_per_second if speed.tokens_per_second else 0.0
    unsure = SIDES * sample.spread
    low, high = speed.bounds
    tokens = EngineSeconds(
        asking, asking * low * max(0.0, 1 - unsure), asking * high * (1 + unsure)
    )
    return Duration.of(tokens, engine, around, Slowed(around.busy, slowed_lately(around.busy, 1)))


def _engine_slowed(scenario: Scenario, sample: Rehearsal) -> Slowed:
    """Looks for a second how busy the cores are, where an engine will compute on them."""
    if not sample.tokens or not _in_process(scenario) or for_cuda():
        return Slowed(1.0, 1.0)
    now = slowed(cores())
    return Slowed(now, slowed_lately(now, cores()))


def _in_process(scenario: Scenario) -> bool:
    """Whether an engine starts in this process."""
    model = scenario.model
    return model.name not in ("fake", NOBODY) and model.server is None and _asks(scenario)


def _asks(scenario: Scenario) -> bool:
    """Whether a language model is asked at all."""
    choice = scenario.choice
    members = (choice,) if choice.ensemble is None else choice.ensemble.of
    return any(member.mode != "surrogate" for member in members)


def _speed(scenario: Scenario) -> Speed:
    """Computed prompt tokens a second of this model in this mode, and where that is from."""
    model, mode = scenario.model, scenario.choice.mode
    if model.name == NOBODY:
        return Speed(None, MEASURED, "no language model is asked")
    if model.name == "fake" or not _asks(scenario):
        who = "the fake model" if model.name == "fake" else "a surrogate"
        return Speed(NO_TIME, MEASURED, f"{who} answers, in no time worth mentioning")
    if model.server is not None:
        return Speed(None, ELSEWHERE, "nobody measured the server")
    known = recall(served_name(model.model_copy(update={"adapter": None})))
    if known is not None and mode in known.tokens_per_second:
        typical = known.tokens_per_second[mode]
        bounds = (
            MEASURED[0] * typical / known.fastest.get(mode, typical),
            MEASURED[1] * typical / known.slowest.get(mode, typical),
        )
        return Speed(typical, bounds, known.told())
    if model.name == "embedded":
        source = "two other cores; measure yours with: footfall bench"
        return Speed(CPU_TOKENS_PER_SECOND, ELSEWHERE, source)
    return Speed(None, ELSEWHERE, f"nobody; measure it with: footfall bench --model {model.name}")
