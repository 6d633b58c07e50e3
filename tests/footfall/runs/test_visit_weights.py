"""Visits of a run weighed for a world in which users come back otherwise."""

from __future__ import annotations

import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from footfall.behaviour.coming_back import NEVER, Before, ComingBack
from footfall.behaviour.kept import read_people
from footfall.options import Options
from footfall.plumbing.files import file_hash
from footfall.run_folder.layout import DRAWS, PEOPLE
from footfall.runs.run import run
from footfall.runs.visit_weights import RunVisits
from footfall.scenario.reading import read_scenario
from footfall_eval import RunLog, compare
from planted import plant, write

pytestmark = pytest.mark.slow

GAP, DAYS, USERS = 2.5, 14.0, 2500
STAYING = np.array([NEVER, 0.0])


class Returners:
    """Users of whom nothing is known but how they come back."""

    usual_sameness = 0.0

    def __init__(self, same=0.0, leaving=STAYING):
        self.gap_days = np.full(USERS, GAP)
        self.coming = ComingBack(
            rate=np.array([0.0, same]), click_error=np.zeros(1), lives=np.array([7.0]),
            same_errors=np.zeros(1), usual=np.zeros(1), seen=np.array([0.0, 1.0]),
            bend=np.zeros(1), bend_error=np.zeros(1), life=np.array([7.0]),
            leaving=leaving, leaving_cov=np.zeros((2, 2)),
        )  # fmt: skip

    def before(self, user):
        return Before((0.0, 0.0, 0.0, 0.0), 0.0, (0, 1), 0.0, 0.0, 7.0)

    def stretch(self, users, late):
        return self.coming.stretch(late, np.zeros(len(users)))

    def leaves(self, clicks):
        return self.coming.leaves(clicks)


def lived(people, rng):
    """(user, session, day, clicks) of visits whose first page is always the same."""
    rows = []
    for user in range(USERS):
        day, session, old, pages = 0.0, 0, 0.0, 0.0
        while True:
            late = np.array([[0.0, 0.0, old, pages]])
            gap = rng.exponential(GAP * people.stretch(np.array([user]), late)[0])
            day += gap
            if day > DAYS:
                break
            clicks = float(rng.random() < 0.5)
            rows.append((user, session, day, clicks))
            fade = np.exp(-gap / 7.0)
            old, pages, session = fade * old + 1, fade * pages + 1, session + 1
            if rng.random() < people.leaves(np.array([clicks]))[0]:
                break
    return [np.array(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize(
    "other", [Returners(same=-0.3), Returners(leaving=np.array([-4.0, 2.0]))], ids=["same", "leave"]
)
def test_visits_count_as_often_as_they_would_come(other):
    played = Returners()
    users, sessions, days, clicks = lived(played, np.random.default_rng(1))
    items = np.tile(np.array([0, 1], dtype=np.int32), (len(users), 1))
    setting = SimpleNamespace(calendar=SimpleNamespace(arrivals=np.zeros(USERS)))
    visits = RunVisits.of(played, setting, users, sessions, days, clicks, items)
    assert visits.same == 1
    np.testing.assert_array_equal(visits.weights(played, played), 1.0)
    weighed = visits.weights(played, other).sum()
    truly = len(lived(other, np.random.default_rng(2))[0])
    assert truly < 0.92 * len(users)
    assert weighed == pytest.approx(truly, rel=0.04)


def test_where_nobody_came_there_is_nothing_to_weigh():
    people, none = Returners(), np.zeros(0, dtype=np.int64)
    setting = SimpleNamespace(calendar=SimpleNamespace(arrivals=np.zeros(USERS)))
    pages = np.zeros((0, 2), dtype=np.int32)
    visits = RunVisits.of(people, setting, none, none, none * 1.0, none * 1.0, pages)
    assert visits.weights(people, Returners(same=-1.0)).shape == (0,)
    assert visits.same == people.usual_sameness


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    small = {"users": 60, "items": 40, "days": 21, "later_days": 3, "slate": 5}
    path = write(plant("grocery", 3, **small), tmp_path_factory.mktemp("shop"))
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    raw |= {"population": {"users": 40}, "world": {"days": 12, "slate": 5, "max_pages": 3}}
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def done(scenario, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run"
    run(read_scenario(scenario), Options(out, scenario.parent))
    return out


def again(done, scenario, out, change):
    """The same run with users who come back otherwise; its visits."""
    kept = read_people(done / PEOPLE)
    other = replace(kept, people=change(kept.people))
    path = scenario.parent / f"{out.name}.npz"
    other.save(path)
    behaviour = RunLog.open(done).scenario["behaviour"]
    people = {"file": path.name, "sha256": file_hash(path)}
    read = read_scenario(scenario, {"behaviour": behaviour | {"people": people}})
    run(read, Options(out, scenario.parent))
    return pd.read_parquet(out / "sessions")


def test_users_who_left_before_never_come_and_others_may_leave_after_a_visit(
    done, scenario, tmp_path
):
    def leaving(people):
        gone = np.where(np.arange(len(people.users.gone)) % 2, 1.0, 0.0)
        coming = replace(people.coming, leaving=np.array([50.0, 0.0]))
        return replace(people, coming=coming, users=replace(people.users, gone=gone))

    before = pd.read_parquet(done / "sessions")
    after = again(done, scenario, tmp_path / "leaving", leaving)
    assert before["session"].max() > 0
    assert after["session"].max() == 0
    assert 0.3 < after["user"].nunique() / before["user"].nunique() < 0.7


def test_old_first_pages_keep_users_away_in_the_world(done, scenario, tmp_path):
    def bored(people):
        coming = people.coming
        return replace(people, coming=replace(coming, rate=np.array([0.0, -2.5])))

    before = pd.read_parquet(done / "sessions")
    after = again(done, scenario, tmp_path / "bored", bored)
    draws = pd.read_parquet(done / DRAWS)
    old = draws.groupby("arm")["sameness"].first()
    came = after.groupby("arm").size() / before.groupby("arm").size()
    assert came[old.idxmax()] < came[old.idxmin()] - 0.1, (came, old)


def test_doubt_of_visits_is_in_the_intervals_and_said(done, tmp_path):
    draws = pd.read_parquet(done / DRAWS)
    visits = draws.groupby(["arm", "draw"])["expected_visits"].sum()
    counted = pd.read_parquet(done / "sessions").groupby("arm").size()
    np.testing.assert_allclose(visits.groupby("arm").mean()[counted.index], counted, rtol=0.15)
    assert (visits.groupby("arm").std() > 0).all()
    folder = shutil.copytree(done, tmp_path / "run")
    factor = np.exp(0.1 * np.random.default_rng(1).standard_normal(20))
    popular = (draws["arm"] == "popular").to_numpy()
    wild = draws["expected_visits"] * np.where(popular, factor[draws["draw"]], 1.0)
    draws.assign(expected_visits=wild).to_parquet(folder / DRAWS)
    found = compare(RunLog.open(folder), primary="clicks")
    (said,) = [one for one in found.cautions if "come back as often" in one]
    assert "under popular; far from that are random (" in said
    draws.drop(columns=["sameness", "expected_visits"]).to_parquet(folder / DRAWS)
    before = compare(RunLog.open(folder), primary="clicks")
    assert not [one for one in before.cautions if "come back as often" in one]
