"""``footfall data``: answers fit a terminal, or are one JSON document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from footfall.cli.data import app
from footfall.errors import ScenarioError

SOURCE = "kind: table\npath: h.csv\ncolumns: {user: u, item: i, time: t}\nabout: A toy.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = "".join(f"u{n % 3},i{n % 2},2024-01-{n + 1:02d}\n" for n in range(9))
    (tmp_path / "h.csv").write_text(f"u,i,t\n{rows},i0,2024-01-01\n")
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_describe_a_source(folder: Path) -> None:
    (folder / "source.yaml").write_text(SOURCE)
    text = run("describe", str(folder / "source.yaml"))
    assert max(map(len, text.splitlines())) <= 80
    assert "1 x event without a user: dropped" in text
    found = json.loads(run("describe", str(folder / "source.yaml"), "--json"))
    assert (found["users"], found["items"], found["interactions"]) == (3, 2, 9)
    assert found["top"][0] == {"title": "i0", "price": None, "events": 5, "users": 3}


def test_describe_a_scenario_shows_its_split(folder: Path) -> None:
    indented = "".join(f"  {line}\n" for line in SOURCE.splitlines())
    (folder / "s.yaml").write_text(f"data:\n{indented}split: {{at: 2024-01-07}}\n")
    found = json.loads(run("describe", str(folder / "s.yaml"), "--json"))
    assert found["split"] == {
        "at": "2024-01-07 00:00:00",
        "remembered": 6,
        "held out": 3,
        "users on both sides": 3,
    }


def test_list() -> None:
    assert max(map(len, run("list").splitlines())) <= 80
    assert {"complete-journey", "mind", "table"} <= set(json.loads(run("list", "--json"))["kinds"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: movilens\n", 'did you mean "movielens"'),
        ("kind: movielens\npth: x\n", 'unknown key "pth"; did you mean "path"'),
        ("- 1\n", "must hold a mapping"),
        ("{", "is not valid YAML"),
        ("data: {kind: complete-journey}\nsplit: {frac: 1}\n", 'unknown key "frac"'),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(ScenarioError) as caught:
        CliRunner().invoke(app, ["describe", str(tmp_path / "x.yaml")], catch_exceptions=False)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
