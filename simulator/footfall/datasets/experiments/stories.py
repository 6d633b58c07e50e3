"""Which tests are about the same thing: they must never stand on both sides of a split."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import CountVectorizer

ALIKE = 0.6
"""Shared words over all words (Jaccard) from which two titles are nearly the same."""

FEWEST_WORDS = 4
"""Shorter titles ("Sale", "New in") are alike by chance; only equal ones join their tests."""

_ROWS_AT_ONCE = 2_000


def stories_of(arms: pd.DataFrame) -> pd.Series:
    """A story for each arm: tests that share an image, a title, or nearly a title.

    Args:
        arms: ``test``, ``title`` and ``image``; an empty title or image joins nothing.

    Returns:
        The name of the first test of each story, aligned with ``arms``.
    """
    tests, names = pd.factorize(arms["test"])
    pairs = [_same(tests, arms["image"]), _same(tests, arms["title"].map(_plain))]
    pairs.append(_nearly(tests, [_plain(title) for title in arms["title"]]))
    ends = np.concatenate(pairs)
    links = sp.coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=[len(names)] * 2)
    _, story = connected_components(links, directed=False)
    first = pd.Series(np.asarray(names, dtype=object)).groupby(story).first()
    return pd.Series(first.to_numpy()[story[tests]], index=arms.index)


def _plain(title: str) -> str:
    return " ".join(re.findall(r"\w+", title.lower()))


def _same(tests: npt.NDArray[np.int64], key: pd.Series) -> npt.NDArray[np.int64]:
    """[k, 2] each test with the first one of the same key."""
    rows = pd.DataFrame({"test": tests, "key": key.to_numpy()})
    rows = rows[rows["key"] != ""].drop_duplicates()
    rows["first"] = rows.groupby("key")["test"].transform("first")
    return rows[["first", "test"]].to_numpy(dtype=np.int64)


def _nearly(tests: npt.NDArray[np.int64], titles: Sequence[str]) -> npt.NDArray[np.int64]:
    """[k, 2] tests whose titles share most of their words."""
    rows = pd.DataFrame({"test": tests, "title": titles}).drop_duplicates("title")
    rows = rows[rows["title"].str.count(" ") + 1 >= FEWEST_WORDS]
    if len(rows) < 2:
        return np.empty((0, 2), dtype=np.int64)
    words = CountVectorizer(binary=True, analyzer=str.split).fit_transform(rows["title"]).tocsr()
    size = np.asarray(words.sum(axis=1)).ravel()
    owner, found = rows["test"].to_numpy(), [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, len(owner), _ROWS_AT_ONCE):
        shared = (words[start : start + _ROWS_AT_ONCE] @ words.T).tocoo()
        one, other = shared.row + start, shared.col
        alike = shared.data >= ALIKE * (size[one] + size[other] - shared.data)
        found.append(np.column_stack([owner[one[alike]], owner[other[alike]]]))
    return np.concatenate(found)
