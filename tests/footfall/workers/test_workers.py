"""Users dealt out to processes and to a Ray cluster: the log must not show it."""

import threading
from textwrap import dedent

import pytest

import shop
from footfall.errors import LogError, RunError, UserError
from footfall.options import Options, Watch
from footfall.plumbing.latency import Latencies
from footfall.recommenders import audited
from footfall.recommenders.audit import Faults
from footfall.recommenders.outage import FailingRecommender
from footfall.recommenders.patience import PatientRecommender
from footfall.run_folder.log import file_hash
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario
from footfall.workers.crew import Crew, deal
from footfall.workers.processes import ProcessPool, packed
from footfall.workers.worker import failed

pytestmark = pytest.mark.slow

DEADLY = '''
    """A recommender that takes its process down, once, in the middle of the second epoch."""
    import os
    from pathlib import Path

    import pandas as pd

    SECOND = pd.Timedelta(days=2)


    class Deadly:
        def __init__(self, catalogue, split, marker):
            self.ids, self.start, self.marker = catalogue.ids, split.at, marker
            self.learned = 0

        def recommend(self, requests):
            from footfall.recommenders import Slate

            late = any(request.time > self.start + SECOND for request in requests)
            if late and Path(self.marker).exists():
                Path(self.marker).unlink()
                os._exit(1)
            return [
                Slate(tuple([i for i in self.ids[self.learned % 9:] if i not in r.shown][: r.k]))
                for r in requests
            ]

        def update(self, events):
            self.learned += len(events)
'''


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder)
    (folder / "deadly.py").write_text(dedent(DEADLY))
    return folder


def arms(base):
    return [
        {"name": "knn", "recommender": {"kind": "item-knn", "retrain": "epoch"}},
        {"name": "lot", "recommender": {"kind": "random", "exclude_known": True}},
        {
            "name": "deadly",
            "recommender": {
                "kind": "callable",
                "target": "deadly:Deadly",
                "options": {"marker": str(base / "marker")},
            },
        },
    ]


def simulate(base, out, watch=None, **options):
    world = {"days": 6, "epoch_days": 2, "slate": 5, "max_pages": 3, "shards": 4}
    scenario = parse_scenario(shop.scenario(world=world, arms=arms(base)))
    return run(scenario, Options(out, base=base, **options), watch)


def parts(out):
    return {
        str(path.relative_to(out)): file_hash(path) for path in sorted(out.rglob("epoch=*.parquet"))
    }


@pytest.fixture(scope="module")
def alone(base, tmp_path_factory):
    """The run of one process: its parts and its record."""
    out = tmp_path_factory.mktemp("runs") / "alone"
    return parts_and_record(out, simulate(base, out))


def parts_and_record(out, record):
    assert record["parts"] == parts(out)
    assert not record["faults"]["deadly"]["failed"]
    return record["parts"], record


def counted(record):
    """Faults and diagnostics without their examples, and the pages that were weighed."""
    faults = {
        arm: {kind: count for kind, count in of_arm.items() if kind != "examples"}
        for arm, of_arm in record["faults"].items()
    }
    return faults, record["choice"]["pages"], record["choice"]["unanswered_pages"]


def test_processes_leave_the_same_log_and_the_same_books(base, tmp_path, alone):
    told = []
    record = simulate(base, tmp_path / "run", Watch(announce=told.append), workers=9)
    assert parts_and_record(tmp_path / "run", record)[0] == alone[0]
    assert counted(record) == counted(alone[1])
    assert any("4 of 9 workers have a shard" in line for line in told)


def test_workers_share_the_model_of_the_main_process(base, tmp_path, alone, monkeypatch):
    asked = []

    def hire(job, options, learners, choice, model, progress, announce):
        asked.append(model)
        return Crew(ProcessPool(job, 2, model, progress), learners, choice)

    monkeypatch.setattr("footfall.runs.run.hire", hire)
    simulate(base, tmp_path / "run")
    assert parts(tmp_path / "run") == alone[0]
    assert asked[0].asked > 100


def test_a_process_that_dies_stops_the_run_which_can_be_resumed(base, tmp_path, alone):
    (base / "marker").touch()
    with pytest.raises(RunError, match="a worker process died"):
        simulate(base, tmp_path / "run", workers=2)
    simulate(base, tmp_path / "run", workers=2, resume=True)
    assert parts(tmp_path / "run") == alone[0]


def test_actors_of_a_cluster_leave_the_same_log_though_one_dies(base, tmp_path, alone, monkeypatch):
    # Ray starts its workers at nice 15: beside a busy machine they would hardly start at all.
    monkeypatch.setenv("RAY_worker_niceness", "0")
    (base / "marker").touch()
    told = []
    record = simulate(base, tmp_path / "run", Watch(announce=told.append), ray="local", workers=2)
    assert parts_and_record(tmp_path / "run", record)[0] == alone[0]
    assert counted(record) == counted(alone[1])
    assert sum("was lost; its shards are replayed" in line for line in told) == 1


def test_what_cannot_be_copied_is_refused_in_one_line():
    with pytest.raises(UserError, match=r"cannot be copied to a worker .* or run with --workers 1"):
        packed([threading.Lock()])


def test_several_servers_need_a_cluster(base, tmp_path):
    with pytest.raises(UserError, match="several --server need --ray"):
        simulate(base, tmp_path / "run", servers=("http://a:1/v1", "http://b:1/v1"))


def test_every_shard_has_one_worker():
    for shards in range(1, 9):
        for workers in range(1, 12):
            held = [shard for hand in deal(shards, workers) for shard in hand]
            assert sorted(held) == list(range(shards))
            assert all(len(hand) for hand in deal(shards, workers))


def test_our_errors_reach_the_main_process_as_they_are():
    ours = LogError("a part is damaged")
    assert failed(ours) is ours
    assert str(failed(ZeroDivisionError("by 0"))) == "a worker failed: ZeroDivisionError: by 0"


class Waiting:
    """A recommender that counts how long it took."""

    def __init__(self):
        self.latencies = Latencies()

    def recommend(self, requests):
        return []

    def update(self, events):
        pass


def test_wrapped_recommenders_tell_how_long_they_took():
    for wrapped in (FailingRecommender(Waiting(), []), PatientRecommender(Waiting(), 2)):
        found = Latencies()
        found.add(1.0)
        audited(wrapped, None).absorb(Faults(), {}, found)
        assert len(wrapped.latencies) == 1
    plain = FailingRecommender(object(), [])
    assert not hasattr(plain, "latencies")


def test_interventions_and_reasons_are_the_same_with_several_workers(base, tmp_path):
    scenario = shop.scenario(
        world={"days": 4, "epoch_days": 2, "slate": 5, "max_pages": 2, "shards": 2},
        choice={"mode": "yes-no", "reasons": 0.3},
        interventions=[
            {"kind": "price", "at": 1, "factor": 0.5, "top": 5},
            {"kind": "outage", "at": 2, "until": 3},
        ],
    )
    hashes = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        record = run(parse_scenario(scenario), Options(out, base=base, workers=workers))
        assert record["reasons"]["asked"] > 0
        assert any(faults["outages"] for faults in record["faults"].values())
        hashes.append((record["parts"], record["reasons"], record["choice"]["pages"]))
    assert hashes[0] == hashes[1]
    with pytest.raises(UserError, match="--ray cannot ask for reasons yet"):
        run(parse_scenario(scenario), Options(tmp_path / "ray", base=base, ray="local"))
