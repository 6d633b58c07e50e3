"""Steam: who wrote about which game; only owners of a game may."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pandas as pd

from footfall.datasets.base import Source, resolve
from footfall.datasets.cleaning import finish
from footfall.datasets.draft import Draft
from footfall.datasets.published import PublishedTable, add_notes, read_records
from footfall.datasets.schema import Dataset

ABOUT = (
    "Steam reviews (Kang and McAuley, ICDM 2018). Only owners may review a game, so a review is "
    "read as a purchase, on the day of the review; most purchases are never reviewed. Names are "
    "display names: two people may share one. Prices are those of the day of the crawl."
)
LICENCE = "McAuley Lab: for research; cite Kang and McAuley 2018"

REVIEW = (
    "username", "user_id", "hours", "products", "product_id", "page_order", "date", "text",
    "early_access", "page", "found_funny", "found_helpful", "compensation",
)  # fmt: skip
GAME = (
    "id", "app_name", "title", "genres", "tags", "specs", "price", "discount_price", "publisher",
    "developer", "release_date", "url", "reviews_url", "early_access", "sentiment", "metascore",
)  # fmt: skip
NESTED = ("genres", "tags", "specs")
"""Keys of games that hold lists."""
FREE = r"(?i)\bfree\b"


class SteamSource(Source):
    """Steam reviews and games, version 2."""

    kind: Literal["steam"] = "steam"
    path: Path
    """``steam_reviews.json`` or ``.json.gz``: one Python dictionary a line, as published."""
    games: Path
    """``steam_games.json`` or ``.json.gz``."""


def read(source: SteamSource, base: Path) -> Dataset:
    """Load reviews as purchases.

    Raises:
        DataError: A file is missing, or not in the published layout.
    """
    path, games = resolve(source.path, base), resolve(source.games, base)
    reviews = read_records(path, REVIEW, ("username", "product_id", "date"), literals=True)
    listed = read_records(games, GAME, ("id",), nested=NESTED, literals=True)
    frame = reviews.frame
    rows = pd.DataFrame(
        {
            "user": frame["username"],
            "item": frame["product_id"],
            "action": "purchase",
            "time": pd.to_datetime(frame["date"], format="%Y-%m-%d", errors="coerce"),
            "hours": reviews.numbers("hours"),
        }
    )
    draft = Draft(
        name="steam",
        interactions=rows,
        items=_games(listed),
        users=pd.DataFrame({"user": []}),
        currency="USD",
        about=ABOUT,
        licence=LICENCE,
    )
    add_notes(draft, reviews, listed)
    return finish(draft)


def _games(listed: PublishedTable) -> pd.DataFrame:
    """Games; ``genres`` is a readable list, and words such as "Free to Play" are a price of 0."""
    frame = listed.frame
    genres = frame["genres"].map(
        lambda found: [str(name) for name in found] if isinstance(found, list) else []
    )
    words = frame["price"].map(lambda cost: "" if cost is None else str(cost))
    words = words.str.removeprefix("$")
    price = words.mask(words.str.contains(FREE), "0")
    return pd.DataFrame(
        {
            "item": frame["id"],
            "title": frame["app_name"].fillna(frame["title"]),
            "category": genres.map(lambda names: names[0] if names else ""),
            "genres": genres.map(", ".join),
            "price": price,
        }
    )
