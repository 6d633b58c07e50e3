"""From a log of pages to the numbers that utilities are made of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from footfall.behaviour.around import alike_above
from footfall.behaviour.in_visit import in_visit
from footfall.behaviour.people import MEASURES, OWN, measure, newness
from footfall.behaviour.traces import Remembered, amounts, faded_before
from footfall.fitting.pages.blocks import Design
from footfall.fitting.pages.log import PageLog
from footfall.fitting.pages.picks import Grid

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

THERE_BEFORE = 3.0
"""Items first shown within so many days of the log's beginning may have been there for ever."""

WEAK = 1.0
"""Precision of the prior of a common coefficient around 0, per spread of its measure."""

GUESSES = {"constant": 0.3, "price": 0.1, "price squared": 0.03}
"""First guesses of how much users' own slopes vary; 0.05 for the others, 0.03 for content."""


@dataclass(frozen=True, eq=False)
class Paper:
    """What is known of users and items without the log."""

    price: Floats
    """[n_items] log of the price over the category's median."""
    content: Floats
    """[n_items, r]"""
    profile: Floats
    """[n_users, q]"""
    kind: Numbers
    """[n_items] number of the category; -1: like nothing else."""


@dataclass(frozen=True, eq=False)
class Scales:
    """How measures are brought to mean 0 and spread 1."""

    centre: Floats
    scale: Floats
    told: Bools
    """[m] False: the measure never varies, so nothing can be told about it."""

    @classmethod
    def of(cls, measures: Floats) -> Scales:
        """The first column is a constant and stays one."""
        centre, scale = measures.mean(axis=0), measures.std(axis=0)
        told = scale > 1e-6
        centre, scale = np.where(told, centre, 0.0), np.where(told, scale, 1.0)
        centre[0], scale[0], told[0] = 0.0, 1.0, True
        return cls(centre, scale, told)

    def __call__(self, measures: Floats) -> Floats:
        """Scaled; what never varies is 0."""
        return np.asarray((measures - self.centre) / self.scale * self.told)


def first_days(log: PageLog) -> Floats:
    """[n_items] day of the first page of each item; -inf where it may always have been there."""
    first = np.full(log.n_items, np.inf)
    np.minimum.at(first, log.items, log.days)
    return np.where(first <= THERE_BEFORE, -np.inf, first)


def met_before(log: PageLog) -> Floats:
    """[n, len(KINDS)] what each user had met of each item before each page, faded."""
    pairs, days, added = _events(log)
    return faded_before(pairs, days, added)[: len(log)]


def remembered(log: PageLog, at: float) -> Remembered:
    """What everybody has met of everything by day ``at``."""
    pairs, days, added = _events(log)
    return Remembered.of(pairs, days, added, at, log.n_items)


def _events(log: PageLog) -> tuple[Numbers, Floats, Floats]:
    """Pairs, days and what they add: the impressions, then what was taken without one."""
    other = log.organic
    none = np.zeros(len(other.users))
    added = amounts(
        np.r_[np.ones(len(log)), none],
        np.r_[log.clicked, other.clicked].astype(np.float64),
        np.r_[log.bought, other.bought].astype(np.float64),
    )
    pairs = np.r_[log.pairs, other.users * log.n_items + other.items]
    return pairs, np.r_[log.days, other.days], added


def raw_measures(log: PageLog, paper: Paper) -> Floats:
    """[n, len(MEASURES)] of every impression, unscaled."""
    fresh = newness(first_days(log)[log.items], log.days)
    visit = in_visit(log.page_number, log.clicks_earlier)[log.pages]
    above = _above(log, paper.kind)
    return measure(paper.price[log.items], met_before(log), fresh, above, visit)


def _above(log: PageLog, kind: Numbers) -> Floats:
    """[n, len(ABOVE)] what of the same kind stands above; 0 where nobody knows what does."""
    grid = log.grid
    padded = np.append(kind[log.items], -1)
    found = alike_above(padded[grid.rows])[grid.page, grid.place]
    return np.asarray(found * (log.positions >= 0)[:, None])


def click_design(
    log: PageLog, measures: Floats, scales: Scales, paper: Paper, factors: int
) -> Design:
    """What utilities of clicks are made of; rows as in the log."""
    x = scales(measures)
    guess = [GUESSES.get(MEASURES[column], 0.05) for column in OWN]
    return Design(
        grid=Grid.of(log.pages),
        users=log.users,
        items=log.items,
        common=x,
        own=np.concatenate([x[:, list(OWN)], paper.content[log.items]], axis=1),
        profile=paper.profile,
        content=paper.content,
        penalty=np.r_[1e-6, np.full(len(MEASURES) - 1, WEAK)],
        guess=np.r_[guess, np.full(paper.content.shape[1], 0.03)],
        factors=factors,
    )


def some_rows(design: Design, rows: Bools) -> Design:
    """Some impressions, whole pages; users and items keep their numbers."""
    return replace(
        design,
        grid=Grid.of(design.grid.page[rows]),
        users=design.users[rows],
        items=design.items[rows],
        common=design.common[rows],
        own=design.own[rows],
    )
