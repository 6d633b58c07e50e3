"""Fill and weigh pages in this process: recommenders and the choice model side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.catalogue import Catalogue
from footfall.choice.protocol import ChoiceModel, Page
from footfall.options import OnRound
from footfall.population import Population
from footfall.recommenders.protocol import Recommender, Request, Slate
from footfall.world.design import team_draft
from footfall.world.luck import Luck, Purpose
from footfall.world.pages import FilledPage, PageRequest

_SEED_MASK = np.uint64((1 << 63) - 1)


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
    slate: int
    interleaved: bool = False
    """Two recommenders take turns on every page (team draft)."""
    pages_at_once: int = 4096
    """Pages put to the choice model in one batch; answers are stored, and progress is told,
    after each. A fixed number, because a model's arithmetic depends on its batches."""
    progress: OnRound = lambda _pages, _items: None

    def serve(self, requests: Sequence[PageRequest]) -> list[FilledPage]:
        """Slates from each arm's recommender, then one question for all pages together."""
        times = self._times(requests)
        seeds = self._seeds(requests)
        teams: Sequence[npt.NDArray[np.float64] | None] = [None] * len(requests)
        if self.interleaved:
            slates, teams = self._drafted(requests, times, seeds)
        else:
            slates = self._slates(requests, times, seeds)
        codes = [np.array([self._code(i) for i in slate.items], dtype=np.int32) for slate in slates]
        weights = self._weigh(requests, codes, times, seeds)
        return [
            FilledPage(items, _floats(slate.scores), _floats(slate.propensities), llm, team)
            for items, slate, llm, team in zip(codes, slates, weights, teams, strict=True)
        ]

    def _slates(
        self, requests: Sequence[PageRequest], times: Sequence[pd.Timestamp], seeds: Sequence[int]
    ) -> list[Slate]:
        out: list[Slate] = [Slate(())] * len(requests)
        for arm, recommender in enumerate(self.recommenders):
            rows = [row for row, request in enumerate(requests) if request.arm == arm]
            asked = [self._request(requests[row], times[row], seeds[row]) for row in rows]
            for row, slate in zip(rows, recommender.recommend(asked) if asked else (), strict=True):
                out[row] = slate
        return out

    @cached_property
    def _accounts(self) -> list[str]:
        """[n_users] ids by which recommenders know the users: copies share their original's."""
        names = list(self.population.users)
        originals: dict[int, str] = {}
        for number, real in enumerate(self.population.real.tolist()):
            if real >= 0:
                names[number] = originals.setdefault(real, names[number])
        return names

    def _drafted(
        self, requests: Sequence[PageRequest], times: Sequence[pd.Timestamp], seeds: Sequence[int]
    ) -> tuple[list[Slate], list[npt.NDArray[np.float64]]]:
        """Pages on which two recommenders took turns, and whose each item is."""
        asked = [self._request(*row) for row in zip(requests, times, seeds, strict=True)]
        first, second = (recommender.recommend(asked) for recommender in self.recommenders)
        pages = [
            team_draft(one.items, other.items, self.slate, seed)
            for one, other, seed in zip(first, second, seeds, strict=True)
        ]
        slates = [Slate(tuple(item for item, _ in page)) for page in pages]
        return slates, [np.array([team for _, team in page], dtype=np.float64) for page in pages]

    def _request(self, request: PageRequest, time: pd.Timestamp, seed: int) -> Request:
        return Request(
            user=self._accounts[request.user],
            session=request.session,
            page=request.page,
            time=time,
            k=self.slate,
            shown=tuple(self.catalogue.ids[code] for code in request.shown),
            seed=seed,
        )

    def _weigh(
        self,
        requests: Sequence[PageRequest],
        codes: list[npt.NDArray[np.int32]],
        times: Sequence[pd.Timestamp],
        seeds: Sequence[int],
    ) -> list[npt.NDArray[np.float64]]:
        weights = [np.zeros(len(items)) for items in codes]
        if self.choice is None:
            self.progress(len(requests), sum(len(items) for items in codes))
            return weights
        # The pages of a user, whatever the arm, lie side by side: they share a prompt.
        filled = (row for row, items in enumerate(codes) if len(items))
        rows = sorted(filled, key=lambda row: requests[row].user)
        for start in range(0, len(rows), self.pages_at_once):
            chunk = rows[start : start + self.pages_at_once]
            pages = [
                Page(
                    persona=self.population.persona(requests[row].user),
                    items=tuple(codes[row].tolist()),
                    clicked=requests[row].clicked,
                    bought=requests[row].bought,
                    time=times[row],
                    seed=seeds[row],
                )
                for row in chunk
            ]
            for row, opinion in zip(chunk, self.choice.utilities(pages), strict=True):
                weights[row] = opinion.llm if opinion.answered else np.full(len(codes[row]), np.nan)
            self.progress(len(chunk), sum(len(page.items) for page in pages))
        return weights

    def _seeds(self, requests: Sequence[PageRequest]) -> list[int]:
        words = self.luck.words(
            Purpose.REQUEST,
            self.users[[request.user for request in requests]],
            np.array([request.session for request in requests]),
            np.array([request.page for request in requests]),
        )
        return [int(seed) for seed in words[0] & _SEED_MASK]

    def _times(self, requests: Sequence[PageRequest]) -> Sequence[pd.Timestamp]:
        seconds = np.array([request.time for request in requests])
        return list(self.start + pd.to_timedelta(np.rint(seconds * 1000), unit="ms"))

    def _code(self, item: str) -> int:
        code = self.catalogue.code(item)
        assert code is not None, "slates are audited before they come here"
        return code


def _floats(numbers: Sequence[float] | None) -> npt.NDArray[np.float64] | None:
    return None if numbers is None else np.asarray(numbers, dtype=np.float64)
