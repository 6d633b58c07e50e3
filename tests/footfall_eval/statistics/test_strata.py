"""Whom to ask: strata cost what they may, and intervals hold whatever was foreseen."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall_eval.statistics.strata import FLOOR, MOST, strata_of
from footfall_eval.statistics.two_levels import mixed

USERS, ASKED = 800, 80


def world(rng):
    """Few users of whom the surrogate is wrong, some of them foreseen; some buy very much."""
    worth = np.where(rng.random(USERS) < 0.02, 6.0, 1.0)
    chance = np.where(rng.random(USERS) < 0.15, 0.4, 0.01)
    cheap = worth * rng.poisson(1.0, USERS)
    turned = rng.random(USERS) < chance
    dear = cheap + worth * turned * rng.choice((-1.0, 1.0, 1.0), USERS)
    cost = rng.poisson(20, USERS) + 1.0
    return cheap, dear, chance * worth**2, cost


def estimate(rng, foreseen):
    """The estimate of one world, from as many questions whatever was foreseen."""
    cheap, dear, variance, cost = world(rng)
    wrong = {
        "even": np.zeros(USERS),
        "right": variance,
        "shuffled": rng.permutation(variance),
        "wrong way around": 1 / (variance + 0.01),
    }[foreseen]
    cut = strata_of(wrong, cost, ASKED / USERS)
    who = cut.drawn(rng)
    return mixed(cheap, dear[who], who, strata=cut.of_user)


@pytest.mark.parametrize("foreseen", ["even", "right", "shuffled", "wrong way around"])
def test_intervals_hold_whatever_was_foreseen(foreseen):
    rng, held = np.random.default_rng(11), 0
    true = 1.1 + 1.1 * (0.15 * 0.4 + 0.85 * 0.01) / 3
    for _ in range(400):
        low, high = estimate(rng, foreseen).interval(0.95)
        held += low <= true <= high
    assert 0.915 <= held / 400 <= 0.98


def test_at_the_same_questions_what_is_foreseen_rightly_saves_variance():
    spread = {}
    for foreseen in ("even", "right", "wrong way around"):
        rng = np.random.default_rng(12)
        spread[foreseen] = np.var([estimate(rng, foreseen).value for _ in range(300)])
    assert spread["right"] < 0.8 * spread["even"]
    assert spread["wrong way around"] < 2 / FLOOR * spread["even"]


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    st.floats(0.03, 1.0),
    st.sampled_from(["skewed", "nobody", "one", "free"]),
)
def test_users_are_asked_once_at_the_questions_that_there_are(seed, share, kind):
    rng = np.random.default_rng(seed)
    variance = {
        "skewed": np.exp(rng.normal(0, 3, USERS)),
        "nobody": np.zeros(USERS),
        "one": np.eye(USERS)[0],
        "free": np.exp(rng.normal(0, 1, USERS)),
    }[kind]
    cost = rng.poisson(20, USERS).astype(float) * (kind != "free" or rng.random(USERS) < 0.5)
    cut = strata_of(variance, cost, share)
    users = np.bincount(cut.of_user)
    assert len(users) == len(cut.asked) <= MOST
    assert (cut.asked >= 1).all()
    assert (cut.asked <= users).all()
    each = np.bincount(cut.of_user, cost) / users
    # Rounding to whole users is all that it may be off by.
    assert abs((cut.asked * each).sum() - share * cost.sum()) <= 2 * each.sum() + 1e-6
    who = cut.drawn(rng)
    assert len(set(who.tolist())) == cut.asked.sum()
    if kind != "free":
        least = (cut.asked / users).min() / (cut.asked.sum() / USERS)
        assert least >= 0.25


def test_everybody_asked_is_what_asking_everybody_tells():
    rng = np.random.default_rng(13)
    cheap, dear, variance, cost = world(rng)
    cut = strata_of(variance, cost, 1.0)
    found = mixed(cheap, dear, cut.drawn(rng), strata=cut.of_user)
    assert found.value == pytest.approx(dear.mean())
    assert found.error == pytest.approx(dear.std(ddof=1) / np.sqrt(USERS), rel=0.03)
