"""A block of the validity report: one finding about the simulated users."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

BlockStatus = Literal["pass", "amber", "red", "not run"]

BLOCKS = {
    "A": "Provenance: data, model and prompts; could the model know these titles?",
    "B": "Choice: do simulated users pick what the real ones picked?",
    "C": "Calibration: are the probabilities right?",
    "D": "Distributions: do crowds look alike?",
    "E": "Individuality: are users different from each other, as real ones are?",
    "F": "Invariance: does the order of options or the wording matter?",
    "G": "Ranking: are recommenders put in the right order, with lifts of the right size?",
    "H": "Uplift: are past A/B tests retold?",
    "I": "Logs: do recommenders learn from these logs what they learn from real ones?",
}
"""Every block in the order of the report: its title, and the question that it answers."""


@dataclass(frozen=True)
class Block:
    """One finding about the simulated users."""

    letter: str
    status: BlockStatus
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
