"""A few users shown what the recommenders would show them, to count what a model would be asked.

Nothing is simulated: pages come from the trained recommenders, visits from the users' own gaps, and
nobody clicks. Callables and services are not called here (``runs.arms`` asks them for a few first
pages); random pages stand in for theirs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.answering.opening import open_answering
from footfall.answering.repricing import open_with_prices
from footfall.choice.protocol import Page
from footfall.llm.counting import CountingOnce
from footfall.options import Announce
from footfall.plumbing.stopwatch import Took
from footfall.recommenders import Recommender, Request, build, parse_spec
from footfall.runs.histories import Histories
from footfall.scenario.scenario import Scenario
from footfall.workers.shards import FOREIGN, people_of
from footfall.world.calendar import DAY
from footfall.world.crowd import Setting

SAMPLE = 40
"""Users whose pages are made."""


@dataclass(frozen=True)
class Rehearsal:
    """What the sample would need, scaled up to everybody."""

    decisions: float
    """Items on all pages."""
    prompts: float
    """Different questions; one that repeats is answered from the store."""
    tokens: float
    """Prompt tokens to compute; a history shared by the items of a page is counted once."""
    spread: float
    """Standard error of ``tokens`` (of ``decisions`` where nobody is asked), as a share of it."""
    training: Took
    """In which the recommenders were trained."""
    recommending: Took
    """In which recommenders would fill all pages."""


def rehearse(
    scenario: Scenario, histories: Histories, setting: Setting, base: Path, announce: Announce
) -> Rehearsal:
    """Make the pages of some users and count the questions about them."""
    start = Took.now()
    arms = list(_arms(scenario, histories, base, announce))
    training, trained = Took.since(start), Took.now()
    stage = _Stage(scenario, histories, setting, arms)
    everybody = len(setting.users)
    users = np.random.default_rng(scenario.seed).permutation(everybody)[:SAMPLE]
    pages = stage.pages([int(user) for user in users])
    made = Took.since(trained)
    # Each sampled user stands for so many, of whom each meets so many of the arms.
    meets = len(people_of(scenario, setting)) / everybody / len(arms)
    scale = everybody / len(users) * meets
    items = np.array([sum(len(page.items) for page in mine) for mine in pages], dtype=float)
    asked = _ask(stage, base, announce, pages)
    common, own = _counts(asked, len(users))
    most = max(1.0, len(histories.catalogue) / max(1.0, float(common[0])))
    shared = min(scale, most)
    return Rehearsal(
        decisions=float(items.sum()) * scale,
        prompts=float(own[:, 0].sum()) * scale + float(common[0]) * shared,
        tokens=float(own[:, 1].sum()) * scale + float(common[1]) * shared,
        spread=_spread(own[:, 1] if own[:, 1].any() else items),
        training=training,
        recommending=made * scale,
    )


def _arms(
    scenario: Scenario, histories: Histories, base: Path, announce: Announce
) -> Iterator[Recommender]:
    for arm in scenario.arms:
        announce(f'recommender "{arm.name}": {arm.recommender.kind}')
        foreign = arm.recommender.kind in FOREIGN
        yield build(
            parse_spec({"kind": "random"}) if foreign else arm.recommender,
            histories.apart.for_recommenders,
            histories.catalogue,
            base=base,
            seed=scenario.seed,
        )


@dataclass(frozen=True)
class _Visit:
    """One that a user of the sample would make in every arm."""

    row: int
    """Of the user, in the sample."""
    user: int
    session: int
    day: float
    depth: int
    """Pages that the user looks at."""


@dataclass(frozen=True)
class _Stage:
    """What the pages of some users come from."""

    scenario: Scenario
    histories: Histories
    setting: Setting
    arms: list[Recommender]

    def pages(self, users: Sequence[int]) -> list[list[Page]]:
        """What each user would be shown in all arms; recommenders fill batches, as in a run."""
        visits = [visit for row, user in enumerate(users) for visit in self._visits(row, user)]
        found: list[list[Page]] = [[] for _ in users]
        for arm in self.arms:
            for visit, pages in zip(visits, self._shown(arm, visits), strict=True):
                found[visit.row] += pages
        return found

    def _visits(self, row: int, user: int) -> Iterator[_Visit]:
        """Visits by the gaps, as many pages as the habits have it."""
        rng = np.random.default_rng([self.scenario.seed, user])
        calendar = self.setting.calendar
        days = max(0.0, self.scenario.world.days - float(calendar.arrivals[user]) / DAY)
        visits = int(rng.poisson(days / calendar.mean_gap_days[user]))
        moments = np.sort(rng.uniform(0, days, visits))
        depths = np.minimum(rng.geometric(1.0 - self._goes_on(), visits), self.setting.max_pages)
        for session, (day, depth) in enumerate(zip(moments, depths, strict=True)):
            yield _Visit(row, user, session, float(day), int(depth))

    def _shown(self, arm: Recommender, visits: Sequence[_Visit]) -> list[list[Page]]:
        """The pages of each visit: all first ones in one batch, then all second ones, and so on."""
        pages: list[list[Page]] = [[] for _ in visits]
        shown: list[tuple[str, ...]] = [()] * len(visits)
        waiting, catalogue = list(range(len(visits))), self.histories.catalogue
        while waiting:
            asked = [self._request(visits[n], len(pages[n]), shown[n]) for n in waiting]
            going = []
            for n, slate in zip(waiting, arm.recommend(asked), strict=True):
                codes = tuple(catalogue.known(slate.items))
                if codes:
                    pages[n].append(self._page(visits[n], codes))
                    shown[n] += slate.items
                    going += [n] * (len(pages[n]) < visits[n].depth)
            waiting = going
        return pages

    def _request(self, visit: _Visit, page: int, shown: tuple[str, ...]) -> Request:
        # The luck is the same in every arm, as in a run.
        luck = 1000 * visit.session + page + 1_000_003 * visit.user
        real, k = self.histories.population.originals[visit.user], self.scenario.world.slate
        return Request(real, visit.session, page, self._at(visit), k, shown, seed=luck)

    def _page(self, visit: _Visit, codes: tuple[int, ...]) -> Page:
        persona, clock = self.histories.population.persona(visit.user), visit.day * DAY
        return Page(persona, codes, time=self._at(visit), session=visit.session, clock=clock)

    def _at(self, visit: _Visit) -> pd.Timestamp:
        return self.histories.split.at + pd.Timedelta(days=visit.day)

    def _goes_on(self) -> float:
        habits = self.scenario.behaviour.habits
        return float(1.0 / (1.0 + np.exp(-(habits.go_on + 0.3 * habits.go_on_after_click))))


def _ask(
    stage: _Stage, base: Path, announce: Announce, pages: list[list[Page]]
) -> CountingOnce | None:
    """Put the questions about each user's pages to a stand-in; None: nobody would be asked."""
    scenario, catalogue = stage.scenario, stage.histories.catalogue
    with closing(open_answering(scenario, base, announce)) as model:
        counting = CountingOnce(model)
        prices = stage.setting.schedule.prices
        choice = open_with_prices(scenario.choice, counting, catalogue, prices, base=base)
        if choice is None:
            return None
        for row, mine in enumerate(pages):
            counting.asker = row
            if mine:
                choice.utilities(mine)
        return counting


def _counts(
    asked: CountingOnce | None, users: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Different questions and tokens: of those that users share [2], and of each user [users, 2].

    Questions about somebody without a past are the same for all users: they grow with the items
    that are shown, not with the users.
    """
    common, own = np.zeros(2), np.zeros((users, 2))
    for one in [] if asked is None else asked.different:
        shared = asked is not None and len(asked.askers[one.prefix]) > 1
        row = common if shared else own[one.asker]
        row += (1, one.tokens)
    return common, own


def _spread(amounts: npt.NDArray[np.float64]) -> float:
    """Standard error of the sum of ``amounts``, as a share of it."""
    total = float(amounts.sum())
    if total == 0 or len(amounts) < 2:
        return 0.0
    error = float(amounts.std(ddof=1)) * math.sqrt(len(amounts))
    return error / total
