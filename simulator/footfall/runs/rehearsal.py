"""A few users shown what the recommenders would show them, to count what a model would be asked.

Nothing is simulated: pages come from the trained recommenders, visits from the users' own gaps, and
nobody clicks. Callables and services are not called here (``runs.arms`` asks them for a few first
pages); random pages stand in for theirs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
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
    pages = [list(stage.pages(int(user))) for user in users]
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
class _Stage:
    """What the pages of a user come from."""

    scenario: Scenario
    histories: Histories
    setting: Setting
    arms: list[Recommender]

    def pages(self, user: int) -> Iterator[Page]:
        """What one user would be shown in all arms: visits by the gaps, pages by the habits."""
        rng = np.random.default_rng([self.scenario.seed, user])
        calendar = self.setting.calendar
        days = max(0.0, self.scenario.world.days - float(calendar.arrivals[user]) / DAY)
        visits = int(rng.poisson(days / calendar.mean_gap_days[user]))
        moments = np.sort(rng.uniform(0, days, visits))
        depths = np.minimum(rng.geometric(1.0 - self._goes_on(), visits), self.setting.max_pages)
        for arm in self.arms:
            for session, (day, depth) in enumerate(zip(moments, depths, strict=True)):
                yield from self._visit(arm, user, session, float(day), int(depth))

    def _visit(
        self, arm: Recommender, user: int, session: int, day: float, depth: int
    ) -> Iterator[Page]:
        population, catalogue = self.histories.population, self.histories.catalogue
        at = self.histories.split.at + pd.Timedelta(days=day)
        persona = population.persona(user)
        shown: tuple[str, ...] = ()
        for page in range(depth):
            real = population.originals[user]
            luck = 1000 * session + page + 1_000_003 * user  # the same in every arm, as in a run
            request = Request(real, session, page, at, self.scenario.world.slate, shown, seed=luck)
            items = arm.recommend([request])[0].items
            codes = tuple(catalogue.known(items))
            if not codes:
                return
            yield Page(persona, codes, time=at, session=session, clock=day * DAY)
            shown += items

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
