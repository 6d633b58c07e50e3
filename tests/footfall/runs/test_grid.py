"""Several runs of one scenario: every combination once, and one table of them all."""

import json

import pytest
import yaml

import shop
from console import footfall
from footfall.errors import ScenarioError
from footfall.runs.grid import cells
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import parse_scenario

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder)
    return folder


def test_every_combination_is_a_scenario_of_its_own():
    grid = {
        "world.slate": [4, 8],
        "arms.knn.recommender.neighbours": [5, 10],
        "behaviour.click.price": [-1.0],
    }
    found = cells(parse_scenario(shop.scenario(grid=grid)), seeds=[7, 8])
    assert len(found) == len({cell.scenario.digest() for cell in found}) == 8
    last = found[-1].scenario
    assert (last.world.slate, last.seed, last.behaviour.click.price) == (8, 8, -1.0)
    assert last.arms[1].recommender.neighbours == 10
    assert not last.grid
    assert found[-1].name == "slate=8,neighbours=10,price=-1.0,seed=8"


WRONG = {
    "unknown key": ({"world.slat": [1]}, 'did you mean "slate"'),
    "unknown arm": ({"arms.kn.recommender": [1]}, 'did you mean "knn"'),
    "no values": ({"world.slate": []}, "no values"),
    "twice": ({"seed": [1, 1]}, "twice"),
    "too many": ({"seed": list(range(500))}, "500 runs"),
    "not a mapping": ({"seed.x": [1]}, "no further keys"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_grid_is_one_line_that_helps(case):
    grid, wanted = WRONG[case]
    with pytest.raises(ScenarioError) as caught:
        cells(parse_scenario(shop.scenario(grid=grid)))
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_grid_is_run_pooled_over_seeds_and_told_as_a_table(base):
    scenario = shop.scenario(grid={"world.slate": [3, 6]}, model={"name": "none"})
    (base / "grid.yaml").write_text(yaml.safe_dump(scenario))
    arguments = ("run", "grid.yaml", "--out", "many", "--seeds", "1,2")
    done = footfall(*arguments, "--json", cwd=base)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [line["settings"] for line in told["lines"]] == [{"world.slate": 3}, {"world.slate": 6}]
    assert all(line["runs"] == 2 for line in told["lines"])
    for line in told["lines"]:
        assert line["ci_low"] <= line["difference"] <= line["ci_high"]
        assert line["model_low"] <= line["ci_low"]
    again = footfall(*arguments, "--resume", cwd=base)
    assert again.stderr.count("is finished") == 4
    assert "slate 3" in again.stdout
    assert max(map(len, again.stdout.splitlines())) <= 80
    (base / "many" / "slate=6,seed=2" / "manifest.json").unlink()
    part = footfall("summary", "many", cwd=base)
    assert "left out: slate=6,seed=2" in part.stdout


def test_seeds_are_numbers(base):
    (base / "plain.yaml").write_text(yaml.safe_dump(shop.scenario()))
    done = footfall("run", "plain.yaml", "--out", "x", "--seeds", "1,b", cwd=base)
    assert done.returncode == 2
    assert "whole numbers" in done.stderr


def test_a_scenario_may_be_a_script(base):
    plain = shop.scenario(name="from a script")
    (base / "mine.py").write_text(f"def scenario():\n    return {plain!r}\n")
    assert read_scenario(base / "mine.py").digest() == parse_scenario(plain).digest()
    (base / "empty.py").write_text("x = 1\n")
    with pytest.raises(ScenarioError, match="no function scenario"):
        read_scenario(base / "empty.py")
    (base / "broken.py").write_text("def scenario():\n    return 1 / 0\n")
    with pytest.raises(ScenarioError, match="ZeroDivisionError"):
        read_scenario(base / "broken.py")
