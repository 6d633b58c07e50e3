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

from footfall.errors import BudgetError, LogError, ModelError, one_line
from footfall.llm.protocol import LanguageModel, NoAnswer, Question, Reply, Tokenizer
from footfall.llm.stream import Pending, submit
from footfall.llm.writing import Passage, Writer, Written
from footfall.plumbing.files import replacing
from footfall.plumbing.json_files import read_object
from footfall.run_folder.layout import SPENT
from footfall.scenario.budget import BudgetSpec

_GIB = 1 << 30
_ANEW = "put a copy back, or delete it to count anew"
_MOST_TOKENS = 2**63


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
        with replacing(self._folder / SPENT) as sink:
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
        path = self._folder / SPENT
        try:
            found = read_object(path)
            spent = float(found["seconds"]), int(found["tokens"])
        except FileNotFoundError:
            return 0.0, 0
        except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
            reason = one_line(error, 200)
            raise LogError(f"{path}: what was spent cannot be read ({reason}); {_ANEW}") from None
        if not 0 <= spent[0] < math.inf or not 0 <= spent[1] < _MOST_TOKENS:
            raise LogError(f"{path}: the amounts in it cannot be right; {_ANEW}")
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
