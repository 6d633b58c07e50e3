"""The run, told as a story: who walks in, what they are shown, what they do.

1. read real histories          5. wake the users up
2. cut them in time             6. let the epochs pass, writing what happened
3. draw who is played           7. let recommenders learn between epochs
4. train recommenders, open     8. say what was done
   the model
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from footfall import manifest
from footfall.catalogue import Catalogue
from footfall.choice.protocol import ChoiceModel
from footfall.choice.specs import open_choice
from footfall.datasets.schema import Dataset, Split
from footfall.datasets.sources import load
from footfall.datasets.split import split as cut
from footfall.errors import DataError, LogError, RunError, UserError
from footfall.judges import installed_judge
from footfall.llm.protocol import LanguageModel
from footfall.llm.specs import ModelSpec, open_model
from footfall.llm.store import AnswerStore, StoredModel
from footfall.log import file_hash, write_part
from footfall.options import Announce, Judge, OnRound, Options, Watch
from footfall.population import Population
from footfall.provenance import describe, held_out_table, items_table, users_table
from footfall.recommenders import AuditedRecommender, audited, build
from footfall.scenario import Scenario
from footfall.stopwatch import Stopwatch
from footfall.world.calendar import DAY
from footfall.world.crowd import Setting
from footfall.world.design import INTERLEAVED, assign
from footfall.world.records import (
    EpochRecords,
    Names,
    impression_table,
    interactions,
    session_table,
)
from footfall.world.service import LocalService
from footfall.world.setup import Apart, keep_apart, prepare
from footfall.world.workers import ManyProcesses, OneProcess, Workforce


@dataclass(frozen=True)
class Histories:
    """Real histories, read and cut, and who of them is played."""

    dataset: Dataset
    split: Split
    catalogue: Catalogue
    population: Population
    apart: Apart


def run(scenario: Scenario, options: Options, watch: Watch | None = None) -> dict[str, Any]:
    """Simulate ``scenario`` into ``options.out`` and return the manifest.

    Raises:
        UserError: The scenario, its data or the folder cannot be used; exit status 2.
        RunError: Something failed on the way; the run can be resumed.
    """
    watch = watch or Watch()
    judge, clock = _judge(scenario, watch), Stopwatch()
    with manifest.locked(options.out), ExitStack() as stack:
        earlier = _claim(options, scenario)
        with clock.section("data"):
            histories = read_histories(scenario, options.base, watch.announce)
        with clock.section("recommenders"):
            recommenders = _recommenders(scenario, histories, options.base, watch.announce)
            for recommender in recommenders:
                stack.callback(recommender.close)
        with clock.section("model"):
            engine, model = stack.enter_context(_models(scenario, options, watch.announce))
            choice = open_choice(scenario.choice, model, histories.catalogue, base=options.base)
        setting, names = setting_of(scenario, histories), _names(scenario, histories)
        record = describe(scenario, histories, model)
        _write_tables(options.out, scenario, histories, setting)
        manifest.write(options.out, record)
        people = people_of(scenario, setting)
        workforce = stack.enter_context(closing(_workforce(setting, people, options.workers)))
        progress = watch.begin(expected_decisions(scenario, setting))
        service = _service(scenario, histories, setting, recommenders, choice, progress)
        with clock.section("simulating"):
            for number, until in enumerate(_epochs(scenario)):
                records = workforce.advance(until, service)
                parts = _write(options.out, number, records, names, scenario)
                _compare(parts, earlier)
                record["parts"].update(parts)
                _teach(recommenders, records, names)
                _account(record, choice, recommenders, engine, clock)
                manifest.write(options.out, record)
                record["stopped"] = judge(options.out)
                if record["stopped"]:
                    break
        record["status"] = "stopped early" if record["stopped"] else "finished"
        _account(record, choice, recommenders, engine, clock)
        manifest.write(options.out, record)
    return record


def _judge(scenario: Scenario, watch: Watch) -> Judge:
    """Who says after an epoch that the run has seen enough; nobody unless the scenario asks."""
    if scenario.stop_early is None:
        return lambda _: ""
    return watch.enough or installed_judge()


def read_histories(scenario: Scenario, base: Path, announce: Announce) -> Histories:
    """Steps 1 to 3: read, cut and draw."""
    announce(f"reading {scenario.data.kind}")
    dataset = load(scenario.data, base)
    split = cut(dataset, scenario.split)
    catalogue = Catalogue.from_items(split.remembered.items, dataset.currency)
    if scenario.world.slate > len(catalogue):
        raise DataError(
            f"a slate of {scenario.world.slate} items (world.slate) is larger than the "
            f"catalogue of {len(catalogue)}; make it smaller"
        )
    population = Population.draw(split, catalogue, scenario.population, scenario.seed)
    apart = keep_apart(split, population, scenario.seed)
    return Histories(dataset, split, catalogue, population, apart)


def expected_decisions(scenario: Scenario, setting: Setting) -> float:
    """Item decisions to expect: visits by the users' gaps, pages by the habit of going on."""
    habits = scenario.behaviour.habits
    rates = scenario.world.days / setting.calendar.mean_gap_days
    visits = float(sum(rates[user] for _, user in people_of(scenario, setting)))
    go_on = 1.0 / (1.0 + np.exp(-(habits.go_on + 0.3 * habits.go_on_after_click)))
    pages = sum(go_on**page for page in range(setting.max_pages))
    return float(visits * pages * setting.slate)


def _claim(options: Options, scenario: Scenario) -> dict[str, str]:
    """Make sure that the folder is ours; the hashes of an earlier run's parts when resuming."""
    if not (options.out / manifest.NAME).exists():
        return {}
    earlier = manifest.read(options.out)
    if options.resume:
        if earlier["recorded"]["hashes"]["scenario"] != scenario.digest():
            raise UserError(
                f"{options.out} holds a run of another scenario or seed; "
                "resume with the same scenario, or choose another --out"
            )
        return dict(earlier["parts"])
    if not options.overwrite:
        raise UserError(
            f"{options.out} already holds a run; choose another --out, "
            "or pass --overwrite or --resume"
        )
    for name in ("impressions", "sessions"):
        shutil.rmtree(options.out / name, ignore_errors=True)
    for name in (manifest.NAME, "report.html", "validity.json"):
        (options.out / name).unlink(missing_ok=True)
    return {}


def _recommenders(
    scenario: Scenario, histories: Histories, base: Path, announce: Announce
) -> list[AuditedRecommender]:
    recommenders = []
    for arm in scenario.arms:
        announce(f'recommender "{arm.name}": {arm.recommender.kind}')
        trained = build(
            arm.recommender,
            histories.apart.for_recommenders,
            histories.catalogue,
            base=base,
            seed=scenario.seed,
        )
        recommenders.append(audited(trained, histories.catalogue))
    return recommenders


@contextmanager
def _models(
    scenario: Scenario, options: Options, announce: Announce
) -> Iterator[tuple[LanguageModel, LanguageModel]]:
    """The scenario's model, and the same behind the store of its answers."""
    path = options.store or options.out / "decisions.sqlite"
    with closing(open_model(scenario.model, announce=announce)) as engine:
        if scenario.model.name == "fake":
            yield engine, engine  # computing a fake answer is cheaper than looking it up
            return
        with AnswerStore(path) as store:
            yield engine, StoredModel(engine, store)


def setting_of(scenario: Scenario, histories: Histories) -> Setting:
    """Step 5: what every shopper shares."""
    return prepare(
        scenario.behaviour,
        histories.apart.for_behaviour,
        histories.population,
        histories.catalogue,
        at=histories.split.at,
        seed=scenario.seed,
        slate=scenario.world.slate,
        max_pages=scenario.world.max_pages,
    )


def _service(
    scenario: Scenario,
    histories: Histories,
    setting: Setting,
    recommenders: list[AuditedRecommender],
    choice: ChoiceModel | None,
    progress: OnRound,
) -> LocalService:
    return LocalService(
        recommenders=recommenders,
        choice=choice,
        population=histories.population,
        catalogue=histories.catalogue,
        luck=setting.luck,
        users=setting.users,
        start=histories.split.at,
        slate=scenario.world.slate,
        interleaved=scenario.design == "interleaved",
        pages_at_once=_pages_at_once(scenario.model),
        progress=progress,
    )


def _pages_at_once(model: ModelSpec) -> int:
    """As many pages as keep the engine busy for seconds: few on a CPU, many on a GPU."""
    if model.name == "fake":
        return 4096
    return 1024 if model.server is not None or torch.cuda.is_available() else 64


def people_of(scenario: Scenario, setting: Setting) -> list[tuple[int, int]]:
    """Pairs of arm and user that are simulated."""
    return assign(scenario.design, setting.users, len(scenario.arms), scenario.seed)


def _workforce(setting: Setting, people: list[tuple[int, int]], workers: int) -> Workforce:
    return OneProcess(setting, people) if workers == 1 else ManyProcesses(setting, people, workers)


def _epochs(scenario: Scenario) -> Iterator[float]:
    """Ends of the epochs in simulated seconds; the last one may be shorter."""
    end, length = scenario.world.days * DAY, scenario.world.epoch_days * DAY
    until = 0.0
    while until < end:
        until = min(end, until + length)
        yield until


def _names(scenario: Scenario, histories: Histories) -> Names:
    names = tuple(arm.name for arm in scenario.arms)
    return Names(
        arms=(INTERLEAVED,) if scenario.design == "interleaved" else names,
        teams=names,
        users=histories.population.users,
        items=histories.catalogue.ids,
        start=histories.split.at,
    )


def _write(
    out: Path, epoch: int, records: EpochRecords, names: Names, scenario: Scenario
) -> dict[str, str]:
    """Write an epoch's parts, one a shard, and return their hashes."""
    columns, shards = records.impressions, scenario.world.shards
    hashes = {}
    for shard in range(shards):
        part = f"epoch={epoch:04d}-shard={shard:04d}.parquet"
        keep = columns["user"].astype(np.int64) % shards == shard if columns else slice(0)
        rows = {name: column[keep] for name, column in columns.items()}
        visits = [visit for visit in records.visits if visit[1] % shards == shard]
        for name, table in (
            (f"impressions/{part}", impression_table(rows, names)),
            (f"sessions/{part}", session_table(visits, names)),
        ):
            hashes[name] = write_part(table, out / name)
    return hashes


def _write_tables(out: Path, scenario: Scenario, histories: Histories, setting: Setting) -> None:
    """Items, users and held-out choices beside the log, so that it can be read without source."""
    items_table(histories).to_parquet(out / "items.parquet", index=False)
    held_out_table(histories).to_parquet(out / "held_out.parquet", index=False)
    users = users_table(histories)
    if scenario.design == "split":
        names = [arm.name for arm in scenario.arms]
        arms = {user: names[arm] for arm, user in people_of(scenario, setting)}
        users["arm"] = users.index.map(arms)
    users.to_parquet(out / "users.parquet", index=False)


def _compare(parts: dict[str, str], earlier: dict[str, str]) -> None:
    """A resumed run must write the very parts that it wrote before."""
    for name, digest in parts.items():
        if earlier.get(name, digest) != digest:
            raise RunError(
                f"{name} came out different from the run that is being resumed: versions, data or "
                "stored answers have changed; start anew with --overwrite"
            )


def _teach(
    recommenders: list[AuditedRecommender],
    records: EpochRecords,
    names: Names,
) -> None:
    """Hand each recommender the events of its own arm, as canonical interactions."""
    columns = records.impressions
    for arm, recommender in enumerate(recommenders):
        recommender.update(interactions(columns, arm, names))


def _account(
    record: dict[str, Any],
    choice: ChoiceModel | None,
    recommenders: list[AuditedRecommender],
    engine: LanguageModel,
    clock: Stopwatch,
) -> None:
    """Counts, faults and times so far."""
    arms = [arm["name"] for arm in record["scenario"]["arms"]]
    record["choice"] = {} if choice is None else vars(choice.diagnostics).copy()
    record["faults"] = {
        arm: {**r.faults.as_dict(), **r.diagnostics}
        for arm, r in zip(arms, recommenders, strict=True)
    }
    record["timings"] = {
        **{name: round(seconds, 3) for name, seconds in clock.seconds.items()},
        "engine": round(engine.engine_seconds, 3),
        "engine_start": round(getattr(engine, "start_seconds", 0.0), 3),
        "total": round(clock.total(), 3),
    }


def verify(folder: Path) -> None:
    """Check every part of a finished run against the manifest's hashes.

    Raises:
        LogError: A part is missing or was changed.
    """
    for name, digest in manifest.read(folder)["parts"].items():
        path = folder / name
        if not path.exists():
            raise LogError(f"{path} is missing; run again with --resume")
        if file_hash(path) != digest:
            raise LogError(f"{path} was changed since it was written; run again with --resume")
