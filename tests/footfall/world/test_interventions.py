"""What a scenario lets happen, happens: then, to those items, and to nobody's luck."""

import numpy as np
import pandas as pd
import pytest

import shop
from footfall.errors import DataError, ScenarioError
from footfall.options import Options
from footfall.run_folder.log import file_hash
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder)
    return folder


@pytest.fixture(scope="module")
def played(base, tmp_path_factory):
    """Play interventions (each once) and read what was shown and who came."""
    known = {}

    def play(*interventions, workers=1, **changes):
        key = repr((interventions, workers, sorted(changes.items())))
        if key not in known:
            out = tmp_path_factory.mktemp("run")
            scenario = parse_scenario(shop.scenario(interventions=list(interventions), **changes))
            record = run(scenario, Options(out, base=base, workers=workers))
            tables = [pd.read_parquet(out / name) for name in ("impressions", "sessions")]
            start = pd.Timestamp(record["dataset"]["split"])
            for table, column in zip(tables, ("time", "start"), strict=True):
                table["day"] = (table[column] - start) / pd.Timedelta(days=1)
            known[key] = (*tables, record, out)
        return known[key]

    return play


BAKING = "category == 'baking'"
ARMS = [
    {"name": "random", "recommender": {"kind": "random"}},
    {"name": "popular", "recommender": {"kind": "popular"}},
]


def test_a_price_moves_only_then_and_only_there(played):
    plain = played(arms=ARMS)[0]
    rows, _, _, _ = played(
        {"kind": "price", "at": 2.5, "until": 4, "where": BAKING, "factor": 2.0}, arms=ARMS
    )
    usual = plain.groupby("item")["price"].first()
    inside = rows["day"].between(2.5, 4, inclusive="left") & rows["item"].str.startswith("baking")
    ratio = rows["price"] / rows["item"].map(usual)
    assert inside.any()
    assert np.allclose(ratio[inside], 2.0)
    assert np.allclose(ratio[~inside], 1.0)
    # before anything happens, the world is the same to the last bit
    pd.testing.assert_frame_equal(rows[rows["day"] < 2.5], plain[plain["day"] < 2.5])


def test_dear_things_are_clicked_less_and_promoted_ones_more(played):
    def chance(*interventions):
        rows = played(*interventions, arms=ARMS)[0]
        return rows[rows["item"].str.startswith("baking")]["p_click"].mean()

    every = {"at": 0, "where": BAKING}
    dear = chance({"kind": "price", **every, "factor": 4.0})
    cheap = chance({"kind": "promotion", **every, "discount": 0.5})
    shown = chance({"kind": "promotion", **every, "display": 1.0})
    assert dear < chance() < cheap
    assert shown > chance()


def test_what_is_out_of_stock_is_clicked_and_not_bought(played):
    rows = played({"kind": "stock-out", "at": 2, "where": BAKING}, arms=ARMS)[0]
    empty = (rows["day"] >= 2) & rows["item"].str.startswith("baking")
    assert rows[empty]["clicked"].any()
    assert not rows[empty]["bought"].any()
    assert (rows[empty]["p_buy"] == 0).all()
    assert rows[~empty]["bought"].any()


@pytest.mark.parametrize("kind", ["catalogue-cut", "stock-out"])
def test_what_is_gone_is_not_shown_and_the_page_is_still_full(played, kind):
    hidden = {"hidden": True} if kind == "stock-out" else {}
    event = {"kind": kind, "at": 2, "until": 4, "where": BAKING, **hidden}
    rows, _, record, _ = played(event)
    inside = rows["day"].between(2, 4, inclusive="left")
    baking = rows["item"].str.startswith("baking")
    assert not (inside & baking).any()
    assert baking[~inside].any()
    assert (rows[inside].groupby(["arm", "user", "session", "page"]).size() == 5).all()
    assert all(fault["unavailable"] == 0 for fault in record["faults"].values())


def test_new_items_have_no_past_and_come_when_they_come(played):
    event = {"kind": "new-items", "at": 10, "where": BAKING, "sample": 10}
    world = {"days": 20, "slate": 8}
    rows = played(event, arms=[ARMS[0]], world=world)[0]
    new = set(rows["item"]) - set(rows[rows["day"] < 10]["item"])
    assert len(new) == 10
    assert all(name.startswith("baking") for name in new)
    popular = played(event, arms=[ARMS[1]], world=world)[0]
    assert not popular["item"].isin(new).any()  # nobody has bought them, and it does not learn


def test_items_that_the_data_lacks_can_be_added(played):
    event = {"kind": "new-items", "at": 1, "add": [{"item": "x", "title": "A kite", "price": 3.0}]}
    rows = played(event, arms=[ARMS[0]])[0]
    assert rows[rows["item"] == "x"]["day"].min() >= 1
    assert (rows[rows["item"] == "x"]["price"] == 3.0).all()


def test_an_outage_empties_the_pages_of_its_arm_and_of_no_other(played):
    event = {"kind": "outage", "at": 2, "until": 4, "arms": ["popular"]}
    _, visits, record, _ = played(event, arms=ARMS)
    plain = played(arms=ARMS)[1]
    down = visits["day"].between(2, 4, inclusive="left") & (visits["arm"] == "popular")
    assert (visits[down]["ended"] == "empty page").all()
    assert not (visits[~down]["ended"] == "empty page").any()
    assert record["faults"]["popular"]["outages"] == down.sum() > 0
    assert record["faults"]["popular"]["failed"] == 0  # as planned, and no fault of the arm
    assert record["faults"]["random"]["outages"] == 0
    same = [table[table["arm"] == "random"].reset_index(drop=True) for table in (visits, plain)]
    pd.testing.assert_frame_equal(*same)


def test_part_of_the_requests_fail_where_a_share_is_said(played):
    event = {"kind": "outage", "at": 0, "share": 0.5, "arms": ["popular"]}
    record = played(event, arms=ARMS)[2]
    faults = record["faults"]["popular"]
    assert 0.3 < faults["outages"] / faults["slates"] < 0.7


def test_some_do_not_wait_for_a_slow_page(played):
    event = {"kind": "slow", "at": 2, "seconds": 7, "patience": 10, "arms": ["popular"]}
    _, visits, _, _ = played(event, arms=ARMS)
    slow = visits[(visits["day"] >= 2) & (visits["arm"] == "popular")]
    gave_up = slow["ended"] == "gave up waiting"
    # one minus exp(-7/10) of the first pages, some more on later ones
    assert 0.3 < gave_up.mean() < 0.9
    seconds = (slow["end"] - slow["start"]).dt.total_seconds()
    assert (seconds[gave_up & (slow["pages"] == 0)] < 7).all()
    assert (seconds[~gave_up] >= 7).all()
    assert not visits.drop(slow.index)["ended"].eq("gave up waiting").any()


def test_a_wave_of_users_comes_then_and_the_others_are_who_they_were(played):
    plain = played()[1]
    for history in (True, False):
        visits = played({"kind": "new-users", "at": 3, "users": 20, "history": history})[1]
        new = set(visits["user"]) - set(plain["user"])
        assert new
        assert visits[visits["user"].isin(new)]["day"].min() >= 3
        assert all(user.startswith("cold-") != history for user in new)
        early = [
            table[table["day"] < 3].sort_values(["arm", "user", "session"])[["user", "start"]]
            for table in (visits, plain)
        ]
        assert early[0].to_numpy().tolist() == early[1].to_numpy().tolist()


def test_a_page_grows_and_is_read_otherwise(played):
    event = {"kind": "page", "at": 3, "slate": 8, "examination": 0}
    rows = played(event, arms=ARMS)[0]
    pages = rows.groupby(["arm", "user", "session", "page"])["day"].agg(["size", "first"])
    assert set(pages[pages["first"] < 3]["size"]) == {5}
    assert set(pages[pages["first"] >= 3]["size"]) == {8}
    assert (rows[rows["day"] >= 3]["p_examine"] == 1).all()
    assert (rows[rows["day"] < 3]["p_examine"] < 1).any()


def test_workers_cannot_be_seen_in_an_eventful_log(played):
    events = (
        {"kind": "promotion", "at": 1.3, "sample": 5, "discount": 0.3, "display": 0.5},
        {"kind": "slow", "at": 2, "seconds": 5},
        {"kind": "new-users", "at": 3, "users": 5},
        {"kind": "outage", "at": 4, "until": 5, "share": 0.5},
        {"kind": "page", "at": 5, "slate": 3},
    )
    folders = [played(*events, workers=workers)[3] for workers in (1, 2)]
    hashes = [
        {path.name: file_hash(path) for path in sorted((out / "impressions").iterdir())}
        for out in folders
    ]
    assert hashes[0] == hashes[1]


def test_a_recommender_may_learn_every_few_epochs_only(played):
    def trainings(retrain):
        arms = [{"name": "p", "recommender": {"kind": "popular", "retrain": retrain}}]
        return played(arms=arms, world={"days": 8, "epoch_days": 1, "slate": 5})[2]["faults"]["p"][
            "trainings"
        ]

    assert trainings("never") == 1 < trainings(3) < trainings("epoch")


WRONG = {
    "unknown kind": ({"kind": "promotoin", "at": 1}, 'did you mean "promotion"'),
    "unknown option": ({"kind": "price", "at": 1, "factr": 2}, "factr"),
    "ends first": ({"kind": "price", "at": 2, "until": 1, "factor": 2}, "before it starts"),
    "after the end": ({"kind": "price", "at": 60, "factor": 2}, "the run is over"),
    "unknown arm": ({"kind": "outage", "at": 1, "arms": ["rando"]}, 'did you mean "random"'),
    "no change": ({"kind": "page", "at": 1}, "`slate` or `examination`"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_intervention_is_one_line_that_helps(case):
    event, wanted = WRONG[case]
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(shop.scenario(interventions=[event]))
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)


BAD_ITEMS = {
    "unknown item": ({"items": ["nothing"]}, 'no item "nothing"'),
    "unknown column": ({"where": "kategory == 'x'"}, 'did you mean "category"'),
    "nobody": ({"where": "category == 'x'"}, "no item is chosen"),
}


@pytest.mark.parametrize("case", BAD_ITEMS)
def test_items_that_are_not_there_are_one_line_that_helps(case, base, tmp_path):
    event, wanted = BAD_ITEMS[case]
    scenario = parse_scenario(
        shop.scenario(interventions=[{"kind": "price", "at": 1, "factor": 2, **event}])
    )
    with pytest.raises(DataError) as caught:
        run(scenario, Options(tmp_path / "run", base=base))
    assert wanted in str(caught.value)
