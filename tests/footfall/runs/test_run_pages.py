"""A log that tells what was shown: a run fits its users by itself, and they can be looked into."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from footfall.behaviour.kept import read_people
from footfall.errors import DataError
from footfall.explaining.replay import replay
from footfall.luck import Luck
from footfall.options import Options, Watch
from footfall.run_folder.layout import DRAWS, PEOPLE
from footfall.runs.run import run
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import parse_scenario
from footfall.world.calendar import DAY, Calendar, gaps_to_draw
from footfall_eval import RunLog, compare
from planted import plant, write

pytestmark = pytest.mark.slow

SMALL = {"users": 60, "items": 40, "days": 21, "later_days": 3, "slate": 5}


@pytest.fixture(scope="module")
def shop():
    return plant("grocery", 3, **SMALL)


@pytest.fixture(scope="module")
def scenario(shop, tmp_path_factory):
    path = write(shop, tmp_path_factory.mktemp("shop"))
    return changed(path, population={"users": 40}, world={"days": 3, "slate": 5, "max_pages": 3})


def changed(path: Path, **keys) -> Path:
    raw = yaml.safe_load(path.read_text(encoding="utf-8")) | keys
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def done(scenario, tmp_path_factory):
    out, said = tmp_path_factory.mktemp("run") / "run", []
    record = run(
        read_scenario(scenario), Options(out, scenario.parent), Watch(announce=said.append)
    )
    return out, record, said


def rows_of(out: Path) -> pd.DataFrame:
    return pd.read_parquet(out / "impressions")


def test_a_run_fits_the_users_of_its_log_and_says_so(done):
    out, record, said = done
    assert any("fitting users to the pages" in one for one in said)
    assert record["users_fitted"]["clicks"] > 50
    assert (out / PEOPLE).exists()
    assert "pages with" in record["fitted"]["click"]
    assert record["scenario"]["behaviour"]["people"]["file"].endswith(PEOPLE)


def test_draws_are_of_the_logged_pages_and_spread_around_what_was_expected(done):
    out, record, _ = done
    draws, rows = pd.read_parquet(out / DRAWS), rows_of(out)
    assert DRAWS in record["tables"]
    assert set(draws["arm"]) == set(rows["arm"])
    assert draws["draw"].nunique() == 20
    expected = rows.groupby("arm")["p_click"].sum()
    drawn = draws.groupby(["arm", "draw"])["expected_clicks"].sum().groupby("arm")
    np.testing.assert_allclose(drawn.mean()[expected.index], expected, rtol=0.1)
    assert (drawn.std() > 0).all()


def test_lifts_that_the_log_refutes_are_said_and_their_intervals_are_wider(done, tmp_path):
    out, _, _ = done
    folder = shutil.copytree(out, tmp_path / "run")
    draws = pd.read_parquet(folder / DRAWS)
    before = compare(RunLog.open(folder), primary="clicks")
    draws.assign(stretch=-0.5).to_parquet(folder / DRAWS)
    after = compare(RunLog.open(folder), primary="clicks")
    assert not any("likely too" in one for one in before.cautions)
    assert any("likely too large, by about 50%" in one for one in after.cautions)
    assert "luck of the draw only" in after.table().note
    widths = [
        np.array([
            one.evidence.all_uncertainty.high - one.evidence.all_uncertainty.low
            for one in found.contrasts
            if one.metric == "clicks" and abs(one.evidence.simulated.lift) > 0.02
        ])
        for found in (before, after)
    ]  # fmt: skip
    assert len(widths[0]) > 0
    assert (widths[1] > widths[0]).all()


def test_a_large_lift_is_in_doubt_by_a_share_of_itself(done):
    """Nobody can ask a log of one policy what an arm changes from day to day."""
    out, _, _ = done
    found = compare(RunLog.open(out), primary="clicks")
    for one in found.contrasts:
        if one.metric == "clicks" and abs(one.evidence.simulated.lift) > 0.02:
            wide = one.evidence.all_uncertainty
            centre = np.log1p(one.evidence.simulated.lift)
            assert (np.log1p(wide.high) - np.log1p(wide.low)) / 2 > 1.96 * 0.2 * abs(centre)


def test_a_resumed_run_keeps_its_users(done, scenario):
    out, record, _ = done
    again = run(read_scenario(scenario), Options(out, scenario.parent, resume=True))
    assert again["parts"] == record["parts"]
    assert again["tables"] == record["tables"]


def test_the_terms_of_a_fitted_user_add_up_to_what_was_logged(done):
    out, _, _ = done
    user = rows_of(out)["user"].iloc[0]
    pages = replay(out, user).pages
    assert pages
    for page in pages:
        for decision in page.decisions:
            parts = {term.name: term.value for term in decision.terms}
            assert sum(parts.values()) == pytest.approx(decision.utility)
            assert parts["own taste"] or parts["own activity"]


def test_a_model_that_nobody_named_is_not_asked(scenario, tmp_path):
    raw = yaml.safe_load(scenario.read_text(encoding="utf-8"))
    del raw["model"]
    out = tmp_path / "run"
    record = run(parse_scenario(raw), Options(out, scenario.parent))
    assert record["scenario"]["model"]["name"] == "none"
    again = run(parse_scenario(raw), Options(out, scenario.parent, resume=True))
    assert again["parts"] == record["parts"]


def test_a_named_behaviour_is_used_as_it_is(scenario, tmp_path):
    read = read_scenario(scenario, {"behaviour": {"click": {"none": -1.5}}})
    record = run(read, Options(tmp_path / "run", scenario.parent))
    assert "users_fitted" not in record
    assert not (tmp_path / "run" / DRAWS).exists()


def test_a_run_can_go_on_from_the_end_of_the_log(scenario, shop, tmp_path):
    read = read_scenario(scenario, {"split": {"at": "end"}})
    record = run(read, Options(tmp_path / "run", scenario.parent))
    first = rows_of(tmp_path / "run")["time"].min()
    assert first >= shop.log["ts"].max()
    assert record["status"] == "finished"


def test_other_users_than_the_behaviour_names_are_refused(done, scenario, tmp_path):
    _, record, _ = done
    people = record["scenario"]["behaviour"]["people"] | {"sha256": "0" * 64}
    read = read_scenario(scenario, {"behaviour": {"people": people}})
    with pytest.raises(DataError, match="not the users that this behaviour was fitted with"):
        run(read, Options(tmp_path / "run", scenario.parent))


TRUTH = '''
import numpy as np
from footfall.behaviour.coming_back import Before
from footfall.behaviour.people import Opinion

class Truth:
    """Users whose chances are known."""

    def __init__(self, users, items, start):
        self.gap_days = np.full(len(users), 2.0)
        self.worth = np.linspace(-3, 1, len(items))

    def think(self, users, items, price, days, traces, visit):
        worth = self.worth[items]
        return Opinion.plain(worth, np.full(items.shape, -1.0))

    def going(self, users, pages):
        return np.tile([-9.0, 0.0, 0.0], (len(users), 1))

    def before(self, user):
        return Before((0.0, 0.0, 0.0, 0.0), 0.0, (), 0.0, 0.0, 7.0)

    def leaves(self, clicks):
        return np.zeros(len(clicks))

    def stretch(self, users, late):
        return np.ones(len(users))
'''


def test_a_truth_of_ones_own_can_play_the_users(scenario, tmp_path):
    (scenario.parent / "truth_of_mine.py").write_text(TRUTH, encoding="utf-8")
    behaviour = {
        "people": {"target": "truth_of_mine:Truth"},
        "click": dict.fromkeys(("none", "llm", "popularity", "price", "repeat", "fatigue"), 0.0),
        "habits": {"examine_curve": [1.0], "picks": "many"},
    }
    read = read_scenario(scenario, {"behaviour": behaviour})
    run(read, Options(tmp_path / "run", scenario.parent))
    rows = rows_of(tmp_path / "run")
    assert rows["page"].max() == 0
    assert rows["p_buy"].unique() == pytest.approx(1 / (1 + np.e))
    items = sorted(rows["item"].unique())
    assert rows.groupby("item")["p_click"].nunique().max() == 1
    assert items


def test_the_command_writes_what_a_scenario_names(scenario, tmp_path):
    from typer.testing import CliRunner

    from footfall.cli.main import app

    told = CliRunner().invoke(
        app, ["fit", str(scenario), "--out", str(tmp_path / "behaviour.yaml"), "--json"]
    )
    assert told.exit_code == 0, told.output
    report = json.loads(told.stdout[told.stdout.index("{") :])
    assert 50 < report["users"] + report["tested"] <= 60  # some never came
    assert 0 < report["tested"] <= 20
    behaviour = yaml.safe_load((tmp_path / "behaviour.yaml").read_text(encoding="utf-8"))
    assert (tmp_path / behaviour["people"]["file"]).exists()


def test_what_no_turn_tells_can_be_settled_on_some_users_and_that_is_said(scenario, tmp_path):
    from typer.testing import CliRunner

    from footfall.cli.main import app

    def fit(most):
        out = ["--out", str(tmp_path / f"{most}.yaml"), "--json", "--settle-on", str(most)]
        told = CliRunner().invoke(app, ["fit", str(scenario), *out])
        assert told.exit_code == 0, told.output
        return json.loads(told.stdout[told.stdout.index("{") :])

    every = fit(0)
    some = fit(every["impressions"] // 2)
    for same in ("users", "tested", "impressions", "clicks"):
        assert some[same] == every[same]
    (note,) = set(some["notes"]) - set(every["notes"])
    settled = int(note.split("settled on ")[1].split(" ")[0].replace(",", ""))
    assert 0.3 < settled / every["impressions"] <= 0.5
    kept = read_people(tmp_path / f"{every['impressions'] // 2}.npz")
    assert note in kept.about["notes"]


def test_visits_come_as_far_apart_as_they_should():
    gaps = np.repeat([0.8, 1.5, 4.0, 12.0], 3000)
    hours = np.cumsum(np.r_[np.zeros(12), np.full(10, 0.1), np.zeros(2)])
    hours = np.tile(hours, (len(gaps), 1))
    keys = np.arange(len(gaps), dtype=np.uint64)
    calendar = Calendar(Luck(1), keys, gaps_to_draw(gaps, hours), hours, np.zeros(len(gaps)))
    users, now, sums = np.arange(len(gaps)), np.zeros(len(gaps)), np.zeros(len(gaps))
    for session in range(1, 13):
        then = calendar.next_starts(users, np.full(len(gaps), session), now)
        sums += (then - now) * (session > 2)
        now = then
    for gap in np.unique(gaps):
        assert (sums[gaps == gap] / DAY / 10).mean() == pytest.approx(gap, rel=0.03)
