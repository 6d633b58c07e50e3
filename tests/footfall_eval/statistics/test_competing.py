"""One pick a page: what single impressions tell of whole pages."""

import math

import numpy as np
import pytest

from footfall.behaviour.decisions import chances
from footfall.behaviour.specs import Habits
from footfall_eval.statistics.competing import on_pages


@pytest.mark.parametrize("crowding", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("factor", [-0.7, 0.0, 0.4, 1.5])
def test_it_is_the_race_that_users_are_simulated_by(crowding, factor):

    habits = Habits(picks="one", crowding=crowding)
    utility, reading = np.log(np.array([[0.05, 0.1, 0.02, 0.08]])), np.ones((1, 4))
    before = float(chances(utility, reading, habits).sum())
    after = float(chances(utility + factor, reading, habits).sum())
    found, slope = on_pages(factor, before, crowding)
    assert found == pytest.approx(math.log(after / before), abs=1e-9)
    near = on_pages(factor + 1e-6, before, crowding)[0]
    assert slope == pytest.approx((near - found) / 1e-6, rel=1e-4)


def test_a_good_page_gains_less_than_its_items():
    assert on_pages(math.log(2), 0.3, 0.5)[0] < math.log(1.7)
    assert on_pages(math.log(2), 0.001, 0.5)[0] == pytest.approx(math.log(2), rel=0.01)
    assert on_pages(0.0, 0.3, 0.5) == (pytest.approx(0.0, abs=1e-12), pytest.approx(0.76, abs=0.01))
