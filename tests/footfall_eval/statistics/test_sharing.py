"""How a budget is shared out between two levels of users."""

import numpy as np
import pytest

from footfall_eval.statistics.sharing import Repeated, share_out


def cost(repeated, asked, played):
    return asked + played * repeated.cost


@pytest.mark.parametrize("r", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("price", [1 / 30, 1 / 1000])
def test_nothing_cheaper_is_as_good(r, price):
    repeated = Repeated(r**2, price)
    asked, played = repeated.as_good_as(2000)
    assert repeated.variance(asked, played) <= 1 / 2000
    best = cost(repeated, asked, played)
    for other in np.geomspace(asked / 3, asked * 3, 50):
        left = 1 / 2000 - (1 - r**2) / other
        if left > 0:
            assert cost(repeated, other, r**2 / left) >= 0.995 * best


def test_a_better_surrogate_means_fewer_questions():
    asked = [Repeated(r**2, 1 / 300).as_good_as(1000)[0] for r in (0.0, 0.5, 0.9, 0.97)]
    assert asked == sorted(asked, reverse=True)
    assert asked[0] == 1000


def test_the_whole_budget_is_spent_and_no_more():
    for r in (0.6, 0.9, 0.99):
        repeated = Repeated(r**2, 1 / 300)
        found = share_out(3000, 300, 60, repeated)
        spent = 60 + found.asked + found.times * 3000 * repeated.cost
        assert 299 <= spent <= 300
        assert found.pays


@pytest.mark.parametrize(("r", "budget"), [(0.0, 300), (0.2, 300), (0.97, 70)])
def test_what_does_not_pay_is_known(r, budget):
    assert not share_out(3000, budget, 60, Repeated.of(r, 20, 1 / 300)).pays


def test_few_pairs_flatter_and_are_not_believed():
    assert Repeated.of(0.9, 20, 0.01).share < 0.9**2
    assert Repeated.of(-0.9, 20, 0.01).share == 0


@pytest.mark.parametrize("price", [1 / 300, 1 / 120, 1 / 60])
def test_perfect_agreement_of_a_few_users_leaves_enough_to_be_asked(price):
    """A pilot of 16 pairs that are alike once said that all must go to the surrogate, and then that
    two levels do not pay."""
    found = share_out(1600, 160, 60, Repeated.of(1.0, 16, price))
    assert found.asked >= 20
    assert found.pays
    assert found.worth > 2


def test_a_pair_more_that_agrees_is_believed_a_little_more():
    shares = [Repeated.of(1.0, users, 1 / 300).share for users in (5, 16, 50, 500)]
    assert shares == sorted(shares)
    assert shares[-1] < 1
