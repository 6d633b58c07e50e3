"""What a user carries along beside what was shown: purchases of the run, money spent, a mood.

Shoppers of scenarios that ask for none of it keep no diary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from footfall.behaviour.specs import MoodSpec
from footfall.users.moments import Moment
from footfall.world.pages import Happening, PageOutcome, PageRequest


@dataclass(frozen=True, slots=True)
class DiarySpec:
    """What is written down."""

    remembers: int = 0
    """Purchases of earlier visits of the run that are remembered, the newest ones."""
    mood: MoodSpec | None = None
    reasons: bool = False
    """Log why a visit ended."""
    acts: bool = False
    """Users do more than click and buy."""

    @property
    def wanted(self) -> bool:
        """Whether anything is written down at all."""
        return self != DiarySpec()


@dataclass(slots=True)
class Diary:
    """One user's; lasts over visits."""

    spec: DiarySpec
    lived: tuple[Moment, ...] = ()
    """Purchases of earlier visits, oldest first."""
    mood: float = 0.0
    """Satisfaction, from -1 to 1."""
    spent: float = 0.0
    """Money spent in this visit, on pages of all kinds."""
    kind: str = ""
    """What the next page is: "" recommended, "search", "similar"."""
    about: str = ""
    """The query, or the code of the item that others should be like."""
    happenings: list[Happening] = field(default_factory=list)
    _moments: list[Moment] = field(default_factory=list)
    _found: bool = False
    _reason: str = ""

    def asking(self, request: PageRequest) -> PageRequest:
        """The request for the next page, with what the diary has to say to it."""
        return replace(
            request, lived=self.lived, spent=self.spent, kind=self.kind, about=self.about
        )

    def note(self, request: PageRequest, outcome: PageOutcome) -> None:
        """Write down what came of a page that was decided."""
        session, now = request.session, request.time
        if outcome.summary:
            self.happenings.append(
                Happening(session, request.page, now, "reflect", text=outcome.summary)
            )
        if request.kind:
            like = int(request.about) if request.kind == "similar" else -1
            words = request.about if request.kind == "search" else ""
            found = float(len(outcome.items))
            self.happenings.append(
                Happening(session, request.page, now, request.kind, like, found, text=words)
            )
        self.happenings += outcome.happenings
        self.spent += outcome.value
        self.kind, self.about = outcome.then
        self._found = self._found or bool(outcome.clicked)
        self._reason = outcome.reason or self._reason
        if self.spec.remembers:
            self._moments += [
                Moment(session, now, item, pieces, paid)
                for item, pieces, paid in zip(
                    outcome.bought, outcome.pieces, outcome.paid, strict=True
                )
            ]

    def leave(self, session: int, page: int, now: float, ended: str) -> None:
        """Close a visit that ended in the log's word ``ended``."""
        if self.spec.reasons:
            text = self._reason if ended in {"left", "satisfied"} else ended
            self.happenings.append(Happening(session, page, now, "leave", text=text or ended))
        # Nobody is pleased or displeased by a page that was not decided.
        if self.spec.mood is not None and ended != "no answer":
            carry, surprise = self.spec.mood.carry, self._found - self.spec.mood.expects
            self.mood = carry * self.mood + (1.0 - carry) * surprise
        if self.spec.remembers:
            self.lived = (*self.lived, *self._moments)[-self.spec.remembers :]
        self._moments, self._found, self._reason = [], False, ""
        self.spent, self.kind, self.about = 0.0, "", ""

    @property
    def patience(self) -> float:
        """By what the days to the next visit are multiplied."""
        return 1.0 if self.spec.mood is None else math.exp(-self.spec.mood.gap * self.mood)

    def collect(self) -> list[Happening]:
        """Hand over what happened since the last call."""
        happenings, self.happenings = self.happenings, []
        return happenings
