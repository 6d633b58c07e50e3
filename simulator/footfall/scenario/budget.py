"""What a run may use, as a scenario says it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from footfall.plumbing.spec import Spec

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds(text: object) -> object:
    """Seconds of a text such as "90m", "8h" or "2.5 d"; anything else is left alone."""
    if isinstance(text, str) and text.strip()[-1:] in _UNITS:
        number = text.strip()
        try:
            return float(number[:-1]) * _UNITS[number[-1]]
        except ValueError:
            raise ValueError('a time is a number with s, m, h or d, for instance "8h"') from None
    return text


class BudgetSpec(Spec):
    """Bounds of a run; where one is reached the run stops, and can be resumed with a larger."""

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
