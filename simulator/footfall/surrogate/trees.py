"""Boosted trees as plain arrays: learned by scikit-learn, written without pickle.

They are asked by ``footfall.surrogate.leaves``, without scikit-learn.
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

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """For writing; ``of_arrays`` is the way back."""
        return {f.name: np.asarray(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def of_arrays(cls, arrays: dict[str, npt.NDArray[Any]]) -> Trees:
        """Read back what ``arrays`` gave."""
        found: dict[str, Any] = {f.name: arrays[f.name] for f in fields(cls)}
        found["base"], found["depth"] = found["base"].item(), found["depth"].item()
        return cls(**found)
