"""Pages that real users were shown, and what a recommender would have put on them.

A recommender is asked about every logged page as if it had filled the earlier pages of the visit
itself: its second page follows its own first. What it would show is held against what was shown
position by position; see ``footfall_eval.statistics.logged``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.recommenders.protocol import Recommender, Request, Slate

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

DRAWS = 16
"""Slates asked for each page of a recommender that draws by lot."""

FEWER_DRAWS = 4
"""The same where chances are known otherwise, and slates only tell what is on its pages."""

TRIED = 60
"""First pages asked twice to tell whether a recommender draws by lot."""

SAME_CHANCE = 1e-6
"""Relative difference below which two propensities are the same."""


@dataclass(frozen=True, eq=False)
class LoggedPages:
    """Pages as they were shown; [n] pages of at most k places."""

    users: tuple[str, ...]
    """[n] ids."""
    visits: Numbers
    """[n] number of the visit, rising, and the same for the pages of one visit."""
    depths: Numbers
    """[n] pages of the visit before this one."""
    times: npt.NDArray[np.datetime64]
    """[n] UTC."""
    items: Codes
    """[n, k] catalogue codes; -1: nothing known there."""
    propensities: Floats
    """[n, k] P(this item at this place) under the policy that logged."""
    clicked: Bools
    bought: Bools
    earlier: Numbers
    """[n] clicks on earlier pages of the visit."""
    judged: Bools
    """[n] of the days that arms are judged on; the others are earlier."""

    def __len__(self) -> int:
        return len(self.users)

    @property
    def shown(self) -> Bools:
        """[n, k] where an item stood."""
        return self.items >= 0

    def take(self, rows: Bools) -> LoggedPages:
        """Some of the pages."""
        users = tuple(user for user, kept in zip(self.users, rows.tolist(), strict=True) if kept)
        return LoggedPages(
            users, self.visits[rows], self.depths[rows], self.times[rows], self.items[rows],
            self.propensities[rows], self.clicked[rows], self.bought[rows], self.earlier[rows],
            self.judged[rows],
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class CounterfactualSlates:
    """What one recommender would have shown."""

    items: Codes
    """[n, draws, k] codes, -1 where a slate is short."""
    target: Floats
    """[n, k] P(it puts the item here that was really shown here)."""
    placed: Floats
    """[n, k] P(it puts that item anywhere on the page)."""
    reach: Floats
    """[n, k] the same times the chance that the item is then looked at."""
    failed: int
    """Requests without a slate."""
    logger: bool
    """Its chances are those of the log: it is the policy that logged."""


Chances = Callable[[Sequence[Request], Sequence[Sequence[str]]], Sequence[Sequence[float]]]
"""For each request and for items one a position: P(the recommender puts each at its place)."""


def ask(
    recommender: Recommender,
    pages: LoggedPages,
    catalogue: Catalogue,
    seed: int,
    reading: Floats,
    chances: Chances | None = None,
    *,
    logger: bool = False,
) -> CounterfactualSlates:
    """Ask a recommender about logged pages.

    Args:
        recommender: Trained on nothing of the judged days; audited.
        pages: The pages.
        catalogue: Knows the items.
        seed: Of the requests' luck.
        reading: [k] P(a place is looked at), as the simulated users read.
        chances: The recommender's own, where it can tell them.
        logger: It is known to be the policy that logged.
    """
    draws = DRAWS if chances is None and not logger else FEWER_DRAWS
    draws = draws if by_lot(recommender, pages, catalogue, seed) else 1
    n, k = pages.items.shape
    items = np.full((n, draws, k), -1, dtype=np.int32)
    stated = np.full((n, draws, k), np.nan)
    told = None if chances is None else np.zeros((n, draws, k))
    failed = 0
    for depth in range(int(pages.depths.max(initial=0)) + 1):
        rows = np.flatnonzero(pages.depths == depth)
        requests = _requests(pages, rows, items, catalogue, seed)
        slates = recommender.recommend(requests)
        failed += sum(bool(slate.failure) for slate in slates)
        _write(slates, rows, items, stated, catalogue)
        if told is not None and chances is not None:
            _tell(chances, requests, pages, rows, told, catalogue)
    logger = logger or _is_logger(pages, items, stated)
    if logger:
        return CounterfactualSlates(items, *_own(pages, reading), failed, logger)
    target = _targets(pages, items, stated) if told is None else told.mean(axis=1)
    placed, reach = _anywhere(pages, items, reading)
    if told is not None:  # by lot: every place is as likely as any other
        lengths = _lengths(pages)[:, None]
        placed = target * lengths
        reach = target * np.cumsum(reading)[lengths - 1]
    seen = pages.shown
    return CounterfactualSlates(
        items, np.where(seen, target, 0.0), placed * seen, reach * seen, failed, logger
    )


def _own(pages: LoggedPages, reading: Floats) -> tuple[Floats, Floats, Floats]:
    """Of the policy that logged: what it showed counts once, where it stood."""
    chance = np.where(pages.shown, pages.propensities, 0.0)
    return chance, chance, chance * reading


def _anywhere(pages: LoggedPages, items: Codes, reading: Floats) -> tuple[Floats, Floats]:
    """[n, k] how often the shown items stand on the drawn pages, and are looked at there."""
    placed, reach = np.zeros(pages.items.shape), np.zeros(pages.items.shape)
    for place in range(items.shape[2]):
        there = items[:, :, place, None] == pages.items[:, None, :]
        share = there.mean(axis=1)
        placed += share
        reach += share * reading[place]
    return placed, reach


def by_lot(recommender: Recommender, pages: LoggedPages, catalogue: Catalogue, seed: int) -> bool:
    """Whether a recommender answers otherwise with other luck; told by some first pages."""
    rows = np.flatnonzero(pages.depths == 0)[:TRIED]
    nothing = np.full((len(pages), 2, pages.items.shape[1]), -1, dtype=np.int32)
    slates = recommender.recommend(_requests(pages, rows, nothing, catalogue, seed))
    return any(one.items != two.items for one, two in zip(slates[::2], slates[1::2], strict=True))


def _requests(
    pages: LoggedPages, rows: Numbers, items: Codes, catalogue: Catalogue, seed: int
) -> list[Request]:
    """One request a page and draw, with what the same draw showed before in the visit."""
    draws = items.shape[1]
    lengths = _lengths(pages)
    before = _before(pages, rows)
    requests = []
    for row, earlier in zip(rows.tolist(), before, strict=True):
        for draw in range(draws):
            shown = items[earlier, draw].ravel()
            requests.append(
                Request(
                    user=pages.users[row],
                    session=int(pages.visits[row]),
                    page=int(pages.depths[row]),
                    time=pd.Timestamp(pages.times[row]),
                    k=int(lengths[row]),
                    shown=tuple([catalogue.ids[code] for code in shown[shown >= 0].tolist()]),
                    seed=(seed + 1) * 1_000_003 + row * DRAWS + draw,
                )
            )
    return requests


def _lengths(pages: LoggedPages) -> Numbers:
    """[n] places of each page, up to the last one known."""
    k = pages.items.shape[1]
    return np.asarray(k - np.argmax(pages.shown[:, ::-1], axis=1), dtype=np.int64)


def _before(pages: LoggedPages, rows: Numbers) -> list[Numbers]:
    """For each row, the rows of the visit's earlier pages."""
    first = {int(visit): row for row, visit in reversed(list(enumerate(pages.visits.tolist())))}
    return [np.arange(first[int(pages.visits[row])], row) for row in rows.tolist()]


def _write(
    slates: Sequence[Slate], rows: Numbers, items: Codes, stated: Floats, catalogue: Catalogue
) -> None:
    draws = items.shape[1]
    for number, slate in enumerate(slates):
        row, draw = int(rows[number // draws]), number % draws
        wide = min(len(slate.items), items.shape[2])
        items[row, draw, :wide] = catalogue.codes(slate.items[:wide])
        if slate.propensities is not None:
            stated[row, draw, :wide] = slate.propensities[:wide]


def _tell(
    chances: Chances,
    requests: Sequence[Request],
    pages: LoggedPages,
    rows: Numbers,
    told: Floats,
    catalogue: Catalogue,
) -> None:
    draws = told.shape[1]
    lengths = _lengths(pages)
    ids = (*catalogue.ids, "")  # code -1: no item
    wanted = [
        [ids[code] for code in pages.items[row, : lengths[row]].tolist()]
        for row in rows.tolist()
        for _ in range(draws)
    ]
    for number, found in enumerate(chances(requests, wanted)):
        told[rows[number // draws], number % draws, : len(found)] = found


def _targets(pages: LoggedPages, items: Codes, stated: Floats) -> Floats:
    """[n, k] chances that the shown items stand where they were shown, from draws.

    Where a recommender states its chances, an item that was drawn at least once counts with its
    chance over that of being drawn at all (Horvitz and Thompson, JASA 1952): the same mean as the
    share of draws, and less luck.
    """
    drawn = (items == pages.items[:, None, :]) & pages.shown[:, None, :]
    share = drawn.mean(axis=1)
    draws = items.shape[1]
    if draws == 1:
        return np.asarray(share)
    count = np.maximum(drawn.sum(axis=1), 1)
    chance = np.where(drawn, np.nan_to_num(stated), 0.0).sum(axis=1) / count
    met = 1.0 - (1.0 - np.clip(chance, 0.0, 1.0)) ** draws
    known = np.where(drawn, np.isfinite(stated), True).all(axis=1) & (chance > 0)
    found = np.divide(chance, met, out=np.zeros_like(chance), where=known & (met > 0))
    return np.where(known, found, share)


def _is_logger(pages: LoggedPages, items: Codes, stated: Floats) -> bool:
    """Whether stated chances are those of the log wherever an item was drawn in its place.

    Only first pages tell: further ones depend on what was shown before.
    """
    drawn = (items == pages.items[:, None, :]) & pages.shown[:, None, :] & np.isfinite(stated)
    drawn &= (pages.judged & (pages.depths == 0))[:, None, None]
    logged = np.broadcast_to(pages.propensities[:, None, :], stated.shape)[drawn]
    if len(logged) < TRIED or (logged > 1 - SAME_CHANCE).all():
        return False
    same = np.abs(stated[drawn] - logged) <= SAME_CHANCE * logged
    return bool(same.mean() > 0.99)
