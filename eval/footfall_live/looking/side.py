"""Several runs side by side: what each says of the effects that any of them has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from footfall_eval import Comparison, Contrast
from footfall_live.looking.shelf import RunEntry

MOST_SIDES = 8
"""Runs side by side at most: more fit on no screen."""


@dataclass(frozen=True)
class Side:
    """One of several runs."""

    entry: RunEntry
    result: Comparison | None
    """None: see ``trouble``."""
    trouble: str = ""

    def effect(self, metric: str, treatment: str) -> Contrast | None:
        """The run's contrast of an arm in a metric; None if it has none."""
        if self.result is None:
            return None
        found = (
            one
            for one in self.result.contrasts
            if one.metric == metric and one.treatment == treatment
        )
        return next(found, None)


def effects_of(sides: Sequence[Side]) -> list[tuple[str, str]]:
    """Metric and arm of every effect in a primary metric of any run, in the order of the runs."""
    found = [
        (one.metric, one.treatment)
        for side in sides
        if side.result is not None
        for one in side.result.contrasts
        if one.metric == side.result.primary
    ]
    return list(dict.fromkeys(found))
