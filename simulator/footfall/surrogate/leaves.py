"""Which leaf of each tree a row ends in, told by bits instead of steps.

Every tree has a word with one bit a leaf, from left to right. A value above a node's threshold
rules out the leaves to the left of that node; the first leaf that nothing rules out is the one that
is reached (QuickScorer; Lucchese et al., 2015). What one value leaves of all trees is looked up at
once, and what is known of a row in parts (its item, its user) is put together by *and*.

Rows are looked up and added one by one, so an answer does not depend on what else is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.surrogate.trees import Trees

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[Any]
"""[n, t] unsigned: which leaves of each tree are left."""

MOST = 64
"""Leaves of a tree at most: bits of the longest word."""

_EXPONENT, _BIAS = 52, 1023
"""Where a float64 keeps its exponent, and what is added to it."""


@dataclass(frozen=True, eq=False)
class Leaves:
    """All leaves of all trees."""

    base: float
    values: Floats
    """[t, w] what each leaf adds, from left to right."""
    left: dict[int, tuple[Floats, Words]]
    """Feature -> its thresholds, rising, and [m + 1, t] the leaves that a value leaves which is
    above so many of them."""
    _every: np.unsignedinteger[Any]
    """All leaves."""

    @classmethod
    def of(cls, trees: Trees) -> Leaves:
        """Walk through trees.

        Raises:
            ValueError: They are none, or one has more than ``MOST`` leaves.
        """
        walks = [_Walk(trees) for _ in trees.roots]
        for walk, root in zip(walks, trees.roots.tolist(), strict=True):
            walk.down(root, trees.depth)
        widest = max((len(walk.values) for walk in walks), default=1)
        values = np.zeros((len(walks), widest))
        turns: dict[int, list[tuple[float, int, int]]] = {}
        for number, walk in enumerate(walks):
            values[number, : len(walk.values)] = walk.values
            for feature, threshold, under in walk.turns:
                turns.setdefault(feature, []).append((threshold, number, under))
        word = np.dtype(f"u{2 ** max(0, (widest - 1).bit_length() - 3)}").type
        every = word(np.iinfo(word).max)
        tables = {one: _table(found, len(walks), every) for one, found in turns.items()}
        return cls(trees.base, values, tables, every)

    def words(self, features: Sequence[int], columns: Sequence[npt.NDArray[Any]]) -> Words:
        """[n, t] what rows leave of which these features are known, each as a column [n]."""
        found = None
        for feature, column in zip(features, columns, strict=True):
            if feature in self.left:
                thresholds, words = self.left[feature]
                left = words.take(np.searchsorted(thresholds, column), axis=0)
                found = left if found is None else np.bitwise_and(found, left, out=found)
        if found is None:
            return np.full((len(columns[0]), len(self.values)), self._every)
        return found

    def sums(self, words: Words) -> Floats:
        """[n] what rows come to: base, and the first leaf of each tree that is left."""
        first = (words & -words).astype(np.float64)  # a power of two: its exponent is the leaf
        trees, width = self.values.shape
        at = first.view(np.int64)
        at >>= _EXPONENT
        at += np.arange(trees) * width - _BIAS
        return np.asarray(self.base + self.values.ravel().take(at).sum(axis=1))


@dataclass
class _Walk:
    """One tree, from its leftmost leaf to the last."""

    trees: Trees
    values: list[float] = field(default_factory=list)
    turns: list[tuple[int, float, int]] = field(default_factory=list)
    """Feature, threshold, and bits of the leaves to the left."""

    def down(self, node: int, steps: int) -> int:
        """Bits of the leaves under a node."""
        left, right = int(self.trees.left[node]), int(self.trees.right[node])
        if left == right == node:
            if len(self.values) == MOST:
                raise ValueError(f"a tree of more than {MOST} leaves")
            self.values.append(float(self.trees.value[node]))
            return 1 << (len(self.values) - 1)
        if not steps:
            raise ValueError("trees deeper than they say")
        under = self.down(left, steps - 1)
        self.turns.append((int(self.trees.feature[node]), float(self.trees.threshold[node]), under))
        return under | self.down(right, steps - 1)


def _table(
    turns: Sequence[tuple[float, int, int]], trees: int, every: np.unsignedinteger[Any]
) -> tuple[Floats, Words]:
    """Thresholds of a feature, rising, and the words below, between and above them."""
    thresholds = np.unique([threshold for threshold, _, _ in turns])
    words = np.full((len(thresholds) + 1, trees), every)
    for threshold, number, under in turns:
        above = np.searchsorted(thresholds, threshold) + 1
        words[above:, number] &= every ^ type(every)(under)
    return thresholds, words
