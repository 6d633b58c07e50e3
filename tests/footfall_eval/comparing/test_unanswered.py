"""Visits that the model cut short are nobody's merit: no verdict rests on their loss."""

import numpy as np
import pandas as pd
import pytest

from footfall_eval.comparing.compare import compare_users
from footfall_eval.comparing.unanswered import uneven
from footfall_eval.reading.load import COUNTS

pytestmark = pytest.mark.slow

USERS, VISITS = 400, 10


def arm(name, rate, lost, seed=1):
    """Users with ten visits each: purchases at a rate a visit, and none in those cut short."""
    rng = np.random.default_rng(seed)
    cut = rng.random((USERS, VISITS)) < lost
    bought = (rng.random((USERS, VISITS)) < rate) & ~cut
    counts = pd.DataFrame(dict.fromkeys(COUNTS, 0.0), index=range(USERS))
    gone = cut.sum(axis=1).astype(float)
    return counts.assign(
        arm=name,
        user=[f"u{number:03d}" for number in range(USERS)],
        visits=float(VISITS),
        pages=float(VISITS),
        impressions=8.0 * VISITS,
        answered=8.0 * (VISITS - gone),
        clicks=bought.sum(axis=1).astype(float),
        purchases=bought.sum(axis=1).astype(float),
        decided_visits=VISITS - gone,
        undecided_pages=gone,
        undecided_impressions=8.0 * gone,
    )


def compared(control, treatment):
    return compare_users(pd.concat([control, treatment]), control="old")


@pytest.mark.parametrize("seed", range(5))
def test_an_arm_that_lost_half_of_its_visits_loses_to_nobody(seed):
    """Equal rates; what is missing makes the whole difference."""
    result = compared(arm("old", 0.3, 0.0, seed), arm("new", 0.3, 0.45, seed + 100))
    assert result.contrast("new", "purchases").p_value < 0.001
    assert result.verdict.startswith("No verdict: The model gave no answer in 4")
    assert "of the visits of new and 0.0% of the visits of old" in result.verdict


def test_a_winner_in_spite_of_what_it_lost_is_one():
    result = compared(arm("old", 0.2, 0.0), arm("new", 0.4, 0.1, 2))
    assert result.verdict.startswith("new beats old in purchases per user")


def test_losses_that_hide_a_winner_leave_no_tie():
    """A third more purchases a visit, and a quarter of the visits lost: "equal" would be wrong."""
    result = compared(arm("old", 0.3, 0.0), arm("new", 0.4, 0.25, 2))
    assert result.contrast("new", "purchases").p_value > 0.05
    assert result.verdict.startswith("No verdict: ")


@pytest.mark.parametrize("lost", [0.05, 0.2])
def test_losses_that_are_alike_decide_nothing(lost):
    result = compared(arm("old", 0.2, lost), arm("new", 0.3, lost, 2))
    assert result.verdict.startswith("new beats old in purchases per user")


def test_a_handful_of_pages_takes_no_verdict_away():
    result = compared(arm("old", 0.3, 0.0), arm("new", 0.3, 0.005, 2))
    assert "cannot be told apart" in result.verdict


@pytest.mark.parametrize(
    ("lost", "found"), [((0.0, 0.3), True), ((0.3, 0.3), False), ((0.0, 0.002), False)]
)
def test_no_run_stops_early_on_a_loss(lost, found):
    both = pd.concat([arm("old", 0.3, lost[0], 3), arm("new", 0.3, lost[1], 3)])
    assert uneven(both) == found
