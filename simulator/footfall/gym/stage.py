"""Users of a scenario who are shown what somebody else chooses, page by page.

The world is the same as in a run: habits or fitted users, the language model where the scenario
has one, promotions and the calendar. Only the recommender is missing; its place is taken by the
caller. Luck is keyed by (seed, user, visit, page, item), and each episode has visit numbers of its
own, so no two episodes share their luck and the same seeds give the same episodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.answering.opening import by_surrogates, open_answering
from footfall.errors import UserError
from footfall.llm.nobody import NOBODY
from footfall.options import Options
from footfall.recommenders import audited
from footfall.recommenders.laid_out import LaidOut
from footfall.runs.histories import Histories, read_histories
from footfall.runs.preparing import job_of, setting_of
from footfall.runs.resuming import Earlier
from footfall.scenario.scenario import Scenario
from footfall.workers.shards import Learners
from footfall.world.calendar import DAY, HOUR
from footfall.world.crowd import Crowd
from footfall.world.pages import PageOutcome
from footfall.world.shopper import Shopper

Floats = npt.NDArray[np.float32]
Reward = Literal["clicks", "purchases", "revenue"]
REWARDS: tuple[Reward, ...] = ("clicks", "purchases", "revenue")

VISITS_APART = 1 << 12
"""Visit numbers between two episodes of a user: more visits than an episode has."""

EPISODES = 1 << 19
"""Episodes of a user with luck of their own; visit numbers stay below 2**31."""

CONTEXT = ("page", "hour_sin", "hour_cos", "weekend", "visits")
"""Columns of the observation ``context``."""


@dataclass(frozen=True)
class Played:
    """What came of one page."""

    outcome: PageOutcome
    reward: float
    over: bool
    """The user has left, and with that the episode."""
    repeated: int
    """Items that the action named twice, or that had been shown in this visit: left out."""


class SimulatedUsers:
    """The users of one scenario, ready to be shown slates."""

    def __init__(
        self, scenario: Scenario, base: Path, *, reward: Reward = "clicks", days: float = 0.0
    ) -> None:
        """Read the scenario's data and wake nobody up yet.

        Args:
            scenario: Whose users are played; its arms are not.
            base: Folder that its paths are relative to.
            reward: What a page earns: clicks, purchases, or revenue in the data's currency.
            days: Simulated days of an episode, in which the user may come back; 0: one visit.

        Raises:
            UserError: The scenario cannot be played here.
        """
        if scenario.model.name != NOBODY and not by_surrogates(scenario.choice):
            raise UserError(
                f'gym: the scenario asks the model "{scenario.model.name}" about each page; play '
                "`model: {name: none}` or a surrogate of it (footfall distill)"
            )
        if reward not in REWARDS:
            raise UserError(f'gym: reward "{reward}" is none of {", ".join(REWARDS)}')
        self.histories: Histories = read_histories(scenario, base, lambda _: None)
        self.slate = scenario.world.slate
        self.reward, self.days = reward, days
        setting = setting_of(scenario, self.histories, base)
        self._crowd = Crowd(setting, [])
        self._chosen = LaidOut()
        chosen = audited(self._chosen, self.histories.catalogue)
        job = job_of(scenario, self.histories, setting, Options(base, base), Earlier())
        answering = open_answering(scenario, base, lambda _: None)
        choice = job.open_choice(answering)
        self._service = job.service(Learners([chosen]), choice, lambda _pages, _items: None)
        self._tastes, self._taken = _remembered(self.histories)
        start = pd.Timestamp(self.histories.split.at)
        self._monday = (start - start.normalize()).total_seconds() + start.weekday() * DAY
        """Seconds from the Monday before to the start of the run."""

    @property
    def n_items(self) -> int:
        """Items in the catalogue; actions number them from 0."""
        return len(self.histories.catalogue)

    @property
    def n_users(self) -> int:
        """Users that can be played."""
        return len(self.histories.population)

    @property
    def n_categories(self) -> int:
        """Length of the observation ``tastes``."""
        return int(self._tastes.shape[1])

    def begin(self, users: Sequence[int], episodes: Sequence[int]) -> list[Shopper]:
        """Users at the door, who ask for their first page: one for each user and its episode."""
        shoppers = [self._crowd.wake(0, user) for user in users]
        for shopper, episode in zip(shoppers, episodes, strict=True):
            shopper.session = (episode % EPISODES) * VISITS_APART
        self._crowd.plan(shoppers)
        for shopper in shoppers:
            shopper.advance()
        return shoppers

    def play(
        self, shoppers: Sequence[Shopper], slates: Sequence[npt.NDArray[Any]], ends: Sequence[float]
    ) -> list[Played]:
        """Show each waiting shopper a slate.

        Args:
            shoppers: Those who wait for a page.
            slates: [k] codes of items for each, top first.
            ends: Simulated second at which each one's episode ends.
        """
        kept = [_distinct(slate, one) for slate, one in zip(slates, shoppers, strict=True)]
        ids = self.histories.catalogue.ids
        self._chosen.slates = [tuple(ids[code] for code in codes) for codes in kept]
        _, outcomes = self._crowd.play(list(shoppers), self._service)
        over = self._left(shoppers, ends)
        return [
            Played(
                outcome=outcome,
                reward=self._earned(outcome),
                over=left,
                repeated=len(slate) - len(codes),
            )
            for outcome, left, slate, codes in zip(outcomes, over, slates, kept, strict=True)
        ]

    def observe(
        self, shoppers: Sequence[Shopper], clicks: npt.NDArray[np.float32]
    ) -> dict[str, Floats]:
        """What a recommender may know: each user's past, this episode, and the moment.

        Args:
            shoppers: The users.
            clicks: [n, n_items] how often each clicked an item in this episode.

        Returns:
            One row a user under each name.
        """
        users = [shopper.user for shopper in shoppers]
        seen = np.zeros((len(shoppers), self.n_items), dtype=np.float32)
        for row, shopper in zip(seen, shoppers, strict=True):
            counts = shopper.seen.counts()
            row[list(counts)] = list(counts.values())
        return {
            "tastes": self._tastes[users],
            "taken": self._taken[users],
            "seen": np.log1p(seen),
            "clicked": np.log1p(clicks),
            "context": self._context(shoppers),
        }

    def _left(self, shoppers: Sequence[Shopper], ends: Sequence[float]) -> list[bool]:
        """Bring the shoppers to their next pages; true for those who come to none in time."""
        left = [shopper.advance() is None for shopper in shoppers]
        if self.days:
            gone = [place for place, over in enumerate(left) if over]
            self._crowd.plan([shoppers[place] for place in gone])
            for place in gone:
                back = shoppers[place].starts < ends[place]
                left[place] = not back or shoppers[place].advance() is None
        return left

    def _earned(self, outcome: PageOutcome) -> float:
        if self.reward == "revenue":
            return outcome.value
        return float(len(outcome.clicked if self.reward == "clicks" else outcome.bought))

    def _context(self, shoppers: Sequence[Shopper]) -> Floats:
        asked = [shopper.pending for shopper in shoppers]
        now = np.array(
            [s.now if one is None else one.time for s, one in zip(shoppers, asked, strict=True)]
        )
        pages = [0 if one is None else one.page for one in asked]
        weekday = np.floor((self._monday + now) / DAY) % 7
        turn = 2 * np.pi * (now % DAY / HOUR) / 24.0
        visits = [shopper.session % VISITS_APART for shopper in shoppers]
        columns = (pages, np.sin(turn), np.cos(turn), weekday >= 5, visits)
        return np.stack([np.asarray(one, dtype=np.float32) for one in columns], axis=1)


def _distinct(slate: npt.NDArray[Any], shopper: Shopper) -> list[int]:
    """The codes of a slate without those that stand there twice or were shown in this visit."""
    shown = set() if shopper.pending is None else set(shopper.pending.shown)
    return [code for code in dict.fromkeys(slate.tolist()) if code not in shown]


def _remembered(histories: Histories) -> tuple[Floats, Floats]:
    """[n_users, n_categories] shares of own takings; [n_users, n_items] log of 1 + takings."""
    population, catalogue = histories.population, histories.catalogue
    users, rows = population.event_rows()
    taken = population.taken[rows]
    users, items = users[taken], population.items[rows][taken]
    names, category = np.unique(np.asarray(catalogue.categories, dtype=str), return_inverse=True)
    tastes = np.zeros((len(population), len(names)), dtype=np.float32)
    counts = np.zeros((len(population), len(catalogue)), dtype=np.float32)
    np.add.at(tastes, (users, category[items]), 1.0)
    np.add.at(counts, (users, items), 1.0)
    tastes /= np.maximum(1.0, tastes.sum(axis=1, keepdims=True))
    return tastes, np.log1p(counts)
