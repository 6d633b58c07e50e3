"""The main job, small, with the embedded model on a real vLLM engine."""

import json
import subprocess
import sys

import pytest
import yaml

from footfall.behaviour.specs import BehaviourSpec
from footfall.plumbing.files import file_hash
from footfall.scenario.reading import read_scenario

pytestmark = pytest.mark.engine


def footfall(*arguments, cwd):
    """In a process of its own: an engine is not started twice in one."""
    command = [
        sys.executable,
        "-c",
        "from footfall.cli.main import main; main()",
        *arguments,
    ]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The demo with three users and two arms, twice, with one store of answers."""
    base = tmp_path_factory.mktemp("demo")
    demo = read_scenario("demo").model_dump(mode="json", exclude_unset=True)
    demo["population"]["users"] = 3
    demo["arms"] = [demo["arms"][0], demo["arms"][2]]
    (base / "small.yaml").write_text(yaml.safe_dump(demo))
    for name in ("first", "again"):
        options = ["--out", name, "--store", "answers.sqlite"]
        done = footfall("run", "small.yaml", *options, cwd=base)
        assert done.returncode == 0, done.stderr
        (base / f"{name}.err").write_text(done.stderr)
    return base


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def parts(folder):
    return {p.name: file_hash(p) for p in folder.rglob("epoch=*.parquet")}


def test_every_page_was_decided_by_the_model(runs):
    record = manifest(runs / "first")
    assert record["status"] == "finished"
    assert record["choice"]["questions"] > 0
    assert record["choice"]["from_store"] < record["choice"]["questions"] / 10
    assert record["choice"]["unanswered_pages"] == 0
    assert record["timings"]["engine"] > 0
    assert record["model"]["name"] != "fake"


def test_a_second_run_replays_the_stored_answers_without_an_engine(runs):
    record = manifest(runs / "again")
    assert record["choice"]["from_store"] == record["choice"]["questions"] > 0
    assert record["timings"]["engine"] == record["timings"]["engine_start"] == 0
    assert "starting vLLM" not in (runs / "again.err").read_text()
    assert parts(runs / "first") == parts(runs / "again")


def test_nothing_but_what_a_user_needs_is_printed(runs):
    lines = (runs / "first.err").read_text().strip().splitlines()
    steps = ("reading ", "recommender ", "merging the adapter", "starting vLLM")
    known = (*steps, "simulated in", "done:", "")
    strange = [line for line in lines if not line.strip().startswith(known)]
    assert len(strange) <= 2, strange  # lines that wrap


def test_the_demo_behaves_as_its_data_say(tmp_path):
    """What stands in the scenario is what `footfall fit demo` writes; only the model's weight is
    of another command, which asks the model."""
    done = footfall("fit", "demo", "--out", "fitted.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    fitted = BehaviourSpec.model_validate(yaml.safe_load((tmp_path / "fitted.yaml").read_text()))
    written = read_scenario("demo").behaviour
    assert written.buy == fitted.buy
    assert written.habits.picks == fitted.habits.picks
    shown, found = (one.model_dump() for one in (written, fitted))
    for part in ("click", "spread", "habits"):
        numbers = {
            name: value
            for name, value in found[part].items()
            if isinstance(value, float) and name != "llm"
        }
        assert numbers
        assert {name: shown[part][name] for name in numbers} == pytest.approx(numbers, abs=0.01)
