"""``--log json`` and ``--verbose``: what a command says beside its answer."""

import json
import logging
import subprocess
import sys
import warnings
from datetime import datetime

import pandas as pd
import pytest
import typer
import yaml

import shop
from console import footfall
from footfall.cli.commands import names
from footfall.cli.main import app
from footfall.plumbing.secrets import HIDDEN, read_secret
from footfall.plumbing.stderr import stderr

pytestmark = pytest.mark.slow

START = "from footfall.cli.main import main; main()"

SMALL = {
    "population": {"users": 60, "min_history": 3},
    "split": {"fraction": 0.75},
    "choice": {"mode": "yes-no"},
    "arms": [
        {"name": "popular", "recommender": {"kind": "popular"}},
        {"name": "random", "recommender": {"kind": "random"}},
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    shop.write_shop(folder, users=200, days=60)
    (folder / "shop.yaml").write_text(yaml.safe_dump(shop.scenario(**SMALL)))
    return folder


def objects(text):
    """What stderr holds: JSON objects, one a line, each with its time, level, event, message."""
    found = [json.loads(line) for line in text.splitlines()]
    for one in found:
        assert datetime.fromisoformat(one["time"]).utcoffset().total_seconds() == 0
        assert one["level"] in {"debug", "info", "warning", "error"}
        assert one["event"]
        assert "message" in one
    return found


def commands(group, path=()):
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def test_every_command_has_both_options():
    found = dict(commands(typer.main.get_command(app)))
    assert len(found) >= len(names())
    for path, command in found.items():
        options = {word for one in command.params for word in one.opts}
        assert {"--log", "--verbose"} <= options, path


def test_the_bare_command_shows_its_help_on_stdout(tmp_path):
    bare, asked = footfall(cwd=tmp_path), footfall("--help", cwd=tmp_path)
    assert (bare.returncode, bare.stderr) == (asked.returncode, asked.stderr) == (0, "")
    assert bare.stdout == asked.stdout
    assert "init" in bare.stdout


def test_a_run_with_workers_writes_objects_only(folder):
    words = ["run", "shop.yaml", "--out", "workers", "--workers", "2", "--log", "json", "--verbose"]
    done = subprocess.run(
        [sys.executable, "-c", START, *words],
        check=False, cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    found = objects(done.stderr)
    told = {one["event"] for one in found}
    assert {"step", "progress", "timings", "answers", "finished", "log"} <= told
    last = [one for one in found if one["event"] == "progress"][-1]
    assert last["done"] == len(pd.read_parquet(folder / "workers" / "impressions"))
    assert [one["arm"] for one in found if one["event"] == "answers"] == ["popular", "random"]


def test_people_read_the_same_words_and_more_with_verbose(folder):
    plain = footfall("run", "shop.yaml", "--out", "plain", cwd=folder).stderr
    verbose = footfall("run", "shop.yaml", "--out", "verbose", "--verbose", cwd=folder).stderr
    objected = footfall("run", "shop.yaml", "--out", "objects", "--log=json", cwd=folder).stderr
    said = [one["message"] for one in objects(objected) if one["event"] == "step"]
    assert said
    assert all(line in plain.splitlines() for line in said)
    assert "epoch 1 is written" in verbose
    assert "epoch 1 is written" not in plain + objected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "nowhere.yaml", "--out", "x"], "nowhere.yaml"),
        (["run", "shop.yaml", "--bogus"], "--bogus"),
        (["rum"], "run"),
    ],
)
def test_a_mistake_is_one_object_with_the_exit_status(folder, words, message):
    done = footfall(*words, "--log", "json", cwd=folder)
    (one,) = objects(done.stderr)
    assert (one["event"], one["level"]) == ("failed", "error")
    assert one["status"] == done.returncode == 2
    assert message in one["message"]


def test_an_unknown_format_is_a_mistake(folder):
    done = footfall("compare", "runs", "--log", "xml", cwd=folder)
    assert done.returncode == 2
    assert "json" in done.stderr


def test_what_libraries_log_and_warn_of_is_an_object_too(capsys):
    with stderr.as_asked(as_json=True, verbose=False):
        logging.getLogger("somebody").warning("a %s", "word")
        logging.getLogger("somebody").info("small talk")
        logging.getLogger("vllm.worker").warning("the same with every question")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(True)
            warnings.warn("look out", UserWarning, stacklevel=1)
        logging.getLogger("somebody").error("failed", exc_info=ValueError("inside"))
    word, warned, failed = objects(capsys.readouterr().err)
    assert (word["logger"], word["level"], word["message"]) == ("somebody", "warning", "a word")
    assert "look out" in warned["message"]
    assert "ValueError: inside" in failed["traceback"]


def test_a_crash_is_an_object(folder, monkeypatch):
    monkeypatch.setattr("footfall.cli.main.names", lambda: 1 / 0)
    (one,) = objects(footfall("rum", "--log", "json", cwd=folder).stderr)
    assert one["level"] == "error"
    assert "ZeroDivisionError" in one["traceback"]


@pytest.mark.parametrize("verbose", [False, True])
def test_no_secret_stands_in_a_line(capsys, monkeypatch, verbose):
    monkeypatch.setenv("FOOTFALL_TOKEN", "tok-3141592")
    monkeypatch.setenv("SHOP", "plainly-named")
    assert read_secret("SHOP") == "plainly-named"
    with stderr.as_asked(as_json=True, verbose=verbose):
        stderr.say("asked http://me:pass-word@shop/?token=in-query&page=2", key="tok-3141592")
        logging.getLogger("access").warning('"GET /?api_key=in-query&page=2" plainly-named')
    err = capsys.readouterr().err
    objects(err)
    for secret in ("tok-3141592", "plainly-named", "pass-word", "in-query"):
        assert secret not in err
    assert err.count("page=2") == 2
    assert HIDDEN in err


def test_afterwards_nothing_listens():
    before = list(logging.getLogger().handlers), logging.getLogger().level
    with stderr.as_asked(as_json=True, verbose=True):
        assert len(logging.getLogger().handlers) > len(before[0])
    assert (logging.getLogger().handlers, logging.getLogger().level) == before
