"""A made-up shop, newspaper, music service and social feed, for scenarios without real data.

    python -m footfall.scenarios.made_up data/made-up

Customers and readers each have a favourite kind, which four in five of their choices follow.
Nothing can be learned from this about real people; the scenarios say so too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

KINDS = ("Coats", "Shirts", "Shoes", "Hats", "Bags")
SECTIONS = ("Politics", "Sport", "Culture", "Science", "Local")
GENRES = ("Jazz", "Rock", "Classical", "Electronic", "Folk")
TOPICS = ("Football", "Cooking", "Travel", "Politics", "Cats")
PER_KIND = 40
START = pd.Timestamp("2026-01-04")
DAYS = 98
LOYALTY = 0.8
"""Share of choices within the favourite kind."""


def write(folder: Path, people: int = 400, seed: int = 1) -> None:
    """Write two tables of each: what there is, and who took what."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    _shop(rng, people, folder)
    _paper(rng, people, folder)
    _music(rng, people, folder)
    _feed(rng, people, folder)


def _shop(rng: np.random.Generator, people: int, folder: Path) -> None:
    names = [f"{kind[:-1] if kind != 'Shoes' else 'Pair of shoes'} no. {n}" for kind in KINDS
             for n in range(1, PER_KIND + 1)]  # fmt: skip
    articles = pd.DataFrame(
        {
            "sku": [f"{kind.lower()}-{n}" for kind in KINDS for n in range(PER_KIND)],
            "name": names,
            "kind": np.repeat(KINDS, PER_KIND),
            "price": np.round(np.exp(rng.normal(3.5, 0.5, len(names))), 2),
        }
    )
    customers, places, times = _choices(rng, people, len(KINDS), DAYS)
    sales = pd.DataFrame(
        {
            "customer": [f"c{number}" for number in customers],
            "sku": articles["sku"].to_numpy()[places],
            "at": times,
            "units": 1,
            "paid": articles["price"].to_numpy()[places],
        }
    )
    articles.to_csv(folder / "articles.csv", index=False)
    sales.sort_values(["at", "customer"]).to_csv(folder / "sales.csv", index=False)


def _paper(rng: np.random.Generator, people: int, folder: Path) -> None:
    total = len(SECTIONS) * PER_KIND
    breaks = np.full(total, "", dtype=object)
    for number, when in enumerate(("Monday", "Wednesday", "Friday")):  # 4 of each section
        for section in range(len(SECTIONS)):
            first = section * PER_KIND + 4 * number
            breaks[first : first + 4] = when
    stories = pd.DataFrame(
        {
            "story": [f"n{number}" for number in range(total)],
            "headline": [
                f"{section} story {n}" for section in SECTIONS for n in range(1, PER_KIND + 1)
            ],
            "section": np.repeat(SECTIONS, PER_KIND),
            "breaks": breaks,
        }
    )
    readers, places, times = _choices(rng, people, len(SECTIONS), DAYS)
    known = breaks[places] == ""
    reads = pd.DataFrame(
        {
            "reader": [f"r{number}" for number in readers[known]],
            "story": stories["story"].to_numpy()[places[known]],
            "at": np.asarray(times)[known],
        }
    )
    stories.to_csv(folder / "stories.csv", index=False)
    reads.drop_duplicates().sort_values(["at", "reader"]).to_csv(folder / "reads.csv", index=False)


def _music(rng: np.random.Generator, people: int, folder: Path) -> None:
    """Tracks of five genres; a listener plays a track again and again."""
    total = len(GENRES) * PER_KIND
    tracks = pd.DataFrame(
        {
            "track": [f"t{number}" for number in range(total)],
            "title": [f"{genre} piece {n}" for genre in GENRES for n in range(1, PER_KIND + 1)],
            "genre": np.repeat(GENRES, PER_KIND),
            "artist": [f"{genre} band {n // 8 + 1}" for genre in GENRES for n in range(PER_KIND)],
        }
    )
    listeners, places, times = _choices(rng, people, len(GENRES), DAYS)
    again = rng.integers(1, 4, len(places))
    listens = pd.DataFrame(
        {
            "listener": [f"l{number}" for number in np.repeat(listeners, again)],
            "track": tracks["track"].to_numpy()[np.repeat(places, again)],
            "listened_at": np.repeat(np.asarray(times), again),
        }
    )
    # A track lasts some minutes: the second play begins after the first.
    since = pd.to_timedelta(
        listens.groupby(["listener", "track", "listened_at"]).cumcount() * 240, "s"
    )
    at = pd.to_datetime(listens["listened_at"]) + since
    listens = listens.assign(listened_at=at.dt.strftime("%Y-%m-%dT%H:%M:%S"))
    tracks.to_csv(folder / "tracks.csv", index=False)
    listens.sort_values(["listened_at", "listener"]).to_csv(folder / "listens.csv", index=False)


def _feed(rng: np.random.Generator, people: int, folder: Path) -> None:
    """Posts of five topics, and who liked them."""
    total = len(TOPICS) * PER_KIND
    posts = pd.DataFrame(
        {
            "post": [f"p{number}" for number in range(total)],
            "text": [f"{topic}: post {n}" for topic in TOPICS for n in range(1, PER_KIND + 1)],
            "topic": np.repeat(TOPICS, PER_KIND),
        }
    )
    members, places, times = _choices(rng, people, len(TOPICS), DAYS)
    likes = pd.DataFrame(
        {
            "member": [f"m{number}" for number in members],
            "post": posts["post"].to_numpy()[places],
            "at": times,
        }
    )
    posts.to_csv(folder / "posts.csv", index=False)
    first = likes.sort_values(["at", "member"]).drop_duplicates(["member", "post"])
    first.to_csv(folder / "likes.csv", index=False)


def _choices(
    rng: np.random.Generator, people: int, kinds: int, days: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Who, what (popular articles come first in each kind) and when; 12 choices a person."""
    who = np.repeat(np.arange(people), 12)
    own = who % kinds
    other = rng.integers(0, kinds, len(who))
    kind = np.where(rng.random(len(who)) < LOYALTY, own, other)
    within = np.minimum(rng.geometric(0.08, len(who)) - 1, PER_KIND - 1)
    seconds = rng.integers(0, days * 24, len(who)) * 3600 + rng.integers(0, 3600, len(who))
    times = [(START + pd.Timedelta(seconds=int(s))).isoformat() for s in seconds]
    return who, kind * PER_KIND + within, times


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "data/made-up"))
