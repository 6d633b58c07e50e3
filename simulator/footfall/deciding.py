"""Chances of pages that somebody else made up: what would these users do with these slates?

The users are those of a scenario, as they are when a run begins: what they remember, what a fit or
the language model says of them. Nothing is drawn and nothing is remembered of one page for the
next, so the same page always gets the same answer, whatever else is asked with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from footfall.answering.opening import needs_no_store, open_answering
from footfall.errors import UserError, did_you_mean
from footfall.llm.protocol import LanguageModel
from footfall.llm.store import AnswerStore, StoredModel
from footfall.options import Announce, Options
from footfall.recommenders import audited
from footfall.recommenders.laid_out import LaidOut
from footfall.runs.histories import read_histories
from footfall.runs.preparing import job_of, setting_of
from footfall.runs.resuming import Earlier
from footfall.scenario.scenario import Scenario
from footfall.workers.shards import Learners
from footfall.world.calendar import DAY
from footfall.world.crowd import Crowd
from footfall.world.pages import PageRequest

MOST_DAYS = 3650.0
"""Days after the split at which a page may be shown."""

NOON = 0.5


@dataclass(frozen=True)
class MadeUpPage:
    """A slate for a user, top first."""

    user: str
    items: tuple[str, ...]
    day: float = 0.0
    """Days after the split; the page is shown at noon of the day, UTC."""


@dataclass(frozen=True)
class PageChances:
    """What is to be expected of a page; lists in the order of its items."""

    answered: bool
    """False: the model gave no answer, and the chances are void."""
    read: tuple[float, ...]
    """P(the user reads down to the item)."""
    click: tuple[float, ...]
    """P(clicked | page shown)."""
    buy: tuple[float, ...]
    """P(bought | clicked)."""
    utility: tuple[float, ...]


class Decider:
    """The users of a scenario, ready to be asked about pages; close it, or use ``closing``."""

    def __init__(
        self,
        scenario: Scenario,
        base: Path,
        *,
        store: Path | None = None,
        announce: Announce = lambda _: None,
    ) -> None:
        """Read the data, and open the scenario's model, if it has one.

        Args:
            scenario: Whose users are asked; its arms are not.
            base: Folder that its paths are relative to.
            store: Store of model answers; None: answers are forgotten when this is closed.
            announce: Told about the steps.

        Raises:
            UserError: The scenario or its data cannot be used.
            ModelError: The model cannot be opened.
        """
        self._open = ExitStack()
        scenario = scenario.model_copy(update={"design": "paired"})
        self.scenario = scenario
        histories = read_histories(scenario, base, announce)
        self._catalogue = histories.catalogue
        users = histories.population.users
        self._users = {user: number for number, user in enumerate(users)}
        self._items = frozenset(self._catalogue.ids)
        setting = setting_of(scenario, histories, base)
        self._crowd, self._chosen = Crowd(setting, []), LaidOut()
        self.widest = setting.slate
        job = job_of(scenario, histories, setting, Options(base, base), Earlier())
        engine = open_answering(scenario, base, announce)
        self._open.callback(engine.close)
        choice = job.open_choice(self._remembering(engine, store))
        chosen = audited(self._chosen, self._catalogue)
        self._service = job.service(Learners([chosen]), choice, lambda _pages, _items: None)

    def _remembering(self, engine: LanguageModel, store: Path | None) -> LanguageModel:
        if store is None or needs_no_store(engine):
            return engine
        return StoredModel(engine, self._open.enter_context(AnswerStore(store)))

    def close(self) -> None:
        """Free the model and the store."""
        self._open.close()

    def check(self, page: MadeUpPage) -> None:
        """Whether a page can be asked about.

        Raises:
            UserError: An unknown user or item, an item twice, a page too long or too late.
        """
        if page.user not in self._users:
            raise UserError(f'no user "{page.user}"; {did_you_mean(page.user, self._users)}')
        for item in page.items:
            if item not in self._items:
                raise UserError(f'no item "{item}"; {did_you_mean(item, self._items)}')
        if len(set(page.items)) < len(page.items):
            twice = next(item for item in page.items if page.items.count(item) > 1)
            raise UserError(f'item "{twice}" stands twice on the page of user {page.user}')
        if not 0 < len(page.items) <= self.widest:
            raise UserError(
                f"a page of {len(page.items)} items: the scenario's pages have 1 to {self.widest} "
                "(world.slate)"
            )
        if not 0 <= page.day <= MOST_DAYS:
            raise UserError(f"day {page.day:g}: give days after the split, 0 to {MOST_DAYS:g}")

    def foresee(self, pages: Sequence[MadeUpPage]) -> list[PageChances]:
        """Chances of each page, in their order; asked together, answered apart.

        Raises:
            UserError: See ``check``.
        """
        for page in pages:
            self.check(page)
        if not pages:
            return []
        requests = [
            PageRequest(
                arm=0,
                user=self._users[page.user],
                session=0,
                page=0,
                time=(page.day + NOON) * DAY,
                shown=(),
                clicked=(),
                bought=(),
            )
            for page in pages
        ]
        self._chosen.slates = [page.items for page in pages]
        block = self._crowd.foresee(requests, self._service)
        self._all_on_sale(pages, block.items)
        found, sizes = block.decisions, [len(page.items) for page in pages]
        return [
            PageChances(
                answered=bool(found.answered[number]),
                read=_some(found.p_examine, number, size),
                click=_some(found.p_click, number, size),
                buy=_some(found.p_buy, number, size),
                utility=_some(found.utility, number, size),
            )
            for number, size in enumerate(sizes)
        ]

    def _all_on_sale(self, pages: Sequence[MadeUpPage], shown: npt.NDArray[np.int32]) -> None:
        """An intervention may have taken an item out, or not brought it yet."""
        for page, codes in zip(pages, shown, strict=True):
            wanted = self._catalogue.codes(page.items)
            kept = codes[: len(wanted)]
            if not np.array_equal(kept, wanted):
                gone = next(
                    i for i, code in zip(page.items, wanted, strict=True) if code not in codes
                )
                raise UserError(f'item "{gone}" is not on sale on day {page.day:g}')


def _some(values: npt.NDArray[np.float64], row: int, size: int) -> tuple[float, ...]:
    return tuple(values[row, :size].tolist())
