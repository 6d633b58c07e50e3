"""Who walks in: seeded, independent of row order, and blind to what is held out."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Split
from footfall.datasets.split import SplitSpec, split
from footfall.errors import DataError
from footfall.users.population import Population, PopulationSpec
from histories import dataset, week

AT = dt.date(2024, 1, 20)
USERS = pd.DataFrame(
    {
        "user": [f"u{n}" for n in range(8)],
        "age": ["young"] * 4 + ["old"] * 2 + [None] * 2,
        "home_town": ["Oslo"] * 7 + [None],
        "height": [180.0] * 8,
    }
)


def world(later: str = "x") -> Split:
    rows = []
    for number in range(8):
        rows += week(f"u{number}", list(range(1, 3 + number)), ["x", "y"], value=3.0)
        rows += week(f"u{number}", [25, 27], [later])
    data = dataset(rows, users=USERS, prices_from_interactions=True)
    return split(data, SplitSpec(at=AT))


def draw(cut: Split, seed: int = 1, **spec: object) -> Population:
    catalogue = Catalogue.from_items(cut.remembered.items)
    return Population.draw(cut, catalogue, PopulationSpec.model_validate(spec), seed)


def test_a_persona_is_the_remembered_part_of_a_real_user() -> None:
    people = draw(world(), users=8)
    persona = people.persona(people.index("u1"))
    assert persona.profile == {"age": "young", "home town": "Oslo", "height": "180"}
    assert len(persona.items) == 6
    assert persona.orders.tolist() == [0, 0, 1, 1, 2, 2]
    assert (np.diff(persona.times) >= np.timedelta64(0)).all()
    assert people.purchase_counts(people.index("u1")) == {0: 3, 1: 3}
    assert people.persona(people.index("u7")).profile == {"height": "180"}


def test_habits_are_those_of_the_history() -> None:
    people = draw(world(), users=8)
    habits = people.habits.loc[people.index("u3")]
    assert habits["gap_days"] == 1.0
    assert habits["items_per_order"] == 2.0
    assert habits["spend_per_order"] == 6.0
    days = (pd.Timestamp(AT) - pd.Timestamp("2024-01-01 18:30")).total_seconds() / 86_400
    assert habits["visits_per_week"] == pytest.approx(5 / (days / 7))
    assert people.hours[people.index("u3")].tolist() == [0] * 18 + [5] + [0] * 5


def test_nothing_held_out_can_reach_a_persona() -> None:
    cut = world()
    people = draw(cut, users=8, cold_start=3)
    assert all((p.times < np.datetime64(cut.at)).all() for p in people)
    # Change everything that is held out: the population must be the same, bit for bit.
    other = draw(world(later="y"), users=8, cold_start=3)
    blank = dataclasses.replace(cut, held_out=cut.held_out.iloc[:0])
    for twin in (other, draw(blank, users=8, cold_start=3)):
        assert twin.users == people.users
        for name in ("items", "times", "values", "orders", "offsets", "real", "hours"):
            np.testing.assert_array_equal(getattr(twin, name), getattr(people, name))
        pd.testing.assert_frame_equal(twin.habits, people.habits)


def test_a_split_that_leaks_is_caught() -> None:
    cut = world()
    with pytest.raises(AssertionError, match="before the split"):
        draw(dataclasses.replace(cut, at=pd.Timestamp("2024-01-02")), users=1)


def test_drawing_depends_on_the_seed_and_not_on_the_order_of_rows() -> None:
    cut = world()
    users = cut.remembered.users.iloc[::-1].reset_index(drop=True)
    turned = dataclasses.replace(cut, remembered=dataclasses.replace(cut.remembered, users=users))
    assert draw(cut, users=4).users == draw(turned, users=4).users
    assert len({draw(cut, seed=seed, users=4).users for seed in range(8)}) > 1
    # A larger draw holds the smaller one.
    assert set(draw(cut, users=3).users) < set(draw(cut, users=6).users)


def test_where_selects_by_profile_and_by_history() -> None:
    cut = world()
    people = draw(cut, users=2, where='orders >= 4 and age == "young"')
    assert people.users == ("u2", "u3")
    assert people.counts["not selected by `where`"] == 6
    assert people.counts["real users"] == 8


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("ordrs > 3", 'no column "ordrs"; did you mean "orders"?'),
        ("orders >", "is not a comparison"),
        ("orders", "compares nothing"),
        ('spend.to_pickle("x")', "is not allowed"),
        ("@pd.eval('1')", "is not a comparison"),
        ("orders.map(print) > 1", "is not allowed"),
        ("age > 3", "cannot be computed"),
        ("orders > 99", "1 users are wanted and 0 are eligible"),
    ],
)
def test_a_bad_query_is_one_clear_line(where: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        draw(world(), users=1, where=where)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_short_histories_are_counted() -> None:
    people = draw(world(), users=4, min_history=11)
    assert people.counts["fewer than 11 remembered events"] == 4
    with pytest.raises(DataError, match="5 users are wanted and 4 are eligible"):
        draw(world(), users=5, min_history=11)


def test_max_history_keeps_the_newest_events_and_the_habits() -> None:
    full, short = draw(world(), users=8), draw(world(), users=8, max_history=3)
    for long, cut in zip(full, short, strict=True):
        np.testing.assert_array_equal(long.times[-3:], cut.times)
    pd.testing.assert_frame_equal(full.habits, short.habits)
    assert full.purchase_counts(5) == short.purchase_counts(5)


def test_strata_keep_their_shares() -> None:
    ages = [p.profile.get("age") for p in draw(world(), users=4, stratify="age")]
    assert sorted(map(str, ages)) == ["None", "old", "young", "young"]
    with pytest.raises(DataError, match='no profile column "agee"; did you mean "age"'):
        draw(world(), users=4, stratify="agee")


def test_cold_start_personas_have_a_profile_and_no_history() -> None:
    people = draw(world(), users=2, cold_start=20)
    cold = [p for p in people if p.cold]
    assert [p.user for p in cold[:2]] == ["cold-00001", "cold-00002"]
    assert len(cold) == 20
    assert all(p.profile and not len(p.items) for p in cold)
    number = people.index("cold-00001")
    assert people.purchase_counts(number) == {}
    assert people.habits.loc[number].isna().all()
    assert people.hours[number].sum() == 0


def test_copies_share_a_history_and_have_names_of_their_own() -> None:
    people = draw(world(), users=20, copies=True)
    assert len(set(people.users)) == len(people) == 20
    first, second = people.persona(people.index("u0")), people.persona(people.index("u0~2"))
    np.testing.assert_array_equal(first.items, second.items)
    owners, rows = people.event_rows()
    items = people.items[rows]
    for number in (people.index("u3"), people.index("u3~2")):
        counted = dict(zip(*np.unique(items[owners == number], return_counts=True), strict=True))
        assert counted == people.purchase_counts(number)


def test_each_of_some_users_is_played_so_many_times() -> None:
    once, thrice = (draw(world(), users=4, copies=times) for times in (1, 3))
    assert set(once.users) == {user for user in thrice.users if "~" not in user}
    assert len(thrice) == 12
    assert {f"{user}~3" for user in once.users} < set(thrice.users)


def test_ratings_count_as_taken_when_they_are_good() -> None:
    rows = [
        {"user": "a", "item": i, "time": "2024-01-01", "action": "rate", "value": v}
        for i, v in (("bad", 2.0), ("fine", 3.5), ("best", 5.0))
    ]
    rows += [{**rows[0], "time": "2024-02-01"}]
    people = draw(split(dataset(rows), SplitSpec(at=AT)), users=1)
    assert people.purchase_counts(0) == {1: 1, 2: 1}


def test_events_without_baskets_make_a_visit_a_day() -> None:
    rows = [{**row, "order": ""} for row in week("a", [1, 4, 7], ["x", "y"])]
    people = draw(split(dataset(rows + week("a", [25], ["x"])), SplitSpec(at=AT)), users=1)
    assert people.persona(0).orders.tolist() == [-1] * 6
    assert people.habits.loc[0, "gap_days"] == 3.0


def test_baskets_of_one_moment_do_not_interleave() -> None:
    rows = [
        {"user": "a", "item": item, "order": order, "time": "2024-01-01", "value": 1.0}
        for item, order in (("x", "1"), ("y", "2"), ("z", "1"))
    ]
    people = draw(split(dataset(rows + week("a", [25], ["x"])), SplitSpec(at=AT)), users=1)
    assert people.persona(0).orders.tolist() == [0, 0, 1]


def test_items_outside_the_catalogue_are_counted() -> None:
    cut = world()
    items = cut.remembered.items
    few = Catalogue.from_items(items[items["item"] == "x"])
    people = Population.draw(cut, few, PopulationSpec(users=8), 1)
    assert people.counts["events of items outside the catalogue"] == sum(range(2, 10))


def test_an_unknown_user_is_one_line() -> None:
    with pytest.raises(DataError, match='no user "nobody"'):
        draw(world(), users=1).index("nobody")
