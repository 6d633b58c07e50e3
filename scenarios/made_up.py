"""A made-up shop and a made-up newspaper, for scenarios that need no real data.

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
PER_KIND = 40
START = pd.Timestamp("2026-01-04")
DAYS = 98
LOYALTY = 0.8
"""Share of choices within the favourite kind."""


def write(folder: Path, people: int = 400, seed: int = 1) -> None:
    """Write ``articles.csv``, ``sales.csv``, ``stories.csv`` and ``reads.csv``."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    _shop(rng, people, folder)
    _paper(rng, people, folder)


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
