"""Events as columns: what was taken when, one array a column."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class EventColumns:
    """Events of users, [n_events] each column; the rows of a user lie together, oldest first."""

    items: npt.NDArray[np.int32]
    """Catalogue codes."""
    times: npt.NDArray[np.datetime64]
    """UTC."""
    actions: npt.NDArray[np.int8]
    """Index into ``footfall.datasets.schema.ACTIONS``."""
    quantities: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    """Money or rating, NaN where unknown."""
    orders: npt.NDArray[np.int64]
    """Number of the basket or visit within its user, rising from 0; -1 unknown."""

    def columns(self, rows: slice | npt.NDArray[np.int64]) -> dict[str, Any]:
        """Name -> [n_rows] column, of some rows only; in the order of the fields above."""
        return {name: getattr(self, name)[rows] for name in _NAMES}


_NAMES = tuple(field.name for field in fields(EventColumns))
