"""The crowd on one process or several; what comes out is the same.

Workers hold shoppers and nothing else. Recommenders and the language model stay in the main
process: every round it gathers the pages that all workers wait for, serves them as one batch,
and sends the answers back. So recommenders learn once, an engine exists once, and the number
of workers cannot be seen in the log.
"""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Protocol

from footfall.errors import RunError
from footfall.world.crowd import Crowd, Setting
from footfall.world.pages import FilledPage, PageRequest, PageService
from footfall.world.records import EpochRecords


class Workforce(Protocol):
    """Advances all users by one epoch."""

    def advance(self, until: float, service: PageService) -> EpochRecords:
        """Simulate everyone up to ``until`` seconds since the start."""
        ...

    def close(self) -> None:
        """Let the workers go."""
        ...


class OneProcess:
    """Everybody in this process."""

    def __init__(self, setting: Setting, people: Sequence[tuple[int, int]]) -> None:
        """Wake up ``people``, pairs of arm and user."""
        self._crowd = Crowd(setting, people)

    def advance(self, until: float, service: PageService) -> EpochRecords:
        """Simulate everyone up to ``until`` seconds since the start."""
        return self._crowd.advance(until, service)

    def close(self) -> None:
        """Nothing to let go."""


class ManyProcesses:
    """Users dealt out to worker processes; this process serves their pages."""

    def __init__(self, setting: Setting, people: Sequence[tuple[int, int]], workers: int) -> None:
        """Start ``workers`` processes (spawned: nothing of this process's threads leaks in)."""
        context = mp.get_context("spawn")
        self._pipes: list[Connection] = []
        self._processes = []
        for number in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_work, args=(theirs, setting, list(people[number::workers])), daemon=True
            )
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def advance(self, until: float, service: PageService) -> EpochRecords:
        """Simulate everyone up to ``until`` seconds since the start."""
        for pipe in self._pipes:
            pipe.send(until)
        records: list[EpochRecords] = []
        busy = self._pipes
        while busy:
            waiting: list[tuple[Connection, list[PageRequest]]] = []
            for pipe in busy:
                message = self._receive(pipe)
                if isinstance(message, EpochRecords):
                    records.append(message)
                else:
                    waiting.append((pipe, message))
            _serve(waiting, service)
            busy = [pipe for pipe, _ in waiting]
        return EpochRecords.merge(records)

    def close(self) -> None:
        """Close the pipes, which ends the workers."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(timeout=10)
            if process.is_alive():
                process.terminate()

    def _receive(self, pipe: Connection) -> EpochRecords | list[PageRequest]:
        try:
            message: EpochRecords | list[PageRequest] = pipe.recv()
        except EOFError:
            raise RunError(
                "a worker process died (out of memory?); run again with fewer --workers"
            ) from None
        return message


class _Asking:
    """``PageService`` of a worker: asks the main process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def serve(self, requests: Sequence[PageRequest]) -> list[FilledPage]:
        self._pipe.send(list(requests))
        pages: list[FilledPage] = self._pipe.recv()
        return pages


def _serve(waiting: list[tuple[Connection, list[PageRequest]]], service: PageService) -> None:
    """Answer everyone who waits as one batch."""
    if not waiting:
        return
    pages = service.serve([request for _, requests in waiting for request in requests])
    done = 0
    for pipe, requests in waiting:
        pipe.send(pages[done : done + len(requests)])
        done += len(requests)


def _work(pipe: Connection, setting: Setting, people: list[tuple[int, int]]) -> None:
    """Life of a worker: advance when told, until the pipe closes."""
    crowd, service = Crowd(setting, people), _Asking(pipe)
    try:
        while True:
            pipe.send(crowd.advance(pipe.recv(), service))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return
