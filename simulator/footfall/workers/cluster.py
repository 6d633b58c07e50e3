"""Workers that are actors of a Ray cluster, on as many machines as it has.

Recommenders are put into Ray's object store once an epoch; every machine holds one copy. Workers
write their own parts of the log, so the run's folder must be on a disk that all machines share.
A worker that is lost is replaced: the new one lives through the shard's epochs again, with the
recommenders as they were then, and writes only what was not written yet.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from footfall.answering.opening import needs_no_store, open_answering
from footfall.errors import RunError, UserError
from footfall.llm.distant import Distant, Facts
from footfall.llm.opening import open_model
from footfall.llm.protocol import LanguageModel, Question, Reply
from footfall.llm.specs import ModelSpec
from footfall.llm.store import AnswerStore, StoredModel
from footfall.options import Announce, OnRound
from footfall.scenario.scenario import Scenario
from footfall.workers.crew import deal
from footfall.workers.shards import Job, Learners
from footfall.workers.worker import EpochReport, Worker, failed

LOCAL = "local"
"""The address that starts a cluster on this machine."""

STARTS = 3
"""Tries to start Ray here: it gives up after 30 seconds, which a busy machine may take."""

REPLACEMENTS = 3
"""Losses of one worker within an epoch after which the run stops: the cause is likely to stay."""


class Cluster:
    """A connection to Ray; close it always."""

    def __init__(self, address: str, workers: int | None, announce: Announce) -> None:
        """Connect to ``address``, or start Ray here with a core for each of ``workers``."""
        settings: dict[str, Any] = {"address": address, "log_to_driver": False}
        if address == LOCAL:
            cores = max(1, workers or os.cpu_count() or 1)
            settings |= {"include_dashboard": False, "num_cpus": cores}
        announce(f"connecting to Ray: {address}")
        for tries_left in reversed(range(STARTS if address == LOCAL else 1)):
            if _connected(settings, address, last=not tries_left):
                break

    @property
    def cores(self) -> int:
        """Cores that the cluster has for workers."""
        return max(1, int(_ray().cluster_resources().get("CPU", 1)))

    @property
    def gpus(self) -> int:
        """GPUs of the cluster."""
        return int(_ray().cluster_resources().get("GPU", 0))

    def close(self) -> None:
        """Disconnect; a cluster started here ends."""
        _ray().shutdown()


def _connected(settings: dict[str, Any], address: str, *, last: bool) -> bool:
    """Whether Ray could be initialised; the last failure is raised."""
    ray = _ray()
    try:
        ray.init(logging_level="error", **settings)
    except Exception as error:  # noqa: BLE001 - Ray raises errors of many kinds
        ray.shutdown()
        if last:
            raise UserError(
                f"no Ray cluster at {address}: {str(error).splitlines()[0]}; "
                "start one with `ray start --head`, or use --ray local"
            ) from None
        return False
    return True


class RayPool:
    """Workers as Ray actors; lost ones are replaced.

    Args:
        cluster: Where; closed with the pool.
        job: The run; ``job.out`` must be a folder that all machines share.
        workers: How many, at most one a shard.
        minds: Who answers for the model, for each worker.
        progress: Told about every worker's epoch.
        announce: Told about lost workers.
    """

    def __init__(
        self,
        cluster: Cluster,
        job: Job,
        workers: int,
        minds: Callable[[int], Mind],
        progress: OnRound,
        announce: Announce,
    ) -> None:
        ray = _ray()
        self._cluster, self._ray = cluster, ray
        self._progress, self._announce, self._minds = progress, announce, minds
        self._job = ray.put(job)
        self._base = job.base
        self._deals = deal(job.scenario.world.shards, workers)
        self._copies = b""
        self._past: list[tuple[float, _Copies]] = []
        """Of every epoch so far: its end, and the recommenders in it."""
        self._written: set[str] = set()
        """Parts of the log that were reported: a replay asks no service again about them."""
        self._class = ray.remote(num_cpus=1, max_restarts=0)(_Actor)
        self.actors = [self._start(number) for number in range(len(self._deals))]
        # Time of simulating is not time of starting; who is lost already is replaced later.
        awake = [actor.awake.remote() for actor in self.actors]
        ray.wait(awake, num_returns=len(awake))

    def advance(self, epoch: int, until: float, learners: Learners) -> list[EpochReport]:
        """Let every worker simulate the next epoch with copies of ``learners``."""
        assert epoch == len(self._past), "an epoch was left out"
        self._past.append((until, self._shared(learners)))
        lost = [0] * len(self.actors)
        pending = {self._call(number, epoch): number for number in range(len(self.actors))}
        reports: dict[int, EpochReport] = {}
        while pending:
            (done,), _ = self._ray.wait(list(pending), num_returns=1)
            number = pending.pop(done)
            report = self._result(done)
            if report is None:
                lost[number] += 1
                self._replace(number, lost[number])
                pending[self._call(number, epoch)] = number
            else:
                reports[number] = report
                self._written.update(report.log.parts)
                self._progress(report.pages, report.items)
        return [reports[number] for number in sorted(reports)]

    def close(self) -> None:
        """Let the actors and the cluster go."""
        self._cluster.close()

    def _start(self, number: int) -> Any:
        base, written = str(self._base.resolve()), frozenset(self._written)
        return self._class.remote(
            self._job, self._deals[number], base, self._minds(number), written
        )

    def _call(self, number: int, epoch: int, *, write: bool = True) -> Any:
        until, recommenders = self._past[epoch]
        return self.actors[number].advance.remote(epoch, until, recommenders, write)

    def _result(self, done: Any) -> EpochReport | None:
        """What a worker reported; None: it is lost."""
        errors = self._ray.exceptions
        try:
            report: EpochReport = self._ray.get(done)
        except (errors.RayActorError, errors.WorkerCrashedError, errors.NodeDiedError):
            return None
        except errors.RayTaskError as error:
            raise failed(error.cause) from error
        return report

    def _replace(self, number: int, times: int) -> None:
        """Start a lost worker anew and let it live through what was."""
        if times > REPLACEMENTS:
            raise RunError(
                f"worker {number} was lost {times} times in one epoch (out of memory?); "
                "go on with --resume and more, smaller world.shards"
            )
        past = len(self._past) - 1
        self._announce(f"worker {number} was lost; its shards are replayed from day one")
        self.actors[number] = self._start(number)
        for epoch in range(past):
            self._call(number, epoch, write=False)  # actors do what they are told in order

    def _shared(self, learners: Learners) -> _Copies:
        """Copies of the recommenders in the object store; the same while they do not change."""
        try:
            copies = self._ray.cloudpickle.dumps(learners)
        except Exception as error:  # noqa: BLE001 - foreign code may raise anything when it is copied
            raise UserError(
                f"a recommender cannot be copied to a worker ({type(error).__name__}: {error}); "
                "make it picklable, or run without --ray"
            ) from None
        if copies == self._copies:
            return self._past[-1][1]
        self._copies = copies
        return _Copies(len(self._past), self._ray.put(learners))


@dataclass(frozen=True)
class _Copies:
    """Recommenders in the object store; a reference inside is fetched only when wanted."""

    version: int
    reference: Any


class Mind:
    """Who answers for the model: opened where the worker is."""

    def open(self) -> LanguageModel:
        """Make the model ready to be asked."""
        raise NotImplementedError


class OwnMind(Mind):
    """A model of the worker's own: the fake one, or a client of a server."""

    def __init__(self, scenario: Scenario, base: Path, answers: Any = None) -> None:
        self._scenario, self._base, self._answers = scenario, base, answers

    def open(self) -> LanguageModel:
        """Make the model, behind the run's store if there is one."""
        model = open_answering(self._scenario, self._base, lambda _: None)
        return model if self._answers is None else _stored(model, self._answers)


class SharedMind(Mind):
    """An engine that several workers ask."""

    def __init__(self, facts: Facts, engine: Any, answers: Any) -> None:
        self._facts, self._engine, self._answers = facts, engine, answers

    def open(self) -> LanguageModel:
        """Make the way to the engine, behind the run's store."""
        return _stored(_Asking(self._facts, self._engine), self._answers)


def minds(
    job: Job,
    servers: Sequence[str],
    store: Path,
    model: LanguageModel,
    cluster: Cluster,
    workers: int,
) -> Callable[[int], Mind]:
    """Who answers for the model, by the number of the worker.

    The fake model or a surrogate: one a worker. Servers: worker n asks server n modulo their
    number, always the same, so that a user's history stays in one cache. Else: engines, one on each
    GPU (or on each group of ``tensor_parallel_size``), or a single one without GPUs, and workers
    likewise.
    """
    if needs_no_store(model):
        return lambda _: OwnMind(job.scenario, job.base)
    ray, spec = _ray(), job.scenario.model
    here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
        ray.get_runtime_context().get_node_id(), soft=False
    )
    answers = ray.remote(num_cpus=0, scheduling_strategy=here)(_Answers).remote(store)
    if servers:
        plans = [_served(job.scenario, url) for url in servers]
        return lambda number: OwnMind(plans[number % len(plans)], job.base, answers)
    wide = spec.tensor_parallel_size if cluster.gpus else 0
    count = max(1, min(workers, cluster.gpus // wide)) if wide else 1
    engine = ray.remote(num_cpus=0, num_gpus=wide)(_Engine)
    engines = [engine.remote(spec) for _ in range(count)]
    facts = Facts.of(model)
    return lambda number: SharedMind(facts, engines[number % count], answers)


def _served(scenario: Scenario, url: str) -> Scenario:
    """The scenario with its model at ``url``."""
    model = ModelSpec.model_validate({**scenario.model.model_dump(), "server": url})
    return scenario.model_copy(update={"model": model})


class _Actor:
    """A worker in an actor."""

    def __init__(
        self, job: Job, shards: range, base: str, mind: Mind, written: frozenset[str]
    ) -> None:
        sys.path.insert(0, base)  # recommenders may be code beside the scenario
        job = replace(job, intact=job.intact | written)
        self._worker = Worker(job, shards, mind.open(), lambda _pages, _items: None)
        self._met = -1

    def awake(self) -> None:
        """Answer as soon as everybody is there."""

    def advance(self, epoch: int, until: float, copies: _Copies, write: bool) -> EpochReport:
        if copies.version != self._met:
            self._worker.meet(_ray().get(copies.reference))
            self._met = copies.version
        return self._worker.advance(epoch, until, write=write)


class _Engine:
    """A model in an actor of its own."""

    def __init__(self, spec: ModelSpec) -> None:
        self._model = open_model(spec, announce=lambda _: None)

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        return self._model.ask(questions)


class _Answers:
    """The store of answers, on the machine from which the run was started."""

    def __init__(self, path: Path) -> None:
        self._store = AnswerStore(path)

    def find(self, keys: Sequence[bytes]) -> dict[bytes, tuple[float, ...]]:
        return self._store.find(keys)

    def settle(self, answers: Mapping[bytes, Sequence[float]]) -> dict[bytes, tuple[float, ...]]:
        return self._store.settle(answers)


class _DistantStore:
    """``AnswerStore`` as far as a stored model needs it, from another machine."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def find(self, keys: Sequence[bytes]) -> dict[bytes, tuple[float, ...]]:
        found: dict[bytes, tuple[float, ...]] = _ray().get(self._actor.find.remote(keys))
        return found

    def settle(self, answers: Mapping[bytes, Sequence[float]]) -> dict[bytes, tuple[float, ...]]:
        kept: dict[bytes, tuple[float, ...]] = _ray().get(self._actor.settle.remote(dict(answers)))
        return kept

    def close(self) -> None:
        """Nothing to free."""


class _Asking(Distant):
    """A model in an actor, seen from a worker."""

    def __init__(self, facts: Facts, engine: Any) -> None:
        super().__init__(facts)
        self._engine = engine

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order."""
        replies: list[Reply] = _ray().get(self._engine.ask.remote(list(questions)))
        return replies


def _stored(model: LanguageModel, answers: Any) -> LanguageModel:
    return StoredModel(model, cast("AnswerStore", _DistantStore(answers)))


def _ray() -> Any:
    try:
        import ray  # noqa: PLC0415 - an optional dependency
    except ModuleNotFoundError:
        raise UserError('--ray needs Ray; install it with: pip install "footfall[ray]"') from None
    return ray
