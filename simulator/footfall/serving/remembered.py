"""What a resumed run must not ask again, because the world outside may answer otherwise now.

Recommenders that live elsewhere (a service, somebody's code) may have failed, or have learned,
since; a model that gave no answer may give one now. For epochs that are in the log already, both
are taken from there; the rest is simulated as ever, and has to come out with the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from footfall.errors import LogError
from footfall.luck import Luck, Words
from footfall.recommenders.protocol import Recommender, Request, Slate
from footfall.run_folder.layout import epoch_of
from footfall.run_folder.log import EVENTS, IMPRESSIONS, SESSIONS, read_part
from footfall.serving.service import request_seeds
from footfall.world.design import INTERLEAVED
from footfall.world.pages import FilledPage, PageRequest, PageService
from footfall.world.records import Names

Key = tuple[int, int, int, int]
"""Arm, user, session, page."""

_VISIT = ["arm", "user", "session"]
_COLUMNS = [*_VISIT, "page", "position", "item", "score", "propensity", "team", "answered"]


@dataclass
class RecordedEpoch:
    """An epoch that is in the log already; empty for those that are not."""

    unanswered: set[Key] = field(default_factory=set)
    slates: list[dict[int, Slate]] = field(default_factory=list)
    """One an arm: the seed of a request, which names user, visit and page, to its slate."""

    def forget(self) -> None:
        """Forget the epoch: from here on the world outside is asked."""
        self.unanswered.clear()
        for slates in self.slates:
            slates.clear()


@dataclass(frozen=True)
class EpochReader:
    """Reads epochs of the log back."""

    folder: Path
    parts: Collection[str]
    """Names of the parts that are intact; no others are read."""
    names: Names
    luck: Luck
    users: Words
    """[n_users] keys of the users' luck."""
    slate: int
    """Items a page at most."""
    eventful: bool = False
    """Whether the run has a log of events, which tells how many pages a visit had in all."""

    def read(self, epoch: int, into: RecordedEpoch) -> None:
        """Replace what ``into`` remembers by the epoch of that number."""
        into.forget()
        for name in self.parts:
            folder, _, part = name.partition("/")
            if folder != "impressions" or epoch_of(name) != epoch:
                continue
            sessions, events = f"sessions/{part}", f"events/{part}"
            if sessions in self.parts:
                shown = self._known(name, read_part(self.folder / name, IMPRESSIONS, _COLUMNS))
                self._pages(shown, into)
                if not self.eventful or events in self.parts:
                    visits = self._visits(sessions, events)
                    self._empty_pages(visits, into)
                    self._silent_ends(visits, into)

    def _known(self, name: str, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows of a part, if they are about this run and as it writes them."""
        of = {"user": self.names.users, "arm": self.names.arms, "item": self.names.items}
        strange = [c for c in of if c in rows and not rows[c].isin(of[c]).all()]
        place = [*_VISIT, "page", "position"]
        twice = "position" in rows and rows.duplicated(place).any()
        beyond = "position" in rows and not rows["position"].between(0, self.slate - 1).all()
        if strange or twice or beyond or (rows["session"] < 0).any():
            raise LogError(
                f"{self.folder / name}: not of this run, or changed; delete it and run again with "
                "--resume"
            )
        return rows

    def _visits(self, sessions: str, events: str) -> pd.DataFrame:
        """Visits with the number of the page after the last one that was shown and decided.

        The log of visits counts recommended pages; the shop's own are in the log of events.
        """
        columns = [*_VISIT, "pages", "ended"]
        visits = self._known(sessions, read_part(self.folder / sessions, SESSIONS, columns))
        searched: Any = 0
        if self.eventful:
            happened = read_part(self.folder / events, EVENTS, [*_VISIT, "action"])
            found = happened[happened["action"].isin(("search", "similar"))]
            counts = found.groupby(_VISIT).size().rename("searched").reset_index()
            searched = visits.merge(counts, "left", _VISIT)["searched"].fillna(0).astype(int)
        page = visits["pages"] + searched
        return visits.assign(page=page, user=visits["user"].map(self._codes))

    def _pages(self, shown: pd.DataFrame, into: RecordedEpoch) -> None:
        shown["arm"] = shown["arm"].map({name: code for code, name in enumerate(self.names.arms)})
        shown["user"] = shown["user"].map(self._codes)
        seeds = self._seeds(shown)
        silent = shown.loc[~shown["answered"], ["arm", "user", "session", "page"]]
        into.unanswered.update(zip(*(silent[name].tolist() for name in silent), strict=True))
        whose = shown["arm"]
        if self.names.arms == (INTERLEAVED,):
            whose = shown["team"].map({name: code for code, name in enumerate(self.names.teams)})
            for slates in into.slates:  # a side may have put nothing on a page
                slates.update(dict.fromkeys(seeds, Slate(())))
        for arm, slates in enumerate(into.slates):
            mine = (whose == arm).to_numpy()
            pages: Any = shown[mine].groupby(np.asarray(seeds)[mine])
            slates.update((int(seed), _slate(rows)) for seed, rows in pages)

    def _empty_pages(self, visits: pd.DataFrame, into: RecordedEpoch) -> None:
        empty = visits[visits["ended"] == "empty page"]
        gone = Slate((), failure="had no page before the run was resumed")
        for arm, seed in zip(empty["arm"], self._seeds(empty), strict=True):
            arms = range(len(into.slates))
            if arm != INTERLEAVED:
                arms = range(self.names.arms.index(arm), self.names.arms.index(arm) + 1)
            for code in arms:
                into.slates[code][seed] = gone

    def _silent_ends(self, visits: pd.DataFrame, into: RecordedEpoch) -> None:
        """Pages of search without an answer: they are in no log, but their visits ended there.

        Where the visit ended at a recommended page, that page is the one before, and is known
        already; nobody asks for the page that is noted here then.
        """
        silent = visits[visits["ended"] == "no answer"]
        arms = silent["arm"].map(self.names.arms.index)
        columns = (arms, *(silent[name] for name in ("user", "session", "page")))
        into.unanswered.update(zip(*(column.tolist() for column in columns), strict=True))

    @property
    def _codes(self) -> dict[str, int]:
        return {name: code for code, name in enumerate(self.names.users)}

    def _seeds(self, rows: pd.DataFrame) -> list[int]:
        columns = (rows[name].to_numpy(np.int64) for name in ("user", "session", "page"))
        return request_seeds(self.luck, self.users, *columns)


def _slate(rows: pd.DataFrame) -> Slate:
    scores, propensities = (
        None if rows[name].isna().all() else tuple(rows[name].tolist())
        for name in ("score", "propensity")
    )
    return Slate(tuple(rows["item"]), scores, propensities)


class EarlierAttempt:
    """What of an earlier attempt at this run is taken from its log."""

    def __init__(self, reader: EpochReader, recalled: Sequence[bool]) -> None:
        """``recalled``: for each recommender, whether it may answer otherwise when asked again."""
        self._reader, self._recalled = reader, tuple(recalled)
        self._now = RecordedEpoch(slates=[{} for _ in recalled])

    def turn_to(self, epoch: int) -> None:
        """Remember this epoch, if the log has it, and forget the one before."""
        self._reader.read(epoch, self._now)

    def recommenders(self, asked: Sequence[Recommender]) -> list[Recommender]:
        """The recommenders, each asked only about what is not remembered of it."""
        rows = zip(asked, self._now.slates, self._recalled, strict=True)
        return [
            RecallingRecommender(one, slates) if recalled else one for one, slates, recalled in rows
        ]

    def service(self, asked: PageService, note: Callable[[int], None]) -> PageService:
        """The service, silent again about pages that had no answer; see ``RecallingService``."""
        return RecallingService(asked, self._now, note)


@dataclass(frozen=True)
class RecallingRecommender:
    """A recommender that is asked only about pages that are not remembered."""

    recommender: Recommender
    slates: dict[int, Slate]

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """One slate a request, in order."""
        new = [request for request in requests if request.seed not in self.slates]
        asked = iter(self.recommender.recommend(new) if new else ())
        return [
            self.slates[request.seed] if request.seed in self.slates else next(asked)
            for request in requests
        ]

    def update(self, events: pd.DataFrame) -> None:
        """Pass events on."""
        self.recommender.update(events)


@dataclass(frozen=True)
class RecallingService:
    """A page service on which pages that had no answer before have none again."""

    service: PageService
    past: RecordedEpoch
    note: Callable[[int], None] = lambda _: None
    """Told how many pages of a batch were answered now and count as unanswered nevertheless."""

    def serve(self, requests: Sequence[PageRequest]) -> list[FilledPage]:
        """One filled page a request, in order."""
        pages = self.service.serve(requests)
        if not self.past.unanswered:
            return pages
        silent = [(r.arm, r.user, r.session, r.page) in self.past.unanswered for r in requests]
        self.note(
            sum(not np.isnan(page.llm).any() for page, no in zip(pages, silent, strict=True) if no)
        )
        return [
            replace(page, llm=np.full(len(page.items), np.nan)) if no else page
            for page, no in zip(pages, silent, strict=True)
        ]
