"""One simulated user in one arm: a SimPy process with a clock of its own.

come back another day -> [ask for a page -> look -> click, buy -> go on?] ... -> leave
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from footfall.world.calendar import BLOCK, Calendar, next_start
from footfall.world.pages import PageRequest


@dataclass(slots=True)
class Visit:
    """A finished visit: one row of the session log."""

    session: int
    start: float
    end: float
    pages: int
    impressions: int
    clicks: int
    purchases: int
    value: float
    ended: str


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """What the user did with a page; codes in the order of the page."""

    items: tuple[int, ...]
    clicked: tuple[int, ...]
    bought: tuple[int, ...]
    value: float
    seconds: float
    go_on: bool
    answered: bool


@dataclass(slots=True)
class Shopper:
    """State of a user in an arm; ``pending`` is the page waited for, if any."""

    arm: int
    user: int
    max_pages: int
    calendar: Calendar
    env: simpy.Environment = field(default_factory=simpy.Environment)
    pending: PageRequest | None = None
    shopping: bool = False
    """In the middle of a visit."""
    seen: Counter[int] = field(default_factory=Counter)
    """How often each item was shown to this user in this run."""
    visits: list[Visit] = field(default_factory=list)
    """Finished visits that were not yet collected."""
    _reply: simpy.Event | None = None

    def __post_init__(self) -> None:
        self.env.process(self._life())

    def advance(self, until: float) -> PageRequest | None:
        """Run this user's clock up to the next question, or to ``until``.

        A visit belongs to the epoch in which it starts, and is finished in it.
        """
        while self.pending is None and (self.shopping or self.env.peek() < until):
            self.env.step()
        return self.pending

    def answer(self, outcome: PageOutcome) -> None:
        """Tell the user what came of the page that was waited for."""
        assert self._reply is not None
        self.pending = None
        self._reply.succeed(outcome)

    def collect(self) -> list[Visit]:
        """Hand over the visits finished since the last call."""
        visits, self.visits = self.visits, []
        return visits

    def _life(self) -> Generator[simpy.Event, Any, None]:
        for block in itertools.count(step=BLOCK):
            for session, (gap, clock) in enumerate(self.calendar.plan(self.user, block), block):
                now = self.env.now
                yield self.env.timeout(next_start(now, gap, clock) - now)
                yield from self._visit(session)

    def _visit(self, session: int) -> Generator[simpy.Event, Any, None]:
        self.shopping = True
        visit = Visit(session, self.env.now, self.env.now, 0, 0, 0, 0, 0.0, "page limit")
        shown: tuple[int, ...] = ()
        clicked: tuple[int, ...] = ()
        bought: tuple[int, ...] = ()
        for page in range(self.max_pages):
            self.pending = PageRequest(
                self.arm, self.user, session, page, self.env.now, shown, clicked, bought
            )
            self._reply = self.env.event()
            outcome: PageOutcome = yield self._reply
            if not outcome.items:
                visit.ended = "empty page"
                break
            yield self.env.timeout(outcome.seconds)
            self.seen.update(outcome.items)
            shown += outcome.items
            clicked += outcome.clicked
            bought += outcome.bought
            visit.pages += 1
            visit.value += outcome.value
            if not outcome.answered:
                visit.ended = "no answer"
                break
            if not outcome.go_on:
                visit.ended = "satisfied" if bought else "left"
                break
        visit.end = self.env.now
        visit.impressions, visit.clicks, visit.purchases = len(shown), len(clicked), len(bought)
        self.visits.append(visit)
        self.shopping = False
