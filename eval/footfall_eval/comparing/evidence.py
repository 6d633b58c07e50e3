"""What an effect rests on: the simulation, the log's propensities, or both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Basis = Literal["simulation", "off-policy", "both"]


@dataclass(frozen=True)
class Lift:
    """A relative difference from the control, with an interval; 0.1 is 10% more."""

    lift: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether no difference lies outside the interval."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Evidence:
    """One effect, given up to three times; intervals are of the comparison's level."""

    simulated: Lift
    """Interval: the luck of the draw only, which more users and days remove."""
    all_uncertainty: Lift
    """The simulated lift; its interval also holds the uncertainty of the fitted coefficients and
    the usual error of the model, where they are known."""
    off_policy: Lift | None
    """From the log's propensities alone, page by page; None: see ``why``."""
    both: Lift
    """What the verdict rests on: simulated and off-policy together, with all uncertainty."""
    rests_on: Basis
    weight: float
    """Share of the gap between log and simulation that is believed: 0 none, 1 all."""
    why: str
    """Why off-policy is not used, or what is odd about it; "" if nothing is."""
    p_value: float
    """Of ``both``."""
    model_error: float
    """Usual error of the simulation on the logarithm of a lift; NaN: not measured, none added."""
    effective_sample_size: float = float("nan")
    """Impressions that the off-policy estimate is worth."""
    mean_weight: float = float("nan")
    """1 on average if propensities are right and the arm has not seen the judged days."""
    pages: int = 0
    users: int = 0


def as_lift(log: float, error: float, reach: float) -> Lift:
    """From the logarithm of a ratio, its standard error and how many of them an interval has."""
    return Lift(math.expm1(log), math.expm1(log - reach * error), math.expm1(log + reach * error))
