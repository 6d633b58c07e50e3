"""Boosted trees as plain arrays: learned by scikit-learn, asked without it, written without pickle.

Asking is comparing and adding, row by row, so an answer does not depend on what else is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has no types

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int32]

_ROWS_AT_ONCE = 256
"""So that what is worked on stays in the cache of a core."""


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of regression trees; nodes of all trees lie behind one another."""

    feature: Numbers
    """[m] which feature a node looks at."""
    threshold: Floats
    """[m] values up to this go left; infinite at a leaf."""
    left: Numbers
    """[m] where they go; a leaf points to itself."""
    right: Numbers
    value: Floats
    """[m] what a leaf adds."""
    roots: Numbers
    """[t] first node of each tree."""
    base: float
    depth: int

    @classmethod
    def grow(cls, rows: Floats, targets: Floats, *, seed: int) -> Trees:
        """Learn ``targets`` [n] from ``rows`` [n, f]; until a tenth kept apart gains no more."""
        from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415 - slow

        booster = HistGradientBoostingRegressor(
            learning_rate=0.08,
            max_iter=400,
            max_leaf_nodes=12,
            max_depth=6,
            l2_regularization=1.0,
            early_stopping=len(rows) >= 500,
            n_iter_no_change=20,
            random_state=seed,
        )
        # One thread: it adds in one order, and rows are too few for more to pay.
        with threadpool_limits(1):
            booster.fit(rows, targets)
        return cls._of(booster)

    @classmethod
    def _of(cls, booster: HistGradientBoostingRegressor) -> Trees:
        # scikit-learn has no public door to these; a test compares our answers with its own.
        nodes: list[Any] = [tree.nodes for (tree,) in booster._predictors]  # noqa: SLF001
        roots = np.cumsum([0, *map(len, nodes)])[:-1]
        both = np.concatenate(nodes)
        start = np.repeat(roots, [len(part) for part in nodes])
        here, leaf = np.arange(len(both)), both["is_leaf"].astype(bool)
        return cls(
            feature=both["feature_idx"].astype(np.int32),
            threshold=np.where(leaf, np.inf, both["num_threshold"]),
            left=np.where(leaf, here, both["left"] + start).astype(np.int32),
            right=np.where(leaf, here, both["right"] + start).astype(np.int32),
            value=np.where(leaf, both["value"], 0.0),
            roots=roots.astype(np.int32),
            base=float(np.ravel(booster._baseline_prediction)[0]),  # noqa: SLF001 - likewise
            depth=int(both["depth"].max()),
        )

    def predict(self, rows: Floats) -> Floats:
        """[n] of ``rows`` [n, f]."""
        out = np.empty(len(rows))
        feature, below = self.feature.astype(np.int64), self._below
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[first : first + _ROWS_AT_ONCE]
            flat, start = part.ravel(), (np.arange(len(part)) * part.shape[1])[:, None]
            node = np.tile(self.roots.astype(np.int64), (len(part), 1))
            for _ in range(self.depth):
                left = flat.take(start + feature.take(node)) <= self.threshold.take(node)
                node = below.take(2 * node + left)
            out[first : first + len(part)] = self.base + self.value.take(node).sum(axis=1)
        return out

    @property
    def _below(self) -> npt.NDArray[np.int64]:
        """[2 m] where node n leads: to the right at 2 n, to the left at 2 n + 1."""
        return np.column_stack([self.right, self.left]).ravel().astype(np.int64)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """For writing; ``of_arrays`` is the way back."""
        return {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> Trees:
        """Read back what ``arrays`` gave."""
        found: dict[str, Any] = {f.name: arrays[f.name] for f in fields(cls)}
        found["base"], found["depth"] = found["base"].item(), found["depth"].item()
        return cls(**found)
