"""Runs told to trackers: MLflow with a store in a folder, and one of our own."""

import json
import re
import sys
from pathlib import Path

import pytest
import yaml

import shop
from console import footfall
from footfall.errors import RunError
from footfall_eval import RunLog, compare
from footfall_eval.tracking.tell import flat, tell

pytestmark = pytest.mark.slow

DOCS = Path(__file__).parents[3] / "docs" / "operations" / "README.md"

LINES = "class Lines:\n    def __init__(self, target): ...\n    def record(self, run):"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tracking")
    shop.write_shop(folder, users=200, days=60)
    arms = [
        {"name": "popular", "recommender": {"kind": "popular"}},
        {"name": "by chance", "recommender": {"kind": "random"}},
    ]
    small = shop.scenario(
        population={"users": 60, "min_history": 3}, model={"name": "none"}, arms=arms
    )
    (folder / "shop.yaml").write_text(yaml.safe_dump(small))
    done = footfall("run", "shop.yaml", "--out", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def install(folder, code, name="lines", target="shop_trackers:Lines"):
    """A package with a tracker, as pip would leave it."""
    (folder / "shop_trackers.py").write_text(code)
    about = folder / "shop_trackers-1.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shop_trackers\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[footfall.trackers]\n{name} = {target}\n")


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Where the test's own trackers are installed."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shop_trackers", raising=False)
    return tmp_path


class TestMLflow:
    @pytest.fixture
    def client(self, tmp_path, monkeypatch):
        mlflow = pytest.importorskip("mlflow", reason="comes with the extra `mlflow`")
        monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
        return mlflow.MlflowClient((tmp_path / "store").as_uri())

    def runs(self, client, experiment):
        found = client.get_experiment_by_name(experiment)
        return client.search_runs([found.experiment_id])

    def test_a_run_is_kept_whole_and_once(self, folder, client, tmp_path):
        done = footfall(
            "run", "shop.yaml", "--out", str(tmp_path / "run"), "--track", "mlflow:x", cwd=folder
        )
        assert done.returncode == 0, done.stderr
        again = footfall("compare", str(tmp_path / "run"), "--track", "mlflow:x", cwd=folder)
        assert again.returncode == 0, again.stderr
        (kept,) = self.runs(client, "x")
        assert kept.info.status == "FINISHED"
        assert kept.info.run_id in done.stderr
        result = compare(RunLog.open(tmp_path / "run"))
        effect = result.contrast("by chance", "clicks")
        metrics = kept.data.metrics
        assert metrics["clicks.by chance.difference"] == pytest.approx(effect.difference)
        assert metrics["clicks.by chance.ci_low"] == pytest.approx(effect.ci_low)
        assert metrics["clicks.by chance.ci_high"] == pytest.approx(effect.ci_high)
        assert metrics["spent.cost"] == 0
        assert metrics["seconds.total"] > 0
        assert kept.data.tags["verdict"] == result.verdict
        assert kept.data.params["arms.by chance.recommender.kind"] == "random"
        assert kept.data.params["world.days"] == str(float(shop.scenario()["world"]["days"]))
        files = {one.path for one in client.list_artifacts(kept.info.run_id)}
        assert files == {"report.html", "scenario.yaml", "comparison.json"}

    def test_a_replaced_run_is_another(self, folder, client, tmp_path):
        words = ["run", "shop.yaml", "--out", str(tmp_path / "run"), "--track", "mlflow"]
        assert footfall(*words, cwd=folder).returncode == 0
        assert footfall(*words, "--overwrite", "--seed", "9", cwd=folder).returncode == 0
        first, second = self.runs(client, "footfall")
        assert {first.data.params["seed"], second.data.params["seed"]} == {"3", "9"}

    def test_a_store_that_is_away_loses_nothing(self, folder, client, tmp_path, monkeypatch):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "nowhere:///")
        words = ["run", "shop.yaml", "--out", str(tmp_path / "run"), "--track", "mlflow"]
        done = footfall(*words, cwd=folder)
        assert done.returncode == 0
        assert "! not tracked" in done.stderr
        assert RunLog.open(tmp_path / "run").manifest["status"] == "finished"
        later = footfall("track", str(tmp_path / "run"), "--to", "mlflow", cwd=folder)
        assert later.returncode == 1


def test_the_documented_tracker_keeps_runs(folder, own, tmp_path):
    (code,) = re.findall(r"```python\n(# shop_trackers\.py\n.*?)```", DOCS.read_text(), re.DOTALL)
    (entry,) = re.findall(r'lines = "(shop_trackers:Lines)"', DOCS.read_text())
    install(own, code, target=entry)
    scenario = yaml.safe_load((folder / "shop.yaml").read_text())
    scenario |= {"track": [f"lines:{tmp_path / 'told.jsonl'}"]}
    (folder / "tracked.yaml").write_text(yaml.safe_dump(scenario))
    done = footfall("run", "tracked.yaml", "--out", str(tmp_path / "run"), cwd=folder)
    assert done.returncode == 0, done.stderr
    row = json.loads((tmp_path / "told.jsonl").read_text())
    result = compare(RunLog.open(tmp_path / "run"))
    assert row["verdict"] == result.verdict
    assert row["clicks.popular"] == pytest.approx(result.arms[0].metrics["clicks"])


def test_who_keeps_a_run_is_no_part_of_what_it_is(folder, own, tmp_path):
    install(own, f"{LINES} ...")
    words = ["run", "shop.yaml", "--out", str(tmp_path / "run"), "--track", "lines"]
    assert footfall(*words, cwd=folder).returncode == 0
    with_it = RunLog.open(tmp_path / "run").manifest["recorded"]["hashes"]
    assert with_it == RunLog.open(folder / "run").manifest["recorded"]["hashes"]


@pytest.mark.parametrize(
    "fails", ["raise ValueError('my disk is full')", "raise SystemExit('my disk is full')"]
)
def test_a_tracker_that_fails_is_told_of(folder, own, fails):
    install(own, f"{LINES}\n        print('noise')\n        {fails}")
    done = footfall("compare", "run", "--json", "--track", "lines", cwd=folder)
    assert done.returncode == 0
    assert json.loads(done.stdout)["verdict"]
    assert "! not tracked" in done.stderr
    assert "my disk is full" in done.stderr
    with pytest.raises(RunError, match="my disk is full"):
        tell("lines", RunLog.open(folder / "run"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "shop.yaml", "--out", "new", "--track", "mlfow"], 'no tracker "mlfow".*mlflow'),
        (["compare", "run", "--track", "broken"], '"broken" .* does not load'),
        (["compare", "run", "run", "--track", "mlflow"], "footfall track"),
    ],
)
def test_a_tracker_that_cannot_be_had_is_refused_first(folder, own, words, message):
    install(own, "", name="broken", target="shop_trackers:Nothing")
    done = footfall(*words, cwd=folder)
    assert done.returncode == 2
    assert re.search(message, done.stderr)
    assert not (folder / "new").exists()


def test_parameters_are_keys_joined_with_dots():
    nested = {"world": {"days": 3}, "arms": [{"name": "a", "k": [1, 2]}], "notes": [], "x": {}}
    found = {"world.days": 3, "arms.a.name": "a", "arms.a.k": [1, 2], "notes": []}
    assert dict(flat(nested)) == found
