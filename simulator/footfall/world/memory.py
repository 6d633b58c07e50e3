"""What users bought before the run, looked up by the thousand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Purchases:
    """Remembered purchases of every user, as sorted keys of (user, item) pairs."""

    keys: npt.NDArray[np.int64]
    """[n_pairs] user * n_items + item, rising."""
    numbers: npt.NDArray[np.float64]
    """[n_pairs] how often."""
    n_items: int

    @classmethod
    def count(
        cls, users: npt.NDArray[np.int64], items: npt.NDArray[np.int64], n_items: int
    ) -> Purchases:
        """Count aligned arrays of users and items, one entry a remembered purchase."""
        keys, numbers = np.unique(users * n_items + items, return_counts=True)
        return cls(keys.astype(np.int64), numbers.astype(np.float64), n_items)

    def of(
        self, users: npt.NDArray[np.int64], items: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.float64]:
        """[n_pages, k] purchases of ``items`` by ``users`` [n_pages]; 0 for code -1."""
        wanted = users[:, None] * self.n_items + items
        if not len(self.keys):
            return np.zeros(wanted.shape)
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        found = (self.keys[places] == wanted) & (items >= 0)
        return np.where(found, self.numbers[places], 0.0)
