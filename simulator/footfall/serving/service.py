"""Fill and weigh pages in this process: recommenders and the choice model side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.choice.feeding import weigh
from footfall.choice.protocol import ChoiceModel, Page, PageUtilities
from footfall.datasets.catalogue import Catalogue
from footfall.luck import Luck, Purpose
from footfall.options import OnRound
from footfall.recommenders.protocol import Recommender, Request, Slate
from footfall.users.population import Persona, Population
from footfall.world.actions.search import CatalogueSearch
from footfall.world.design import team_draft
from footfall.world.pages import FilledPage, PageRequest
from footfall.world.schedule import Schedule
from footfall.world.society import Society

_SEED_MASK = np.uint64((1 << 63) - 1)

KEPT = 20_000
"""Users who are kept at hand, 1 KB each."""

_Moment = tuple[pd.Timestamp, int, int]
"""When a page is opened, its luck, and the number of the spell of the schedule."""


@dataclass(frozen=True)
class LocalService:
    """``PageService`` over recommenders (one an arm) and a choice model of this process."""

    recommenders: Sequence[Recommender]
    choice: ChoiceModel | None
    """None: users without a language model; its utility is then 0."""
    population: Population
    catalogue: Catalogue
    luck: Luck
    users: npt.NDArray[np.uint64]
    """[n_users] keys of the users' luck."""
    start: pd.Timestamp
    schedule: Schedule
    interleaved: bool = False
    """Two recommenders take turns on every page (team draft)."""
    pages_at_once: int = 4096
    """Pages put to the choice model in one batch; answers are stored, and progress is told,
    after each. A fixed number, because a model's arithmetic depends on its batches."""
    progress: OnRound = lambda _pages, _items: None
    search: CatalogueSearch | None = None
    """The shop's own search, for pages that no arm recommends."""
    society: Society | None = None
    """What users hear of each other; None: nothing."""
    _personas: dict[int, Persona] = field(default_factory=dict, repr=False)

    def serve(self, requests: Sequence[PageRequest]) -> list[FilledPage]:
        """Slates from each arm's recommender, then one question for all pages together."""
        moments = self._moments(requests)
        teams: Sequence[npt.NDArray[np.float64] | None] = [None] * len(requests)
        if self.interleaved:
            slates, teams = self._drafted(requests, moments)
        else:
            slates = self._slates(requests, moments)
        codes = [self.catalogue.codes(slate.items) for slate in slates]
        opinions = self._weigh(requests, codes, moments)
        return [
            FilledPage(
                items=items,
                scores=_floats(slate.scores),
                propensities=_floats(slate.propensities),
                llm=opinion.llm,
                teams=team,
                summary="" if request.page else opinion.summary,
                heard=talk,
            )
            for request, items, slate, opinion, team, talk in zip(
                requests, codes, slates, opinions, teams, self._heard(requests, codes), strict=True
            )
        ]

    def _heard(
        self, requests: Sequence[PageRequest], codes: Sequence[npt.NDArray[np.int32]]
    ) -> Sequence[npt.NDArray[np.float64] | None]:
        if self.society is None:
            return [None] * len(requests)
        return self.society.of(requests, codes)

    def _found(self, request: PageRequest) -> Slate:
        """What the shop itself finds: by words, or like an item."""
        assert self.search is not None
        spell = int(self.schedule.at([request.time])[0])
        k, hidden = int(self.schedule.slates[spell]), self.schedule.hidden[spell]
        if request.kind == "search":
            codes = self.search.find(request.about, k + len(hidden))
        else:
            codes = self.search.like(int(request.about), k + len(hidden))
        found = (self.catalogue.ids[code] for code in codes.tolist())
        return Slate(tuple(islice((item for item in found if item not in hidden), k)))

    def _slates(self, requests: Sequence[PageRequest], moments: Sequence[_Moment]) -> list[Slate]:
        out: list[Slate] = [Slate(())] * len(requests)
        for arm, recommender in enumerate(self.recommenders):
            rows = [r for r, one in enumerate(requests) if one.arm == arm and not one.kind]
            asked = [self._request(requests[r], *moments[r]) for r in rows]
            for row, slate in zip(rows, recommender.recommend(asked) if asked else (), strict=True):
                out[row] = slate
        for row, request in enumerate(requests):
            if request.kind:
                out[row] = self._found(request)
        return out

    def _drafted(
        self, requests: Sequence[PageRequest], moments: Sequence[_Moment]
    ) -> tuple[list[Slate], list[npt.NDArray[np.float64]]]:
        """Pages on which two recommenders took turns, and whose each item is."""
        asked = [self._request(one, *when) for one, when in zip(requests, moments, strict=True)]
        first, second = (recommender.recommend(asked) for recommender in self.recommenders)
        pages = [
            team_draft(one.items, other.items, request.k, request.seed)
            for one, other, request in zip(first, second, asked, strict=True)
        ]
        slates = [Slate(tuple(item for item, _ in page)) for page in pages]
        return slates, [np.array([team for _, team in page], dtype=np.float64) for page in pages]

    def _request(self, request: PageRequest, time: pd.Timestamp, seed: int, spell: int) -> Request:
        return Request(
            user=self.population.originals[request.user],  # copies share an account
            session=request.session,
            page=request.page,
            time=time,
            k=self._sizes[spell],
            shown=tuple([self.catalogue.ids[code] for code in request.shown]),
            unavailable=self.schedule.hidden[spell],
            seed=seed,
        )

    @cached_property
    def _sizes(self) -> list[int]:
        """[n_spells] items on a page."""
        sizes: list[int] = self.schedule.slates.tolist()
        return sizes

    def _weigh(
        self,
        requests: Sequence[PageRequest],
        codes: list[npt.NDArray[np.int32]],
        moments: Sequence[_Moment],
    ) -> list[PageUtilities]:
        indifferent = [
            PageUtilities(np.zeros(k)) for k in range(max(map(len, codes), default=0) + 1)
        ]
        opinions = [indifferent[len(items)] for items in codes]
        if self.choice is None:
            self.progress(len(requests), sum(len(items) for items in codes))
            return opinions
        # The pages of a user, whatever the arm, lie side by side: they share a prompt.
        filled = (row for row, items in enumerate(codes) if len(items))
        rows = sorted(filled, key=lambda row: requests[row].user)
        chunks = [
            rows[start : start + self.pages_at_once]
            for start in range(0, len(rows), self.pages_at_once)
        ]
        batches = (
            [self._page(requests[row], codes[row], *moments[row]) for row in chunk]
            for chunk in chunks
        )
        for chunk, found in zip(chunks, weigh(self.choice, batches), strict=True):
            for row, opinion in zip(chunk, found, strict=True):
                opinions[row] = opinion
            self.progress(len(chunk), sum(len(codes[row]) for row in chunk))
        return opinions

    def pages(
        self, requests: Sequence[PageRequest], codes: Sequence[npt.NDArray[np.int32]]
    ) -> list[Page]:
        """Pages as the choice model is asked about them."""
        if not requests:
            return []
        asked = zip(requests, codes, self._moments(requests), strict=True)
        return [self._page(request, items, *moment) for request, items, moment in asked]

    def _page(
        self,
        request: PageRequest,
        items: npt.NDArray[np.int32],
        time: pd.Timestamp,
        seed: int,
        spell: int,
    ) -> Page:
        return Page(
            persona=self._persona(request.user),
            items=tuple(items.tolist()),
            clicked=request.clicked,
            bought=request.bought,
            time=time,
            seed=seed,
            session=request.session,
            clock=request.time,
            lived=request.lived,
            spell=spell,
        )

    def _persona(self, user: int) -> Persona:
        found = self._personas.get(user)
        if found is None:
            if len(self._personas) >= KEPT:
                self._personas.clear()
            found = self._personas[user] = self.population.persona(user)
        return found

    def _moments(self, requests: Sequence[PageRequest]) -> list[_Moment]:
        """[n] when each page is opened, and with what luck."""
        seconds = np.array([request.time for request in requests])
        passed = np.rint(seconds * 1000).astype("timedelta64[ms]").astype("timedelta64[ns]")
        times = pd.DatetimeIndex(self.start.to_datetime64() + passed)
        seeds = request_seeds(
            self.luck,
            self.users,
            np.array([request.user for request in requests]),
            np.array([request.session for request in requests]),
            np.array([request.page for request in requests]),
        )
        return list(zip(times, seeds, self.schedule.at(seconds).tolist(), strict=True))


def request_seeds(
    luck: Luck,
    users: npt.NDArray[np.uint64],
    user: npt.NDArray[np.int64],
    session: npt.NDArray[np.int64],
    page: npt.NDArray[np.int64],
) -> list[int]:
    """The luck handed to recommenders: one number a page of a user, the same in every arm."""
    words = luck.words(Purpose.REQUEST, users[user], session, page)
    seeds: list[int] = (words[0] & _SEED_MASK).tolist()
    return seeds


def _floats(numbers: Sequence[float] | None) -> npt.NDArray[np.float64] | None:
    return None if numbers is None else np.asarray(numbers, dtype=np.float64)
