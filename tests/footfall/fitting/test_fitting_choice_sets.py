"""Choice sets: what was in sight, what was taken, and nothing from the future."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fitting_worlds import AT, cut, films, goods, grocery
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset
from footfall.errors import DataError
from footfall.fitting import choice_sets
from footfall.fitting.choice_sets import OUTSIDE, check_no_leak
from footfall.fitting.stages import StageSpec, divide

SPEC = StageSpec(fit_days=28, calibrate_days=14)


@pytest.fixture(scope="module")
def shop():
    halves, catalogue = cut(grocery())
    return halves, catalogue, divide(halves, SPEC, seed=1)


@pytest.fixture(scope="module")
def cinema():
    halves, catalogue = cut(films(), AT - pd.Timedelta(days=40))
    return halves, catalogue, divide(halves, StageSpec(cut="user", min_memory=2), seed=1)


def test_stages_share_neither_users_nor_time(shop):
    halves, _, stages = shop
    fit, calibrate, test = stages.fit, stages.calibrate, stages.test
    assert not set(test.users) & (set(fit.users) | set(calibrate.users))
    assert not set(fit.users) & set(calibrate.users)
    for stage in (fit, calibrate, test):
        assert not set(stage.crowd["user"]) & set(stage.users)
        assert (stage.memory["time"] < stage.at).all()
        assert (stage.crowd["time"] < stage.at).all()
        assert (stage.choices["time"] >= stage.at).all()
        assert set(stage.choices["user"]) == set(stage.users)
    assert fit.choices["time"].max() < calibrate.at <= calibrate.choices["time"].min()
    assert calibrate.choices["time"].max() < halves.at == test.at


def test_each_users_rows_are_cut_when_few_users_stay(cinema):
    halves, _, stages = cinema
    assert (stages.fit.choices["time"] < halves.at).all()
    assert (stages.test.choices["time"] >= halves.at).all()
    for stage in (stages.fit, stages.test):
        last = stage.memory.groupby("user")["time"].max()
        assert (last < stage.choices.groupby("user")["time"].min()).all()
        assert stage.crowd["time"].max() < stage.at
        assert not set(stage.crowd["user"]) & set(stage.users)


def test_the_division_does_not_depend_on_the_order_of_rows(shop):
    halves, catalogue, stages = shop
    mixed = halves.remembered.interactions.sample(frac=1, random_state=0)
    again = divide(
        replace(halves, remembered=replace(halves.remembered, interactions=mixed)), SPEC, seed=1
    )
    assert again.fit.users == stages.fit.users
    one = choice_sets.shelf(stages.fit, catalogue, k=4, seed=2)
    two = choice_sets.shelf(
        replace(again.fit, choices=again.fit.choices.sort_values(["time", "user", "item"])),
        catalogue,
        k=4,
        seed=2,
    )
    np.testing.assert_array_equal(one.items, two.items)


def test_a_leak_is_caught(shop):
    _, catalogue, stages = shop
    sets = choice_sets.shelf(stages.test, catalogue, k=4)
    check_no_leak(sets, stages.test.memory, catalogue)
    answer = stages.test.choices.iloc[[0]]
    with pytest.raises(DataError, match="leak: 1 remembered rows") as error:
        check_no_leak(sets, pd.concat([stages.test.memory, answer]), catalogue)
    assert answer["user"].iloc[0] in str(error.value)
    assert "\n" not in str(error.value)


def test_a_shelf_holds_what_that_store_sold_that_week_and_not_the_basket(shop):
    _, catalogue, stages = shop
    sets = choice_sets.shelf(stages.fit, catalogue, k=4)
    assert not sets.outside
    assert not sets.weak
    market = stages.fit.market
    for row in range(len(sets)):
        user = sets.names[sets.users[row]]
        mine = stages.fit.choices[
            (stages.fit.choices["user"] == user) & (stages.fit.choices["order"] == sets.orders[row])
        ]
        place = (market["store"] == mine["store"].iloc[0]) & (
            market["week"] == mine["week"].iloc[0]
        )
        sold = set(catalogue.codes(market.loc[place, "item"]))
        basket = set(catalogue.codes(mine["item"]))
        slate = sets.items[row].tolist()
        assert set(slate) <= sold
        assert set(slate) & basket == {slate[sets.chosen[row]]}
        assert len(set(slate)) == 4
    assert choice_sets.shelf(stages.fit, catalogue, k=4, by_popularity=True).weak


def test_displayed_slates_keep_the_natural_rate_of_choices(shop):
    _, catalogue, stages = shop
    every = np.arange(len(catalogue), dtype=np.int32)
    shelves = {(s, w): every for s in ("s0", "s1") for w in range(60)}
    sets = choice_sets.displayed(stages.fit, shelves, catalogue, k=3, outside_per_choice=0.3)
    nothing = sets.chosen == OUTSIDE
    assert nothing.sum() == pytest.approx(0.3 * (~nothing).sum(), rel=0.35)
    trips = stages.fit.choices.groupby("order")["item"].nunique()
    n, k = len(catalogue), 3
    chance = [1 - np.prod([(n - b - j) / (n - j) for j in range(k)]) for b in trips]
    natural = (~nothing).sum() / (sets.weights().sum())
    assert natural == pytest.approx(np.mean(chance), abs=0.04)
    for row in np.flatnonzero(~nothing)[:50]:
        basket = stages.fit.choices[stages.fit.choices["order"] == sets.orders[row]]
        bought = set(catalogue.codes(basket["item"]))
        slate = sets.items[row][sets.items[row] >= 0].tolist()
        assert set(slate) & bought == {sets.items[row, sets.chosen[row]]}


def test_displayed_slates_say_how_often_several_were_taken(shop):
    """Whoever buys most of the shelf takes several of a slate, whoever buys one thing does not."""
    _, catalogue, stages = shop
    every = np.arange(len(catalogue), dtype=np.int32)
    shelves = {(s, w): every for s in ("s0", "s1") for w in range(60)}
    stage = stages.fit
    first = replace(stage, choices=stage.choices.drop_duplicates("order"))
    assert choice_sets.displayed(first, shelves, catalogue, k=3).several == 0
    baskets = choice_sets.displayed(stage, shelves, catalogue, k=len(catalogue))
    sizes = stage.choices.groupby("order")["item"].nunique()
    assert baskets.several == pytest.approx((sizes > 1).mean())


def test_no_column_is_favoured(shop):
    _, catalogue, stages = shop
    sets = choice_sets.unseen(stages.fit, catalogue, k=4, seed=3)
    assert sets.weak
    counts = np.bincount(sets.chosen, minlength=4)
    assert counts.min() > 0.15 * counts.sum()


def test_unseen_slates_do_not_give_new_items_away(shop):
    """Others are drawn among what the crowd knows, so a taken item must be known to it as well."""
    _, catalogue, stages = shop
    new = stages.fit.choices["item"].iloc[0]
    crowd = stages.fit.crowd[stages.fit.crowd["item"] != new]
    sets = choice_sets.unseen(replace(stages.fit, crowd=crowd, _numbers={}), catalogue, k=4)
    assert catalogue.code(new) not in sets.items
    even = choice_sets.unseen(
        replace(stages.fit, crowd=crowd, _numbers={}), catalogue, k=4, by_popularity=False
    )
    assert catalogue.code(new) in even.items[np.arange(len(even)), even.chosen]


def test_likes_are_set_against_own_dislikes(cinema):
    _, catalogue, stages = cinema
    sets = choice_sets.likes(stages.fit, catalogue, k=5)
    even = np.array([int(i[1:]) % 2 == 0 for i in catalogue.ids])
    rows = np.arange(len(sets))
    assert even[sets.items[rows, sets.chosen]].all()
    others = sets.shown & (np.arange(5) != sets.chosen[:, None])
    assert not even[sets.items[others]].any()


def test_logged_impressions_read_views_and_clicks():
    rows = [
        ("u", "i00", "view", "v1"), ("u", "i01", "view", "v1"), ("u", "i02", "view", "v1"),
        ("u", "i01", "click", "v1"),
        ("u", "i03", "view", "v2"), ("u", "i04", "view", "v2"),
        ("u", "i05", "view", "v3"), ("u", "i06", "view", "v3"), ("u", "i07", "view", "v3"),
        ("u", "i05", "click", "v3"), ("u", "i06", "click", "v3"),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["user", "item", "action", "order"])
    frame["time"] = pd.Timestamp("2024-02-01") + pd.to_timedelta(
        frame["order"].str[1:].astype(int), unit="D"
    )
    frame = frame.assign(quantity=1.0, value=np.nan, time=frame["time"].astype("datetime64[ns]"))
    _, _, stages = _stages_of_grocery()
    stage = replace(stages.fit, users=("u",), choices=frame, _numbers={})
    catalogue = Catalogue.from_items(goods(24))
    sets = choice_sets.logged_impressions(stage, catalogue, k=3)
    assert sets.outside
    seen = [
        (sorted(i for i in items if i >= 0), None if c == OUTSIDE else int(items[c]))
        for items, c in zip(sets.items.tolist(), sets.chosen.tolist(), strict=True)
    ]
    assert sorted(seen, key=str) == [
        ([0, 1, 2], 1), ([3, 4], None), ([5, 7], 5), ([6, 7], 6),
    ]  # fmt: skip


def _stages_of_grocery():
    halves, catalogue = cut(grocery())
    return halves, catalogue, divide(halves, SPEC, seed=1)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (choice_sets.logged_impressions, "records no views"),
        (choice_sets.likes, "records no ratings"),
        (lambda s, c: choice_sets.displayed(s, {}, c), "no trip of these users"),
        (lambda s, c: choice_sets.shelf(s, c, k=24), "no usable choice"),
    ],
)
def test_what_the_data_cannot_tell_is_said(shop, build, message):
    _, catalogue, stages = shop
    with pytest.raises(DataError, match=message):
        build(stages.fit, catalogue)


def test_a_stage_without_users_is_said():
    halves, _ = cut(grocery())
    with pytest.raises(DataError, match="no users are left for the test stage"):
        divide(halves, SPEC, seed=1, test_users=[])
    with pytest.raises(DataError, match="fit stage"):
        divide(halves, StageSpec(min_memory=10_000), seed=1)


def test_test_users_can_be_given_and_learning_users_restricted():
    halves, _ = cut(grocery())
    among = [f"u{n:02d}" for n in range(10, 30)]
    stages = divide(halves, SPEC, seed=1, test_users=["u01", "u12"], among=among)
    assert stages.test.users == ("u01", "u12")
    learned = set(stages.fit.users) | set(stages.calibrate.users) | set(stages.fit.crowd["user"])
    assert learned <= set(among) - {"u12"}


def test_the_dataset_type_is_used_only_for_promotions():
    with pytest.raises(DataError, match="only complete-journey has them"):
        choice_sets.read_shelves(
            Dataset("x", pd.DataFrame(), pd.DataFrame(), pd.DataFrame()),
            Catalogue.from_items(goods(3)),
            [1],
        )
