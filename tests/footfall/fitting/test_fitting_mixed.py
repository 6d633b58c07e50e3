"""The mixed logit finds how much users differ, on choices of users who do."""

from dataclasses import replace

import numpy as np
import pytest

from fitting_worlds import cut, grocery
from footfall.behaviour.features import FEATURES
from footfall.errors import DataError
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.fitted import fit_behaviour
from footfall.fitting.known import Known
from footfall.fitting.logit import LogitData, fit_logit
from footfall.fitting.mixed import fit_mixed, spread_factor
from footfall.fitting.stages import StageSpec, divide

NAMES = ("none", "price", "repeat")


def choices(spread, users=120, slates=20, k=5, seed=0):
    """Choices of users with coefficients of their own: mean (-1, -0.8, 1.2) and this spread."""
    rng = np.random.default_rng(seed)
    n = users * slates
    owner = np.repeat(np.arange(users), slates)
    own = np.array([-1.0, -0.8, 1.2]) + rng.normal(size=(users, 3)) * spread
    design = np.concatenate([np.ones((n, k, 1)), rng.normal(size=(n, k, 2))], axis=2)
    utility = np.einsum("nkf,nf->nk", design, own[owner]) + rng.gumbel(size=(n, k))
    best = utility.argmax(axis=1)
    chosen = np.where(utility.max(axis=1) > rng.gumbel(size=n), best, -1)
    return LogitData(design, np.ones((n, k), dtype=bool), chosen, True, clusters=owner)


def fitted(data, **options):
    return fit_mixed(data, fit_logit(data, NAMES), NAMES, **options)


def test_the_spread_between_users_is_found_and_the_mean_is_no_longer_too_small():
    data = choices(np.array([0.8, 0.0, 1.0]))
    pooled, mixed = fit_logit(data, NAMES), fitted(data)
    assert mixed.spread == pytest.approx([0.8, 0.0, 1.0], abs=0.25)
    assert mixed.coefficients == pytest.approx([-1.0, -0.8, 1.2], abs=0.25)
    assert pooled["repeat"] < mixed.coefficients[2] - 0.1
    assert mixed.log_likelihood > mixed.pooled_log_likelihood + 50


def test_users_who_are_alike_are_found_alike():
    data = choices(np.zeros(3))
    mixed = fitted(data)
    assert (mixed.spread < 0.35).all()
    assert mixed.log_likelihood - mixed.pooled_log_likelihood < 5


def test_only_what_may_vary_varies():
    data = choices(np.array([0.8, 0.0, 1.0]), users=60)
    pooled = fit_logit(data, NAMES)
    mixed = fit_mixed(data, pooled, ("repeat", "not fitted"))
    assert mixed.spread[0] == mixed.spread[1] == 0
    assert mixed.spread[2] > 0.5


def test_slates_of_nobody_are_refused():
    data = choices(np.zeros(3), users=5)
    anonymous = LogitData(data.design, data.shown, data.chosen, True)
    with pytest.raises(DataError, match="users they belong to"):
        fit_mixed(anonymous, fit_logit(anonymous, NAMES), NAMES)


def test_the_size_of_the_spread_is_found_on_other_users():
    truth = np.array([0.0, 0.0, 1.2])
    mixed = fitted(choices(truth))
    halved = replace(mixed, spread=mixed.spread * 0.5)
    factor = spread_factor(halved, choices(truth, seed=7))
    assert factor * halved.spread[2] == pytest.approx(1.2, abs=0.35)
    assert spread_factor(mixed, choices(np.zeros(3), seed=8)) <= 0.5


def test_a_search_from_a_fit_to_a_part_ends_where_one_from_nothing_does():
    part, whole = choices(np.array([0.6, 0.0, 1.0])), choices(np.array([0.6, 0.0, 1.0]), seed=3)
    started = fit_mixed(whole, fit_logit(whole, NAMES), NAMES, start=fitted(part))
    assert started.spread == pytest.approx(fitted(whole).spread, abs=0.1)
    assert started.coefficients == pytest.approx(fitted(whole).coefficients, abs=0.1)


def test_a_fit_gives_a_scenario_its_spread_and_its_segments():
    """Half of the users mind prices a lot, and nobody knows who is how keen on repeats."""
    halves, catalogue = cut(grocery())
    stages = divide(halves, StageSpec(max_users=None, fit_days=40), seed=1)
    known = Known.of_stage(stages.fit, catalogue, halves.remembered.items)
    users = len(stages.fit.users)
    rng = np.random.default_rng(0)
    n, k = 40 * users, 5
    items = rng.permuted(np.tile(np.arange(known.n_items), (n, 1)), axis=1)[:, :k].astype(np.int32)
    who = rng.integers(0, users, n)
    x = known.features.of(who, items)
    price, repeat = (x[:, :, FEATURES.index(name)] for name in ("price", "repeat"))
    old = np.arange(users) % 2 == 0
    keen = rng.normal(size=users)
    utility = -1.0 + np.where(old, -2.0, 0.0)[who][:, None] * price
    utility = utility + (1.0 + keen)[who][:, None] * repeat + rng.gumbel(size=(n, k))
    chosen = np.where(utility.max(axis=1) > rng.gumbel(size=n), utility.argmax(axis=1), -1)
    sets = ChoiceSets(
        items=items, chosen=chosen, users=who, times=np.full(n, np.datetime64("2024-03-01", "ns")),
        orders=np.array([""] * n, dtype=object), log_rate=np.zeros(n), names=stages.fit.users,
        protocol="planted", outside=True,
    )  # fmt: skip
    groups = np.where(old, "old", "young").astype(object)
    found = fit_behaviour(
        sets, known.features, names=("price", "repeat"), segments=groups, segments_by="age",
        vary=("repeat",),
    )  # fmt: skip
    assert found.spec.spread["repeat"] > 0.5
    segments = found.spec.segments
    assert segments is not None
    assert segments.by == "age"
    common = found.spec.click.price
    own = {group: terms.get("price", common) for group, terms in segments.click.items()}
    assert own["old"] < own["young"] - 1.0
