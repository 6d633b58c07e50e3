"""What was measured, and the ratios that matter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from footfall.bench.workload import QuestionSize

FREE_TEXT = "free text a page"
ONE_BY_ONE = "free text, one by one"
"""The same, each page after the one before: a loop of calls that nobody batches."""
JSON_ITEM = "JSON an item"
NAIVE = "naive yes/no"
CEILING = "ceiling of "
"""Before a mode's name: its very prompts, already tokenised, fed to vLLM with nothing around."""


@dataclass(frozen=True)
class Sample:
    """One way of asking, measured once."""

    cell: QuestionSize
    name: str
    repeat: int
    items: int
    """Item decisions that were asked for."""
    seconds: float
    engine_seconds: float
    prompt_tokens: int
    cached_tokens: int
    """Of the prompt tokens, those that the engine did not compute again."""
    generated_tokens: int
    unanswered: int = 0
    """Pages that the model did not answer; they count as asked."""
    busy: float = 1.0
    """How many times as long as alone it took: other programs ran beside it."""

    @property
    def rate(self) -> float:
        """Item decisions a second."""
        return self.items / self.seconds


@dataclass(frozen=True)
class Row:
    """One way of asking over all repeats; rates and ratios are medians."""

    history: int
    slate: int
    name: str
    item_decisions_per_s: float
    slowest: float
    fastest: float
    ratio_to_ceiling: float | None
    """Of the same repeat's rates; None where the row has no ceiling of its own."""
    ratio_to_free_text: float | None
    """All pages' texts at once, so that vLLM batches them."""
    ratio_to_one_by_one: float | None
    """Texts of one page after the other."""
    ratio_to_naive: float | None
    """To the median of the naive engine, which runs after the others in a process of its own."""
    seconds: float
    seconds_outside_engine: float
    computed_tokens: int
    """Prompt tokens that the engine computed."""
    cached_tokens: int
    generated_tokens: int
    item_decisions: int
    unanswered_pages: int
    busy: float
    """How many times as long as alone it took; a median."""
    as_alone: tuple[float, float, float]
    """Computed prompt tokens a second of the slowest repeat, of a typical and of the fastest one,
    had they had the machine to themselves."""


def rows(samples: Sequence[Sample]) -> list[Row]:
    """One row a cell and way of asking, in the order in which they were measured first."""
    names = dict.fromkeys((sample.cell, sample.name) for sample in samples)
    return [_row(cell, name, samples) for cell, name in names]


def _row(cell: QuestionSize, name: str, samples: Sequence[Sample]) -> Row:
    mine = _of(cell, name, samples)
    rates = [sample.rate for sample in mine.values()]
    naive = [sample.rate for sample in _of(cell, NAIVE, samples).values()]
    typical = sorted(mine.values(), key=lambda sample: sample.seconds)[len(mine) // 2]
    return Row(
        history=cell.history,
        slate=cell.slate,
        name=name,
        item_decisions_per_s=median(rates),
        slowest=min(rates),
        fastest=max(rates),
        ratio_to_ceiling=_ratio(mine, _of(cell, CEILING + name, samples)),
        ratio_to_free_text=_ratio(mine, _of(cell, FREE_TEXT, samples)),
        ratio_to_one_by_one=_ratio(mine, _of(cell, ONE_BY_ONE, samples)),
        ratio_to_naive=median(rates) / median(naive) if naive else None,
        seconds=typical.seconds,
        seconds_outside_engine=median(s.seconds - s.engine_seconds for s in mine.values()),
        computed_tokens=typical.prompt_tokens - typical.cached_tokens,
        cached_tokens=typical.cached_tokens,
        generated_tokens=typical.generated_tokens,
        item_decisions=typical.items,
        unanswered_pages=sum(sample.unanswered for sample in mine.values()),
        busy=median(sample.busy for sample in mine.values()),
        as_alone=_as_alone(list(mine.values())),
    )


def _as_alone(samples: Sequence[Sample]) -> tuple[float, float, float]:
    rates = [(s.prompt_tokens - s.cached_tokens) * s.busy / s.seconds for s in samples]
    return min(rates), median(rates), max(rates)


def _of(cell: QuestionSize, name: str, samples: Sequence[Sample]) -> dict[int, Sample]:
    """By repeat."""
    return {s.repeat: s for s in samples if s.cell == cell and s.name == name}


def _ratio(mine: dict[int, Sample], other: dict[int, Sample]) -> float | None:
    """Median over the repeats: what slows one repeat down slows both down."""
    shared = mine.keys() & other.keys()
    return median(mine[i].rate / other[i].rate for i in shared) if shared else None


@dataclass(frozen=True)
class ModeSpeed:
    """Computed prompt tokens a second, everything around the engine included."""

    tokens_per_second: float
    slowest: float
    """Of a single measurement."""
    fastest: float


@dataclass(frozen=True)
class Measured:
    """A whole run of the benchmark."""

    model: str
    machine: dict[str, Any]
    """Device, cores, versions, load and date."""
    pages: int
    repeats: int
    rows: tuple[Row, ...]
    peak_memory_gib: dict[str, float]
    """Resident memory of each engine's process at its highest, the model's included."""
    start_seconds: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; ``modes`` holds the rows."""
        found = asdict(self)
        found["modes"] = found.pop("rows")
        return found

    def speeds(self) -> dict[str, ModeSpeed]:
        """Of each of Footfall's modes, over all cells, as if the machine had been quiet."""
        known: dict[str, list[Row]] = {}
        for row in self.rows:
            if row.ratio_to_ceiling is not None:
                known.setdefault(row.name, []).append(row)
        return {name: _speed(of_mode) for name, of_mode in known.items()}

    def busy(self) -> float:
        """How many times as long as alone Footfall's modes took."""
        own = [row.busy for row in self.rows if row.ratio_to_ceiling is not None]
        return median(own) if own else 1.0


def _speed(of_mode: Sequence[Row]) -> ModeSpeed:
    typical = [row.as_alone[1] for row in of_mode]
    return ModeSpeed(
        tokens_per_second=math.exp(sum(map(math.log, typical)) / len(typical)),
        slowest=min(row.as_alone[0] for row in of_mode),
        fastest=max(row.as_alone[2] for row in of_mode),
    )
