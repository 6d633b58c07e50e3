"""One simulated user in one arm: every visit is a SimPy process with a clock of its own.

come back another day -> [ask for a page -> look -> click, buy -> go on?] ... -> leave

Between visits a shopper is a few numbers: when the next visit starts, and what was seen. So a
million of them fit, and only those who are in the shop cost time.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, field
from math import exp
from typing import Any

import simpy

from footfall.behaviour.coming_back import LATE_DAYS, Before, Late, sameness
from footfall.behaviour.traces import Traces
from footfall.world.calendar import DAY
from footfall.world.diary import Diary
from footfall.world.pages import Happening, PageOutcome, PageRequest
from footfall.world.tally import Tally


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


class VisitClock(simpy.Environment):  # type: ignore[misc]  # SimPy has no types
    """SimPy's environment, which would bind all kinds of events beforehand: a visit needs none."""


class Reply(simpy.Event):  # type: ignore[misc]  # SimPy has no types
    """A page and the time that is spent with it, as one event."""

    def come(self, outcome: PageOutcome, seconds: float) -> None:
        """Let the user know of ``outcome`` in so many seconds, when the page is done with."""
        self._ok, self._value = True, outcome
        self.env.schedule(self, delay=seconds)


@dataclass(slots=True)
class Shopper:
    """State of a user in an arm; ``pending`` is the page waited for, if any."""

    arm: int
    user: int
    max_pages: int
    diary: Diary | None = None
    """Kept where a scenario asks for anything that it holds."""
    starts: float = 0.0
    """Simulated second at which the next visit starts; the crowd draws it."""
    now: float = 0.0
    """Simulated second at which the last visit ended."""
    session: int = 0
    """Number of the visit that is under way or comes next."""
    pending: PageRequest | None = None
    seen: Tally = field(default_factory=Tally)
    """How often each item was shown to this user in this run."""
    traces: Traces | None = None
    """What the user met in this run, fading; kept where fitted users ask for it."""
    visits: list[Visit] | None = None
    """Finished visits that were not yet collected."""
    brought: Callable[[int], Before] | None = None
    """What the user brings along from before the run; kept where fitted users ask for it, and asked
    when it is needed: most users of a large crowd are asleep."""
    late: Late | None = None
    """``behaviour.coming_back.LATE`` of the visits so far; None: none in this run ..."""
    late_at: float = 0.0
    """... as of the end of the last one, in simulated seconds."""
    front: array[int] | None = None
    """Items of the first recommended page of the last visit in this run."""
    last_clicks: int = -1
    """On recommended pages of the last visit; -1: there was none in this run."""
    _env: VisitClock | None = None
    _reply: Reply | None = None

    def advance(self) -> PageRequest | None:
        """Run the visit up to its next question, beginning it if need be; None: it is over."""
        if self._env is None:
            self._env = VisitClock(self.starts)
            simpy.Process(self._env, self._visit())
        while self.pending is None and self._env is not None:
            self._env.step()
        return self.pending

    def answer(self, outcome: PageOutcome) -> None:
        """Tell the user what came of the page that was waited for."""
        assert self._reply is not None
        self.pending = None
        self._reply.come(outcome, outcome.seconds if outcome.items or outcome.gave_up else 0.0)

    def collect(self) -> list[Visit]:
        """Hand over the visits finished since the last call, and rest."""
        visits, self.visits = self.visits or [], None
        self.seen.rest()
        if self.traces is not None:
            self.traces.rest()
        return visits

    def collect_happenings(self) -> list[Happening]:
        """Hand over what else happened since the last call."""
        return [] if self.diary is None else self.diary.collect()

    def _visit(self) -> Generator[simpy.Event, Any, None]:
        env, session = self._env, self.session
        assert env is not None
        visit = Visit(session, env.now, env.now, 0, 0, 0, 0, 0.0, "page limit")
        shown: tuple[int, ...] = ()
        clicked: tuple[int, ...] = ()
        bought: tuple[int, ...] = ()
        first: tuple[int, ...] = ()
        page, diary = 0, self.diary
        for page in range(self.max_pages):
            request = PageRequest(
                self.arm, self.user, session, page, env.now, shown, clicked, bought
            )
            if diary is not None:
                request = diary.asking(request)
            self.pending = request
            self._reply = Reply(env)
            outcome: PageOutcome = yield self._reply
            if outcome.gave_up:
                visit.ended = "gave up waiting"
                break
            if not outcome.items:
                visit.ended = self._at_nothing(request, outcome, bool(bought))
                break
            if diary is not None and outcome.answered:
                diary.note(request, outcome)
            self._meet(request, outcome)
            clicked += outcome.clicked
            bought += outcome.bought
            if not request.kind:  # the log of visits is about recommended pages
                first = first or outcome.items
                shown += outcome.items
                visit.pages += 1
                visit.value += outcome.value
                visit.clicks += len(outcome.clicked)
                visit.purchases += len(outcome.bought)
            if not outcome.answered:
                visit.ended = "no answer"
                break
            if not outcome.go_on and not outcome.then[0]:
                visit.ended = "satisfied" if bought else "left"
                break
        visit.end = env.now
        visit.impressions = len(shown)
        if diary is not None:
            diary.leave(session, page, env.now, visit.ended)
        self._leave(visit, first)

    def _meet(self, request: PageRequest, outcome: PageOutcome) -> None:
        """Remember what was on the page."""
        self.seen.add(outcome.items)
        if self.traces is not None:
            self.traces.add(outcome.items, outcome.clicked, outcome.bought, request.time / DAY)

    def _at_nothing(self, request: PageRequest, outcome: PageOutcome, bought: bool) -> str:
        """How a visit ends on a page without items."""
        if self.diary is None or not request.kind:
            return "empty page"
        self.diary.note(request, outcome)  # the shop itself found nothing: no arm's fault
        return "satisfied" if bought else "left"

    def _leave(self, visit: Visit, first: tuple[int, ...]) -> None:
        """Remember the visit; the next one gets an environment of its own."""
        self.visits = [*(self.visits or ()), visit]
        if self.brought is not None:
            self._recall(visit, first, self.brought(self.user))
        self.last_clicks = visit.clicks
        self.now, self.session = visit.end, visit.session + 1
        self._env = self._reply = None

    def _recall(self, visit: Visit, first: tuple[int, ...], before: Before) -> None:
        """Take the visit into what is remembered of visits."""
        front: Collection[int] = before.front if self.front is None else self.front
        same = sameness(first, front, before.usual)
        late_at = before.day * DAY if self.late is None else self.late_at
        since = (visit.end - late_at) / DAY
        left, known = exp(-since / LATE_DAYS), exp(-since / before.life)
        clicks, visits, old, pages = before.late if self.late is None else self.late
        clicks, visits = left * clicks + visit.clicks, left * visits + 1.0
        self.late = clicks, visits, known * old + same, known * pages + 1.0
        self.late_at, self.front = visit.end, array("i", first) if first else self.front
