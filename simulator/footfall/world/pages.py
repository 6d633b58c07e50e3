"""What the world asks from outside: a page for a user, filled and weighed.

The world knows no recommender and no language model. It hands over ``PageRequest``s in
batches and gets ``FilledPage``s back; who answers (this process, another one, a cluster) is
not its business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A user of one arm opens a page."""

    arm: int
    user: int
    """Number of the user in the population."""
    session: int
    page: int
    time: float
    """Simulated seconds since the start of the run."""
    shown: tuple[int, ...]
    """Catalogue codes shown earlier in this visit."""
    clicked: tuple[int, ...]
    bought: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FilledPage:
    """What is on the page, and what the language model thinks of it."""

    items: npt.NDArray[np.int32]
    """[<= k] catalogue codes, top first; empty: the recommender had nothing or failed."""
    scores: npt.NDArray[np.float64] | None
    propensities: npt.NDArray[np.float64] | None
    llm: npt.NDArray[np.float64]
    """[len(items)] utilities; NaN: no answer."""
    teams: npt.NDArray[np.float64] | None = None
    """[len(items)] number of the recommender that put the item there, if pages are interleaved."""


class PageService(Protocol):
    """Fills and weighs pages; the answer to a request does not depend on its batch."""

    def serve(self, requests: Sequence[PageRequest]) -> list[FilledPage]:
        """One filled page a request, in order."""
        ...
