"""The moment at which a user is asked: who, when, and what came before in the visit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that a user bought in an earlier visit of the run."""

    session: int
    seconds: float
    """Simulated, since the start of the run."""
    item: int
    """Catalogue code."""
    quantity: float
    value: float
    """Money spent; NaN where the item has no price."""
