"""Features: what the eye sees, and the same numbers for whoever fits and whoever simulates."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitting_worlds import AT, cut, films, grocery
from footfall.behaviour.features import FEATURES, PairFeatures, PairTable, Past, Tags, view_crowd
from footfall.behaviour.specs import BuyTerms, Terms
from footfall.fitting.known import Known
from footfall.fitting.stages import StageSpec, divide, taken
from footfall.users.population import Population, PopulationSpec
from footfall.world.setup import known_before


def column(features, name, users, items):
    found = features.of(np.asarray(users), np.asarray(items, dtype=np.int32))
    return found[:, :, FEATURES.index(name)]


@pytest.fixture(scope="module")
def shop():
    halves, catalogue = cut(grocery())
    stages = divide(halves, StageSpec(max_users=None), seed=1)
    return halves, catalogue, stages, Known.of_stage(stages.fit, catalogue, halves.remembered.items)


def test_every_feature_has_a_coefficient_that_changes_nothing_until_fitted():
    for name in FEATURES:
        assert name in Terms.model_fields
    for name in set(FEATURES) - {"popularity", "price", "repeat"}:
        assert getattr(Terms(), name) == 0.0
    assert BuyTerms() == BuyTerms()


def test_own_history_is_counted(shop):
    _, catalogue, stages, known = shop
    user = stages.fit.users[0]
    mine = stages.fit.memory[stages.fit.memory["user"] == user]
    counts = mine["item"].value_counts()
    items = [catalogue.code(item) for item in counts.index]
    np.testing.assert_allclose(
        column(known.features, "repeat", [0], [items])[0], np.log1p(counts.to_numpy())
    )
    ages = (stages.fit.at - mine["time"]) / pd.Timedelta(days=1)
    faded = np.exp(-ages / 28).groupby(mine["item"]).sum()
    np.testing.assert_allclose(
        column(known.features, "recency", [0], [items])[0], np.log1p(faded[counts.index])
    )
    never = sorted(set(range(len(catalogue))) - set(items))
    assert (column(known.features, "repeat", [0], [never]) == 0).all()


def test_popularity_is_the_crowds(shop):
    _, catalogue, stages, known = shop
    sales = stages.fit.crowd["item"].value_counts()
    users = stages.fit.crowd["user"].nunique()
    for item in ("i00", "i10"):
        expected = np.log1p(1000 * sales.get(item, 0) / users)
        found = column(known.features, "popularity", [0], [[catalogue.code(item)]])
        assert found[0, 0] == pytest.approx(expected)


def test_the_world_reads_the_same_numbers_as_the_fit():
    for dataset, at in ((grocery(), AT), (films(), AT - pd.Timedelta(days=40))):
        halves, catalogue = cut(dataset, at)
        population = Population.draw(halves, catalogue, PopulationSpec(users=10), seed=3)
        rows = halves.remembered.interactions
        world = known_before(halves.remembered, population, catalogue, halves.at)
        best = float("nan") if (rows["action"] == "purchase").any() else 5.0
        liked = taken(rows, best)
        tags = Tags.of_items(halves.remembered.items)
        own = rows["user"].isin(population.users).to_numpy()
        past = Past.of_rows(rows[own], population.users, catalogue, halves.at, liked[own])
        fit = PairFeatures.build(past, view_crowd(rows, catalogue, tags, liked), tags, catalogue)
        users = np.arange(10)
        items = np.broadcast_to(np.arange(len(catalogue), dtype=np.int32), (10, len(catalogue)))
        np.testing.assert_allclose(world.of(users, items), fit.of(users, items), rtol=1e-12)


def test_a_cold_user_has_no_tastes_and_finite_numbers():
    halves, catalogue = cut(grocery())
    spec = PopulationSpec(users=3, cold_start=1)
    population = Population.draw(halves, catalogue, spec, seed=3)
    known = known_before(halves.remembered, population, catalogue, halves.at)
    cold = int(np.flatnonzero(population.cold)[0])
    every = np.arange(len(catalogue), dtype=np.int32)[None]
    found = known.of(np.array([cold]), every)
    assert np.isfinite(found).all()
    for name in ("repeat", "recency", "spending", "mainstream", "category", "appetite"):
        np.testing.assert_allclose(found[0, :, FEATURES.index(name)], 0, atol=1e-12)


def test_good_films_have_quality_and_liked_genres_approval():
    halves, catalogue = cut(films(), AT - pd.Timedelta(days=40))
    stages = divide(halves, StageSpec(cut="user", min_memory=2), seed=1)
    features = Known.of_stage(stages.fit, catalogue, halves.remembered.items).features
    even = np.array([int(i[1:]) % 2 == 0 for i in catalogue.ids])
    quality = column(features, "quality", [0], [np.arange(len(catalogue))])[0]
    assert quality[even].min() > 0.5 > -0.5 > quality[~even].max()


def test_only_ratings_tell_quality(shop):
    _, catalogue, _, known = shop
    for name in ("quality", "approval"):
        assert (column(known.features, name, [0], [np.arange(len(catalogue))]) == 0).all()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=40))
def test_a_table_of_pairs_holds_sums(pairs):
    users = np.array([u for u, _ in pairs], dtype=np.int64)
    items = np.array([i for _, i in pairs], dtype=np.int32)
    table = PairTable.total(users, items, np.ones(len(pairs)), 7)
    grid = table.of(np.arange(5), np.broadcast_to(np.arange(-1, 7, dtype=np.int32), (5, 8)))
    assert (grid[:, 0] == 0).all()
    for user in range(5):
        for item in range(7):
            assert grid[user, item + 1] == pairs.count((user, item))


def test_a_page_has_the_same_features_alone_and_in_a_batch(shop):
    _, catalogue, stages, known = shop
    rng = np.random.default_rng(0)
    users = rng.integers(0, len(stages.fit.users), 30)
    items = rng.integers(-1, len(catalogue), (30, 5)).astype(np.int32)
    together = known.features.of(users, items)
    for row in range(30):
        alone = known.features.of(users[row : row + 1], items[row : row + 1])
        np.testing.assert_array_equal(together[row], alone[0])
