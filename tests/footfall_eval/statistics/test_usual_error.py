"""The usual error of the simulation of one arm, as the other arms tell it."""

import numpy as np
import pytest

from footfall_eval.statistics.joining import SLAB, usual_error


def test_without_other_arms_it_stays_what_was_known():
    assert usual_error(0.05, [], []) == 0.05
    assert usual_error(0.0, [0.3], [0.1]) == 0.0


def test_a_model_that_is_worse_than_its_look_back_says_is_found_out():
    rng = np.random.default_rng(1)
    for true in (0.03, 0.08, 0.14):
        gaps = rng.normal(0, np.hypot(true, 0.03), size=40)
        assert usual_error(0.05, gaps, np.full(40, 0.03)) == pytest.approx(true, rel=0.4)


def test_gaps_that_are_hardly_known_say_hardly_anything():
    assert usual_error(0.05, [0.4, -0.5], [0.4, 0.5]) == pytest.approx(0.055, abs=0.01)


def test_one_arm_that_knows_more_than_the_model_does_not_spoil_the_others():
    small = [0.01, -0.02, 0.03, 0.0, -0.01, 0.02]
    errors = [0.02] * 7
    without = usual_error(0.05, small, errors[:6])
    assert usual_error(0.05, [*small, SLAB], errors) < 1.3 * without
