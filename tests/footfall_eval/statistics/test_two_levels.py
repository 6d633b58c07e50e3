"""Two levels of users: intervals hold what the language model alone would say of everybody."""

import numpy as np
import pytest

from footfall_eval.measures.metrics import Columns
from footfall_eval.statistics.effects import effect
from footfall_eval.statistics.two_levels import FEWEST_ASKED, Level, effect_of_levels, mixed

USERS, ASKED = 2000, 120


def teacher_and_surrogate(rng, way):
    """Purchases of users in two arms by a teacher, and by a surrogate that is off in some way."""
    rate = np.exp(rng.normal(0.3, 0.6, USERS))
    group = rng.random(USERS) < 0.3
    lift = np.where(group, 1.4, 1.1)
    luck = rng.random((USERS, 40))  # the same for both arms and both levels

    def counts(of):
        return (luck < np.clip(of / 40, 0, 1)[:, None]).sum(axis=1).astype(float)

    dear = counts(rate), counts(rate * lift)
    off = {
        "exact": (rate, rate * lift),
        "bias": (rate + 0.5, rate * lift + 0.8),
        "scale": (0.5 * rate, 0.5 * rate * (1 + 2 * (lift - 1))),
        "group": (rate, rate * np.where(group, 1.0, 1.1)),
        "noise": (np.exp(rng.normal(0.3, 0.6, USERS)),) * 2,
    }[way]
    return dear, tuple(counts(of) for of in off)


def estimate(dear, cheap, asked):
    def level(pair, rows):
        return Level(*(Columns(one[rows], None) for one in pair))

    return effect_of_levels(level(cheap, np.arange(USERS)), level(dear, asked), asked)


@pytest.mark.parametrize("way", ["exact", "bias", "scale", "group", "noise"])
def test_intervals_hold_what_the_model_alone_would_say(way):
    rng, held, held_lift = np.random.default_rng(5), 0, 0
    for _ in range(400):
        dear, cheap = teacher_and_surrogate(rng, way)
        asked = np.sort(rng.choice(USERS, ASKED, replace=False))
        found = estimate(dear, cheap, asked).effect
        # What is estimated is the mean of the users there could be: 1.19 times as much.
        true = np.exp(0.3 + 0.18) * (0.3 * 0.4 + 0.7 * 0.1)
        held += found.ci_low <= true <= found.ci_high
        held_lift += found.lift_low <= 0.19 <= found.lift_high
    assert 0.925 <= held / 400 <= 0.98
    assert 0.925 <= held_lift / 400 <= 0.98


def test_a_good_surrogate_is_worth_many_questions_and_a_bad_one_costs_little():
    rng = np.random.default_rng(6)
    widths = {}
    for way in ("exact", "bias", "scale", "group", "noise"):
        ratios = []
        for _ in range(20):
            dear, cheap = teacher_and_surrogate(rng, way)
            asked = np.sort(rng.choice(USERS, ASKED, replace=False))
            found = estimate(dear, cheap, asked)
            ratios.append(found.mixed.error / found.mixed.alone)
        widths[way] = float(np.mean(ratios))
    assert widths["exact"] < 0.3
    assert widths["noise"] < 1.05
    assert widths["exact"] < widths["group"] < widths["noise"]


def test_a_perfect_surrogate_gives_what_asking_everybody_gives():
    rng = np.random.default_rng(7)
    dear, _ = teacher_and_surrogate(rng, "exact")
    asked = np.sort(rng.choice(USERS, ASKED, replace=False))
    found = estimate(dear, dear, asked).effect
    whole = effect(*(Columns(one, None) for one in dear))
    assert found.difference == pytest.approx(whole.difference, abs=0.5 * whole.standard_error)
    assert found.standard_error == pytest.approx(whole.standard_error, rel=0.15)


def test_ratios_go_by_the_delta_method():
    rng = np.random.default_rng(8)
    pages = rng.poisson(20, USERS) + 1.0
    clicks = [rng.binomial(pages.astype(int), p).astype(float) for p in (0.1, 0.13)]
    asked = np.arange(0, USERS, 10)
    dear = Level(*(Columns(c[asked], pages[asked]) for c in clicks))
    cheap = Level(*(Columns(0.7 * c, pages) for c in clicks))
    found = effect_of_levels(cheap, dear, asked)
    assert found.control == pytest.approx(0.1, abs=0.01)
    assert found.effect.ci_low < 0.03 < found.effect.ci_high
    assert found.effect.method.startswith("delta method")


def test_too_few_are_refused():
    few = np.ones(FEWEST_ASKED - 1)
    with pytest.raises(ValueError, match="too few"):
        mixed(np.ones(50), few, np.arange(len(few)))


def test_copies_of_one_user_are_no_strangers_to_each_other():
    """Whoever is bought from three times is still one: intervals hold the mean of all users."""
    rng, held, times = np.random.default_rng(9), 0, 3
    users, few = 300, 60
    for _ in range(300):
        taste = rng.normal(0.2, 1.0, users)  # what differs between users, the same for copies
        luck = rng.normal(size=(times, users))
        cheap = np.concatenate([taste + one + 0.5 for one in luck])
        asked = np.sort(rng.choice(users, few, replace=False))
        dear = (taste + luck[0] + 0.3 * rng.normal(size=users))[asked]
        found = mixed(cheap, dear, asked, np.arange(len(cheap)) % users)
        low, high = found.interval(0.95)
        held += low <= 0.2 <= high
        assert found.error > 0.9 * np.sqrt((1 + 1 / times) / users)
    assert 0.92 <= held / 300 <= 0.98
