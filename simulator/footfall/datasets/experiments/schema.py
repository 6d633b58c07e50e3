"""The canonical table of past experiments: one row an arm of a randomised test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.pandas as pa

from footfall.datasets.schema import Cleaning

Floats = npt.NDArray[np.float64]

PRESENTATION = ("title", "text", "price", "image")
"""What an arm looked like."""

ARMS = pa.DataFrameSchema(
    {
        "test": pa.Column(str),
        "story": pa.Column(str),
        "time": pa.Column(float, nullable=True),
        "title": pa.Column(str),
        "text": pa.Column(str),
        "price": pa.Column(float, nullable=True),
        "image": pa.Column(str),
        "shown": pa.Column(int, pa.Check.gt(0)),
        "taken": pa.Column(int, pa.Check.ge(0)),
    },
    checks=pa.Check(lambda rows: rows["taken"] <= rows["shown"]),
    strict=True,
)
"""``time`` only has to rise: Unix seconds, or a number such as a week. ``image`` is an id.
``taken`` is any counted outcome (clicks, orders); tests of one ``story`` share what they show."""


@dataclass(frozen=True)
class Experiments:
    """Randomised tests with their arms, sorted by time, test and place in the source."""

    name: str
    arms: pd.DataFrame
    """See ``ARMS``; index from 0."""
    outcome: str = "clicks"
    """What ``taken`` counts."""
    cleaning: tuple[Cleaning, ...] = ()
    about: str = ""
    licence: str = ""

    def log_rates(self) -> Floats:
        """[n_arms] log of the share taken, half a count added so that none is endless."""
        taken, shown = self.arms["taken"].to_numpy(float), self.arms["shown"].to_numpy(float)
        return np.log((taken + 0.5) / (shown + 1.0))

    def binomial_variances(self) -> Floats:
        """[n_arms] variance of ``log_rates`` if every impression were a coin of its own."""
        taken, shown = self.arms["taken"].to_numpy(float), self.arms["shown"].to_numpy(float)
        return 1.0 / (taken + 0.5) - 1.0 / (shown + 1.0)

    def summary(self) -> dict[str, object]:
        """Counts, for people and for JSON."""
        arms = self.arms
        return {
            "experiments": self.name,
            "tests": int(arms["test"].nunique()),
            "stories": int(arms["story"].nunique()),
            "arms": len(arms),
            "shown": int(arms["shown"].sum()),
            self.outcome: int(arms["taken"].sum()),
            "cleaning": [f"{c.count} x {c.problem}: {c.action}" for c in self.cleaning],
        }
