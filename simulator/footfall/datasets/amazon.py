"""Amazon Reviews 2023: star ratings of products, one category at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import Field

from footfall.datasets.base import Source, resolve
from footfall.datasets.cleaning import finish
from footfall.datasets.draft import Draft
from footfall.datasets.ids import as_id
from footfall.datasets.movielens import sessions
from footfall.datasets.published import PublishedTable, add_notes, read_columns, read_records
from footfall.datasets.schema import Dataset

ABOUT = (
    "Amazon Reviews 2023 (McAuley Lab; Hou et al., arXiv 2403.03952). Star ratings written after "
    "a purchase, of one category of products. A review is not a visit: what people looked at or "
    "bought without a word is not in it, and high ratings are the rule."
)
LICENCE = "McAuley Lab: for research; cite Hou et al. 2024 (check the terms of the download page)"

REVIEW = (
    "rating", "title", "text", "images", "asin", "parent_asin", "user_id", "timestamp",
    "helpful_vote", "verified_purchase",
)  # fmt: skip
RATING = ("user_id", "parent_asin", "rating", "timestamp", "history")
PRODUCT = (
    "main_category", "title", "average_rating", "rating_number", "features", "description",
    "price", "images", "videos", "store", "categories", "details", "parent_asin",
    "bought_together", "subtitle", "author",
)  # fmt: skip

NESTED = (
    "features", "description", "images", "videos", "categories", "details", "bought_together",
)  # fmt: skip
"""Keys of products that hold lists or mappings."""


class AmazonSource(Source):
    """One category of Amazon Reviews 2023."""

    kind: Literal["amazon-reviews"] = "amazon-reviews"
    path: Path
    """Reviews (``Books.jsonl``, also ``.gz``), or the ratings alone (``Books.csv``)."""
    meta: Path | None = None
    """Products (``meta_Books.jsonl``, also ``.gz``); without it titles are unknown."""
    verified: bool = False
    """Only reviews of what Amazon knows to have been bought; needs the review file."""
    session_gap: float = Field(default=30, gt=0)
    """Minutes without a review after which the next one starts a new visit (``order``)."""


def read(source: AmazonSource, base: Path) -> Dataset:
    """Load one category; an item is a product with all its variants (``parent_asin``).

    Raises:
        DataError: A file is missing, or not in the published layout.
    """
    path = resolve(source.path, base)
    needed = ("user_id", "parent_asin", "rating", "timestamp")
    if ".csv" in path.suffixes:
        reviews = read_columns(path, RATING, needed)
        unit: Literal["ms", "s"] = "ms" if reviews.numbers("timestamp").max() > 1e11 else "s"
    else:
        reviews = read_records(path, REVIEW, needed, nested=("images",))
        unit = "ms"
    rows = pd.DataFrame(
        {
            "user": as_id(reviews.frame["user_id"]),
            "item": as_id(reviews.frame["parent_asin"]),
            "action": "rate",
            "time": reviews.moments("timestamp", unit),
            "value": reviews.numbers("rating"),
        }
    )
    tables = [reviews]
    if source.meta is not None:
        meta = resolve(source.meta, base)
        tables.append(read_records(meta, PRODUCT, ("parent_asin",), nested=NESTED))
    draft = Draft(
        name="amazon-reviews",
        interactions=rows.assign(order=sessions(rows, source.session_gap)),
        items=_products(tables[1]) if len(tables) > 1 else _unnamed(rows),
        users=pd.DataFrame({"user": []}),
        currency="USD",
        about=ABOUT,
        licence=LICENCE,
    )
    add_notes(draft, *tables)
    if source.verified:
        bought = reviews.frame.get("verified_purchase", pd.Series(None, rows.index, dtype=object))
        draft.keep(bought.astype(str).str.lower() == "true", "review of no verified purchase")
    return finish(draft)


def _products(meta: PublishedTable) -> pd.DataFrame:
    """Products; the category is the last of the path, or the main one."""
    frame = meta.frame
    last = frame["categories"].map(lambda path: path[-1] if isinstance(path, list) and path else "")
    main = frame["main_category"].fillna("").astype(str)
    price = (
        frame["price"]
        .map(lambda cost: "" if cost is None else str(cost))
        .str.replace(r"[$,]", "", regex=True)
    )
    return pd.DataFrame(
        {
            "item": frame["parent_asin"],
            "title": frame["title"],
            "category": last.astype(str).where(last != "", main),
            "price": price,
            "store": frame["store"].fillna("").astype(str),
        }
    )


def _unnamed(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"item": rows["item"].dropna().unique(), "title": ""})
