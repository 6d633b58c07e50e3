"""What a recommender under test looks like to Footfall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Split


@dataclass(frozen=True, slots=True)
class Request:
    """A simulated user opens a page and a recommender must fill it."""

    user: str
    session: int
    """Number of the visit of this user, from 0."""
    page: int
    """Number of the page within the visit, from 0."""
    time: pd.Timestamp
    """Simulated time, UTC, naive."""
    k: int
    """Items wanted."""
    shown: tuple[str, ...] = ()
    """Items already shown in this visit; not wanted again."""
    unavailable: frozenset[str] = frozenset()
    """Items that are not on sale now; not wanted either."""
    seed: int = 0
    """Luck of this request: the same for every arm, batch and worker."""


@dataclass(frozen=True, slots=True)
class Slate:
    """Items in the order in which they are shown, best first."""

    items: tuple[str, ...]
    scores: tuple[float, ...] | None = None
    """The recommender's own scores, as many as items."""
    propensities: tuple[float, ...] | None = None
    """Probability that the recommender put this item at this position, where it knows."""
    failure: str = ""
    """Why there is no slate (then ``items`` is empty): this request failed, the run goes on."""


@runtime_checkable
class Recommender(Protocol):
    """Fills pages. The answer to a request depends on the request and the training, only.

    A recommender that draws by lot may also have ``chances(requests, items)``: for each request
    and each of as many lists of items, one a position, the probability that it would put the item
    there. Off-policy estimates are then exact; without it they draw slates.
    """

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """One slate a request, in order."""
        ...

    def update(self, events: pd.DataFrame) -> None:
        """Learn from an epoch: canonical interactions of this arm's simulated users."""
        ...


@dataclass(frozen=True)
class Materials:
    """What a recommender is made from, beside its options."""

    split: Split
    """What it may learn from. The held-out part is empty: a recommender under test that had seen
    the future would win every rehearsal."""
    catalogue: Catalogue
    """The items of the same data set."""
    base: Path
    """Folder of the scenario file; relative paths and modules start there."""
    seed: int
    """Luck of the training (initial factors); a page's luck is ``Request.seed``."""
