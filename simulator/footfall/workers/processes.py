"""Workers that are processes of this machine. One engine serves them all, from the main process."""

from __future__ import annotations

import multiprocessing as mp
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any

from footfall.answering.opening import open_answering
from footfall.errors import RunError, UserError
from footfall.llm.distant import Distant, Facts
from footfall.llm.protocol import LanguageModel, Question, Reply
from footfall.options import OnRound
from footfall.plumbing.stderr import stderr
from footfall.workers.crew import deal
from footfall.workers.shards import Job, Learners
from footfall.workers.worker import EpochReport, Worker, failed


@dataclass(frozen=True)
class _Advance:
    """Told to a worker: simulate an epoch."""

    epoch: int
    until: float
    learners: bytes | None
    """None: as before."""


@dataclass(frozen=True)
class _Ask:
    """Told by a worker: it waits for the model."""

    questions: Sequence[Question]


@dataclass(frozen=True)
class _Progress:
    """Told by a worker."""

    pages: int
    items: int


@dataclass(frozen=True)
class _Failed:
    """Told by a worker: it cannot go on."""

    error: Exception


class ProcessPool:
    """Worker processes, spawned, so that nothing of this process's threads leaks in.

    Args:
        job: The run.
        workers: How many, at most one a shard.
        model: Asked for all of them; None: each has one of its own, made from the scenario.
        progress: Told about every batch.
    """

    def __init__(
        self, job: Job, workers: int, model: LanguageModel | None, progress: OnRound
    ) -> None:
        self._model, self._progress = model, progress
        self._sent = b""
        self._pipes: list[Connection] = []
        self._processes = []
        facts = None if model is None else Facts.of(model)
        context = mp.get_context("spawn")
        for shards in deal(job.scenario.world.shards, workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=_live, args=(theirs, job, shards, facts), daemon=True)
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)

    def advance(self, epoch: int, until: float, learners: Learners) -> list[EpochReport]:
        """Let every worker simulate the next epoch with copies of ``learners``."""
        copies = packed(learners)
        news = None if copies == self._sent else copies
        self._sent = copies
        for pipe in self._pipes:
            _send(pipe, _Advance(epoch, until, news))
        reports: dict[int, EpochReport] = {}
        waiting: dict[int, _Ask] = {}
        while len(reports) < len(self._pipes):
            busy = [n for n in range(len(self._pipes)) if n not in reports and n not in waiting]
            ready = self._ready(busy, block=not waiting)
            for number in ready:
                self._hear(number, reports, waiting)
            if not ready:
                self._serve(waiting)
        return [reports[number] for number in sorted(reports)]

    def close(self) -> None:
        """Close the pipes, which ends the workers."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(timeout=10)
            if process.is_alive():
                process.kill()

    def _ready(self, busy: Sequence[int], *, block: bool) -> list[int]:
        """Workers of ``busy`` that have something to tell."""
        found = wait([self._pipes[number] for number in busy], None if block else 0)
        return [number for number in busy if self._pipes[number] in found]

    def _hear(self, number: int, reports: dict[int, EpochReport], waiting: dict[int, _Ask]) -> None:
        try:
            message: Any = self._pipes[number].recv()
        except (EOFError, ConnectionResetError):
            raise _lost() from None
        match message:
            case EpochReport():
                reports[number] = message
            case _Ask():
                waiting[number] = message
            case _Progress():
                self._progress(message.pages, message.items)
            case _Failed():
                raise message.error

    def _serve(self, waiting: dict[int, _Ask]) -> None:
        """Answer everyone who waits for the model as one batch."""
        assert self._model is not None
        replies = iter(self._model.ask([q for ask in waiting.values() for q in ask.questions]))
        for number, ask in waiting.items():
            _send(self._pipes[number], [next(replies) for _ in ask.questions])
        waiting.clear()


def packed(learners: Learners) -> bytes:
    """Copies of recommenders and what else learns, ready to be sent.

    Raises:
        UserError: One of them cannot be copied.
    """
    try:
        return bytes(ForkingPickler.dumps(learners))
    except Exception as error:  # noqa: BLE001 - foreign code may raise anything when it is copied
        raise UserError(
            f"a recommender cannot be copied to a worker ({type(error).__name__}: {error}); "
            "make it picklable, or run with --workers 1"
        ) from None


class _Asking(Distant):
    """The model of the main process, seen from a worker."""

    def __init__(self, facts: Facts, pipe: Connection) -> None:
        super().__init__(facts)
        self._pipe = pipe

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order."""
        self._pipe.send(_Ask(questions))
        replies: list[Reply] = self._pipe.recv()
        return replies


def _send(pipe: Connection, message: Any) -> None:
    try:
        pipe.send(message)
    except BrokenPipeError:
        raise _lost() from None


def _lost() -> RunError:
    return RunError(
        "a worker process died (out of memory?); go on with --resume and fewer --workers"
    )


def _live(pipe: Connection, job: Job, shards: range, facts: Facts | None) -> None:
    """Life of a worker: advance when told, until the pipe closes."""
    # Signals reach all processes of a group; when to stop is for the main one to say.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.path.insert(0, str(job.base.resolve()))  # recommenders may be code beside the scenario
    try:
        with stderr.as_parent():
            _work(pipe, job, shards, facts)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:  # noqa: BLE001 - told to the main process, which raises it
        pipe.send(_Failed(failed(error)))


def _work(pipe: Connection, job: Job, shards: range, facts: Facts | None) -> None:
    model: LanguageModel = (
        open_answering(job.scenario, job.base, lambda _: None)
        if facts is None
        else _Asking(facts, pipe)
    )
    worker = Worker(job, shards, model, lambda pages, items: pipe.send(_Progress(pages, items)))
    while True:
        told: _Advance = pipe.recv()
        if told.learners is not None:
            worker.meet(ForkingPickler.loads(told.learners))
        pipe.send(worker.advance(told.epoch, told.until))
