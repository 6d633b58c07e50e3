"""Some shards of a run's users: simulated, and written, by whoever holds them.

A user belongs to shard ``number % world.shards``, in every arm; so the parts of the log, which
are named by epoch and shard, do not depend on who holds which shard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.answering.bounded import BoundedChoice
from footfall.answering.repricing import open_with_prices
from footfall.choice.protocol import ChoiceModel
from footfall.datasets.catalogue import Catalogue
from footfall.llm.protocol import LanguageModel
from footfall.luck import identities
from footfall.options import OnRound
from footfall.plumbing.garbage import rarely_collected
from footfall.recommenders import AuditedRecommender
from footfall.recommenders.protocol import Recommender
from footfall.run_folder.layout import part
from footfall.run_folder.log import write_part
from footfall.scenario.scenario import Scenario
from footfall.serving.reasons import Shown, sample
from footfall.serving.remembered import EarlierAttempt, EpochReader
from footfall.serving.service import LocalService
from footfall.surrogate.choice import SurrogateChoice
from footfall.users.population import Population
from footfall.world.actions.search import CatalogueSearch
from footfall.world.crowd import Crowd, Setting
from footfall.world.design import assign
from footfall.world.pages import PageService
from footfall.world.records import EpochRecords, Names, event_table, impression_table, session_table
from footfall.world.society import Society

FOREIGN = ("http", "callable")
"""Kinds of recommenders that may answer otherwise when they are asked again."""

AT_ONCE = 20_000
"""Users (one an arm each) whose epoch is simulated together; more only take more memory."""

_TAKEN = (
    "arm", "user", "session", "page", "position", "item", "time", "price", "clicked", "bought",
    "answered", "pieces",
)  # fmt: skip
"""Columns of what recommenders learn from."""


@dataclass(frozen=True)
class Learners:
    """What learns from an epoch's events in the main process, and is copied to the workers."""

    recommenders: Sequence[AuditedRecommender]
    """One an arm."""
    society: Society | None = None
    """Who hears of whom, if anybody does."""


@dataclass(frozen=True)
class Job:
    """What a worker has to know about a run; plain data, so that it can be sent anywhere."""

    scenario: Scenario
    population: Population
    catalogue: Catalogue
    setting: Setting
    names: Names
    out: Path
    base: Path
    """Folder that the scenario's relative paths are relative to."""
    pages_at_once: int
    """Pages put to the choice model in one batch."""

    eventful: bool
    """Whether anything happens that the log of events is for."""
    intact: frozenset[str] = frozenset()
    """Parts of the log that an earlier attempt at this run has left."""

    def open_asking(self, model: LanguageModel) -> ChoiceModel | None:
        """The scenario's way of asking ``model``; None: nobody is asked."""
        spec, prices = self.scenario.choice, self.setting.schedule.prices
        asking = open_with_prices(spec, model, self.catalogue, prices, base=self.base)
        if isinstance(asking, SurrogateChoice):
            asking.meet(self.population)
        return asking

    def open_choice(self, model: LanguageModel) -> BoundedChoice | None:
        """The same with an eye on what stays unanswered."""
        asking = self.open_asking(model)
        most = self.scenario.choice.max_unanswered
        return None if asking is None else BoundedChoice(asking, most)

    def past(self, shards: Sequence[int]) -> EarlierAttempt:
        """What of an earlier attempt is taken from its log, for some shards."""
        endings = tuple(f"-shard={shard:04d}.parquet" for shard in shards)
        parts = [name for name in self.intact if name.endswith(endings)]
        setting = self.setting
        reader = EpochReader(
            self.out,
            parts,
            self.names,
            setting.luck,
            setting.users,
            setting.slate,
            eventful=self.eventful,
        )
        return EarlierAttempt(
            reader, [arm.recommender.kind in FOREIGN for arm in self.scenario.arms]
        )

    def recalling(
        self,
        learners: Learners,
        choice: ChoiceModel | None,
        past: EarlierAttempt,
        progress: OnRound,
    ) -> PageService:
        """Who fills and weighs the pages, as far as ``past`` does not know them."""
        recommenders = past.recommenders(learners.recommenders)
        asked = self._local(recommenders, learners.society, choice, progress)
        return past.service(asked, partial(_still_unanswered, choice))

    def service(
        self, learners: Learners, choice: ChoiceModel | None, progress: OnRound
    ) -> LocalService:
        """Who fills and weighs the pages, whatever an earlier attempt has left."""
        return self._local(learners.recommenders, learners.society, choice, progress)

    def _local(
        self,
        recommenders: Sequence[Recommender],
        society: Society | None,
        choice: ChoiceModel | None,
        progress: OnRound,
    ) -> LocalService:
        actions = self.scenario.actions
        searched = actions.search is not None or actions.similar is not None
        return LocalService(
            recommenders=recommenders,
            choice=choice,
            population=self.population,
            catalogue=self.catalogue,
            luck=self.setting.luck,
            users=self.setting.users,
            start=self.names.start,
            schedule=self.setting.schedule,
            interleaved=self.scenario.design == "interleaved",
            pages_at_once=self.pages_at_once,
            progress=progress,
            search=CatalogueSearch.of(self.catalogue) if searched else None,
            society=society,
        )


@dataclass(frozen=True)
class EpochLog:
    """What an epoch left behind."""

    parts: dict[str, str]
    """Names of the parts written, with their SHA-256."""
    taken: dict[str, npt.NDArray[Any]]
    """Columns of the impressions that were clicked or bought, in the order of the log."""
    shown: tuple[Shown, ...] = ()
    """Pages about which the model is asked for its reasons, in no particular order."""

    @classmethod
    def merge(cls, logs: Sequence[EpochLog]) -> EpochLog:
        """The logs of several shards, in any order, as one."""
        parts = {name: digest for log in logs for name, digest in log.parts.items()}
        shown = tuple(page for log in logs for page in log.shown)
        return cls(dict(sorted(parts.items())), _in_order([log.taken for log in logs]), shown)


def people_of(scenario: Scenario, setting: Setting) -> list[tuple[int, int]]:
    """Pairs of arm and user that are simulated."""
    played = scenario.population.played
    return assign(
        scenario.design,
        setting.users,
        len(scenario.arms),
        scenario.seed,
        played=played if isinstance(played, float) else identities(played),
    )


class Shards:
    """Some shards, simulated here; few users at once where there are many."""

    def __init__(self, job: Job, shards: Sequence[int]) -> None:
        """Wake up the users of ``shards``."""
        self._job = job
        people = people_of(job.scenario, job.setting)
        total = job.scenario.world.shards
        members: dict[int, list[tuple[int, int]]] = {shard: [] for shard in shards}
        for arm, user in people:
            if user % total in members:
                members[user % total].append((arm, user))
        self._crowds = [
            (group, Crowd(job.setting, sorted(one for shard in group for one in members[shard])))
            for group in _groups({shard: len(found) for shard, found in members.items()})
        ]

    def advance(
        self, epoch: int, until: float, service: PageService, *, write: bool = True
    ) -> EpochLog:
        """Simulate everyone up to ``until`` seconds since the start, writing what happened."""
        with rarely_collected():
            logs = [self._advance(one, epoch, until, service, write) for one in self._crowds]
        return EpochLog.merge([log for log in logs if log is not None])

    def _advance(
        self,
        one: tuple[Sequence[int], Crowd],
        epoch: int,
        until: float,
        service: PageService,
        write: bool,
    ) -> EpochLog | None:
        """One crowd; its records are gone when this returns, before anybody looks for garbage."""
        shards, crowd = one
        records = crowd.advance(until, service)
        if not write:
            return None
        parts = self._write(epoch, shards, records)
        return EpochLog(parts, _taken(records), self._shown(records))

    def _shown(self, records: EpochRecords) -> tuple[Shown, ...]:
        setting = self._job.setting
        return sample(records, self._job.scenario.choice.reasons, setting.luck, setting.users)

    def _write(self, epoch: int, shards: Sequence[int], records: EpochRecords) -> dict[str, str]:
        """Write an epoch's parts, one a shard, and return their hashes."""
        columns, names = records.impressions, self._job.names
        total = self._job.scenario.world.shards
        hashes = {}
        for shard in shards:
            keep = columns["user"].astype(np.int64) % total == shard if columns else slice(0)
            rows = {name: column[keep] for name, column in columns.items()}
            visits = [visit for visit in records.visits if visit[1] % total == shard]
            tables = {
                part("impressions", epoch, shard): impression_table(rows, names),
                part("sessions", epoch, shard): session_table(visits, names),
            }
            if self._job.eventful:
                events = [row for row in records.happenings if row[1] % total == shard]
                tables[part("events", epoch, shard)] = event_table(events, names)
            for name, table in tables.items():
                hashes[name] = write_part(table, self._job.out / name)
        return hashes


def _still_unanswered(choice: ChoiceModel | None, pages: int) -> None:
    """Pages that the log has as unanswered are counted as such, whatever the model says now."""
    if choice is not None and pages:
        found = choice.diagnostics
        found.unanswered_pages += pages
        reason = "no answer before the run was resumed"
        found.no_answers[reason] = found.no_answers.get(reason, 0) + pages


def _groups(sizes: dict[int, int]) -> list[tuple[int, ...]]:
    """Shards that are simulated together: neighbours, of ``AT_ONCE`` users or a single one."""
    groups: list[tuple[int, ...]] = []
    held = AT_ONCE + 1
    for shard, size in sizes.items():
        if held + size > AT_ONCE:
            groups.append(())
            held = 0
        groups[-1] = (*groups[-1], shard)
        held += size
    return groups


def _taken(records: EpochRecords) -> dict[str, npt.NDArray[Any]]:
    columns = records.impressions
    if not columns:
        return {}
    keep = (columns["clicked"] | columns["bought"]) & columns["answered"]
    return {name: columns[name][keep] for name in _TAKEN}


def _in_order(parts: Sequence[dict[str, npt.NDArray[Any]]]) -> dict[str, npt.NDArray[Any]]:
    """Rows of several shards, ordered by (arm, user, session, page, position)."""
    filled = [part for part in parts if part]
    if len(filled) < 2:
        return filled[0] if filled else {}
    columns = {name: np.concatenate([part[name] for part in filled]) for name in _TAKEN}
    order = np.lexsort([columns[name] for name in reversed(_TAKEN[:5])])
    return {name: column[order] for name, column in columns.items()}
