"""How a block of the validity report gets its status."""

from __future__ import annotations

import math
from typing import Any

from footfall_eval.reading.block import Block, BlockStatus


def not_run(letter: str, why: str, metrics: dict[str, Any] | None = None) -> Block:
    """A block without evidence; it never counts as a pass."""
    return Block(letter, "not run", why, metrics or {})


def graded(value: float, green: float, amber: float) -> BlockStatus:
    """``pass`` up to ``green``, ``amber`` up to ``amber``, else ``red``; NaN is ``not run``."""
    if math.isnan(value):
        return "not run"
    return "pass" if value <= green else "amber" if value <= amber else "red"


def within(value: float, green: tuple[float, float], amber: tuple[float, float]) -> BlockStatus:
    """``pass`` inside the first range, ``amber`` inside the second, else ``red``."""
    if math.isnan(value):
        return "not run"
    if green[0] <= value <= green[1]:
        return "pass"
    return "amber" if amber[0] <= value <= amber[1] else "red"


def worst(statuses: list[BlockStatus]) -> BlockStatus:
    """The worst of several; what was not run is ignored unless nothing was."""
    for status in ("red", "amber", "pass"):
        if status in statuses:
            return status
    return "not run"
