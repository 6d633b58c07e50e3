"""An appeal model: voices that each score a title, their weights, and how far they may err."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Reads(Protocol):
    """Anything that turns titles into rows of numbers, dense or sparse."""

    def encode(self, titles: Sequence[str]) -> Any:
        """[n_titles, width] of each title."""
        ...


@dataclass(frozen=True, eq=False)
class Voice:
    """One opinion: what it reads in a title, and what each number of that is worth."""

    name: str
    reader: Reads
    worth: Floats
    """[width]"""

    def score(self, titles: Sequence[str]) -> Floats:
        """[n_titles] log share taken, up to a constant."""
        return np.asarray(self.reader.encode(titles) @ self.worth, dtype=np.float64).ravel()


@dataclass(frozen=True)
class Noises:
    """What a prediction leaves open, measured by cross-fitting over stories."""

    spread: float
    """Standard deviation of true differences (log) around predicted ones."""
    overdispersion: float
    """Variance between equal arms over the binomial one; see ``datasets.experiments.noise``."""


@dataclass(frozen=True, eq=False)
class Appeal:
    """How titles of one item compare; a difference of 0.1 is a share taken 10% larger."""

    voices: tuple[Voice, ...]
    weights: Floats
    """[n_voices] not below 0; chosen, and the size of differences set, by cross-fitting."""
    noises: Noises
    card: dict[str, Any] = field(default_factory=dict)
    """Where it was learned, what it is good for, and how it did on tests it had not seen."""

    def score(self, titles: Sequence[str]) -> Floats:
        """[n_titles] appeal; only differences between titles of one item mean anything."""
        found = np.zeros(len(titles))
        for voice, weight in zip(self.voices, self.weights, strict=True):
            if weight:
                found += weight * voice.score(titles)
        return found
