"""A process that cleans parts of a log: ``python -m footfall.datasets.large.worker FOLDER N M``.

It cleans the parts N, N + M, ... of the work that lies in FOLDER, and tells each on a line.
"""

from __future__ import annotations

import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from footfall.datasets.large.part import PartDone, Work, clean_part
from footfall.errors import DataError

WORK = "work"


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
    folder: Path, work: Work, tasks: Sequence[PartTask], workers: int, told: Callable[[int], None]
) -> list[PartDone]:
    """Clean parts, in other processes where there are to be several.

    Args:
        folder: For what the processes leave each other; it is this user's own.
        work: What is the same for all.
        tasks: The parts.
        workers: How many processes.
        told: Told how many parts are done.

    Raises:
        DataError: The log cannot be used, or a process was ended from outside.
    """
    if workers == 1:
        return [_counted(number, task, work, told) for number, task in enumerate(tasks, 1)]
    (folder / WORK).write_bytes(pickle.dumps((work, list(tasks))))
    lines: queue.Queue[str | None] = queue.Queue()
    command = [sys.executable, "-m", "footfall.datasets.large.worker", str(folder)]
    processes = [
        subprocess.Popen(  # noqa: S603 - this very program
            [*command, str(number), str(workers)], stdout=subprocess.PIPE, text=True
        )
        for number in range(workers)
    ]
    try:
        for process in processes:
            threading.Thread(target=_listen, args=(process, lines), daemon=True).start()
        _wait(lines, workers, told)
        for process in processes:
            process.wait()
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [_result(folder, number) for number in range(len(tasks))]


def _counted(number: int, task: PartTask, work: Work, told: Callable[[int], None]) -> PartDone:
    done = task.run(work)
    told(number)
    return done


def _listen(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None, "it was asked for"
    with process.stdout as told:
        for line in told:
            lines.put(line)
    lines.put(None)


def _wait(lines: queue.Queue[str | None], workers: int, told: Callable[[int], None]) -> None:
    done = 0
    while workers:
        if lines.get() is None:
            workers -= 1
        else:
            done += 1
            told(done)


def _result(folder: Path, number: int) -> PartDone:
    path = folder / f"{WORK}-{number}"
    if not path.exists():
        raise DataError(
            "a process that cleaned a part of the log was ended, perhaps for want of memory; free "
            "some, or let fewer do it: taskset -c 0 footfall ..."
        )
    found = pickle.loads(path.read_bytes())  # noqa: S301 - our own process has written it
    if isinstance(found, DataError):
        raise found
    return cast("PartDone", found)


def main(folder: Path, first: int, step: int) -> None:
    """Clean every ``step``-th part."""
    work, tasks = pickle.loads((folder / WORK).read_bytes())  # noqa: S301 - see above
    for number in range(first, len(tasks), step):
        try:
            found: PartDone | DataError = tasks[number].run(work)
        except DataError as error:
            found = error
        (folder / f"{WORK}-{number}").write_bytes(pickle.dumps(found))
        print(number, flush=True)  # noqa: T201 - who started this reads it


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
