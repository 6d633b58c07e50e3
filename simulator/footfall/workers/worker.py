"""A worker's side: shards with copies of the recommenders, and books of its own."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from footfall.choice.protocol import Diagnostics
from footfall.errors import FootfallError, RunError
from footfall.llm.protocol import LanguageModel
from footfall.options import OnRound
from footfall.plumbing.latency import Latencies
from footfall.recommenders.audit import Faults
from footfall.workers.shards import EpochLog, Job, Learners, Shards


@dataclass(frozen=True)
class EpochReport:
    """What a worker did in an epoch."""

    log: EpochLog
    faults: tuple[Faults, ...]
    """One an arm, of this epoch."""
    diagnostics: tuple[dict[str, int], ...]
    """What each arm's recommender counted about itself in this epoch."""
    latencies: tuple[Latencies | None, ...]
    """How long each arm's recommender took, if it says so."""
    choice: Diagnostics
    pages: int
    items: int
    """Item decisions."""


def failed(error: BaseException) -> Exception:
    """An error of a worker as the main process raises it: ours as they are, others explained."""
    if isinstance(error, FootfallError):
        return error
    return RunError(f"a worker failed: {type(error).__name__}: {error}")


class Worker:
    """Some shards, and everything that fills and weighs their pages."""

    def __init__(
        self, job: Job, shards: Sequence[int], model: LanguageModel, progress: OnRound
    ) -> None:
        """Wake up the users of ``shards``; ``model`` weighs what they are shown."""
        self._job = job
        self._past = job.past(shards)
        self._shards = Shards(job, shards)
        self._choice = job.open_asking(model)
        self._progress = progress
        self._learners = Learners(())
        self._counted: list[dict[str, int]] = []
        self._next = 0
        self._pages = self._items = 0

    def meet(self, learners: Learners) -> None:
        """Use these copies of what learns from now on."""
        self.close()
        self._learners = learners
        self._counted = [recommender.diagnostics for recommender in learners.recommenders]

    def advance(self, epoch: int, until: float, *, write: bool = True) -> EpochReport:
        """Simulate the next epoch. Without ``write`` nothing is written: it was before."""
        assert epoch == self._next, "an epoch was left out"
        self._next += 1
        self._past.turn_to(epoch)
        service = self._job.recalling(self._learners, self._choice, self._past, self._count)
        log = self._shards.advance(epoch, until, service, write=write)
        report = EpochReport(
            log,
            tuple(recommender.faults for recommender in self._learners.recommenders),
            tuple(self._counts()),
            tuple(
                getattr(one.recommender, "latencies", None) for one in self._learners.recommenders
            ),
            Diagnostics() if self._choice is None else copy.deepcopy(self._choice.diagnostics),
            self._pages,
            self._items,
        )
        self._new_books()
        return report

    def close(self) -> None:
        """Close the copies of the recommenders."""
        for recommender in self._learners.recommenders:
            recommender.close()

    def _count(self, pages: int, items: int) -> None:
        self._pages += pages
        self._items += items
        self._progress(pages, items)

    def _counts(self) -> list[dict[str, int]]:
        """What the recommenders counted since the last report."""
        now = [recommender.diagnostics for recommender in self._learners.recommenders]
        return [
            {name: count - before.get(name, 0) for name, count in after.items()}
            for before, after in zip(self._counted, now, strict=True)
        ]

    def _new_books(self) -> None:
        self._pages = self._items = 0
        self._counted = [recommender.diagnostics for recommender in self._learners.recommenders]
        for recommender in self._learners.recommenders:
            recommender.faults = Faults()
            if hasattr(recommender.recommender, "latencies"):
                recommender.recommender.latencies = Latencies()
        if self._choice is not None:
            self._choice.diagnostics.clear()
