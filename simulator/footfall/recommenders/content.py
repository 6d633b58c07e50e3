"""Items whose texts are like those of what a user liked."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset
from footfall.errors import DataError, did_you_mean
from footfall.llm.encoders import Encoder, SentenceEncoder, States
from footfall.llm.specs import ModelSpec
from footfall.recommenders.learning import Learning
from footfall.recommenders.protocol import Materials
from footfall.recommenders.ranking import RankedRecommender, Scores, Train, ranked
from footfall.recommenders.trained_specs import ContentSpec

MIDDLE = 0.5
"""Depth of a language model at which texts are read; see ``footfall.llm.encoders.States``."""

_TEXTS = ("title", "category")


class ContentScorer:
    """Cosine of an item's text and the mean text of what the user liked."""

    for_everyone = False

    def __init__(self, rows: Any, learning: Learning) -> None:
        """``rows``: [n_items, width] unit vectors, dense or sparse."""
        self._rows = rows
        positives = learning.positives
        # What was liked often counts more, each further time less.
        counted = positives.groupby(["user", "code"], sort=True).size()
        self._liked = {
            str(user): (part.index.get_level_values("code").to_numpy(), np.log1p(part.to_numpy()))
            for user, part in counted.groupby(level="user", sort=False)
        }

    def scores(self, user: str) -> Scores | None:
        """[n_items] cosines from -1 to 1; None: nothing is known of the user."""
        if user not in self._liked:
            return None
        codes, weights = self._liked[user]
        profile = np.asarray(self._rows[codes].T @ weights).ravel()
        length = float(np.linalg.norm(profile))
        found = np.asarray(self._rows @ profile).ravel() / (length or 1.0)
        return found.astype(np.float32)


def build_content(spec: ContentSpec, materials: Materials) -> RankedRecommender:
    """Read the items' texts, once, and learn what each user likes."""
    return ranked(spec, materials, content_training(spec, materials))


def content_training(spec: ContentSpec, materials: Materials) -> Train:
    """How the recommender is trained, now and whenever it has learned more."""
    rows = item_rows(spec, materials.split.remembered, materials.catalogue)
    return partial(ContentScorer, rows)


def item_rows(spec: ContentSpec, remembered: Dataset, catalogue: Catalogue) -> Any:
    """[n_items, width] unit vectors of the items' texts, in catalogue order.

    Raises:
        DataError: The items have no such attribute.
        ModelError: The model that reads the texts is missing.
    """
    items = remembered.items.set_index("item").loc[list(catalogue.ids)]
    texts = _texts(items, spec.attributes, remembered.name)
    if spec.by == "words":
        words = TfidfVectorizer(sublinear_tf=True, analyzer=_words)
        return words.fit_transform(texts)
    return _embedded(spec, texts)


def _words(text: str) -> list[str]:
    """Words of a text; a text of signs only is one word."""
    return re.findall(r"\w+", text.lower()) or [text]


def _embedded(spec: ContentSpec, texts: list[str]) -> npt.NDArray[np.float32]:
    encoder: Encoder = SentenceEncoder()
    if spec.by == "language-model":
        encoder = States(ModelSpec(name=spec.model or "embedded"), MIDDLE)
    found = encoder.encode(texts)
    # States of a language model all point much the same way; what is common says nothing.
    return np.asarray(normalize(found - found.mean(axis=0)), dtype=np.float32)


def _texts(items: pd.DataFrame, attributes: tuple[str, ...], where: str) -> list[str]:
    for name in attributes:
        if name not in items:
            known = did_you_mean(name, map(str, items.columns))
            raise DataError(f'{where}: the items have no attribute "{name}"; {known}')
    columns = [items[name].fillna("").astype(str) for name in (*_TEXTS, *attributes)]
    return [" ".join(filter(None, parts)) or "-" for parts in zip(*columns, strict=True)]
