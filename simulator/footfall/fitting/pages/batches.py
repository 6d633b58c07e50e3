"""Users, or items, with equally many rows: their turns are taken together, as stacked matrices.

Owners of equal size need no padding, so that each one's numbers are the very ones that a loop over
the owners would find.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.fitting.pages.picks import ROWS_AT_ONCE, Grid

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

FARTHEST = 4.0
"""Log-odds by which one step of a user or an item may move a utility."""


@dataclass(frozen=True, eq=False)
class Owners:
    """Which rows belong to whom."""

    bounds: Numbers
    """[n_owners + 1] where the rows of each owner begin, once they are in order."""
    batches: tuple[Numbers, ...]
    """Numbers of owners that have equally many rows (and pages), and at least one."""
    none: Numbers
    """Numbers of owners without rows."""

    @classmethod
    def of(cls, owner: Numbers, n_owners: int, pages: Numbers | None = None) -> Owners:
        """From the owner of each row, rising.

        With ``pages`` (of the rows, rising), owners of a batch have equally many pages, too.
        """
        bounds = np.searchsorted(owner, np.arange(n_owners + 1))
        rows = np.diff(bounds)
        several = np.zeros(n_owners, dtype=np.int64)
        if pages is not None and len(pages):
            ends = np.maximum(bounds[1:] - 1, 0)
            several = pages[ends] - pages[np.minimum(bounds[:-1], len(pages) - 1)] + 1
        there = np.flatnonzero(rows)
        order = there[np.lexsort((several[there], rows[there]))]
        changed = (np.diff(rows[order]) != 0) | (np.diff(several[order]) != 0)
        alike = np.split(order, np.flatnonzero(changed) + 1) if len(order) else []
        batches = tuple(part for some in alike for part in _cut(some, int(rows[some[0]])))
        return cls(bounds, batches, np.flatnonzero(rows == 0))

    def each(self) -> Iterator[tuple[Numbers, Numbers]]:
        """Owners [b] and their rows [b, m], batch by batch."""
        for who in self.batches:
            first = self.bounds[who]
            yield who, first[:, None] + np.arange(self.bounds[who[0] + 1] - first[0])


def _cut(owners: Numbers, rows: int) -> list[Numbers]:
    most = max(1, ROWS_AT_ONCE // rows)
    return [owners[start : start + most] for start in range(0, len(owners), most)]


def gram(x: Floats, weight: Floats) -> Floats:
    """[b, k, k] from features [b, m, k] and weights [b, m] of the rows."""
    return np.asarray((x * weight[:, :, None]).transpose(0, 2, 1) @ x)


def on_pages(grid: Grid, rows: Numbers) -> Numbers:
    """[b * p, places] where the rows of the owners' pages lie among ``rows`` [b, m]; -1: nowhere.

    Rows of an owner stand together, and so do those of a page.
    """
    pages = grid.page[rows]
    each = pages[:, :1] + np.arange(pages[0, -1] - pages[0, 0] + 1)
    moved = rows[:, 0] - rows.shape[1] * np.arange(len(rows))
    of_pages = grid.rows[each]
    found = np.where(of_pages < 0, -1, of_pages - moved[:, None, None])
    return np.asarray(found.reshape(-1, found.shape[2]), dtype=np.int64)


def page_sums(rows: Numbers, values: Floats) -> Floats:
    """[b, p, k] sums over pages of ``values`` [b, m, k].

    Args:
        rows: [b * p, places] where the rows of the pages of each owner lie in [b * m]; -1: nowhere.
        values: What is added up.
    """
    b, _, k = values.shape
    padded = np.concatenate([values.reshape(-1, k), np.zeros((1, k))])
    found = np.zeros((len(rows), k))
    for place in rows.T:
        found += padded[place]
    return found.reshape(b, -1, k)


def over_rows(weight: Floats, column: Numbers, bounds: Numbers, matrices: Floats) -> Floats:
    """[n_owners, f, f] of ``matrices`` [n_columns, f, f] the weighted sum over each owner's rows.

    Args:
        weight: [n] of the rows, in the order of their owners.
        column: [n] which matrix.
        bounds: [n_owners + 1] where each owner's rows begin.
        matrices: What is added up.
    """
    from scipy import sparse  # noqa: PLC0415 - heavy

    shape = (len(bounds) - 1, len(matrices))
    each = sparse.csr_matrix((weight, column, bounds), shape=shape)
    flat = np.ascontiguousarray(matrices).reshape(len(matrices), -1)
    return np.asarray(each @ flat).reshape(-1, *matrices.shape[1:])


def solved(precision: Floats, linear: Floats, before: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Covariances [b, k, k], and where the owners go [b, k], a step too far being shortened.

    Where a chance is nearly 0 or 1 the likelihood is flat: a step that lands there does not come
    back, and the variances follow it. So no step moves a utility further than ``FARTHEST``.

    Args:
        precision: [b, k, k]
        linear: [b, k]
        before: [b, k] where they are.
        x: [b, m, k] features of the rows.
    """
    cov: Floats = np.asarray(np.linalg.inv(precision), dtype=np.float64)
    step = times(cov, linear) - before
    moves = np.abs(times(x, step)).max(axis=1)
    return cov, before + step * (FARTHEST / np.maximum(moves, FARTHEST))[:, None]


def times(matrices: Floats, vectors: Floats) -> Floats:
    """[b, i] each matrix [b, i, k] times its vector [b, k]."""
    return np.asarray((matrices @ vectors[:, :, None])[:, :, 0])
