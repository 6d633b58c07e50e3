"""MovieLens, in the three layouts that GroupLens publishes."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from footfall.datasets.archive import Files, open_files
from footfall.datasets.base import Source, resolve
from footfall.datasets.cells import moments, numbers
from footfall.datasets.cleaning import finish
from footfall.datasets.delimited import WORDS, Form, read_delimited
from footfall.datasets.draft import Draft
from footfall.datasets.ids import as_id
from footfall.datasets.schema import Cleaning, Dataset
from footfall.errors import DataError, one_line

ABOUT = (
    "MovieLens (GroupLens, University of Minnesota; Harper and Konstan, ACM TiiS 5(4), 2015). "
    "Star ratings, not visits: a user often rates many films at one sitting long after having "
    "seen them, so times tell when a film was rated, not watched. Users with few ratings were "
    "left out at the source. Language models have read about these films."
)
LICENCE = "GroupLens: acknowledge its use, imply no endorsement, no commercial use without asking"

GENRES_100K = [
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary",
    "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi",
    "Thriller", "War", "Western",
]  # fmt: skip

AGES_1M = {
    1: "under 18",
    18: "18-24",
    25: "25-34",
    35: "35-44",
    45: "45-49",
    50: "50-55",
    56: "56 or older",
}
OCCUPATIONS_1M = [
    "other", "academic or educator", "artist", "clerical or administrative",
    "college or graduate student", "customer service", "doctor or health care",
    "executive or managerial", "farmer", "homemaker", "school student", "lawyer", "programmer",
    "retired", "sales or marketing", "scientist", "self-employed", "technician or engineer",
    "tradesman or craftsman", "unemployed", "writer",
]  # fmt: skip
SEXES = {"F": "female", "M": "male"}
NO_GENRE = "(no genres listed)"


class MovieLensSource(Source):
    """A MovieLens data set: the folder, or the zip as downloaded."""

    kind: Literal["movielens"] = "movielens"
    path: Path
    """Folder or zip in the layout of ml-latest-small, ml-1m or ml-100k; told apart by the names
    of the files."""
    session_gap: float = Field(default=30, gt=0)
    """Minutes without a rating after which the next one starts a new visit (``order``)."""
    min_ratings: int = Field(default=0, ge=0)
    """Films with fewer ratings than this are dropped, with their rows."""


def read(source: MovieLensSource, base: Path) -> Dataset:
    """Load the data set; a film's ``category`` is its first genre, ``genres`` lists all.

    Raises:
        DataError: The path is wrong, or its files are not in a known layout.
    """
    try:
        path = resolve(source.path, base)
    except DataError as error:
        raise DataError(f"{error}; `footfall data fetch ml-latest-small` downloads it") from None
    files = open_files(path)
    name, layout = _layout(files)
    tables = _Tables(files)
    try:
        ratings, items, users = layout(tables)
        interactions = _interactions(ratings, source.session_gap)
    except (ValueError, KeyError, AttributeError, OverflowError, TypeError) as error:
        reason = one_line(error, 150)
        raise DataError(f"{files.path}: not as {name} should be: {reason}") from error
    draft = Draft(
        name=name,
        interactions=interactions,
        items=items,
        users=users,
        about=ABOUT,
        licence=LICENCE,
        cleaning=tables.notes,
    )
    _drop_the_rare(draft, source.min_ratings)
    return finish(draft)


@dataclass
class _Tables:
    """The tables of a layout, and what was not in order in them."""

    files: Files
    notes: list[Cleaning] = field(default_factory=list)

    def with_header(self, name: str, *, missing: bool) -> pd.DataFrame:
        """A table with quotes and a header."""
        return self._read(name, self.files.read(name), None, ",", missing=missing)

    def fields(self, name: str, separator: str, columns: list[str]) -> pd.DataFrame:
        """A table without quotes or a header; GroupLens wrote it in Latin-1."""
        raw = self.files.read(name)
        try:  # copies that others have converted
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
        if len(separator) > 1:
            text, separator = text.replace(separator, "\x1f"), "\x1f"
        return self._read(name, text.encode(), columns, separator, missing=False)

    def _read(
        self, name: str, raw: bytes, columns: list[str] | None, separator: str, *, missing: bool
    ) -> pd.DataFrame:
        words = WORDS if missing else frozenset([""])
        form = Form(separator, quoted=separator == ",", missing=words)
        cells = read_delimited(io.BytesIO(raw), form, columns, name=name)
        self.notes += cells.notes
        return cells.frame if missing else cells.frame.fillna("")


Read = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
"""Ratings (user, item, value, time in Unix seconds), items, users."""


def _layout(files: Files) -> tuple[str, Callable[[_Tables], Read]]:
    for marker, name, layout in (
        ("ratings.csv", "movielens", _latest),
        ("ratings.dat", "movielens-1m", _one_million),
        ("u.data", "movielens-100k", _hundred_thousand),
    ):
        if marker in files:
            return name, layout
    found = ", ".join(sorted(files.members)[:8]) or "nothing"
    raise DataError(
        f"{files.path}: no MovieLens files; expected ratings.csv and movies.csv, or ratings.dat, "
        f"movies.dat and users.dat, or u.data, u.item and u.user; found {found}"
    )


def _latest(tables: _Tables) -> Read:
    ratings = tables.with_header("ratings.csv", missing=True)
    movies = tables.with_header("movies.csv", missing=False)
    names = {"userId": "user", "movieId": "item", "rating": "value", "timestamp": "time"}
    missing = [c for c in names if c not in ratings] + [
        c for c in ("movieId", "title", "genres") if c not in movies
    ]
    if missing:
        raise KeyError(f"no column {missing[0]}")
    items = movies.rename(columns={"movieId": "item"})
    return ratings.rename(columns=names), _with_genres(items), pd.DataFrame({"user": []})


def _one_million(tables: _Tables) -> Read:
    ratings = tables.fields("ratings.dat", "::", ["user", "item", "value", "time"])
    items = tables.fields("movies.dat", "::", ["item", "title", "genres"])
    users = tables.fields("users.dat", "::", ["user", "gender", "age", "occupation", "zip_code"])
    occupation = users["occupation"].astype(int).map(dict(enumerate(OCCUPATIONS_1M)))
    profile = users[["user"]].assign(
        gender=users["gender"].map(SEXES),
        age=users["age"].astype(int).map(AGES_1M),
        occupation=occupation,
    )
    return ratings, _with_genres(items), profile


def _hundred_thousand(tables: _Tables) -> Read:
    ratings = tables.fields("u.data", "\t", ["user", "item", "value", "time"])
    columns = ["item", "title", "released", "video", "url", *GENRES_100K]
    raw = tables.fields("u.item", "|", columns)
    flags = raw[GENRES_100K].to_numpy() == "1"
    genres = ["|".join(np.array(GENRES_100K)[row]) for row in flags]
    items = raw[["item", "title"]].assign(genres=genres)
    users = tables.fields("u.user", "|", ["user", "age", "gender", "occupation", "zip_code"])
    profile = users[["user", "age", "occupation"]].assign(gender=users["gender"].map(SEXES))
    return ratings, _with_genres(items), profile


def _with_genres(items: pd.DataFrame) -> pd.DataFrame:
    """Make ``category`` the first genre and ``genres`` a readable list."""
    listed = items["genres"].where(items["genres"] != NO_GENRE, "")
    return items[["item", "title"]].assign(
        category=listed.str.split("|").str[0], genres=listed.str.replace("|", ", ", regex=False)
    )


def _interactions(ratings: pd.DataFrame, gap_minutes: float) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "user": as_id(ratings["user"]),
            "item": as_id(ratings["item"]),
            "action": "rate",
            "time": moments(ratings["time"], "s"),
            "value": numbers(ratings["value"]),
        }
    )
    return rows.assign(order=sessions(rows, gap_minutes))


def sessions(rows: pd.DataFrame, gap_minutes: float) -> pd.Series:
    """Name visits: a user's events with no longer pause between them than ``gap_minutes``."""
    ordered = rows.sort_values(["user", "time"], kind="stable")
    pause = ordered.groupby("user")["time"].diff() > pd.Timedelta(minutes=gap_minutes)
    # Rows without a user belong to no visit; cleaning drops and counts them.
    number = pause.groupby(ordered["user"]).cumsum().fillna(0).astype(int) + 1
    return (ordered["user"].astype(str) + "-" + number.astype(str)).reindex(rows.index)


def _drop_the_rare(draft: Draft, fewest: int) -> None:
    items = draft.interactions["item"]
    often = items.map(items.value_counts()) >= fewest
    draft.keep(often | items.isna(), f"rating of a film with fewer than {fewest} ratings")
    if fewest:
        gone = ~as_id(draft.items["item"]).isin(draft.interactions["item"])
        draft.note(f"film with fewer than {fewest} ratings", "dropped", int(gone.sum()))
        draft.items = draft.items[~gone]
