"""A planted shop: drawn from a seed, and its log lived through under the old policy."""

from __future__ import annotations

import copy
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from planted.kinds import KINDS, Kind
from planted.living import Pages, State, World, live
from planted.logs import as_frame
from planted.people import Floats, Ints, invite, level_for, liking, stock
from planted.policies import Rows

START = pd.Timestamp("2026-01-05")
"""Midnight (UTC) before the first day, a Monday."""

RETRAIN_DAYS = 7
"""The old policy learns from the log so far once a week, and is frozen from the split on."""


@dataclass(frozen=True, eq=False)
class Shop:
    """A shop whose log was written; the truth is in ``world`` and ``state``."""

    kind: Kind
    seed: int
    world: World
    days: int
    """Days of log before the split."""
    later_days: int
    """Days after the split, lived by the old policy too."""
    pages: tuple[Pages, ...]
    """All pages of the log, later days included; one life a user."""
    state: State
    """Of every user at the split."""
    old: Rows
    """The old policy as it stands from the split on."""

    @property
    def split(self) -> pd.Timestamp:
        """First moment of the later days, UTC."""
        return START + pd.Timedelta(days=self.days)

    @cached_property
    def log(self) -> pd.DataFrame:
        """One row an event, later days included, as ``logs.as_frame`` describes it."""
        return as_frame(self.pages, self.world, START, np.random.default_rng(self._entropy(9)))

    def _entropy(self, purpose: int) -> list[int]:
        return entropy(self.kind, self.seed, purpose)


def entropy(kind: Kind, seed: int, purpose: int) -> list[int]:
    """Seed of the luck of one purpose; shops of one seed and different kinds share nothing."""
    return [zlib.crc32(kind.name.encode()), seed, purpose]


def plant(
    kind: str | Kind,
    seed: int,
    *,
    users: int = 800,
    items: int = 400,
    days: int = 56,
    later_days: int = 14,
    slate: int = 10,
) -> Shop:
    """Draw a shop and live through its log.

    Args:
        kind: Name of a kind, or one of your own.
        seed: All luck of this shop.
        users: How many users.
        items: How many items, a multiple of ``slate`` so that every page can be filled.
        days: Days of log before the split.
        later_days: Days after it, by the policy as frozen at the split.
        slate: Items a page.
    """
    kind = KINDS[kind] if isinstance(kind, str) else kind
    if items % slate or items < slate * (kind.max_pages + 2):
        raise ValueError(f"{items} items: must be a multiple of {slate}, and not so few")
    world = _world(kind, users, items, days, slate, np.random.default_rng(entropy(kind, seed, 1)))
    rng = np.random.default_rng(entropy(kind, seed, 2))
    state, pages = State.fresh(users, items, len(kind.words)), []
    for first in range(0, days, RETRAIN_DAYS):
        week = range(first, min(first + RETRAIN_DAYS, days))
        policy = _trained(world, pages, first, rng)
        pages += live(world, policy, state, week, rng, lives=users, logged=True)
    old, at_split = _trained(world, pages, days, rng), copy.deepcopy(state)
    after = range(days, days + later_days)
    pages += live(world, old, state, after, rng, lives=users, logged=True)
    return Shop(kind, seed, world, days, later_days, tuple(pages), at_split, old)


def _world(
    kind: Kind, users: int, items: int, days: int, slate: int, rng: np.random.Generator
) -> World:
    goods, people = stock(kind, items, days, slate, rng), invite(kind, users, rng)
    utilities = liking(kind, people, goods, 0)
    click = level_for(kind.click_rate, utilities, kind)
    taste = kind.buy_taste * utilities - kind.buy_price * goods.log_price / np.log(2)
    buy = level_for(kind.buy_rate, taste, kind)
    usual = 2.0 * slate * kind.click_rate
    return World(kind, people, goods, slate, click, buy, usual)


def _trained(world: World, pages: list[Pages], day: int, rng: np.random.Generator) -> Rows:
    """The shop's own ranker: shrunk click rates, a little personal by category, some whim.

    It ranks what is on sale on ``day``: what is launched later is not there yet.
    """
    users, items = len(world.people.activity), len(world.goods.launch)
    shown, clicked = _counts(pages, users, items)
    overall = clicked.sum() / max(shown.sum(), 1)
    rate = (clicked.sum(axis=0) + 20 * overall) / (shown.sum(axis=0) + 20)
    own = _by_category(clicked, world.goods.category) + 0.5
    usual = _by_category(clicked.sum(axis=0, keepdims=True), world.goods.category) + 0.5
    lean = own / own.sum(axis=1, keepdims=True) / (usual / usual.sum())
    score = np.log(rate + 1e-9) + 0.25 * np.log(lean)[:, world.goods.category]
    score = score + 0.15 * rng.normal(size=items) + 0.1 * rng.normal(size=score.shape)
    score[:, world.goods.launch > day] = -np.inf
    on_sale = int((world.goods.launch <= day).sum())
    return Rows(np.argsort(-score, axis=1, kind="stable")[:, :on_sale], world.slate)


def _counts(pages: list[Pages], users: int, items: int) -> tuple[Floats, Floats]:
    """[n_users, n_items] times shown and clicked."""
    shown, clicked = np.zeros((users, items)), np.zeros((users, items))
    for page in pages:
        cells = (page.lives[:, None], page.items)
        shown[cells] += 1
        clicked[cells] += page.clicked
    return shown, clicked


def _by_category(clicked: Floats, category: Ints) -> Floats:
    """[n_users, n_categories] clicks."""
    return np.asarray(clicked @ np.eye(category.max() + 1)[category])
