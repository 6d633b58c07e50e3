"""What the world asks from outside: a page for a user, filled and weighed.

The world knows no recommender and no language model. It hands over ``PageRequest``s in
batches and gets ``FilledPage``s back; who answers (this process, another one, a cluster) is
not its business.

These objects are made for every page. They are not changed, and not frozen either: making a frozen
one takes five times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from footfall.users.moments import Moment


@dataclass(slots=True)
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
    lived: tuple[Moment, ...] = ()
    """What was bought in earlier visits of the run, oldest first; empty unless remembered."""
    spent: float = 0.0
    """Money spent earlier in this visit, where it is counted."""
    kind: str = ""
    """"": what the arm recommends; "search" or "similar": what the shop itself finds."""
    about: str = ""
    """The query, or the code of the item that others should be like."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something beside looking, clicking and buying: one row of the log of events."""

    session: int
    page: int
    seconds: float
    """Simulated, since the start of the run."""
    action: str
    """One of ``footfall.run_folder.log.HAPPENINGS``."""
    item: int = -1
    """Catalogue code; -1: none."""
    quantity: float = float("nan")
    value: float = float("nan")
    """Money, or a rating."""
    text: str = ""


@dataclass(slots=True)
class PageOutcome:
    """What the user did with a page; codes in the order of the page."""

    items: tuple[int, ...]
    clicked: tuple[int, ...]
    bought: tuple[int, ...]
    value: float
    seconds: float
    go_on: bool
    answered: bool
    paid: tuple[float, ...] = ()
    """Money spent on each of ``bought``; NaN where it has no price."""
    pieces: tuple[float, ...] = ()
    """How many were bought of each of ``bought``."""
    summary: str = ""
    """What the user likes, in a few words, if the model summed it up for this visit."""
    happenings: tuple[Happening, ...] = ()
    """What else the user did with it."""
    then: tuple[str, str] = ("", "")
    """Kind of the next page and what it is about, if it is no recommended one."""
    reason: str = ""
    """Why the user would leave now, where scenarios ask for it."""
    gave_up: bool = False
    """The page did not come in time; ``items`` is empty then."""


@dataclass(slots=True)
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
    summary: str = ""
    """What the user likes, in a few words, if the model summed it up for this visit."""
    heard: npt.NDArray[np.float64] | None = None
    """[len(items), 2] what others buy: ``behaviour.specs.SITUATION``; None: nobody talks."""


class PageService(Protocol):
    """Fills and weighs pages; the answer to a request does not depend on its batch."""

    def serve(self, requests: Sequence[PageRequest]) -> list[FilledPage]:
        """One filled page a request, in order."""
        ...
