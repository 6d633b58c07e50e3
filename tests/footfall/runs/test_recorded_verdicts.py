"""A verdict that came with Footfall is repeated for just what it was reached on."""

import json
from importlib.resources import files

import pytest

from footfall.runs import recorded_verdicts
from footfall.runs.recorded_verdicts import key_of, leave_recorded
from footfall.scenario.reading import read_scenario
from footfall_eval.reading.validity import Validity

HASHES = {"scenario": "s", "data": "d", "prompts": "p", "code": "any"}
RECORD = {"recorded": {"hashes": HASHES}, "model": {"fingerprint": "m"}}


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    (tmp_path / "verdicts").mkdir()
    found = {
        "verdict": "direction only",
        "recorded": {"date": "2026-11-26", "command": "footfall validate", "holds for": {}},
    }
    found["recorded"]["holds for"] = key_of(RECORD)
    (tmp_path / "verdicts" / "demo.json").write_text(json.dumps(found))
    monkeypatch.setattr(recorded_verdicts, "files", lambda _: tmp_path)
    return tmp_path


def test_it_is_left_in_the_folder_of_the_same_run(shipped, tmp_path):
    leave_recorded(tmp_path, RECORD)
    assert json.loads((tmp_path / "validity.json").read_text())["verdict"] == "direction only"


@pytest.mark.parametrize("name", ["scenario", "data", "prompts"])
def test_a_run_that_differs_gets_none(shipped, tmp_path, name):
    other = {**RECORD, "recorded": {"hashes": {**HASHES, name: "other"}}}
    leave_recorded(tmp_path, other)
    leave_recorded(tmp_path, {**RECORD, "model": {"fingerprint": "other"}})
    leave_recorded(tmp_path, {**RECORD, "model": None})
    assert not (tmp_path / "validity.json").exists()


def test_an_own_validation_stays(shipped, tmp_path):
    (tmp_path / "validity.json").write_text("{}")
    leave_recorded(tmp_path, RECORD)
    assert (tmp_path / "validity.json").read_text() == "{}"


def test_the_sentence_says_when_and_how():
    told = Validity("direction only", (), recorded="Recorded on 2026-11-26 with `x`.").sentence()
    assert told == "Direction only. Recorded on 2026-11-26 with `x`."


def test_what_is_shipped_holds_for_what_is_shipped():
    """A new field that changes nothing must not make another scenario of the demo."""
    for path in (files("footfall") / "verdicts").iterdir():
        held = json.loads(path.read_text(encoding="utf-8"))["recorded"]["holds for"]
        assert read_scenario(path.name.removesuffix(".json")).digest() == held["scenario"]
