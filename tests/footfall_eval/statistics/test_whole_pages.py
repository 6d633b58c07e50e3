"""Off-policy estimates of single impressions, brought to whole pages."""

from dataclasses import replace

import numpy as np
import pytest

from footfall_eval.statistics.competing import Competition
from footfall_eval.statistics.logged import LoggedArm
from footfall_eval.statistics.whole_pages import on_whole_pages

PLACES = 10.0


def an_arm(name, value):
    rng = np.random.default_rng(1)
    draws = value * np.exp(0.1 * rng.normal(size=50))
    return LoggedArm(
        name, value, value, value, 0.02, draws, draws, draws, 1e4, 1e3, 1.0, 0.01, 0
    )  # fmt: skip


def test_nothing_changes_where_items_do_not_compete():
    arms = [an_arm("random", 0.01), an_arm("best", 0.04)]
    assert on_whole_pages(arms, arms[0], None, PLACES) == arms


@pytest.mark.parametrize("weight", [-0.5, -0.2])
def test_ratios_shrink_as_users_hold_items_against_each_other(weight):
    arms = [an_arm("random", 0.01), an_arm("worse", 0.005), an_arm("best", 0.03)]
    rule = Competition(None, (), (1.0,) * 10, weight)
    base, worse, best = on_whole_pages(arms, arms[0], rule, PLACES)
    np.testing.assert_allclose(base.snips_draws, arms[0].snips_draws)
    assert base.snips == pytest.approx(arms[0].snips)
    for found, was in ((worse, arms[1]), (best, arms[2])):
        ratio = (was.snips / arms[0].snips) ** (1 + weight)
        assert found.snips / base.snips == pytest.approx(ratio, rel=0.01)
        # Draws move as their centre does: the interval shrinks with it.
        assert np.ptp(np.log(found.snips_draws / base.snips_draws)) < 1e-6
        assert found.doubly_robust / found.simulated == pytest.approx(ratio * 0.5, rel=0.01)


def test_an_arm_without_clicks_stays_without():
    arms = [an_arm("random", 0.01), replace(an_arm("none", 0.0), doubly_robust=float("nan"))]
    rule = Competition(0.5)
    nothing = on_whole_pages(arms, arms[0], rule, PLACES)[1]
    assert 0 <= nothing.snips < 1e-3
    assert np.isnan(nothing.doubly_robust)
    empty = [an_arm("random", 0.0), an_arm("best", 0.03)]
    assert on_whole_pages(empty, empty[0], rule, PLACES) == empty
