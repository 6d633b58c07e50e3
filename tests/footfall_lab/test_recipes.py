"""A past test that lies in a public log: its lift, and arms that show what was shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from console import footfall
from footfall.datasets.sources import load
from footfall.recommenders.table import TableRecommender
from footfall.scenario.reading import read_scenario
from footfall_lab.recipes import Recipe, lift_of
from footfall_lab.validation.past_tests import read_tests

ROWS = 6_000


def drawn(rates: tuple[float, float], seed: int = 0) -> pd.DataFrame:
    """Rows of two policies in turns, whose items are clicked at these rates."""
    rng = np.random.default_rng(seed)
    arm = np.arange(ROWS) % 2
    return pd.DataFrame(
        {
            "arm": arm,
            "user": rng.integers(0, 40, ROWS),
            "item": np.where(arm == 1, rng.integers(0, 5, ROWS), rng.integers(0, 30, ROWS)),
            "click": rng.random(ROWS) < np.array(rates)[arm],
            "second": np.arange(ROWS) * 60,
        }
    )


def write_open_bandit(folder: Path, rows: pd.DataFrame) -> None:
    start = pd.Timestamp("2019-11-24", tz="UTC")
    for number, policy in enumerate(("random", "bts")):
        place = folder / policy / "all"
        place.mkdir(parents=True)
        mine = rows[rows["arm"] == number].reset_index(drop=True)
        log = pd.DataFrame(
            {
                "timestamp": (start + pd.to_timedelta(mine["second"], "s")).astype(str),
                "item_id": mine["item"],
                "position": mine.index % 3 + 1,
                "click": mine["click"].astype(int),
                "propensity_score": 0.1,
                **{f"user_feature_{n}": mine["user"].map(lambda u, n=n: f"f{n}-{u}")
                   for n in range(4)},
            }
        )  # fmt: skip
        log.to_csv(place / "all.csv")
        pd.DataFrame({"item_id": range(30), "item_feature_0": 0.5}).to_csv(
            place / "item_context.csv"
        )


def write_kuairand(folder: Path, rows: pd.DataFrame) -> None:
    folder.mkdir()
    for number, name in enumerate(("standard", "random")):
        mine = rows[rows["arm"] == number]
        pd.DataFrame(
            {
                "user_id": mine["user"],
                "video_id": mine["item"],
                "date": 20220422,
                "time_ms": 1_650_000_000_000 + mine["second"] * 1000,
                "is_click": mine["click"].astype(int),
                "is_rand": number,
            }
        ).to_csv(folder / f"log_{name}_4_22_to_5_08_pure.csv", index=False)


@pytest.mark.parametrize(
    ("name", "write", "arms"),
    [
        ("open-bandit", write_open_bandit, ("random", "bts")),
        ("kuairand", write_kuairand, ("standard", "random")),
    ],
)
def test_a_public_log_becomes_a_scenario_and_a_line_of_past_tests(tmp_path, name, write, arms):
    write(tmp_path / "copy", drawn((0.2, 0.3)))
    made = ("past-test", name, "--path", "copy", "--out", "made")
    done = footfall(*made, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{arms[1]} against {arms[0]}" in done.stdout
    test = read_tests(tmp_path / "made" / "tests.csv").iloc[0]
    assert (test["control"], test["treatment"]) == arms
    assert test["low"] < 0.5 < test["high"]  # .3 of .2
    assert test["low"] < test["lift"] < test["high"] < test["low"] + 0.6
    scenario = read_scenario(tmp_path / "made" / "scenario.yaml")
    assert [arm.name for arm in scenario.arms] == [*arms]
    rows = load(scenario.data, tmp_path / "made").interactions
    for file, arm in zip(("control.csv", "treatment.csv"), arms, strict=True):
        table = TableRecommender.read(tmp_path / "made" / file)
        mine = rows[(rows["arm"] == arm) & (rows["action"] == "view")]
        table.check(arm, set(rows["user"]), set(mine["item"]))
        shown = pd.read_csv(tmp_path / "made" / file, dtype=str)
        assert set(shown["item"]) <= set(mine["item"])
        assert not shown.duplicated(["user", "item"]).any()
    again = footfall(*made, cwd=tmp_path)
    assert again.returncode == 2
    assert "is there already" in again.stderr


def test_the_interval_is_over_users_and_holds_the_truth():
    """Users click more or less; both arms of a user share that, and the interval knows it."""
    recipe = Recipe({}, "a", "b", "user", 3)
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(100):
        liking = rng.gamma(2.0, 0.5, 60)
        rows = []
        for arm, rate in (("a", 0.10), ("b", 0.12)):
            user = rng.integers(0, 60, 3_000)
            click = rng.random(3_000) < np.clip(rate * liking[user], 0, 1)
            views = pd.DataFrame({"arm": arm, "user": user, "action": "view"})
            rows += [views, views[click].assign(action="click")]
        lift = lift_of(pd.concat(rows, ignore_index=True), recipe)
        held += lift.low < 0.2 < lift.high
    assert 88 <= held <= 100


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("open-bandti", "--path", "copy"), 'did you mean "open-bandit"?'),
        (("open-bandit",), "say with --path where your copy of it lies"),
        (("open-bandit", "--path", "nowhere"), "nowhere: no such file or folder"),
        (("mine.yaml",), "name the log's two arms with --control and --treatment"),
        (("mine.yaml", "--control", "a", "--treatment", "b"), 'names the arm "a"'),
    ],
)
def test_what_cannot_be_made_is_one_line(tmp_path, words, message):
    lines = "".join(f"u{n % 9},i{n % 7},2024-01-{n % 28 + 1:02d}\n" for n in range(90))
    (tmp_path / "log.csv").write_text("u,i,t\n" + lines)
    columns = "{user: u, item: i, time: t}"
    (tmp_path / "mine.yaml").write_text(
        f"data: {{kind: table, path: log.csv, columns: {columns}, action: view}}\n"
    )
    done = footfall("past-test", *words, "--out", "made", cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "made").exists()
