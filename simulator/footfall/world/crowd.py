"""All users of all arms, advanced together from one synchronisation point to the next.

Inside an epoch users do not touch each other. Every user is run up to its next question; all
waiting users are then served as one batch; and so on until nobody has a question left before
the epoch's end. What comes out is ordered by (arm, user, session, page, position), so neither
batching nor the number of workers can be seen in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from footfall.behaviour.decisions import Behaviour, PageFeatures, PageLuck
from footfall.behaviour.features import FEATURES, PairFeatures
from footfall.behaviour.in_visit import in_visit
from footfall.behaviour.specs import SITUATION, TASTES
from footfall.behaviour.thinking import Thinking
from footfall.behaviour.traces import Traces
from footfall.luck import Luck, Purpose, exponential, uniform
from footfall.world.actions.funnel import Funnel
from footfall.world.calendar import DAY, Calendar
from footfall.world.diary import Diary, DiarySpec
from footfall.world.pages import FilledPage, PageOutcome, PageRequest, PageService
from footfall.world.presented import Presented
from footfall.world.records import EpochRecords, PageBlock
from footfall.world.schedule import Schedule
from footfall.world.shopper import Shopper


@dataclass(frozen=True)
class Setting:
    """What every shopper of a run shares; plain arrays, so that workers can be sent it."""

    behaviour: Behaviour
    calendar: Calendar
    luck: Luck
    users: npt.NDArray[np.uint64]
    """[n_users] keys of the users' luck."""
    items: npt.NDArray[np.uint64]
    """[n_items] keys of the items' luck."""
    known: PairFeatures
    """What is known of users and items before the run."""
    schedule: Schedule
    """Prices, pages and what else a scenario changes on the way."""
    max_pages: int
    start: np.datetime64
    """Simulated second 0, UTC."""
    own: npt.NDArray[np.float64] | None = None
    """[n_users, len(TERMS)] coefficients of each user; None: the common ones."""
    diary: DiarySpec | None = None
    """What users carry along from page to page and from visit to visit; None: nothing."""
    people: Thinking | None = None
    """Users fitted to a log of pages; None: the coefficients of ``behaviour`` are all there is."""
    funnel: Funnel | None = None
    """What users do beside clicking and buying; None: nothing."""
    presented: Presented | None = None
    """Which words and prices each arm shows; None: all the same."""

    @property
    def slate(self) -> int:
        """Items on the largest page."""
        return self.schedule.widest


class Crowd:
    """Some of the shoppers of a run."""

    def __init__(self, setting: Setting, people: Sequence[tuple[int, int]]) -> None:
        """Wake ``people`` up: (arm, number of the user in the population)."""
        self.setting = setting
        self.shoppers = [self.wake(arm, user) for arm, user in people]
        self.plan(self.shoppers)
        self._left_before()

    @cached_property
    def _unused(self) -> frozenset[str]:
        """Tastes that have no coefficient: nobody need count them."""
        spec = self.setting.behaviour.spec
        return frozenset(name for name in TASTES if not spec.uses(name))

    def wake(self, arm: int, user: int) -> Shopper:
        """A user in an arm, whose first visit is still to be planned."""
        kept = self.setting.diary
        shopper = Shopper(
            arm,
            user,
            self.setting.max_pages,
            None if kept is None else Diary(kept),
            traces=None if self.setting.people is None else Traces(),
        )
        shopper.now = float(self.setting.calendar.arrivals[user])
        if self.setting.people is not None:
            shopper.brought = self.setting.people.before
        return shopper

    def advance(self, until: float, service: PageService) -> EpochRecords:
        """Simulate up to ``until`` (seconds since the start) and return what happened.

        A visit belongs to the epoch in which it starts, and is finished in it.
        """
        blocks: list[PageBlock] = []
        came = [shopper for shopper in self.shoppers if shopper.starts < until]
        active = came
        while active:
            asking: list[Shopper] = []
            gone: list[Shopper] = []
            for shopper in active:
                (gone if shopper.advance() is None else asking).append(shopper)
            waiting = self._let_go(asking)
            if waiting:
                blocks.append(self.serve(waiting, service))
            self.plan(gone)
            active = asking + [shopper for shopper in gone if shopper.starts < until]
        return EpochRecords(
            blocks,
            [(s.arm, s.user, s.collect()) for s in came],
            [
                (s.arm, s.user, s.collect_happenings())
                for s in came
                if s.diary is not None and s.diary.happenings
            ],
        )

    def plan(self, leaving: Sequence[Shopper]) -> None:
        """Draw when each of them comes next."""
        if not leaving:
            return
        users, sessions, now = zip(*((s.user, s.session, s.now) for s in leaving), strict=True)
        starts = self.setting.calendar.next_starts(
            np.array(users, dtype=np.int64),
            np.array(sessions, dtype=np.int64),
            np.array(now),
            self._stretched(leaving),
        )
        for shopper, start in zip(leaving, starts.tolist(), strict=True):
            shopper.starts = start
        if self.setting.people is not None:
            came = [shopper for shopper in leaving if shopper.last_clicks >= 0]
            clicks = np.array([shopper.last_clicks for shopper in came], dtype=np.float64)
            self._never(came, self.setting.people.leaves(clicks))

    def _stretched(self, leaving: Sequence[Shopper]) -> npt.NDArray[np.float64] | float:
        """[n] by what the days to the next visit are multiplied."""
        stretched: npt.NDArray[np.float64] | float = 1.0
        if self.setting.behaviour.spec.mood is not None:
            stretched = np.array([1.0 if s.diary is None else s.diary.patience for s in leaving])
        if self.setting.people is None:
            return stretched
        people, users = self.setting.people, np.array([s.user for s in leaving], dtype=np.int64)
        late = np.array([people.before(s.user).late if s.late is None else s.late for s in leaving])
        return stretched * people.stretch(users, late)

    def _left_before(self) -> None:
        """Those who left for good before the run never come."""
        people = self.setting.people
        if people is not None:
            gone = np.array([people.before(s.user).gone for s in self.shoppers])
            self._never(self.shoppers, gone)

    def _never(self, shoppers: Sequence[Shopper], chance: npt.NDArray[np.float64]) -> None:
        """Each of them comes no more with a ``chance`` of its own."""
        asked = np.flatnonzero(chance)
        if not len(asked):
            return
        users = self.setting.users[[shoppers[place].user for place in asked.tolist()]]
        sessions = np.array([shoppers[place].session for place in asked.tolist()])
        lot = uniform(self.setting.luck.words(Purpose.LEAVE, users, sessions)[0])
        for place in asked[lot < chance[asked]].tolist():
            shoppers[place].starts = np.inf

    def _let_go(self, asking: list[Shopper]) -> list[Shopper]:
        """Those who still wait for their page; the others give up, and hear so."""
        schedule = self.setting.schedule
        if not schedule.hazards.any():
            return asking
        requests = [shopper.pending for shopper in asking if shopper.pending is not None]
        spells, arms = schedule.at([r.time for r in requests]), [r.arm for r in requests]
        users = self.setting.users[[request.user for request in requests]]
        sessions = np.array([request.session for request in requests])
        pages = np.array([request.page for request in requests])
        words, _, _, _ = self.setting.luck.words(Purpose.WAIT, users, sessions, pages)
        patience = exponential(words)
        hazards, waits = schedule.hazards[spells, arms], schedule.waits[spells, arms]
        left = []
        for number, shopper in enumerate(asking):
            if patience[number] >= hazards[number]:
                left.append(shopper)
                continue
            waited = float(waits[number] * patience[number] / hazards[number])
            shopper.answer(
                PageOutcome((), (), (), 0.0, waited, go_on=False, answered=True, gave_up=True)
            )
        return left

    def foresee(self, requests: list[PageRequest], service: PageService) -> PageBlock:
        """Decide pages of users as they come to the run; nobody remembers them."""
        strangers = [self.wake(request.arm, request.user) for request in requests]
        return self._decide(strangers, requests, service.serve(requests))

    def serve(self, asking: list[Shopper], service: PageService) -> PageBlock:
        """Show everybody who waits a page, and tell them what came of it."""
        return self.play(asking, service)[0]

    def play(
        self, asking: list[Shopper], service: PageService
    ) -> tuple[PageBlock, list[PageOutcome]]:
        """Like ``serve``, with what each of them was told."""
        requests = [shopper.pending for shopper in asking if shopper.pending is not None]
        pages = service.serve(requests)
        block = self._decide(asking, requests, pages)
        outcomes = block.outcomes()
        for shopper, outcome in zip(asking, outcomes, strict=True):
            shopper.answer(outcome)
        return block, outcomes

    def _decide(
        self, asking: list[Shopper], requests: list[PageRequest], pages: list[FilledPage]
    ) -> PageBlock:
        items = pad([page.items for page in pages], self.setting.slate, -1)
        shown = items >= 0
        numbers = np.array([request.user for request in requests], dtype=np.int64)
        schedule = self.setting.schedule
        times = [request.time for request in requests]
        spells = schedule.at(times)
        cells = (spells[:, None], items)
        changed = schedule.eventful
        shifts = schedule.shifts[cells] if changed else None
        appeal = schedule.appealing(times, numbers, items) if changed else None
        prices = schedule.prices[cells]
        if self.setting.presented is not None:
            words, price = self.setting.presented.of([one.arm for one in requests], items)
            shifts = price if shifts is None else shifts + price
            appeal = words if appeal is None else appeal + words
            prices = prices * np.exp(price)
        known = self.setting.known.of(
            numbers,
            items,
            times=self._times(requests),
            unused=self._unused,
            shifts=shifts,
        )
        features = PageFeatures(
            shown=shown,
            llm=pad([page.llm for page in pages], self.setting.slate, np.nan),
            popularity=known[:, :, FEATURES.index("popularity")],
            price=known[:, :, FEATURES.index("price")],
            repeat=known[:, :, FEATURES.index("repeat")],
            seen=_times_seen(asking, items),
            tastes=known[:, :, -len(TASTES) :],
            own=None if self.setting.own is None else self.setting.own[numbers],
            situation=_heard(pages, self.setting.slate),
            mood=self._moods(asking),
            appeal=appeal,
            sellable=schedule.sellable[cells] if changed else None,
            examination=schedule.examination[spells] if changed else None,
        )
        if self.setting.people is not None:
            features = self._thinking(self.setting.people, features, asking, requests, items)
        decisions = self.setting.behaviour.decide(features, self._luck(requests, items))
        if changed:
            waits = schedule.waits[spells, [request.arm for request in requests]]
            decisions = replace(decisions, seconds=decisions.seconds + waits)
        acts = None
        if self.setting.funnel is not None:
            acts = self.setting.funnel.act(requests, items, features, prices, decisions)
            decisions = acts.decisions
        return PageBlock(requests, pages, items, features.llm, prices, decisions, acts)

    def _thinking(
        self,
        people: Thinking,
        features: PageFeatures,
        asking: list[Shopper],
        requests: list[PageRequest],
        items: npt.NDArray[np.int32],
    ) -> PageFeatures:
        """The same with what fitted users think of the page."""
        users = np.array([request.user for request in requests], dtype=np.int64)
        days = np.array([request.time for request in requests]) / DAY
        pages = np.array([request.page for request in requests], dtype=np.int64)
        clicked = np.array([len(request.clicked) for request in requests], dtype=np.int64)
        met, visit = _met(asking, items, days), in_visit(pages, clicked)
        opinion = people.think(users, items, features.price, days, met, visit)
        return replace(
            features,
            personal=opinion.terms,
            buy_odds=opinion.buy_odds,
            going=people.going(users, pages),
        )

    def _times(self, requests: list[PageRequest]) -> npt.NDArray[np.datetime64] | None:
        """[n] when, if it matters to anybody."""
        if not self.setting.behaviour.spec.uses("occasion"):
            return None
        seconds = np.array([request.time for request in requests])
        return np.asarray(self.setting.start + (seconds * 1000).astype("timedelta64[ms]"))

    def _moods(self, asking: list[Shopper]) -> npt.NDArray[np.float64] | None:
        if self.setting.behaviour.spec.mood is None:
            return None
        return np.array([0.0 if s.diary is None else s.diary.mood for s in asking])

    def _luck(self, requests: list[PageRequest], items: npt.NDArray[np.int32]) -> PageLuck:
        users = self.setting.users[[request.user for request in requests]]
        sessions = np.array([request.session for request in requests])
        numbers = np.array([request.page for request in requests])
        return PageLuck.drawn(
            self.setting.luck,
            users,
            sessions,
            numbers,
            self.setting.items[items],
            self.setting.behaviour.spec.habits.picks,
        )


_Number = TypeVar("_Number", np.int32, np.float64)


def pad(rows: Sequence[npt.NDArray[_Number]], width: int, fill: float) -> npt.NDArray[_Number]:
    """[n, width] of rows of at most that length, filled up at the end."""
    out = np.full((len(rows), width), fill, dtype=rows[0].dtype)
    lengths = np.fromiter((len(row) for row in rows), dtype=np.int64, count=len(rows))
    out[np.arange(width) < lengths[:, None]] = np.concatenate(rows)
    return out


def _heard(pages: list[FilledPage], width: int) -> npt.NDArray[np.float64] | None:
    """[n, width, len(SITUATION)] what others buy; None where nobody talks."""
    if all(page.heard is None for page in pages):
        return None
    found = np.zeros((len(pages), width, len(SITUATION)))
    for row, page in enumerate(pages):
        if page.heard is not None:
            found[row, : len(page.heard)] = page.heard
    return found


def _times_seen(asking: list[Shopper], items: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    rows = [shopper.seen.of(row) for shopper, row in zip(asking, items.tolist(), strict=True)]
    return np.array(rows, dtype=np.float64)


def _met(
    asking: list[Shopper], items: npt.NDArray[np.int32], days: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """[n, k, len(KINDS)] what each met in this run, faded."""
    rows = [
        shopper.traces.of(row, day)
        for shopper, row, day in zip(asking, items.tolist(), days.tolist(), strict=True)
        if shopper.traces is not None
    ]
    return np.array(rows, dtype=np.float64)
