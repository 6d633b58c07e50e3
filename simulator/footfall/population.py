"""Who walks in, and what they remember."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Persona:
    """One simulated user, made of the remembered part of a real one.

    The history arrays are aligned, oldest first, and end strictly before the split.
    """

    user: str
    profile: dict[str, str]
    """Readable profile, empty where nothing is known."""
    items: npt.NDArray[np.int32]
    """[n_events] catalogue codes."""
    times: npt.NDArray[np.datetime64]
    """[n_events] UTC."""
    actions: npt.NDArray[np.int8]
    """[n_events] index into ``footfall.datasets.schema.ACTIONS``."""
    quantities: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    """[n_events] money or rating, NaN where unknown."""
    orders: npt.NDArray[np.int64]
    """[n_events] number of the basket or visit within this user, rising; -1 unknown."""
    cold: bool = False
    """A cold-start persona: a profile and no history."""
