"""How well users know items and categories, looked up for many pages at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.users.familiarity import Familiarity
from footfall.users.neighbours import EVEN, MOST

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_NEVER = np.log1p([[0, 10_000]])
"""[1, 2] what was never taken: longer ago than any history is long."""

_AFFINITIES = np.log1p(np.arange(MOST + 1))


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What one user has taken, over the whole history."""

    codes: Codes
    """[m] rising: items that were taken and, behind all items, categories."""
    repeats: Floats
    """[m, 2] orders with each, and orders since; as logarithms of one more."""
    orders: float
    """All orders, likewise."""
    affinities: Callable[[], npt.NDArray[np.int8]] | None
    """See ``Familiarity``."""

    @classmethod
    def of(cls, known: Familiarity, n_items: int) -> Taken:
        """What was counted, as arrays."""
        items, categories = sorted(known.items.items()), sorted(known.categories.items())
        codes = [code for code, _ in items] + [n_items + code for code, _ in categories]
        repeats = [repeat for _, repeat in (*items, *categories)]
        return cls(
            np.array(codes, dtype=np.int64),
            np.log1p(np.array(repeats, dtype=np.float64).reshape(-1, 2)),
            float(np.log1p(known.orders)),
            known.affinities,
        )

    def affinity(self, items: Codes) -> npt.NDArray[np.int8]:
        """[k] of ``items`` [k]; see ``Familiarity``."""
        if self.affinities is None:
            return np.full(len(items), EVEN, dtype=np.int8)
        return self.affinities().take(items)


def familiar(
    taken: Sequence[Taken], items: Codes, categories: npt.NDArray[np.integer], n_items: int
) -> tuple[Floats, ...]:
    """How well users know items, each [n, k], as logarithms of one more.

    Orders with each of ``items`` [n, k] and since; the same of its category; what users alike take.
    """
    k = items.shape[1]
    found = _repeats(taken, np.concatenate([items, n_items + categories], axis=1))
    alike = np.concatenate([one.affinity(row) for one, row in zip(taken, items, strict=True)])
    item, category = found[:, :k], found[:, k:]
    return (
        item[:, :, 0],
        item[:, :, 1],
        category[:, :, 0],
        category[:, :, 1],
        _AFFINITIES.take(alike).reshape(items.shape),
    )


def _repeats(taken: Sequence[Taken], wanted: Codes) -> Floats:
    """[n, w, 2] orders with, and since, each of ``wanted`` [n, w] by the user of its row."""
    codes = np.concatenate([one.codes for one in taken])
    repeats = np.concatenate([*[one.repeats for one in taken], _NEVER])
    # Users one behind the other on one line, so that a single search finds all.
    apart = int(max(codes.max(initial=0), wanted.max(initial=0))) + 1
    users = np.arange(len(taken)) * apart
    line = codes + np.repeat(users, [len(one.codes) for one in taken])
    asked = wanted + users[:, None]
    at = np.searchsorted(line, asked)
    at[np.append(line, -1).take(at) != asked] = len(line)
    return np.asarray(repeats.take(at, axis=0))
