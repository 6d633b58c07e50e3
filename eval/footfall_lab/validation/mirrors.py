"""Arms that look into the mirror: whose pages follow the simulated users' own utilities.

An arm that maximises the choice model is judged by itself, whatever kind it is. Its pages hold the
very items that the simulated users like best of the whole catalogue, in that order; an arm that
learned independently agrees with them far less, however good it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from footfall.runs.foresight import Foresight
from footfall.serving.logged import LoggedPages

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

PAGES = 60
"""First pages that are looked at, one a user."""

MOST_ITEMS = 4000
"""Items of the catalogue that are looked at, drawn if there are more; those on pages always are."""

ALIKE, ABOVE = 0.8, 0.15
"""From this share on of the best items on the pages, and so much above any arm that is known to be
independent, an arm is circular."""


@dataclass(frozen=True)
class Likeness:
    """How far an arm's pages are those that the simulated users would fill themselves."""

    overlap: float
    """Share of the page's items that are among as many best ones by the users' own chances."""
    order: float
    """Mean rank correlation within users of the page's order with those chances."""


def likenesses(
    foresight: Foresight,
    pages: LoggedPages,
    users: npt.NDArray[np.int64],
    slates: Mapping[str, Codes],
    n_items: int,
    seed: int,
) -> dict[str, Likeness]:
    """Hold first pages of arms against the users' own best items.

    Args:
        foresight: The users' chances.
        pages: Logged pages.
        users: [n_pages] numbers within the population.
        slates: Arm -> [n_pages, k] codes.
        n_items: Items of the catalogue.
        seed: Of the draw of pages and items.
    """
    rng = np.random.default_rng(seed)
    first = np.flatnonzero(pages.depths == 0)
    _, one = np.unique(users[first], return_index=True)
    rows = rng.permutation(first[one])[:PAGES]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in slates}
    for row in rows.tolist():
        shown = np.unique(np.concatenate([slate[row] for slate in slates.values()]))
        drawn = rng.permutation(n_items)[:MOST_ITEMS]
        items = np.union1d(shown[shown >= 0], drawn).astype(np.int32)
        size = len(items)
        chance, _ = foresight.of(
            np.full(size, users[row]), items[:, None], np.repeat(pages.times[row], size)
        )
        worth = dict(zip(items.tolist(), chance[:, 0].tolist(), strict=True))
        best = items[np.argsort(-chance[:, 0], kind="stable")]
        for name, slate in slates.items():
            page = slate[row][slate[row] >= 0]
            if len(page) > 2:
                found[name].append(_alike(page, best, worth))
    return {name: _mean(np.array(pairs)) for name, pairs in found.items() if pairs}


def alike_by(
    worth: Callable[[int], Floats], slates: Mapping[str, Codes], seed: int
) -> dict[str, Likeness]:
    """Like ``likenesses``, for slates of users and a function that tells what is worth what.

    Args:
        worth: Number of a user -> [n_items] utilities.
        slates: Arm -> [n_users, k] codes, -1 where a slate is short.
        seed: Of the draw of users.
    """
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in slates}
    n_users = len(next(iter(slates.values())))
    for row in np.random.default_rng(seed).permutation(n_users)[:PAGES].tolist():
        values = worth(row)
        known = dict(enumerate(values.tolist()))
        best = np.argsort(-values, kind="stable").astype(np.int32)
        for name, slate in slates.items():
            page = slate[row][slate[row] >= 0]
            if len(page) > 2:
                found[name].append(_alike(page, best, known))
    return {name: _mean(np.array(pairs)) for name, pairs in found.items() if pairs}


def _mean(pairs: Floats) -> Likeness:
    """Over users; those to whom all items are alike have no order."""
    ordered = pairs[np.isfinite(pairs[:, 1]), 1]
    return Likeness(float(pairs[:, 0].mean()), float(ordered.mean()) if len(ordered) else 0.0)


def _alike(page: Codes, best: Codes, worth: dict[int, float]) -> tuple[float, float]:
    overlap = float(np.isin(page, best[: len(page)]).mean())
    values = [worth[item] for item in page.tolist()]
    if np.ptp(values) == 0:
        return overlap, float("nan")
    return overlap, -float(spearmanr(np.arange(len(page)), values).statistic)


def circular(found: Mapping[str, Likeness], independent: list[str]) -> dict[str, str]:
    """Arms that follow the users' own utilities, and what shows it."""
    usual = max((found[name].overlap for name in independent if name in found), default=0.0)
    return {
        name: (
            f"{one.overlap:.0%} of what it shows are the items that the simulated users like best "
            f"of all (rank correlation {one.order:.2f} within users; independent arms reach "
            f"{usual:.0%})"
        )
        for name, one in found.items()
        if name not in independent
        and one.overlap >= ALIKE
        and one.overlap >= usual + ABOVE
        and one.order >= ALIKE
    }
