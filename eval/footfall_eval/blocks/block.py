"""What a block of the validity report is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

from footfall_eval.reading.validity import BLOCKS

Status = Literal["pass", "amber", "red", "not run"]


@dataclass(frozen=True)
class Block:
    """One finding about the simulated users."""

    letter: str
    status: Status
    explanation: str
    """One or two sentences for people: what was found, and why it has this status."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """Named figures; ``[low, high]`` for an interval, None where undefined."""
    table: tuple[dict[str, Any], ...] = ()
    """Rows behind the figures, all with the same keys."""
    plots: dict[str, Any] = field(default_factory=dict)
    """Numbers of the plots of the HTML report."""
    segments: tuple[dict[str, Any], ...] = ()
    """The block's main figure by group of users, the worst group first."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON: NaN and infinities become None."""
        return {
            "title": BLOCKS[self.letter].partition(":")[0],
            "status": self.status,
            "explanation": self.explanation,
            "metrics": plain(self.metrics),
            "table": plain(self.table),
            "plots": plain(self.plots),
            "segments": plain(self.segments),
        }


def not_run(letter: str, why: str, metrics: dict[str, Any] | None = None) -> Block:
    """A block without evidence; it never counts as a pass."""
    return Block(letter, "not run", why, metrics or {})


def graded(value: float, green: float, amber: float) -> Status:
    """``pass`` up to ``green``, ``amber`` up to ``amber``, else ``red``; NaN is ``not run``."""
    if math.isnan(value):
        return "not run"
    return "pass" if value <= green else "amber" if value <= amber else "red"


def within(value: float, green: tuple[float, float], amber: tuple[float, float]) -> Status:
    """``pass`` inside the first range, ``amber`` inside the second, else ``red``."""
    if math.isnan(value):
        return "not run"
    if green[0] <= value <= green[1]:
        return "pass"
    return "amber" if amber[0] <= value <= amber[1] else "red"


def worst(statuses: list[Status]) -> Status:
    """The worst of several; what was not run is ignored unless nothing was."""
    for status in ("red", "amber", "pass"):
        if status in statuses:
            return status
    return "not run"


def plain(value: Any) -> Any:
    """Make numpy scalars, tuples and NaN fit for JSON."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
