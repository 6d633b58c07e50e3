"""How alike items are by their texts: shared words, or embeddings of a small model."""

from __future__ import annotations

import re
from typing import Protocol

import numpy as np
import numpy.typing as npt

from footfall.choice.memory_specs import Similarity
from footfall.datasets.catalogue import Catalogue
from footfall.llm.sentences import embed

Floats = npt.NDArray[np.float64]


class ItemSimilarity(Protocol):
    """Cosines between items of one catalogue."""

    def nearest(self, items: npt.NDArray[np.int32], slate: npt.NDArray[np.int32]) -> Floats:
        """[n_items] likeness of each of ``items`` to the item of ``slate`` it is most like."""
        ...


def open_similarity(kind: Similarity, catalogue: Catalogue) -> ItemSimilarity:
    """Read the catalogue's titles and categories.

    Raises:
        ModelError: The package that carries the embedding model is missing.
    """
    texts = [
        f"{title} ({category})" if category else title
        for title, category in zip(catalogue.titles, catalogue.categories, strict=True)
    ]
    return SharedWords(texts) if kind == "words" else SentenceSimilarity(texts)


class SharedWords:
    """TF-IDF over words; 0 where two texts share none."""

    def __init__(self, texts: list[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - slow

        self._rows = TfidfVectorizer(sublinear_tf=True, analyzer=_words).fit_transform(texts)

    def nearest(self, items: npt.NDArray[np.int32], slate: npt.NDArray[np.int32]) -> Floats:
        """See ``ItemSimilarity``."""
        cosines = (self._rows[items] @ self._rows[slate].T).toarray()
        return np.asarray(cosines.max(axis=1), dtype=np.float64)


def _words(text: str) -> list[str]:
    """Words of a text; a text of signs only is one word."""
    return re.findall(r"\w+", text.lower()) or [text]


class SentenceSimilarity:
    """Embeddings by all-MiniLM-L6-v2 (Apache-2.0), mean over tokens."""

    def __init__(self, texts: list[str]) -> None:
        self._rows = embed(texts)

    def nearest(self, items: npt.NDArray[np.int32], slate: npt.NDArray[np.int32]) -> Floats:
        """See ``ItemSimilarity``."""
        return np.asarray((self._rows[items] @ self._rows[slate].T).max(axis=1), dtype=np.float64)
