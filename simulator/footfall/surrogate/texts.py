"""Where items lie by what they are called: hashed letters, weighted by rarity, in a few axes.

Parts of words (3 to 5 letters) are hashed and weighted by TF-IDF; the axes are a truncated
singular value decomposition of the learned items (latent semantic analysis; Deerwester et al.,
1990). No vocabulary has to be kept, and a word that was never met still counts: it makes an item
far from everything that was learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from footfall.datasets.catalogue import Catalogue

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import HashingVectorizer

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

BUCKETS = 2**18
"""Hash buckets; a large catalogue fills a few ten thousand of them."""

WIDTH = 48
"""Axes at most."""

_ROWS_AT_ONCE = 2_000


@cache
def _counts() -> HashingVectorizer:
    """Stateless: nothing in it is learned."""
    from sklearn.feature_extraction.text import HashingVectorizer  # noqa: PLC0415 - slow

    return HashingVectorizer(
        analyzer="char_wb",
        ngram_range=(3, 5),
        n_features=BUCKETS,
        alternate_sign=False,
        norm=None,
        dtype=np.float64,
    )


def item_texts(catalogue: Catalogue) -> list[str]:
    """[n_items] what an item is known by: its title and its category."""
    pairs = zip(catalogue.titles, catalogue.categories, strict=True)
    return [f"{title} {category}".strip() for title, category in pairs]


@dataclass(frozen=True, eq=False)
class TextSpace:
    """Weights of parts of words, and axes; arrays only, so that it can be written down."""

    buckets: Numbers
    """[c] rising: buckets of parts of words in the learned texts."""
    rarity: Floats
    """[c] inverse document frequency, log((1+n)/(1+df)) + 1."""
    unmet: float
    """The same for a part that no learned text has."""
    axes: Floats
    """[c, d]"""

    @classmethod
    def learn(cls, texts: Sequence[str], *, width: int = WIDTH, seed: int = 0) -> TextSpace:
        """Learn from the texts of at least two items."""
        from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415 - slow

        counts = _counts().transform(texts).tocsc()
        found = np.bincount(counts.nonzero()[1], minlength=BUCKETS)
        buckets = np.flatnonzero(found)
        rarity = np.log((1 + len(texts)) / (1 + found[buckets])) + 1
        flat = cls(buckets, rarity, float(np.log(1 + len(texts)) + 1), np.empty((0, 0)))
        weighted = flat.weigh(texts)[:, buckets]
        width = min(width, len(texts) - 1, len(buckets) - 1)
        axes = TruncatedSVD(max(1, width), random_state=seed).fit(weighted).components_.T
        # Written down as float32, so that a surrogate read from a folder is the very same.
        rounded = axes.astype(np.float32).astype(np.float64)
        return cls(buckets, rarity, flat.unmet, rounded)

    def weigh(self, texts: Sequence[str]) -> sp.csr_matrix:
        """[n, BUCKETS] rows of length 1 (0 for a text without letters)."""
        counts = _counts().transform(texts).tocsr()
        weights = np.full(BUCKETS, self.unmet)
        weights[self.buckets] = self.rarity
        weighted = counts @ sp.diags(weights)
        norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        return (sp.diags(1.0 / np.maximum(norms, 1e-12)) @ weighted).tocsr()

    def place(self, weighted: sp.csr_matrix) -> Floats:
        """[n, d] coordinates, of length 1 (0 for a text without a known part)."""
        found = np.asarray(weighted[:, self.buckets] @ self.axes)
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.maximum(norms, 1e-12))


def nearest(weighted: sp.csr_matrix, learned: sp.csr_matrix, *, same: bool = False) -> Floats:
    """[n] cosine distance (0 to 1) of each row to the nearest learned one.

    ``same``: the rows are the learned ones; the nearest *other* one is meant.
    """
    found = np.empty(weighted.shape[0])
    across = learned.T.tocsr()
    for first in range(0, len(found), _ROWS_AT_ONCE):
        part = np.asarray((weighted[first : first + _ROWS_AT_ONCE] @ across).todense())
        if same:
            rows = np.arange(len(part))
            part[rows, rows + first] = -1.0
        found[first : first + len(part)] = 1.0 - part.max(axis=1, initial=-1.0)
    return np.clip(found, 0.0, 1.0)
