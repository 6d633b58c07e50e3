"""The shop's own search: BM25 over titles and categories."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.titles import short

Codes = npt.NDArray[np.int32]


@dataclass(frozen=True)
class CatalogueSearch:
    """Finds items by words; ties go to the item that is first in the catalogue."""

    _index: Any
    _words: tuple[tuple[str, ...], ...]
    """Words of each item's title and category."""

    @classmethod
    def of(cls, catalogue: Catalogue) -> CatalogueSearch:
        """Index a catalogue."""
        import bm25s  # noqa: PLC0415 - slow (it loads numba), and few scenarios search

        texts = zip(catalogue.titles, catalogue.categories, strict=True)
        words = tuple(_words(f"{title} {category}") for title, category in texts)
        index = bm25s.BM25()
        index.index([list(row) for row in words], show_progress=False)
        return cls(index, words)

    def find(self, query: str, k: int) -> Codes:
        """[<= k] codes of the items that share words with ``query``, best first."""
        known = [word for word in _words(query) if word in self._index.vocab_dict]
        return self._best(known, k)

    def like(self, item: int, k: int) -> Codes:
        """[<= k] codes of other items with words of ``item``, best first."""
        found = self._best([w for w in self._words[item] if w in self._index.vocab_dict], k + 1)
        return np.asarray(found[found != item][:k], dtype=np.int32)

    def _best(self, words: list[str], k: int) -> Codes:
        if not words:
            return np.empty(0, dtype=np.int32)
        scores = np.round(np.asarray(self._index.get_scores(words), dtype=np.float64), 6)
        order = np.argsort(-scores, kind="stable")[:k]
        return np.asarray(order[scores[order] > 0], dtype=np.int32)


def query_for(title: str) -> str:
    """What somebody types who wants such an item: the head of its title.

    >>> query_for("Soft drink, multi-pack of cans, 12 oz (store brand)")
    'soft drink'
    """
    return " ".join(_words(short(title)))


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.lower()))
