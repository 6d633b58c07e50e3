"""A run of two levels from the scenario to the verdict, held against asking everybody."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

import shop
from console import footfall
from footfall.errors import FootfallError
from footfall.llm.fake import FakeModel
from footfall.options import Options
from footfall.run_folder.layout import epochs_of
from footfall.runs.levels import run_scenario
from footfall.scenario.scenario import parse_scenario
from footfall_eval import RunLog, compare
from footfall_eval.comparing.stopping import StoppingRule, last_look
from footfall_eval.measures.metrics import Columns
from footfall_eval.statistics.sequence import Running
from footfall_eval.statistics.two_levels import Level, effect_of_levels, widened
from footfall_lab.distilling import distill as story

pytestmark = pytest.mark.slow

USERS, TAUGHT, ASKED = 400, 120, 0.3
ARMS = [
    {"name": "random", "recommender": {"kind": "random"}},
    {"name": "knn", "recommender": {"kind": "item-knn"}},
]


def taste(prefix, item):
    """The share of a history that is of the item's club."""
    lines = [line for line in prefix.splitlines() if "thing" in line]
    club = item.split()[0]
    return 2.0 * sum(line.startswith(club) for line in lines) / max(len(lines), 1) - 1.0


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Folder, scenario, and runs of two levels and of everybody asked."""
    folder = tmp_path_factory.mktemp("levels")
    shop.write_shop(folder, users=USERS + 150)
    raw = shop.scenario(
        population={"users": USERS, "min_history": 3},
        choice={"visit_events": False},
        arms=ARMS,
        behaviour={"click": {"llm": 2.0}},
        world={"days": 4, "epoch_days": 2, "slate": 5, "max_pages": 2, "shards": 2},
    )
    (folder / "shop.yaml").write_text(yaml.safe_dump(raw))
    two = {**raw, "levels": {"surrogate": "small", "asked": ASKED}}
    with pytest.MonkeyPatch.context() as patch:
        for place in ("footfall_lab.distilling.distill", "footfall.answering.opening"):
            patch.setattr(f"{place}.open_model", lambda spec, announce: FakeModel(taste=taste))
        options = story.DistillingOptions(str(folder / "shop.yaml"), folder / "small", users=TAUGHT)
        story.distill(options, lambda _: None)
        run_scenario(parse_scenario(two), Options(folder / "two", folder))
        run_scenario(parse_scenario(raw), Options(folder / "whole", folder))
    return folder, two


def test_it_says_what_asking_everybody_says_with_fewer_questions(played):
    folder, _ = played
    both, whole = (compare(RunLog.open(folder / name)) for name in ("two", "whole"))
    for metric in ("clicks", "purchases", "expected_clicks", "ctr"):
        found, wanted = both.contrast("knn", metric), whole.contrast("knn", metric)
        reach = 3 * found.standard_error
        assert found.difference == pytest.approx(wanted.difference, abs=reach)
        assert found.control_value == pytest.approx(wanted.control_value, rel=0.2)
        assert found.ci_low < found.difference < found.ci_high
        assert found.method.endswith("users asked")
    questions = [
        json.loads((folder / name / "manifest.json").read_text())["choice"]["questions"]
        for name in ("two", "two/asked", "whole")
    ]
    assert questions[0] == 0
    assert questions[1] < 0.45 * questions[2]
    close = both.contrast("knn", "expected_clicks").standard_error
    assert close < 1.5 * whole.contrast("knn", "expected_clicks").standard_error


def test_users_whom_the_surrogate_learned_from_speak_for_nobody(played):
    folder, _ = played
    taught = json.loads((folder / "small" / "surrogate.json").read_text())["taught"]
    users = json.loads((folder / "two" / "manifest.json").read_text())["surrogate"]["taught"]
    assert sorted(users) == sorted(taught)
    found = compare(RunLog.open(folder / "two")).contrast("knn")
    assert found.users == USERS - len(taught)


def test_the_command_tells_both_levels_and_what_the_surrogate_was_worth(played):
    folder, _ = played
    done = footfall("compare", str(folder / "two"), cwd=folder)
    words = " ".join(done.stdout.split())
    assert "Two levels: " in words
    assert "differences correlate" in words
    assert "A surrogate answered" not in words


def test_luck_and_users_are_the_same_on_both_levels(played):
    folder, _ = played
    crowd, asked = (RunLog.open(folder / name).per_user() for name in ("two", "two/asked"))
    assert set(asked["user"]) < set(crowd["user"])
    whom = pd.read_parquet(folder / "two" / "whom.parquet")
    assert set(whom.loc[whom["asked"], "user"]) == set(asked["user"])
    assert whom["cost"][whom["asked"]].sum() == pytest.approx(
        ASKED * USERS * whom["cost"].mean(), rel=0.15
    )
    arrivals = [
        RunLog.open(folder / name)
        .execute('SELECT arm, "user", min(start) AS first FROM sessions GROUP BY ALL')
        .df()
        for name in ("two", "two/asked")
    ]
    merged = arrivals[0].merge(arrivals[1], on=["arm", "user"])
    assert len(merged)
    assert (merged["first_x"] == merged["first_y"]).all()


def test_users_are_asked_more_often_whose_answers_change_more_and_figures_are_weighted(played):
    folder, _ = played
    whom = pd.read_parquet(folder / "two" / "whom.parquet")
    by = whom.groupby("stratum").agg(
        foreseen=("foreseen", "mean"), asked=("asked", "mean"), many=("asked", "sum")
    )
    assert len(by) > 3
    assert by["foreseen"].iloc[-1] > 3 * by["foreseen"].iloc[0]
    assert by["asked"].iloc[-1] > 1.5 * by["asked"].iloc[0]
    words = " ".join(compare(RunLog.open(folder / "two")).cautions)
    assert f"in {len(by)} strata; figures and intervals are weighted by them" in words


def test_the_users_asked_speak_for_nobody_without_their_weights(played, tmp_path):
    folder, _ = played
    alone = compare(RunLog.open(folder / "two" / "asked"))
    assert any("speak for nobody else" in note for note in alone.cautions)
    done = footfall("plan", "shop.yaml", "--pilot", "two/asked", cwd=folder)
    assert done.returncode == 2
    assert "a plan cannot rest on them" in " ".join(done.stderr.split())
    whom = folder / "two" / "whom.parquet"
    whom.rename(tmp_path / "whom.parquet")
    try:
        with pytest.raises(FootfallError, match="figures would be those of odd users"):
            compare(RunLog.open(folder / "two"))
    finally:
        (tmp_path / "whom.parquet").rename(whom)


def test_an_unfinished_second_level_gives_no_verdict(played, tmp_path):
    folder, _ = played
    (folder / "two" / "asked").rename(tmp_path / "asked")
    try:
        with pytest.raises(FootfallError, match="go on with footfall run --resume"):
            compare(RunLog.open(folder / "two"))
    finally:
        (tmp_path / "asked").rename(folder / "two" / "asked")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"design": "split"}, "paired design"),
        ({"model": {"name": "none"}}, "named model"),
        ({"levels": {"surrogate": "small", "asked": 0}}, "asked"),
    ],
)
def test_what_does_not_go_together_is_refused(played, changes, message):
    with pytest.raises(FootfallError, match=message):
        parse_scenario({**played[1], **changes})


def test_a_surrogate_of_another_question_is_refused(played, tmp_path):
    folder, two = played
    other = parse_scenario({**two, "choice": {"mode": "yes-no", "visit_events": False}})
    with pytest.raises(FootfallError, match=r"taught by choice\.mode"):
        run_scenario(other, Options(tmp_path / "run", folder))


def test_the_costly_level_stops_early_and_figures_are_of_the_days_that_both_have_lived(played):
    folder, two = played
    watched = {
        **two,
        "world": {**two["world"], "days": 10, "epoch_days": 1},
        "stop_early": {"metric": "clicks", "min_epochs": 2},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "footfall.answering.opening.open_model", lambda spec, announce: FakeModel(taste=taste)
        )
        run_scenario(parse_scenario(watched), Options(folder / "early", folder))
    crowd, asked = (
        json.loads((folder / name / "manifest.json").read_text())
        for name in ("early", "early/asked")
    )
    assert crowd["status"] == "finished"
    assert asked["status"] == "stopped early"
    lived = epochs_of(asked["parts"])
    assert 2 <= lived < epochs_of(crowd["parts"]) == 10
    result = compare(RunLog.open(folder / "early"))
    found = result.contrast("knn", "clicks")
    assert found.method == "always-valid confidence sequence"
    assert found.ci_low > 0
    assert any("stopped early" in note for note in result.cautions)
    # A control's clicks of two days, not of ten.
    whole = RunLog.open(folder / "early").per_user()
    ten = whole.loc[whole["arm"] == "random", "clicks"].mean()
    assert found.control_value == pytest.approx(ten * lived / 10, rel=0.35)


def test_looking_every_day_finds_no_effect_where_there_is_none():
    rule = StoppingRule("purchases", 0.95, 3, 14)
    stops = [stopped_at(np.random.default_rng([4, n]), rule, lift=0.0) for n in range(200)]
    assert np.mean(np.array(stops) > 0) <= 0.05
    # More often than that a large effect is found, or the test would hold of anything.
    found = [stopped_at(np.random.default_rng([5, n]), rule, lift=1.5) for n in range(30)]
    assert np.mean(np.array(found) > 0) > 0.5


def stopped_at(rng, rule, lift, users=200, asked=40):
    """The epoch after which a planted run of two levels is stopped; 0: never."""
    rate = np.exp(rng.normal(-1.5, 0.8, users))
    rates = [rate * np.exp(rng.normal(0, 0.4, users)), rate]
    who = np.sort(rng.choice(users, asked, replace=False))
    total, means, errors = np.zeros((2, 2, users)), [], []
    for epoch in range(rule.epochs):
        luck = rng.random((2, users, 8))
        luck[1, :, :4] = luck[0, :, :4]  # arms share half of their pages
        for level, arm in np.ndindex(2, 2):
            chance = np.clip(rates[level] * (1 + lift * arm) / 8, 0, 1)
            total[level, arm] += (luck[arm] < chance[:, None]).sum(axis=1)
        cheap = Level(*(Columns(one.copy(), None) for one in total[0]))
        dear = Level(*(Columns(one[who], None) for one in total[1]))
        found = effect_of_levels(cheap, dear, who).mixed
        means.append(found.value)
        errors.append(found.error * widened(found.freedom, rule.level))
        if epoch + 1 >= rule.min_epochs:
            seen = Running(tuple(range(epoch + 1)), np.array(means), np.array(errors), asked)
            look = last_look(seen, rule, rule.level)
            if look is not None and not look.ci_low <= 0 <= look.ci_high:
                return epoch + 1
    return 0
