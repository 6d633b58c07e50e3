"""Things that a new user tripped over, each with what is said now."""

import json

import pandas as pd
import pytest
import yaml

import shop
from console import footfall
from footfall.datasets.query import select
from footfall.errors import DataError, ScenarioError
from footfall.explaining.interview import talks
from footfall.scenario.scenario import parse_scenario


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": "purchse"}, '"data.action": "purchse" is no choice; did you mean "purchase"?'),
        ({"action": {"colum": "x"}}, 'unknown key "data.action.colum"; did you mean "column"?'),
        ({"items": {"path": "x", "item": "a"}}, '"data.items.title" is missing; add it'),
        ({"decimal": ";"}, '"data.decimal": ";" is no choice'),
    ],
)
def test_a_wrong_key_is_named_as_it_was_written(change, message):
    raw = shop.scenario()
    raw["data"] = raw["data"] | change
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(raw)
    assert message in str(caught.value)
    assert "literal" not in str(caught.value)


def test_a_word_without_quotes_is_no_column():
    frame = pd.DataFrame({"town": ["Lyon", "Paris"]})
    with pytest.raises(DataError, match='stands in quotes: town == "Lyon"'):
        select(frame, "town == Lyon")
    with pytest.raises(DataError, match='did you mean "town"'):
        select(frame, 'towm == "Lyon"')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("No No No No No No No No", False),
        ("Yes.", True),
        ("I bought bread because I always do, and the milk was cheap.", True),
        ("the the the the of the the of the the the the", False),
    ],
)
def test_saying_one_word_again_and_again_is_no_answer(text, said):
    assert talks(text) == said


def test_a_start_that_failed_does_not_block_its_folder(tmp_path):
    shop.write_shop(tmp_path)
    broken = {"kind": "callable", "target": "nowhere:Nothing"}
    raw = shop.scenario(arms=[{"name": "mine", "recommender": broken}])
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(raw))
    assert footfall("run", "shop.yaml", "--out", "out", cwd=tmp_path).returncode == 2
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(shop.scenario(model={"name": "none"})))
    done = footfall("run", "shop.yaml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = footfall("run", "shop.yaml", "--out", "out", cwd=tmp_path)
    assert (again.returncode, "already holds a run" in again.stderr) == (2, True)
    record = json.loads((tmp_path / "out" / "manifest.json").read_text())
    record |= {"status": "failed", "parts": {}}
    (tmp_path / "out" / "manifest.json").write_text(json.dumps(record))
    assert footfall("run", "shop.yaml", "--out", "out", cwd=tmp_path).returncode == 0
