"""Who simulates the users of a run: this process, several, or a cluster."""

from __future__ import annotations

from dataclasses import replace

from footfall.answering.bounded import BoundedChoice
from footfall.answering.opening import needs_no_store
from footfall.errors import UserError
from footfall.llm.protocol import LanguageModel
from footfall.options import Announce, OnRound, Options
from footfall.run_folder.layout import STORE
from footfall.workers.cluster import Cluster, RayPool, minds
from footfall.workers.crew import Crew, OneProcess, Workforce
from footfall.workers.processes import ProcessPool
from footfall.workers.shards import Job, Learners

PAGES_FOR_GPUS = 1024
"""Pages in one batch for an engine on a GPU, or behind a server: seconds of work."""


def hire(
    job: Job,
    options: Options,
    learners: Learners,
    choice: BoundedChoice | None,
    model: LanguageModel,
    progress: OnRound,
    announce: Announce,
) -> Workforce:
    """Make the workforce that ``options`` ask for; close it after use.

    Raises:
        UserError: There is no such cluster, or the options do not fit together.
    """
    if options.ray is not None:
        return _from_cluster(job, options, learners, choice, model, progress, announce)
    if len(options.servers) > 1:
        raise UserError("several --server need --ray, which pins users to servers; give one")
    workers = _fitting(options.workers or 1, job, announce)
    if workers == 1:
        return OneProcess(job, learners, choice, progress)
    # A budget is counted where the model is asked, so a bounded run asks in one place.
    own = needs_no_store(model) and not job.scenario.budget.bounded
    shared = None if own else model
    return Crew(ProcessPool(job, workers, shared, progress), learners, choice)


def _from_cluster(
    job: Job,
    options: Options,
    learners: Learners,
    choice: BoundedChoice | None,
    model: LanguageModel,
    progress: OnRound,
    announce: Announce,
) -> Workforce:
    assert options.ray is not None
    budget = job.scenario.budget
    if budget.max_tokens is not None or budget.max_cost is not None:
        raise UserError(
            "--ray does not count tokens, so budget.max_tokens and max_cost cannot hold; "
            "leave them out (max_time holds)"
        )
    if job.scenario.choice.reasons:
        raise UserError(
            "--ray cannot ask for reasons yet; leave out choice.reasons, or use --workers"
        )
    cluster = Cluster(options.ray, options.workers, announce)
    try:
        workers = _fitting(options.workers or cluster.cores, job, announce)
        spec = job.scenario.model
        servers = options.servers or ((str(spec.server),) if spec.server else ())
        if not needs_no_store(model) and (servers or cluster.gpus):
            job = replace(job, pages_at_once=PAGES_FOR_GPUS)
        store = (options.store or options.out / STORE).resolve()
        open_mind = minds(job, servers, store, model, cluster, workers)
        job = replace(job, out=job.out.resolve(), base=job.base.resolve())
        pool = RayPool(cluster, job, workers, open_mind, progress, announce)
        return Crew(pool, learners, choice)
    except BaseException:
        cluster.close()
        raise


def _fitting(workers: int, job: Job, announce: Announce) -> int:
    """At most one worker a shard."""
    shards = job.scenario.world.shards
    if workers > shards:
        announce(f"{shards} of {workers} workers have a shard; raise world.shards to use them all")
    return min(workers, shards)
