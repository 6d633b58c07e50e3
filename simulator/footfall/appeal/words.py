"""Words and pairs of words of a title, hashed and weighted by rarity; no vocabulary is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import HashingVectorizer

Floats = npt.NDArray[np.float64]

BUCKETS = 2**16
"""Hash buckets; eight thousand headlines fill about two thirds of them."""


@cache
def _counts() -> HashingVectorizer:
    """Stateless: nothing in it is learned."""
    from sklearn.feature_extraction.text import HashingVectorizer  # noqa: PLC0415 - slow

    return HashingVectorizer(
        ngram_range=(1, 2), n_features=BUCKETS, alternate_sign=False, norm=None, dtype=np.float64
    )


@dataclass(frozen=True, eq=False)
class WordSpace:
    """How rare words are among the titles that were learned from."""

    rarity: Floats
    """[BUCKETS] inverse document frequency, log((1+n)/(1+df)) + 1; 0 for words of a single title,
    which can teach nothing about another."""

    @classmethod
    def learn(cls, titles: Sequence[str]) -> WordSpace:
        """Count in how many titles each word occurs."""
        counts = _counts().transform(titles).tocsr()
        found = np.bincount(counts.indices, minlength=BUCKETS)
        rarity = np.log((1 + len(titles)) / (1 + found)) + 1
        return cls(np.where(found > 1, rarity, 0.0))

    def encode(self, titles: Sequence[str]) -> sp.csr_matrix:
        """[n_titles, BUCKETS] rows of length 1 (0 for a title without a known word)."""
        counts = _counts().transform(titles).tocsr()
        counts.data = 1.0 + np.log(counts.data)
        weighted = counts @ sp.diags(self.rarity)
        norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        return (sp.diags(1.0 / np.maximum(norms, 1e-12)) @ weighted).tocsr()
