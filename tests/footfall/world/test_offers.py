"""Displays and coupons: who meets them, when, and that nobody else's world changes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shop
from footfall.behaviour.features import PairTable
from footfall.datasets.complete_journey import coupons, promotions, week_starts
from footfall.errors import DataError, ScenarioError
from footfall.options import Options
from footfall.runs.histories import read_histories
from footfall.runs.preparing import schedule_of
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario
from footfall.world.interventions import Coupons
from footfall.world.offers import Offers

pytestmark = pytest.mark.slow

AT = "2017-11-01"


def scenario(*interventions, **changes):
    return parse_scenario(
        {
            "name": "displays",
            "data": {"kind": "complete-journey", "min_purchases": 2000},
            "split": {"at": AT},
            "population": {"users": 30, "where": "orders >= 50", "cold_start": 1},
            "model": {"name": "none"},
            "behaviour": {"click": {"none": -5}},  # most pages are left without a click
            "arms": [{"name": "random", "recommender": {"kind": "random"}}],
            "world": {"days": 14, "slate": 8},
            "interventions": list(interventions),
            **changes,
        }
    )


def offered(*interventions):
    wanted = scenario(*interventions)
    histories = read_histories(wanted, Path(), lambda _: None)
    return histories, schedule_of(wanted, histories)


@pytest.fixture(scope="module")
def displays():
    return offered({"kind": "displays", "at": 3, "until": 10, "display": 2, "mailer": 0.5})


def test_offers_are_met_by_their_group_in_their_time_only():
    table = PairTable(np.array([0 * 4 + 1, (1 * 2 + 1) * 4 + 3]), np.array([1.0, 2.0]), 4)
    offers = Offers("displays", np.array([10.0, 20.0]), np.array([0, 1, -1]), 2, table)
    users, items = np.array([0, 0, 1, 1, 2]), np.array([[1, 3, -1]] * 5, dtype=np.int32)
    found = offers.of([9.0, 10.0, 25.0, 15.0, 10.0], users, items)
    assert found.tolist() == [[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 0], [0, 0, 0]]
    assert str(offers) == "displays: reach 2 of 3 users"


def test_a_user_meets_what_the_own_store_promoted_that_week(displays):
    histories, schedule = displays
    events = histories.split.remembered.interactions
    every = np.arange(len(histories.catalogue), dtype=np.int32)[None, :]
    starts, at = week_starts(range(1, 54)), pd.Timestamp(AT)
    met = 0
    for number, user in enumerate(histories.population.users[:6]):
        visits = events[events["user"] == user].drop_duplicates("order")
        store = visits["store"].value_counts().sort_index().idxmax()
        for day in (1.0, 3.5, 6.0, 9.9, 10.5):
            moment = at + pd.Timedelta(days=day)
            week = int(starts.index[starts <= moment].max())
            rows = promotions(histories.dataset, histories.catalogue.ids, [week], [store])
            flags = rows.assign(d=rows["display"] != "0", m=rows["mailer"] != "0")
            flags = flags.groupby("item")[["d", "m"]].max().reindex(histories.catalogue.ids)
            expected = flags["d"].eq(True) * 2.0 + flags["m"].eq(True) * 0.5
            if not 3 <= day < 10:
                expected = expected * 0
            found = schedule.appealing([day * 86_400], np.array([number]), every)[0]
            np.testing.assert_array_equal(found, expected)
            met += int((found > 0).sum())
    assert met > 100
    assert histories.population.cold.sum() == 1  # whoever never shopped has no store
    nobody = schedule.appealing([5 * 86_400.0], np.flatnonzero(histories.population.cold), every)
    assert not nobody.any()


def test_weeks_are_those_of_the_transactions(displays):
    events = displays[0].dataset.interactions
    starts = week_starts(range(1, 54))
    place = starts.searchsorted(events["time"], side="right")
    assert np.mean(place == events["week"]) > 0.995  # an hour of summer time apart


def test_coupons_reach_whom_they_were_sent():
    histories, schedule = offered({"kind": "coupons", "at": 0, "utility": 1.5})
    sent, valid = coupons(histories.dataset)
    moment = pd.Timestamp(AT) + pd.Timedelta(days=10)
    now = valid[(valid["start"] <= moment) & (valid["end"] > moment)]
    every = np.arange(len(histories.catalogue), dtype=np.int32)[None, :]
    reached = 0
    for number, user in enumerate(histories.population.originals):
        mine = now[now["campaign"].isin(sent.loc[sent["user"] == user, "campaign"])]
        expected = np.isin(histories.catalogue.ids, mine["item"]) * 1.5
        found = schedule.appealing([10 * 86_400.0], np.array([number]), every)[0]
        np.testing.assert_array_equal(found, expected)
        reached += bool(expected.any())
    assert reached > 0
    with pytest.raises(DataError, match="only complete-journey has them"):
        coupons(histories.dataset.__class__("toy", *[pd.DataFrame()] * 3))


def test_displays_sell_while_they_stand_and_nothing_else_moves(tmp_path):
    tables, lines = [], []
    for number, events in enumerate([[], [{"kind": "displays", "at": 7, "display": 3}]]):
        out = tmp_path / str(number)
        run(scenario(*events), Options(out))
        tables.append(pd.read_parquet(out / "impressions"))
        lines.append(pd.read_parquet(out / "sessions"))
    middle = pd.Timestamp(AT) + pd.Timedelta(days=7)
    early = [table[table["time"] < middle] for table in tables]
    pd.testing.assert_frame_equal(*early)
    before, after = (table.loc[table["time"] >= middle, "p_click"].mean() for table in tables)
    assert after > 1.25 * before
    assert len(lines[0]) == len(lines[1])


def test_who_has_none_is_told_in_one_line(tmp_path):
    shop.write_shop(tmp_path)
    for event, message in (
        ({"kind": "displays", "at": 0}, "has no promotions; only complete-journey has them"),
        ({"kind": "coupons", "at": 0, "utility": 1}, "has no coupons; only complete-journey"),
    ):
        with pytest.raises(DataError, match=message):
            run(
                parse_scenario(shop.scenario(interventions=[event])),
                Options(tmp_path / event["kind"], base=tmp_path),
            )
    with pytest.raises(ScenarioError, match=r'"interventions\.0\.utility" is missing'):
        scenario({"kind": "coupons", "at": 0})
    assert Coupons(kind="coupons", at=0, utility=0.0).until is None
