"""The main process's side: epochs are called, recommenders are sent, reports are added up.

    OneProcess            everybody here
    Crew over a Pool      shards dealt out; recommenders learn here, once, and are copied
        ProcessPool       processes of this machine    (footfall.workers.processes)
        RayPool           actors of a Ray cluster      (footfall.workers.cluster)

Epochs are the only moments at which workers wait for each other.
"""

from __future__ import annotations

from typing import Protocol

from footfall.answering.bounded import BoundedChoice
from footfall.options import OnRound
from footfall.workers.shards import EpochLog, Job, Learners, Shards
from footfall.workers.worker import EpochReport


class Workforce(Protocol):
    """Advances all users by one epoch."""

    def advance(self, epoch: int, until: float) -> EpochLog:
        """Simulate everyone up to ``until`` seconds since the start, and write what happened."""
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...


class Pool(Protocol):
    """Workers somewhere."""

    def advance(self, epoch: int, until: float, learners: Learners) -> list[EpochReport]:
        """Let every worker simulate the next epoch with copies of ``learners``."""
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...


class OneProcess:
    """Everybody in this process."""

    def __init__(
        self,
        job: Job,
        learners: Learners,
        choice: BoundedChoice | None,
        progress: OnRound,
    ) -> None:
        """Wake everybody up."""
        shards = range(job.scenario.world.shards)
        self._shards, self._past = Shards(job, shards), job.past(shards)
        self._service = job.recalling(learners, choice, self._past, progress)

    def advance(self, epoch: int, until: float) -> EpochLog:
        """Simulate everyone up to ``until`` seconds since the start, and write what happened."""
        self._past.turn_to(epoch)
        return self._shards.advance(epoch, until, self._service)

    def close(self) -> None:
        """Nothing to let go."""


class Crew:
    """Shards dealt out to the workers of a pool.

    Args:
        pool: The workers.
        learners: The originals, which learn between epochs in this process.
        choice: Whose diagnostics the workers' are added to, and which says after every epoch
            whether too much stayed unanswered; None: nobody is asked.
    """

    def __init__(self, pool: Pool, learners: Learners, choice: BoundedChoice | None) -> None:
        self._pool = pool
        self._learners = learners
        self._choice = choice

    def advance(self, epoch: int, until: float) -> EpochLog:
        """Simulate everyone up to ``until`` seconds since the start, and write what happened."""
        reports = self._pool.advance(epoch, until, self._learners)
        for report in reports:
            self._enter(report)
        if self._choice is not None:
            self._choice.check()
        return EpochLog.merge([report.log for report in reports])

    def close(self) -> None:
        """Let the workers go."""
        self._pool.close()

    def _enter(self, report: EpochReport) -> None:
        """Add a report to the books."""
        books = zip(report.faults, report.diagnostics, report.latencies, strict=True)
        for recommender, book in zip(self._learners.recommenders, books, strict=True):
            recommender.absorb(*book)
        if self._choice is not None:
            self._choice.diagnostics.add(report.choice)


def deal(shards: int, workers: int) -> list[range]:
    """Which shards each worker holds; every worker holds at least one."""
    return [range(first, shards, workers) for first in range(min(workers, shards))]
