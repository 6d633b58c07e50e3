"""One word in a scenario: the run distils by itself, shares out its questions, or says no."""

import hashlib
import json
import math

import pandas as pd
import pytest
import yaml

import shop
from console import footfall
from footfall.errors import FootfallError, InterruptError, UserError
from footfall.llm.fake import FakeModel
from footfall.options import Options, Watch
from footfall.runs.levels import run_scenario
from footfall.scenario.scenario import parse_scenario
from footfall_eval import RunLog, compare

pytestmark = pytest.mark.slow

USERS, PILOT = 300, 60


def clubs(prefix, item):
    """The share of a history that is of the item's club."""
    lines = [line for line in prefix.splitlines() if "thing" in line]
    club = item.split()[0]
    return 2.0 * sum(line.startswith(club) for line in lines) / max(len(lines), 1) - 1.0


def caprice(prefix, item):
    """What nothing about user or item foretells."""
    return hashlib.blake2b((prefix + item).encode()).digest()[0] / 16 - 8.0


def play(folder, raw, out, taste=clubs, *, resume=False, dies_at=None):
    """Play a scenario, or die when it says something."""

    def heard(words):
        if dies_at and words.startswith(dies_at):
            raise InterruptError("as asked")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "footfall.answering.opening.open_model", lambda spec, announce: FakeModel(taste=taste)
        )
        options = Options(folder / out, folder, resume=resume)
        return run_scenario(parse_scenario(raw), options, Watch(heard))


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Folder, scenario, and a run of it."""
    folder = tmp_path_factory.mktemp("auto")
    shop.write_shop(folder, users=USERS + 100)
    raw = shop.scenario(
        population={"users": USERS, "min_history": 3},
        choice={"visit_events": False},
        behaviour={"click": {"llm": 2.0}},
        world={"days": 4, "epoch_days": 2, "slate": 5, "max_pages": 2, "shards": 2},
        levels={"asked": 0.4, "pilot": PILOT},
    )
    (folder / "shop.yaml").write_text(yaml.safe_dump(raw))
    play(folder, raw, "run")
    return folder, raw


def hashes(folder):
    """What a run has left, without what time it took."""
    found = json.loads((folder / "levels.json").read_text())
    parts = [
        json.loads((folder / name / "manifest.json").read_text())["parts"]
        for name in ("pilot", "pilot/crowd", ".", "asked")
    ]
    return found, parts


def test_it_distils_shares_out_and_says_what_the_model_alone_would_say(asked):
    folder, raw = asked
    plan = json.loads((folder / "run" / "levels.json").read_text())
    assert plan["pays"]
    assert min(plan["correlations"].values()) > 0.5
    assert PILOT + 20 <= plan["asked"] <= 0.4 * USERS
    both = compare(RunLog.open(folder / "run"))
    play(folder, {**raw, "levels": None}, "whole")
    whole = compare(RunLog.open(folder / "whole"))
    for metric in ("clicks", "purchases"):
        found, wanted = both.contrast("knn", metric), whole.contrast("knn", metric)
        reach = 3 * math.hypot(found.standard_error, wanted.standard_error)
        assert found.difference == pytest.approx(wanted.difference, abs=reach)


def test_the_pilot_speaks_for_nobody(asked):
    folder, _ = asked
    plan = json.loads((folder / "run" / "levels.json").read_text())
    users = RunLog.open(folder / "run").per_user()["user"].nunique()
    assert users == USERS * plan["times"]
    found = compare(RunLog.open(folder / "run")).contrast("knn")
    assert found.users == USERS - PILOT
    arms = compare(RunLog.open(folder / "run")).arms
    assert {arm.users for arm in arms} == {USERS - PILOT}  # however often each is played
    assert all(0 < arm.visitors <= arm.users for arm in arms)
    assert plan["measured on"] < 0.5 * PILOT  # whether they came or not
    again = RunLog.open(folder / "run" / "asked").per_user()["user"]
    assert not set(plan["users"]) & set(again)
    assert set(pd.read_parquet(folder / "run" / "whom.parquet")["user"]) >= set(again)


def test_a_run_that_was_killed_goes_on_and_comes_out_the_same(asked):
    folder, raw = asked
    for resume, dies_at in ((False, "pilot: the same"), (True, "level 1"), (True, "level 2")):
        with pytest.raises(InterruptError):
            play(folder, raw, "killed", resume=resume, dies_at=dies_at)
    play(folder, raw, "killed", resume=True)
    assert hashes(folder / "killed") == hashes(folder / "run")
    drawn = [(folder / name / "whom.parquet").read_bytes() for name in ("killed", "run")]
    assert drawn[0] == drawn[1]


def test_a_folder_with_a_pilot_is_not_taken_for_an_empty_one(asked, tmp_path):
    folder, raw = asked
    with pytest.raises(InterruptError):
        play(folder, raw, tmp_path / "run", dies_at="pilot: the same")
    with pytest.raises(UserError, match="already holds a run"):
        play(folder, raw, tmp_path / "run")


def test_it_refuses_where_the_surrogate_repeats_too_little(asked, tmp_path):
    folder, raw = asked
    with pytest.raises(FootfallError, match=r"two levels do not pay here: .* correlate"):
        play(folder, raw, tmp_path / "run", taste=caprice)
    assert not (tmp_path / "run" / "manifest.json").exists()  # so there is no verdict


def test_a_pilot_larger_than_the_budget_is_refused_before_it_is_asked(asked, tmp_path):
    folder, raw = asked
    with pytest.raises(UserError, match="a pilot of 60 users is more than 10% of 300"):
        play(folder, {**raw, "levels": "auto"}, tmp_path / "run")
    assert not (tmp_path / "run" / "pilot").exists()


def test_without_the_pilots_plan_there_is_no_figure(asked):
    folder, _ = asked
    plan = folder / "run" / "levels.json"
    kept = plan.read_text()
    plan.unlink()
    try:
        with pytest.raises(FootfallError, match=r"levels\.json: the pilot's users cannot be read"):
            compare(RunLog.open(folder / "run"))
    finally:
        plan.write_text(kept)


def test_a_plan_tells_how_many_to_ask(asked):
    folder, _ = asked
    told = ("plan", "shop.yaml", "--pilot", "run", "--metric", "clicks")
    done = footfall(*told, "--json", cwd=folder)
    [plan] = json.loads(done.stdout)["plans"]
    for length in plan["lengths"]:
        assert 20 <= length["asked_users"] < length["paired_users"] < length["crowd_users"]
        assert length["asked_tokens"] < length["paired_tokens"]
    assert "asked" in footfall(*told, cwd=folder).stdout
