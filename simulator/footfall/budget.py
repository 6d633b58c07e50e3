"""What a run may use up: tokens, money, time and memory.

A budget is for the run as a whole: what it used before it was killed or interrupted counts
(``RUN/spent.json``), so that a loop which restarts a run cannot overspend.
"""

from __future__ import annotations

import json
import math
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from footfall.errors import BudgetError, LogError, ModelError, one_line
from footfall.files import replacing
from footfall.json_files import read_object
from footfall.llm.protocol import LanguageModel, NoAnswer, Question, Reply, Tokenizer
from footfall.llm.stream import Pending, submit
from footfall.llm.writing import Passage, Writer, Written
from footfall.spec import SPEC

FILE = "spent.json"

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_GIB = 1 << 30
_MOST_TOKENS = 2**63


def seconds(text: object) -> object:
    """Seconds of a text such as "90m", "8h" or "2.5 d"; anything else is left alone."""
    if isinstance(text, str) and text.strip()[-1:] in _UNITS:
        number = text.strip()
        try:
            return float(number[:-1]) * _UNITS[number[-1]]
        except ValueError:
            raise ValueError('a time is a number with s, m, h or d, for instance "8h"') from None
    return text


class BudgetSpec(BaseModel):
    """Bounds of a run; where one is reached the run stops, and can be resumed with a larger."""

    model_config = SPEC

    max_tokens: int | None = Field(default=None, ge=0)
    """Prompt tokens sent to the model; stored answers cost none."""
    max_cost: float | None = Field(default=None, ge=0)
    """Money, in the currency of the prices below."""
    price_per_million_tokens: float = Field(default=0.0, ge=0)
    """Of prompt tokens, as an API bills them."""
    price_per_hour: float = Field(default=0.0, ge=0)
    """Of the machine, as clouds bill them; both prices add up."""
    max_time: Annotated[Annotated[float, Field(ge=0)] | None, BeforeValidator(seconds)] = None
    """Wall time: "90m", "8h", "2d" or seconds."""
    max_memory_gib: float | None = Field(default=None, gt=0)
    """Memory of the main process (GiB): to stop is better than to be killed."""

    @model_validator(mode="after")
    def _money_needs_a_price(self) -> BudgetSpec:
        if self.max_cost is not None and not self.price_per_million_tokens + self.price_per_hour:
            raise ValueError("max_cost needs price_per_million_tokens or price_per_hour")
        return self

    @property
    def bounded(self) -> bool:
        """Whether there is any bound."""
        bounds = (self.max_tokens, self.max_cost, self.max_time, self.max_memory_gib)
        return any(bound is not None for bound in bounds)


class Meter:
    """Counts what a run uses, over all its attempts."""

    def __init__(self, spec: BudgetSpec, folder: Path) -> None:
        """Go on from what ``folder`` says was spent before."""
        self._spec, self._folder = spec, folder
        self._started = time.monotonic()
        self._seconds, self.tokens = self._read()
        """Prompt tokens sent so far."""

    @property
    def seconds(self) -> float:
        """Wall time so far."""
        return self._seconds + time.monotonic() - self._started

    @property
    def cost(self) -> float:
        """Money so far."""
        per_token, per_hour = self._spec.price_per_million_tokens, self._spec.price_per_hour
        return self.tokens * per_token / 1e6 + self.seconds * per_hour / 3600.0

    def check(self, tokens: int = 0) -> None:
        """Make sure that ``tokens`` more are within the budget.

        Raises:
            BudgetError: They are not.
        """
        spec = self._spec
        price = tokens * spec.price_per_million_tokens / 1e6
        bounds = (
            ("tokens", self.tokens + tokens, spec.max_tokens, "--max-tokens"),
            ("money", self.cost + price, spec.max_cost, "--max-cost"),
            ("seconds", self.seconds, spec.max_time, "--max-time"),
            ("GiB of memory", _resident_gib(), spec.max_memory_gib, "--max-memory"),
        )
        for what, used, bound, option in bounds:
            if bound is not None and used > bound:
                raise BudgetError(
                    f"the budget of {bound:,.10g} {what} is used up; "
                    f"go on with a larger {option} and --resume"
                )

    def spend(self, tokens: int) -> None:
        """Count tokens that were sent, and put the count to disk."""
        self.tokens += tokens
        self.save()

    def save(self) -> None:
        """Put the count to disk."""
        with replacing(self._folder / FILE) as sink:
            sink.write(json.dumps({"tokens": self.tokens, "seconds": self.seconds}).encode())

    def as_dict(self) -> dict[str, float]:
        """For the manifest."""
        return {
            "tokens": self.tokens,
            "seconds": round(self.seconds, 1),
            "cost": round(self.cost, 6),
        }

    def _read(self) -> tuple[float, int]:
        """Seconds and tokens of earlier attempts."""
        path = self._folder / FILE
        try:
            found = read_object(path)
            spent = float(found["seconds"]), int(found["tokens"])
        except FileNotFoundError:
            return 0.0, 0
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            reason = one_line(error, 200)
            raise LogError(f"{path}: what was spent cannot be read ({reason}); repair it") from None
        if not 0 <= spent[0] < math.inf or not 0 <= spent[1] < _MOST_TOKENS:
            raise LogError(f"{path}: nobody can have spent as much as it says; repair it")
        return spent


class MeteredModel:
    """A language model that is asked within a budget only; see ``LanguageModel``."""

    def __init__(self, model: LanguageModel, meter: Meter) -> None:
        self._model, self._meter = model, meter
        self.name, self.fingerprint = model.name, model.fingerprint
        self.tokenizer: Tokenizer = model.tokenizer
        self.block_size, self.max_prompt_tokens = model.block_size, model.max_prompt_tokens

    @property
    def engine_seconds(self) -> float:
        """Wall time spent inside the engine so far."""
        return self._model.engine_seconds

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order.

        Raises:
            BudgetError: The questions are more than what is left; none of them was sent.
        """
        return self.submit(questions)()

    def submit(self, questions: Sequence[Question]) -> Pending:
        """Queue questions; the budget is charged at once.

        Raises:
            BudgetError: The questions are more than what is left; none of them was sent.
        """
        tokens = sum(map(len, questions))
        self._meter.check(tokens)
        self._meter.spend(tokens)  # before, because a kill in between must not forget them
        return submit(self._model, questions)

    def write(self, passages: Sequence[Passage]) -> list[Written | NoAnswer]:
        """One text a passage, in order; what may be written counts as much as what is read.

        Raises:
            BudgetError: The passages are more than what is left; none of them was sent.
            ModelError: The model cannot write.
        """
        if not isinstance(self._model, Writer):
            raise ModelError(f'"{self.name}" cannot write; choose another model')
        tokens = sum(len(passage.prompt) + passage.max_tokens for passage in passages)
        self._meter.check(tokens)
        self._meter.spend(tokens)
        return self._model.write(passages)

    def close(self) -> None:
        """Close the model. May be called twice."""
        self._model.close()


def _resident_gib() -> float:
    """Memory of this process now."""
    with Path("/proc/self/statm").open() as source:
        return int(source.read().split()[1]) * resource.getpagesize() / _GIB
