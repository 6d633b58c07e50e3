"""The whole run on a small planted shop, with the fake model."""

import json
import signal
import subprocess
import sys
import time

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from scipy import stats

import shop
from footfall.errors import LogError, RunError, UserError
from footfall.llm.fake import FakeModel
from footfall.options import Options
from footfall.plumbing.files import file_hash
from footfall.run_folder.log import IMPRESSIONS, SESSIONS
from footfall.run_folder.manifest import locked
from footfall.runs.resuming import verify
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder)
    return folder


def simulate(base, out, workers=1, resume=False, **changes):
    scenario = parse_scenario(shop.scenario(**changes))
    return run(scenario, Options(out, base=base, workers=workers, resume=resume))


def parts(out):
    return {
        str(path.relative_to(out)): file_hash(path) for path in sorted(out.rglob("epoch=*.parquet"))
    }


def impressions(out):
    return pd.read_parquet(out / "impressions")


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(base, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        simulate(base, tmp_path / name, seed=seed)
    assert parts(tmp_path / "a") == parts(tmp_path / "b")
    assert len(parts(tmp_path / "a")) == 12  # 3 epochs x 2 shards x (impressions, sessions)
    assert parts(tmp_path / "a") != parts(tmp_path / "c")


def test_the_number_of_workers_cannot_be_seen_in_the_log(base, tmp_path):
    simulate(base, tmp_path / "one", workers=1)
    simulate(base, tmp_path / "two", workers=2)
    assert parts(tmp_path / "one") == parts(tmp_path / "two")


def test_the_log_has_its_schema_and_its_order(base, tmp_path):
    simulate(base, tmp_path / "run")
    for folder, schema in (("impressions", IMPRESSIONS), ("sessions", SESSIONS)):
        for path in (tmp_path / "run" / folder).iterdir():
            assert pq.read_schema(path).equals(schema)
    rows = pq.read_table(next((tmp_path / "run" / "impressions").iterdir())).to_pandas()
    arms = {"random": 0, "knn": 1}
    keys = list(zip(rows.arm.map(arms), rows.user.str[1:].astype(int), strict=True))
    visits = list(zip(rows.arm, rows.user, rows.session, rows.page, rows.position, strict=True))
    assert len(set(visits)) == len(visits)
    assert [arm for arm, _ in keys] == sorted(arm for arm, _ in keys)


def test_sessions_add_up_to_impressions(base, tmp_path):
    simulate(base, tmp_path / "run")
    sessions = pd.read_parquet(tmp_path / "run" / "sessions")
    shown = impressions(tmp_path / "run")
    assert sessions["impressions"].sum() == len(shown)
    assert sessions["clicks"].sum() == shown["clicked"].sum()
    assert sessions["purchases"].sum() == shown["bought"].sum()
    assert sessions["value"].sum() == pytest.approx(shown["value"].sum())
    assert set(sessions["ended"]) <= {"left", "satisfied", "page limit"}


def test_the_recommender_that_knows_the_clubs_wins(base, tmp_path):
    # Habits alone: a fake model's opinions are noise, in which the clubs would drown.
    alone = {"model": {"name": "none"}, "world": {"days": 28, "slate": 5}}
    simulate(base, tmp_path / "run", population={"users": 60}, **alone)
    rows = impressions(tmp_path / "run")
    bought = rows.pivot_table(index="user", columns="arm", values="bought", aggfunc="sum")
    test = stats.ttest_rel(bought["knn"], bought["random"], alternative="greater")
    assert test.pvalue < 0.05


def test_arms_with_the_same_recommender_behave_exactly_alike(base, tmp_path):
    same = {"kind": "random"}
    arms = [{"name": "A", "recommender": same}, {"name": "A2", "recommender": same}]
    simulate(base, tmp_path / "run", arms=arms)
    rows = impressions(tmp_path / "run")
    first, second = (rows[rows.arm == arm].drop(columns="arm") for arm in ("A", "A2"))
    pd.testing.assert_frame_equal(first.reset_index(drop=True), second.reset_index(drop=True))


def test_recommenders_learn_between_epochs(base, tmp_path):
    def arms(retrain):
        return [{"name": "p", "recommender": {"kind": "popular", "retrain": retrain}}]

    world = {"days": 30, "epoch_days": 10, "slate": 5}
    for retrain in ("never", "epoch"):
        simulate(base, tmp_path / retrain, arms=arms(retrain), world=world)
    never, epoch = (parts(tmp_path / name) for name in ("never", "epoch"))
    first = [name for name in never if "epoch=0000" in name]
    assert all(never[name] == epoch[name] for name in first)
    scores = [impressions(tmp_path / name)["score"].max() for name in ("never", "epoch")]
    assert scores[0] < scores[1]


def test_a_folder_with_a_run_is_not_overwritten_by_accident(base, tmp_path):
    simulate(base, tmp_path / "run")
    with pytest.raises(UserError, match="already holds a run"):
        simulate(base, tmp_path / "run")
    with pytest.raises(UserError, match="scenario: seed: 3 -> 99"):
        simulate(base, tmp_path / "run", resume=True, seed=99)


def test_a_changed_or_missing_part_is_noticed(base, tmp_path):
    out = tmp_path / "run"
    simulate(base, out)
    verify(out)
    part = next((out / "impressions").iterdir())
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(LogError, match="1 changed"):
        verify(out)
    part.unlink()
    with pytest.raises(LogError, match="1 missing"):
        verify(out)
    simulate(base, out, resume=True)
    verify(out)


def test_a_resumed_run_that_would_come_out_different_is_refused(base, tmp_path):
    out = tmp_path / "run"
    simulate(base, out)
    record = json.loads((out / "manifest.json").read_text())
    name = min(record["parts"])
    record["parts"][name] = "0" * 64
    (out / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(RunError, match="came out different"):
        simulate(base, out, resume=True)


def test_a_killed_run_resumes_to_the_same_log(base, tmp_path):
    world = {"days": 90, "epoch_days": 1, "slate": 5, "shards": 2}
    (base / "long.yaml").write_text(yaml.safe_dump(shop.scenario(world=world)))
    killed = tmp_path / "killed"
    # A process of its own: a fork of this one would inherit locks that torch's threads hold.
    command = [sys.executable, "-c", "from footfall.cli.main import main; main()"]
    process = subprocess.Popen(
        [*command, "run", "long.yaml", "--out", str(killed)], cwd=base, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while len(parts(killed)) < 12 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert 12 <= len(parts(killed)) < 360
    simulate(base, killed, resume=True, world=world)
    simulate(base, tmp_path / "whole", world=world)
    assert parts(killed) == parts(tmp_path / "whole")


def test_two_runs_in_one_folder_are_refused(base, tmp_path):
    with locked(tmp_path / "run"), pytest.raises(UserError, match="another run is writing"):
        simulate(base, tmp_path / "run")


def test_held_out_purchases_do_not_reach_the_run(base, tmp_path):
    """Whatever happens after the split, the simulated world is the same to the byte."""
    simulate(base, tmp_path / "before")
    other = tmp_path / "other"
    shop.write_shop(other)
    sales = pd.read_csv(other / "sales.csv")
    late = sales["at"].sort_values().iloc[int(len(sales) * 0.8)]
    sales.loc[sales["at"] >= late, "sku"] = "fishing-0"
    sales.loc[sales["at"] >= late, "paid"] = 999.0
    sales.to_csv(other / "sales.csv", index=False)
    simulate(other, tmp_path / "after")
    assert parts(tmp_path / "before") == parts(tmp_path / "after")


def test_no_answer_becomes_no_behaviour(base, tmp_path, monkeypatch):
    class Silent(FakeModel):
        def __init__(self, **options):
            super().__init__(**options, fail_one_in=7)

    monkeypatch.setattr("footfall.llm.opening.FakeModel", Silent)
    record = simulate(base, tmp_path / "run", choice={"max_unanswered": 1})
    rows = impressions(tmp_path / "run")
    silent = rows[~rows["answered"]]
    assert len(silent) > 0
    assert silent[["clicked", "bought", "examined", "p_click", "utility"]].isna().all(axis=None)
    assert record["choice"]["unanswered_pages"] == len(silent) / 5
    sessions = pd.read_parquet(tmp_path / "run" / "sessions")
    assert "no answer" in set(sessions["ended"])
