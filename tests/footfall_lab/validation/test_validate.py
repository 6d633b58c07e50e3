"""``footfall validate`` over a planted shop, from CSV files to a verdict."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from console import footfall
from favourites import scenario, write_shop
from footfall.datasets.schema import INTERACTIONS
from footfall.errors import DataError
from footfall.fitting import sets as choices
from footfall.fitting.choice_sets import check_no_leak
from footfall.fitting.ground import lay
from footfall.scenario.scenario import parse_scenario
from footfall_lab.validation.blend import hear
from footfall_lab.validation.past_tests import read_tests
from footfall_lab.validation.study import ValidationOptions
from footfall_lab.validation.tasks import draw
from footfall_lab.validation.validate import validate_users

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder)
    (folder / "planted.yaml").write_text(yaml.safe_dump(scenario()))
    return folder


@pytest.fixture(scope="module")
def found(shop):
    """The whole validation, once."""
    options = ValidationOptions(out=shop / "valid", base=shop, users=100, questions=4000)
    return validate_users(parse_scenario(scenario()), options, lambda _: None)


def test_the_file_holds_what_is_said(shop, found):
    assert json.loads((shop / "valid" / "validity.json").read_text()) == found
    assert list(found["blocks"]) == list("ABCDEFGHI")
    for block in found["blocks"].values():
        assert block["status"] in {"pass", "amber", "red", "not run"}
        assert block["explanation"]


def test_a_model_that_is_pure_noise_adds_nothing_and_gets_no_voice(found):
    block = found["blocks"]["B"]
    assert block["metrics"]["language model adds"] is False
    assert "adds nothing here" in block["explanation"]
    assert found["behaviour"]["click"]["llm"] == 0
    assert block["status"] != "pass"
    assert found["verdict"] != "validated"


def test_fitted_users_foresee_more_than_classical_models_and_are_calibrated(found):
    block = found["blocks"]["B"]
    assert block["metrics"]["gain over best classical"] > 0
    gains = {row["model"]: row["gain interval"] for row in block["table"]}
    for rival in ("uniform", "popularity", "item-knn", "markov", "gru4rec"):
        assert gains[rival][0] > 0.1
    assert found["blocks"]["C"]["status"] == "pass"
    assert found["blocks"]["C"]["metrics"]["ece"] < 0.02


def test_the_planted_order_of_recommenders_is_found(found):
    metrics = found["blocks"]["G"]["metrics"]
    assert metrics["tau"] >= 0.64
    assert metrics["clear pairs in the right order"] > 0.9
    assert metrics["judged by"] == "hits"
    assert metrics["slope interval"][0] < metrics["slope"] < metrics["slope interval"][1]
    rows = {row["recommender"]: row for row in found["blocks"]["G"]["table"]}
    for winner in ("item-knn", "popular", "als"):
        assert rows[winner]["simulated"] > rows["shuffled 25"]["simulated"]
        assert rows[winner]["simulated"] > rows["random"]["simulated"]


def test_users_have_a_memory_of_their_own(found):
    assert found["blocks"]["E"]["metrics"]["swap costs nats interval"][0] > 0.1
    assert found["blocks"]["F"]["metrics"]["agreement over cyclic orders"] == 1


def test_without_past_tests_uplift_is_not_run_but_aa_is(found):
    block = found["blocks"]["H"]
    assert block["status"] == "not run"
    assert block["metrics"]["A/A false positives"] < 0.08


def test_the_same_seed_gives_the_same_findings(shop, found):
    options = ValidationOptions(
        out=shop / "again", base=shop, users=100, questions=4000, protocol="prediction"
    )
    again = validate_users(parse_scenario(scenario()), options, lambda _: None)
    for letter in "BC":
        assert again["blocks"][letter] == found["blocks"][letter]
    assert again["verdict"] == "not validated"  # G was not run: missing evidence is no pass


def test_a_run_with_other_coefficients_is_not_validated_by_these(shop):
    out = shop / "run"
    assert footfall("run", "planted.yaml", "--out", "run", cwd=shop).returncode == 0
    done = footfall(
        "validate", "planted.yaml", "--out", "run", "--protocol", "prediction",
        "--questions", "0", "--users", "40", "--json", cwd=shop,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["verdict"] == "not validated"
    assert "other coefficients" in found["reasons"][0]
    assert json.loads((out / "manifest.json").read_text())["validity"]["verdict"] == "not validated"
    compared = json.loads(footfall("compare", "run", "--json", cwd=shop).stdout)
    assert "other coefficients" in compared["verdict"]
    assert footfall("report", "run", cwd=shop).returncode == 0
    page = (out / "report.html").read_text()
    assert "validity-reliability" in page


def test_a_scenario_that_carries_the_fitted_coefficients_is_judged_as_written(shop, found):
    written = yaml.safe_load((shop / "valid" / "behaviour.yaml").read_text())
    options = ValidationOptions(
        out=shop / "w", base=shop, users=100, questions=0, protocol="prediction"
    )
    again = validate_users(parse_scenario(scenario(**written)), options, lambda _: None)
    assert again["behaviour as written"] is True
    assert again["behaviour"]["click"] == found["behaviour"]["click"]
    assert again["blocks"]["B"]["metrics"]["nll"] == found["blocks"]["B"]["metrics"]["nll"]


def test_wrong_coefficients_are_red(shop):
    options = ValidationOptions(
        out=shop / "bad", base=shop, users=100, questions=0, protocol="prediction"
    )
    bad = {"behaviour": {"click": {"popularity": -3.0, "repeat": -3.0}}}
    found = validate_users(parse_scenario(scenario(**bad)), options, lambda _: None)
    assert found["blocks"]["B"]["status"] == "red"
    assert found["blocks"]["C"]["status"] == "red"


def test_discrimination_knows_regulars_better_than_popularity_does(shop):
    done = footfall(
        "validate", "planted.yaml", "--out", "task", "--protocol", "discrimination",
        "--ratios", "3,9", "--questions", "0", "--users", "40", "--json", cwd=shop,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    rows = {(row["ratio"], row["predictor"]): row for row in found["rows"]}
    for ratio in ("1:3", "1:9"):
        assert rows[ratio, "blend"]["f1"] > rows[ratio, "popularity"]["f1"]
        assert rows[ratio, "always no"]["f1"] == 0
    assert rows["1:9", "always no"]["accuracy"] == pytest.approx(0.9)


def test_items_of_the_task_are_taken_or_never_touched(shop):
    ground = lay(parse_scenario(scenario()), shop, users=40, announce=lambda _: None)
    stage = ground.stages.test
    drawn = draw(ground, stage, 3, most=20, least=5)
    assert drawn.taken.sum(axis=1).tolist() == [5] * len(drawn.users)
    for user, items, taken in zip(drawn.users, drawn.items, drawn.taken, strict=True):
        name = stage.users[user]
        ids = {ground.catalogue.ids[code] for code in items[~taken]}
        touched = pd.concat([stage.memory, stage.choices])
        assert not ids & set(touched.loc[touched["user"] == name, "item"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ratios", "1,two"), "give whole numbers"),
        (("--ratios", "40"), "from 1 to 19"),
        (("--tests", "nothing.csv"), "cannot be read"),
    ],
)
def test_wrong_options_are_one_line_and_status_2(shop, arguments, message):
    done = footfall(
        "validate", "planted.yaml", "--out", "x", "--questions", "0", "--users", "20",
        *arguments, cwd=shop,
    )  # fmt: skip
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


# -- the ground


@pytest.fixture(scope="module")
def ground(shop):
    return lay(parse_scenario(scenario()), shop, users=60, announce=lambda _: None)


def test_nobody_learns_from_whom_he_is_tested_on(ground):
    stages = ground.stages
    tested = set(stages.test.users)
    crowd, fitted = set(stages.test.crowd["user"]), set(stages.fit.users)
    learners = set(ground.learners.interactions["user"])
    assert not tested & crowd
    assert not tested & fitted
    assert not learners & crowd
    assert not learners & fitted
    assert tested <= learners
    assert ground.learners.interactions["time"].max() < ground.split.at
    assert not ground.circular


def test_a_held_out_purchase_in_the_memory_is_a_leak(ground):
    made = choices.build(ground, "catalogue", per_user=4)
    stage = ground.stages.test
    check_no_leak(made.test, stage.memory, ground.catalogue)
    planted = pd.concat([stage.memory, stage.choices.head(1)])
    INTERACTIONS.validate(planted)
    with pytest.raises(DataError, match="leak"):
        check_no_leak(made.test, planted, ground.catalogue)


def test_a_model_that_knows_is_heard_and_one_that_guesses_is_not(ground):
    made = choices.build(ground, "catalogue", per_user=4).fit
    rng = np.random.default_rng(0)
    took = np.arange(made.items.shape[1]) == made.chosen[:, None]
    guess = rng.normal(size=took.shape)
    plain = np.zeros(took.shape)
    assert hear(made, plain, guess).used == 0
    knows = hear(made, plain, took + guess)
    assert knows.used == pytest.approx(knows.weight, rel=0.05)
    assert knows.weight == pytest.approx(1, abs=0.3)
    assert hear(made, plain, -(took + guess)).used == 0


@pytest.mark.parametrize("mode", ["listwise", "likelihood"])
def test_a_model_with_a_voice_is_asked_about_the_slates_of_the_contest(shop, mode):
    loud = {"behaviour": {"click": {"llm": 0.5, "repeat": 1.0}}, "choice": {"mode": mode}}
    options = ValidationOptions(out=shop / mode, base=shop, users=60, questions=4000)
    found = validate_users(parse_scenario(scenario(**loud)), options, lambda _: None)
    block = found["blocks"]["G"]
    assert found["behaviour as written"] is True
    assert block["status"] != "not run"
    assert block["metrics"]["users"] < 60  # only those whom the model was asked about
    assert found["blocks"]["F"]["status"] != "not run"


def test_a_past_test_without_a_number_is_one_line_with_its_place(tmp_path):
    path = tmp_path / "past.csv"
    path.write_text("control,treatment,lift\na,b,0.1\na,c,much\n")
    with pytest.raises(DataError, match=r"past\.csv:3: lift must be a number"):
        read_tests(path)
    path.write_text("control,treatment,lift\na,b,0.1\n")
    assert read_tests(path)["lift"].tolist() == [0.1]
