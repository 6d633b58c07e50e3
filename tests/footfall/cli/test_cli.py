"""The command line as a user meets it: streams, statuses, JSON, the README's words."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

import shop
from console import footfall
from footfall.scenario.scenario import parse_scenario
from footfall_eval.measures.metrics import METRICS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
FOOTFALL = [sys.executable, "-c", "from footfall.cli.main import main; main()"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp("shop")
    shop.write_shop(base)
    (base / "shop.yaml").write_text(yaml.safe_dump(shop.scenario()))
    done = footfall("run", "shop.yaml", "--out", "out", "--json", cwd=base)
    assert done.returncode == 0, done.stderr
    (base / "run.json").write_text(done.stdout)
    return base


def test_run_prints_one_json_document_on_stdout_and_progress_on_stderr(folder):
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "finished"
    assert record == json.loads((folder / "out" / "manifest.json").read_text())


def test_compare_prints_the_documented_json(folder):
    done = footfall("compare", "out", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert {"verdict", "arms", "contrasts"} <= set(result)
    assert [arm["name"] for arm in result["arms"]] == ["random", "knn"]
    names = {"clicks", "purchases", "ctr", "conversion", "revenue", "visits", "pages_per_visit"}
    assert names <= {metric.name for metric in METRICS} & set(result["arms"][0]["metrics"])
    wanted = {"metric", "control", "treatment", "difference", "ci_low", "ci_high", "p_value"}
    assert all(wanted | {"correlation"} <= set(row) for row in result["contrasts"])
    assert "ot validated" in result["verdict"]


def test_compare_fits_80_columns(folder):
    done = footfall("compare", "out", cwd=folder)
    assert done.returncode == 0
    assert max(len(line.rstrip()) for line in done.stdout.splitlines()) <= 80


def test_report_is_one_file(folder):
    done = footfall("report", "out", cwd=folder)
    assert done.stdout.strip() == "out/report.html"
    assert (folder / "out" / "report.html").read_text().lower().startswith("<!doctype html>")


def test_an_a_a_run_differs_by_exactly_nothing_in_every_metric(folder):
    same = {"kind": "item-knn"}
    arms = [{"name": "A", "recommender": same}, {"name": "A again", "recommender": same}]
    (folder / "aa.yaml").write_text(yaml.safe_dump(shop.scenario(arms=arms)))
    assert footfall("run", "aa.yaml", "--out", "aa", cwd=folder).returncode == 0
    result = json.loads(footfall("compare", "aa", "--json", cwd=folder).stdout)
    first, second = (arm["metrics"] for arm in result["arms"])
    assert first == second
    assert {row["difference"] for row in result["contrasts"]} == {0.0}
    assert {(row["ci_low"], row["ci_high"]) for row in result["contrasts"]} == {(0.0, 0.0)}


def test_a_dry_run_asks_nothing_and_leaves_nothing(folder):
    done = footfall("run", "shop.yaml", "--out", "dry", "--dry-run", "--json", cwd=folder)
    numbers = json.loads(done.stdout)
    assert numbers["users"] == 24
    assert numbers["item_decisions"] > 0
    assert numbers["prompts"] > 0
    assert numbers["tokens"] > numbers["prompts"]
    assert not (folder / "dry").exists()


def test_the_dry_run_s_expectation_is_about_right(folder):
    expected = json.loads(
        footfall("run", "shop.yaml", "--out", "dry", "--dry-run", "--json", cwd=folder).stdout
    )
    shown = sum(
        arm["metrics"]["clicks"] / arm["metrics"]["ctr"] * 24
        for arm in json.loads(footfall("compare", "out", "--json", cwd=folder).stdout)["arms"]
    )
    assert 0.5 < expected["item_decisions"] / shown < 2
    assert expected["seconds_low"] < expected["seconds"] < expected["seconds_high"]


def test_a_dry_run_without_a_model_has_an_expectation_too(folder):
    arguments = ("run", "shop.yaml", "--out", "dry", "--dry-run", "--model", "none")
    numbers = json.loads(footfall(*arguments, "--json", cwd=folder).stdout)
    assert (numbers["prompts"], numbers["tokens"]) == (0, 0)
    assert 0 < numbers["seconds_low"] < numbers["seconds"] < numbers["seconds_high"]
    told = footfall(*arguments, cwd=folder).stdout
    assert "nine times in ten" in told
    assert "bench" not in told


HEARS = "signal.signal(signal.SIGINT, signal.default_int_handler)"
HEARS_TOO = "signal.signal(signal.SIGHUP, signal.SIG_DFL)"
LISTENING = [*FOOTFALL[:2], f"import signal; {HEARS}; {HEARS_TOO}; {FOOTFALL[2]}"]
"""Tests may run in the background or under nohup: signals are ignored there, and children
inherit that."""


def start_long(folder, out, workers):
    """Start a run of many epochs and wait until some are over."""
    (folder / "long.yaml").write_text(
        yaml.safe_dump(shop.scenario(world={"days": 120, "epoch_days": 1, "slate": 5}))
    )
    command = [*LISTENING, "run", "long.yaml", "--out", out, "--workers", str(workers)]
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 300
    while len(list(folder.glob(f"{out}/impressions/*"))) < 10 and time.monotonic() < deadline:
        time.sleep(0.02)
    return process


@pytest.mark.parametrize(
    ("how", "times", "workers", "status", "word"),
    [
        (signal.SIGINT, 1, 2, 130, "as asked"),
        (signal.SIGINT, 2, 1, 130, "interrupted"),
        (signal.SIGTERM, 1, 1, 143, "terminated"),
        (signal.SIGHUP, 1, 1, 129, "terminated"),
    ],
)
def test_a_run_that_is_asked_to_stop_can_be_resumed(folder, how, times, workers, status, word):
    out = f"long-{how.name}-{times}"
    process = start_long(folder, out, workers)
    for _ in range(times):
        os.killpg(process.pid, how)  # as a terminal does: to the workers, too
        time.sleep(0.01)  # two that are sent together reach a process as one
    _, told = process.communicate(timeout=120)
    assert process.returncode == status, told
    last = told.strip().splitlines()[-1]
    assert word in last or (times == 2 and "as asked" in last)  # an epoch may end in between
    assert "--resume" in last
    assert "Traceback" not in told
    assert json.loads((folder / out / "manifest.json").read_text())["status"] == "interrupted"
    done = footfall("run", "long.yaml", "--out", out, "--resume", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / out / "manifest.json").read_text())["status"] == "finished"
    done = footfall("verify", out, "--json", cwd=folder)
    assert json.loads(done.stdout)["intact"] > 480


@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_server_that_is_stopped_has_nothing_to_resume(folder, how, status):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [*LISTENING, "serve", "--model", "fake", "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            break
        time.sleep(0.05)
    process.send_signal(how)
    _, told = process.communicate(timeout=60)
    assert process.returncode == status, told
    assert told.strip().splitlines()[-1] in ("footfall: terminated", "footfall: interrupted")


def test_commands_of_the_readme_exist():
    text = (ROOT / "README.md").read_text()
    used = set(re.findall(r"^footfall (\w+)", text, flags=re.MULTILINE))
    told = footfall("--help", cwd=ROOT).stdout
    assert used
    for command in used:
        assert re.search(rf"^  {command} ", told, flags=re.MULTILINE), command


def test_the_readme_s_scenario_is_valid():
    text = (ROOT / "README.md").read_text()
    for block in re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL):
        parse_scenario(yaml.safe_load(block), "README.md")


def test_the_readme_s_python_runs(folder):
    text = (ROOT / "README.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    block = block.replace('"demo"', '"shop.yaml"').replace("runs/demo", "readme")
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "purchases" in done.stdout


def test_an_adapter_is_not_put_beside_another_model(tmp_path):
    done = footfall("run", "demo", "--out", "x", "--model", "Qwen/Qwen3-0.6B", cwd=tmp_path)
    assert done.returncode == 2
    assert 'adapter "complete-journey" belongs to the model embedded' in done.stderr
    assert not (tmp_path / "x").exists()
