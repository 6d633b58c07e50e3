"""Parts of a log cleaned side by side, in processes of their own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from footfall.datasets.large.part import PartDone, Work, clean_part
from footfall.errors import DataError


@dataclass(frozen=True)
class PartTask:
    """One part to be cleaned."""

    scattered: Path
    out: Path
    paged: bool = False
    orders_apart: bool = False

    def run(self, work: Work) -> PartDone:
        """Do it."""
        return clean_part(
            self.scattered, self.out, work, paged=self.paged, orders_apart=self.orders_apart
        )


def clean_all(
    work: Work, tasks: Sequence[PartTask], workers: int, told: Callable[[int], None]
) -> list[PartDone]:
    """Clean parts, in other processes where there are to be several.

    Args:
        work: What is the same for all.
        tasks: The parts.
        workers: How many processes.
        told: Told how many parts are done.

    Raises:
        DataError: The log cannot be used, or a process was ended from outside.
    """
    if workers == 1:
        return [_counted(number, task, work, told) for number, task in enumerate(tasks, 1)]
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawned) as pool:
        waiting = [pool.submit(task.run, work) for task in tasks]
        try:
            for done, one in enumerate(as_completed(waiting), 1):
                one.result()
                told(done)
            return [one.result() for one in waiting]
        except BrokenProcessPool:
            raise DataError(
                "a process that cleaned a part of the log was ended, perhaps for want of memory; "
                "free some, or let fewer do it: taskset -c 0 footfall ..."
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _counted(number: int, task: PartTask, work: Work, told: Callable[[int], None]) -> PartDone:
    done = task.run(work)
    told(number)
    return done
