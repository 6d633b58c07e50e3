"""What items and users are like on paper: categories, words, prices; profiles."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

MOST_CONTENT = 12
"""Directions that the items' categories, words and prices are summed up in."""

FEWEST_ITEMS = 3
"""Items that share a word before it counts."""

MOST_LEVELS = 12
"""Values of a profile column that get a column of their own; the others share one."""


def item_content(items: pd.DataFrame, relative_price: Floats, most: int = MOST_CONTENT) -> Floats:
    """[n_items, r] principal directions of category, genres, words of the title and price.

    Centred, with standard deviation 1 over the items.
    """
    counts = _words(items)
    price = relative_price[:, None] / max(float(relative_price.std()), 1e-9)
    columns = np.concatenate([counts, price], axis=1)
    columns = columns - columns.mean(axis=0)
    wide = min(most, len(items) - 1, columns.shape[1])
    if wide < 1:
        return np.zeros((len(items), 0))
    left, strength, _ = np.linalg.svd(columns, full_matrices=False)
    kept = left[:, :wide][:, strength[:wide] > 1e-6 * max(strength[0], 1e-12)]
    kept = kept * np.sign(kept.sum(axis=0) + 1e-12)
    return np.asarray(kept / np.maximum(kept.std(axis=0), 1e-12))


def _words(items: pd.DataFrame) -> Floats:
    """[n_items, n_words] weighted by rarity; the category counts as a word of its own."""
    bags = []
    genres = items["genres"] if "genres" in items else [""] * len(items)
    for category, genre, title in zip(items["category"], genres, items["title"], strict=True):
        tags = {f"category:{category}", *(f"genre:{g.strip()}" for g in str(genre).split(",") if g)}
        bags.append(tags | set(re.findall(r"[^\W\d_]{3,}", str(title).lower())))
    known = Counter(word for bag in bags for word in bag)
    most = 0.9 * len(items)
    names = sorted(word for word, count in known.items() if FEWEST_ITEMS <= count <= most)
    names = sorted(names, key=lambda word: -known[word])[:500]
    number = {word: place for place, word in enumerate(names)}
    out = np.zeros((len(items), len(names)))
    for row, bag in enumerate(bags):
        for word in bag & number.keys():
            weight = 2.0 if word.startswith(("category:", "genre:")) else 0.5
            out[row, number[word]] = weight
    return out


def user_profile(users: pd.DataFrame) -> Floats:
    """[n_users, q] profile columns as numbers; centred, with standard deviation 1.

    Numbers stay numbers; words become one column a value. A missing value counts as the mean.
    """
    columns: list[Floats] = []
    for name in users.columns:
        if name == "user":
            continue
        values = users[name]
        if pd.api.types.is_numeric_dtype(values) and values.nunique() > 2:
            columns.append(values.to_numpy(dtype=np.float64, na_value=np.nan))
            continue
        texts = values.astype(object)
        common = texts.value_counts().index[:MOST_LEVELS]
        if len(common) < 2 or texts.nunique() > 0.5 * len(users):
            continue
        columns += [(texts == level).to_numpy(dtype=np.float64) for level in common]
    if not columns:
        return np.zeros((len(users), 0))
    table = np.stack(columns, axis=1)
    table = table - np.nanmean(table, axis=0)
    spread = np.nanstd(table, axis=0)
    kept = spread > 1e-9
    return np.asarray(np.nan_to_num(table[:, kept] / spread[kept]))
