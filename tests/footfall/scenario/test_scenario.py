"""Scenarios: shipped ones are valid, wrong ones are answered by one line that helps."""

import pandas as pd
import pytest
import yaml

import shop
from console import footfall
from footfall import errors
from footfall.errors import DataError, FootfallError, ScenarioError, TemplateError, UserError
from footfall.options import Options
from footfall.runs.provenance import assumptions
from footfall.runs.run import run
from footfall.scenario.reading import read_scenario, shipped
from footfall.scenario.scenario import parse_scenario


def test_shipped_scenarios_are_valid_and_say_what_one_should_see():
    assert {"demo", "movies"} <= set(shipped())
    for name in shipped():
        assert len(read_scenario(name).about) > 40


def test_a_scenario_resolves_its_defaults_into_its_digest():
    plain = parse_scenario(shop.scenario())
    spelled = parse_scenario(shop.scenario(choice={"mode": "likelihood"}, control="random"))
    other = parse_scenario(shop.scenario(seed=4))
    assert plain.digest() == spelled.digest() != other.digest()


WRONG = {
    "unknown key": ({"sed": 3}, 'unknown key "sed"; did you mean "seed"'),
    "an endless coefficient": (
        {"behaviour": {"click": {"llm": float("inf")}}},
        '"behaviour.click.llm": Input should be a finite number',
    ),
    "more epochs than names of parts": (
        {"world": {"days": 3000, "epoch_days": 0.25}},
        "more than 10,000 epochs; make epoch_days longer",
    ),
    "unknown nested key": (
        {"world": {"slat": 5}},
        'unknown key "world.slat"; did you mean "slate"',
    ),
    "unknown data key": (
        {"data": {"kind": "complete-journey", "min_purchase": 1}},
        'min_purchase"; did you mean "min_purchases"',
    ),
    "unknown recommender": (
        {"arms": [{"name": "a", "recommender": {"kind": "item-kn"}}]},
        'did you mean "item-knn"',
    ),
    "unknown recommender option": (
        {"arms": [{"name": "a", "recommender": {"kind": "item-knn", "neighbors": 5}}]},
        'did you mean "neighbours"',
    ),
    "missing": ({"data": None}, "data"),
    "no arms": ({"arms": []}, "arms"),
    "two arms of one name": (
        {"arms": [{"name": "a", "recommender": {"kind": "random"}}] * 2},
        'two arms are named "a"',
    ),
    "unknown control": ({"control": "rando"}, 'did you mean "random"'),
    "negative days": ({"world": {"days": -1}}, "world.days"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_scenario_is_one_line_that_helps(case):
    changes, wanted = WRONG[case]
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(shop.scenario(**changes), "my.yaml")
    message = str(caught.value)
    assert message.startswith("my.yaml: ")
    assert wanted in message
    assert "\n" not in message


BAD_RUNS = {
    "missing file": ({"data": {**shop.scenario()["data"], "path": "sale.csv"}}, "sales.csv"),
    "wrong column": (
        {
            "data": {
                **shop.scenario()["data"],
                "columns": {**shop.scenario()["data"]["columns"], "user": "custmer"},
            }
        },
        'did you mean "customer"',
    ),
    "split outside the data": ({"split": {"at": "2031-01-01"}}, "the data runs from"),
    "k larger than the catalogue": ({"world": {"slate": 61}}, "larger than the catalogue of 60"),
    "too many users": ({"population": {"users": 10_000}}, "10000"),
    "bad query": ({"population": {"users": 5, "where": "order >= 2"}}, 'did you mean "orders"'),
    "unreadable template": ({"choice": {"template": "nowhere.j2"}}, "nowhere.j2"),
    "undefined name in a template": ({"choice": {"template": "wrong.j2"}}, "histry"),
    "broken template": ({"choice": {"template": "broken.j2"}}, "broken.j2"),
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder)
    (folder / "wrong.j2").write_text("{{ histry }} {{ item.title }}")
    (folder / "broken.j2").write_text("{% if %}")
    return folder


@pytest.mark.parametrize("case", BAD_RUNS)
def test_a_run_that_cannot_be_is_one_line_that_helps(case, base, tmp_path):
    changes, wanted = BAD_RUNS[case]
    scenario = parse_scenario(shop.scenario(**changes))
    with pytest.raises(UserError) as caught:
        run(scenario, Options(tmp_path / "run", base=base))
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_history_is_an_error(tmp_path):
    shop.write_shop(tmp_path)
    sales = pd.read_csv(tmp_path / "sales.csv")
    sales.head(0).to_csv(tmp_path / "sales.csv", index=False)
    with pytest.raises(DataError):
        run(parse_scenario(shop.scenario()), Options(tmp_path / "run", base=tmp_path))


COMMANDS = {
    "no such command": (["rum"], 'did you mean "run"'),
    "no such option": (["run", "demo", "--ot", "x"], "--out"),
    "no such scenario": (["run", "demmo", "--out", "x"], 'did you mean "demo"'),
    "bad yaml": (["run", "bad.yaml", "--out", "x"], "not valid YAML"),
    "no such run": (["compare", "nowhere"], "nowhere"),
    "a file where a folder should be": (["run", "good.yaml", "--out", "sales.csv"], "sales.csv"),
}


@pytest.mark.parametrize("case", COMMANDS)
def test_a_user_s_mistake_is_one_line_and_status_2(case, base):
    (base / "bad.yaml").write_text("a: [1")
    (base / "good.yaml").write_text(yaml.safe_dump(shop.scenario()))
    arguments, wanted = COMMANDS[case]
    done = footfall(*arguments, cwd=base)
    assert done.returncode == 2
    assert wanted in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_errors_have_a_tree_that_its_docstring_draws():
    drawn = set(errors.__doc__.replace("+--", "").split())
    kinds = [k for k in vars(errors).values() if getattr(k, "__module__", "") == errors.__name__]
    kinds = [kind for kind in kinds if isinstance(kind, type)]
    assert {kind.__name__ for kind in kinds} <= drawn
    assert all(issubclass(kind, FootfallError) for kind in kinds)
    assert TemplateError.exit_status == 2


def test_a_behaviour_may_stand_in_a_file_of_its_own(tmp_path):
    (tmp_path / "behaviour.yaml").write_text("click: {repeat: 1.5}\nsources: {click: my shop}\n")
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(shop.scenario(behaviour="behaviour.yaml")))
    behaviour = read_scenario(tmp_path / "s.yaml").behaviour
    assert behaviour.click.repeat == 1.5
    assumed = {row["name"].split(".")[0] for row in assumptions(behaviour)}
    assert assumed == {"buy", "habits"}
    (tmp_path / "behaviour.yaml").unlink()
    with pytest.raises(ScenarioError, match=r"behaviour\.yaml"):
        read_scenario(tmp_path / "s.yaml")
