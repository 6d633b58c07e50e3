"""What goes with what: exactly EASE, folded in for others, and nothing for strangers."""

import numpy as np
import pytest

from footfall.behaviour.alike import LEAST_RIDGE, RIDGE, Alike


def clubs(users=60, items=20, seed=0):
    """Two clubs: members take items of their own half."""
    rng = np.random.default_rng(seed)
    club = np.arange(users) % 2
    chance = np.where((np.arange(items) % 2)[None, :] == club[:, None], 0.5, 0.05)
    who, what = np.nonzero(rng.random((users, items)) < chance)
    return who.astype(np.int64), what.astype(np.int32)


def test_scores_are_those_of_the_closed_form():
    who, what = clubs()
    taken = np.zeros((60, 20))
    taken[who, what] = 1
    ridge = max(LEAST_RIDGE, RIDGE * taken.sum(axis=0).mean())
    inverse = np.linalg.inv(taken.T @ taken + ridge * np.eye(20))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    alike = Alike.learn(who, what, 20)
    mine = np.array([0, 2, 5])
    tastes = alike.of(np.zeros(3, dtype=np.int64), mine.astype(np.int32), 1)
    found = tastes.at(np.zeros(1, dtype=np.int64), np.arange(20, dtype=np.int32)[None, :])[0]
    x = np.zeros(20)
    x[mine] = 1
    np.testing.assert_allclose(np.sinh(found) * alike.spread, x @ weights, atol=1e-10)


def test_a_member_likes_what_the_club_takes_and_a_stranger_nothing():
    alike = Alike.learn(*clubs(), 20)
    tastes = alike.of(np.array([0, 0]), np.array([0, 2], dtype=np.int32), 2)
    every = np.tile(np.arange(20, dtype=np.int32), (2, 1))
    found = tastes.at(np.arange(2), every)
    assert found[0, 4::2].mean() > 2 * found[0, 1::2].mean()
    np.testing.assert_array_equal(found[1], 0)


@pytest.mark.parametrize("n", [0, 5])
def test_few_takings_teach_nothing(n):
    alike = Alike.learn(np.arange(n), np.zeros(n, dtype=np.int32), 4)
    tastes = alike.of(np.array([0]), np.array([1], dtype=np.int32), 1)
    assert tastes.at(np.array([0]), np.array([[0, 1, -1]], dtype=np.int32)).tolist() == [[0, 0, 0]]
