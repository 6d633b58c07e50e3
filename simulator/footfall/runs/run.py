"""The run, told as a story: who walks in, what they are shown, what they do.

1. read real histories          5. wake the users up
2. cut them in time             6. let the epochs pass, writing what happened
3. draw who is played           7. let recommenders learn between epochs
4. train recommenders, open     8. say what was done
   the model
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from footfall.answering.opening import needs_no_store, open_answering
from footfall.choice.protocol import ChoiceModel
from footfall.choice.reasoned import open_reasoned
from footfall.errors import BudgetError, FootfallError, InterruptError, UserError
from footfall.llm.protocol import LanguageModel
from footfall.llm.store import AnswerStore, StoredModel
from footfall.llm.vllm.outage import waited_for
from footfall.options import Announce, Options, StopEarly, Watch
from footfall.plumbing.signals import undisturbed
from footfall.plumbing.stopwatch import Stopwatch
from footfall.recommenders import AuditedRecommender
from footfall.run_folder import manifest
from footfall.run_folder.answers import answers_of, no_verdict
from footfall.run_folder.layout import DRAWS, HELD_OUT, ITEMS, REMEMBERED, STORE, USERS
from footfall.run_folder.log import write_frame
from footfall.runs import resuming
from footfall.runs.arms import open_arms
from footfall.runs.budget import Meter, MeteredModel
from footfall.runs.draws import write_draws
from footfall.runs.histories import Histories, read_histories
from footfall.runs.logged import write_logged
from footfall.runs.own_users import as_begun, with_own_users
from footfall.runs.preparing import (
    epochs,
    expected_decisions,
    job_of,
    setting_of,
    society_of,
)
from footfall.runs.provenance import (
    added,
    describe,
    held_out_table,
    items_table,
    remembered_table,
    users_table,
)
from footfall.runs.recorded_verdicts import leave_recorded
from footfall.runs.stop_hook import installed_stop_early
from footfall.scenario.scenario import Scenario
from footfall.serving.reasons import Reasoner
from footfall.workers.hiring import hire
from footfall.workers.shards import FOREIGN, EpochLog, Job, Learners, people_of
from footfall.world.crowd import Setting
from footfall.world.records import Names, interactions

_LOG = logging.getLogger(__name__)


def run(scenario: Scenario, options: Options, watch: Watch | None = None) -> dict[str, Any]:
    """Simulate ``scenario`` into ``options.out`` and return the manifest.

    Raises:
        UserError: The scenario, its data or the folder cannot be used; exit status 2.
        RunError: Something failed on the way; the run can be resumed.
    """
    watch = watch or Watch()
    stop_early, clock = _stop_early(scenario, watch), Stopwatch()
    with manifest.locked(options.out), ExitStack() as stack:
        scenario = as_begun(scenario, options)
        earlier = resuming.claim(options, scenario, watch.announce)
        meter = Meter(scenario.budget, options.out)
        with clock.section("data"):
            histories = read_histories(scenario, options.base, watch.announce)
            scenario, told = with_own_users(scenario, histories, options, watch.announce)
        with clock.section("recommenders"):
            recommenders = [*open_arms(scenario, histories, options.base, watch.announce).values()]
            stack.enter_context(_closing(recommenders))
        with clock.section("model"):
            engine, model = stack.enter_context(_models(scenario, options, meter, watch.announce))
            setting = setting_of(scenario, histories, options.base)
            _announce_offers(setting, watch.announce)
            job = job_of(scenario, histories, setting, options, earlier)
            choice = job.open_choice(model)
            reasoner = _reasoner(scenario, histories, engine, model, options)
        record = describe(scenario, histories, engine) | {
            "base": os.path.relpath(options.base, options.out),
            "reasons": reasoner.counts,
            **told,
        }
        resuming.begin(options, earlier, record)
        stack.enter_context(_last_words(options.out, record, meter))
        with clock.section("logged pages"):
            hashes, record["logged"] = write_logged(
                scenario,
                histories,
                recommenders,
                setting,
                speaks=choice is not None,
                base=options.base,
                out=options.out,
                announce=watch.announce,
            )
        for recommender in recommenders:
            recommender.begin()
        record["tables"] = hashes | _write_tables(options.out, scenario, histories, setting)
        manifest.write(options.out, record)
        progress = watch.begin(expected_decisions(scenario, setting))
        learners = Learners(recommenders, society_of(scenario, histories, options.base))
        workforce = hire(job, options, learners, choice, model, progress, watch.announce)
        stack.enter_context(closing(workforce))
        pages = job.service(learners, choice, progress)
        halted = stack.enter_context(watch.patience())
        books = _Books(options.out, watch.announce)
        with clock.section("simulating"):
            for number, until in enumerate(epochs(scenario)):
                _may_go_on(number, meter, halted())
                log = workforce.advance(number, until)
                parts = log.parts | reasoner.after(options.out, number, log.shown, job.names, pages)
                resuming.compare(parts, earlier)
                record["parts"].update(parts)
                _teach(learners, log, job.names)
                _account(record, choice, recommenders, engine, clock, earlier)
                books.enter(record, parts)
                if number + 1 >= earlier.epochs:  # before, the judge has let the run go on
                    record["stopped"] = stop_early(options.out)
                if record["stopped"]:
                    break
        _conclude(options.out, record, job, clock)
        _account(record, choice, recommenders, engine, clock, earlier)
    return record


def _announce_offers(setting: Setting, announce: Announce) -> None:
    for offered in setting.schedule.offers:
        announce(str(offered))


@contextmanager
def _last_words(out: Path, record: dict[str, Any], meter: Meter) -> Iterator[None]:
    """However a run ends, its manifest says so, unless it is killed or the disk is full."""
    try:
        yield
    except BaseException as error:
        with undisturbed():  # a second Ctrl-C may come, and a run would say "running" for ever
            record["status"] = _how_it_ended(error)
            told = isinstance(error, FootfallError)
            record["reason"] = str(error) if told else type(error).__name__
            record["spent"] = meter.as_dict()
            with suppress(FootfallError):
                meter.save()
                manifest.write(out, record)
        raise
    with undisturbed():
        record["spent"] = meter.as_dict()
        meter.save()
        manifest.write(out, record)


def _how_it_ended(error: BaseException) -> str:
    if isinstance(error, BudgetError):
        return "out of budget"
    asked = isinstance(error, InterruptError) or not isinstance(error, Exception)
    return "interrupted" if asked else "failed"


def _may_go_on(epochs: int, meter: Meter, halted: bool) -> None:
    """Between two epochs: whether time, money and whoever looks on let the run go on."""
    meter.check()
    if halted:
        raise InterruptError(f"stopped after {epochs} epochs, as asked; go on with --resume")


class _Books:
    """The manifest after each epoch, and a word when an arm has come to answer too little."""

    def __init__(self, out: Path, announce: Announce) -> None:
        self._growing = manifest.Growing(out)
        self._announce = announce
        self._told: set[str] = set()
        self._epochs = 0

    def enter(self, record: dict[str, Any], parts: Mapping[str, str]) -> None:
        """Write an epoch down; a night may be saved by what is said in its first hour."""
        for one in answers_of(record):
            if one.problem() and one.arm not in self._told:
                self._announce(f"! so far {one.problem()}")
                self._told.add(one.arm)
        self._growing.add(record, parts)
        self._epochs += 1
        _LOG.debug("epoch %d is written, %d files", self._epochs, len(parts))


@contextmanager
def _closing(recommenders: list[AuditedRecommender]) -> Iterator[None]:
    with ExitStack() as stack:
        for recommender in recommenders:
            stack.callback(recommender.close)
        yield


def _carry_over(record: dict[str, Any], earlier: resuming.Earlier) -> None:
    """Recommenders that were not asked again keep the faults that they were found to have.

    What all faults come to is said in shares of the requests.
    """
    for arm in record["scenario"]["arms"]:
        name = arm["name"]
        before = (earlier.record.get("faults") or {}).get(name)
        if before and arm["recommender"]["kind"] in FOREIGN:
            record["faults"][name] = added(before, record["faults"][name])
    record["answers"] = {one.arm: one.as_dict() for one in answers_of(record)}
    record["no_verdict"] = no_verdict(record)


def _stop_early(scenario: Scenario, watch: Watch) -> StopEarly:
    """Who says after an epoch that the run has seen enough; nobody unless the scenario asks."""
    if scenario.grid:
        raise UserError(
            "a scenario with a grid is many runs: footfall run, or footfall.runs.grid.cells"
        )
    if scenario.stop_early is None:
        return lambda _: ""
    return watch.enough or installed_stop_early()


@contextmanager
def _models(
    scenario: Scenario, options: Options, meter: Meter, announce: Announce
) -> Iterator[tuple[LanguageModel, LanguageModel]]:
    """The scenario's model, and the same behind the store of its answers."""
    path = options.store or options.out / STORE
    opening = partial(open_answering, scenario, options.base, announce)
    patience = scenario.model.patience
    with closing(
        waited_for(opening, patience, announce) if options.resume else opening()
    ) as engine:
        asked = MeteredModel(engine, meter) if scenario.budget.bounded else engine
        if needs_no_store(engine):
            yield engine, asked
            return
        with AnswerStore(path) as store:
            yield engine, StoredModel(asked, store)


def _reasoner(
    scenario: Scenario,
    histories: Histories,
    engine: LanguageModel,
    model: LanguageModel,
    options: Options,
) -> Reasoner:
    """Who asks for reasons; it asks nothing unless the scenario wants some."""
    if not scenario.choice.reasons:
        return Reasoner(None)
    prepare_to_write = getattr(engine, "prepare_to_write", None)
    if prepare_to_write is not None:
        prepare_to_write()
    choice = open_reasoned(scenario.choice, model, histories.catalogue, options.base)
    return Reasoner(choice)


def _write_tables(
    out: Path, scenario: Scenario, histories: Histories, setting: Setting
) -> dict[str, str]:
    """Tables of items, users, memories and held-out choices: no source is needed beside them."""
    users, pairs = users_table(histories), people_of(scenario, setting)
    if scenario.design == "split":
        names = [arm.name for arm in scenario.arms]
        users["arm"] = users.index.map({user: names[arm] for arm, user in pairs})
    users = users.loc[sorted({user for _, user in pairs})]
    tables = {
        ITEMS: items_table(histories),
        HELD_OUT: held_out_table(histories),
        REMEMBERED: remembered_table(histories),
        USERS: users,
    }
    return {name: write_frame(table, out / name) for name, table in tables.items()}


def _conclude(out: Path, record: dict[str, Any], job: Job, clock: Stopwatch) -> None:
    """After the last epoch: what the pages would have brought in other worlds."""
    parts = [out / name for name in record["parts"] if name.startswith("impressions/")]
    with clock.section("draws"):
        written = write_draws(out / DRAWS, parts, job.setting, job.names, job.scenario.seed)
    if written is not None:
        record["tables"][DRAWS] = written
    record["status"] = "stopped early" if record["stopped"] else "finished"
    leave_recorded(out, record)


def _teach(learners: Learners, log: EpochLog, names: Names) -> None:
    """Hand each recommender the events of its own arm, and let word get round."""
    if learners.society is not None:
        learners.society.learn(log.taken)
    for arm, recommender in enumerate(learners.recommenders):
        recommender.update(interactions(log.taken, arm, names))


def _account(
    record: dict[str, Any],
    choice: ChoiceModel | None,
    recommenders: list[AuditedRecommender],
    engine: LanguageModel,
    clock: Stopwatch,
    earlier: resuming.Earlier,
) -> None:
    """Counts, faults and times so far."""
    arms = [arm["name"] for arm in record["scenario"]["arms"]]
    record["choice"] = {} if choice is None else choice.diagnostics.as_dict()
    record["faults"] = {
        arm: {**r.faults.as_dict(), **r.diagnostics}
        for arm, r in zip(arms, recommenders, strict=True)
    }
    _carry_over(record, earlier)
    waits = {"model": engine, **dict(zip(arms, (r.recommender for r in recommenders), strict=True))}
    record["latencies"] = {
        name: one.latencies.as_dict() for name, one in waits.items() if hasattr(one, "latencies")
    }
    record["timings"] = {
        **{name: round(seconds, 3) for name, seconds in clock.seconds.items()},
        "engine": round(engine.engine_seconds, 3),
        "engine_start": round(getattr(engine, "start_seconds", 0.0), 3),
        "total": round(clock.total(), 3),
    }
