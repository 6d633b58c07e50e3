"""Where items compete: what single impressions tell of whole pages."""

import math

import numpy as np
import pytest

from footfall.behaviour.decisions import chances
from footfall.behaviour.specs import Habits
from footfall_eval.statistics.competing import Competition

READING = (1.0, 0.8, 0.6, 0.5)


def clicks(habits, rates):
    """Expected clicks on a page whose items come at these rates (chances, where several are)."""
    utility = np.log(rates) if habits.picks == "one" else np.log(rates / (1 - rates))
    curve = np.ones(4) if habits.picks == "one" else np.array(READING)
    return float(chances(utility[None], curve[None], habits).sum())


@pytest.mark.parametrize("factor", [-0.7, 0.0, 0.4, 1.1])
@pytest.mark.parametrize(
    "habits",
    [
        *(Habits(picks="one", crowding=c) for c in (0.0, 0.5, 1.0, 2.0)),
        *(
            Habits(picks="many", reads_on=r, examine_curve=READING)
            for r in ((0.0,), (0.4, 0.1), (1.0, 0.0))
        ),
    ],
    ids=lambda habits: f"{habits.picks} {habits.crowding} {habits.reads_on}",
)
def test_pages_answer_as_users_are_simulated(habits, factor):
    rates = np.full(4, 0.12)
    rule = Competition.of(habits.model_dump(), 4)
    before, after = (clicks(habits, rates * np.exp(f)) for f in (0.0, factor))
    found, slope = rule.on_pages(factor, before)
    assert found == pytest.approx(math.log(after / before), abs=1e-6)
    near = math.log(clicks(habits, rates * np.exp(factor + 1e-4)) / after)
    assert slope == pytest.approx(near / 1e-4, rel=0.01)


def test_a_good_page_gains_less_than_its_items():
    rule = Competition(0.5)
    assert rule.on_pages(math.log(2), 0.3)[0] < math.log(1.7)
    assert rule.on_pages(math.log(2), 0.001)[0] == pytest.approx(math.log(2), rel=0.01)
    assert rule.on_pages(0.0, 0.3) == (pytest.approx(0.0, abs=1e-9), pytest.approx(0.76, abs=0.01))


@pytest.mark.parametrize("picks", ["one", "many"])
def test_items_held_against_each_other_gain_less_together(picks):
    habits = {"picks": picks, "crowding": 0.5, "examine_curve": READING}
    rule, plain = (Competition.of(habits, 4, weight) for weight in (-0.5, 0.0))
    plain = plain or Competition(None, (), READING)
    found, slope = rule.on_pages(0.6, 0.2)
    alone, alone_slope = plain.on_pages(0.3, 0.2)
    assert found == pytest.approx(alone)
    assert slope == pytest.approx(alone_slope / 2, rel=1e-3)


def test_items_that_do_not_compete_need_nothing():
    for reads_on in ([], [1.0, 1.0], 1.0, None, True, "0.4", ["x"], {}):
        assert Competition.of({"picks": "many", "reads_on": reads_on}, 10) is None


def test_runs_of_earlier_versions_have_one_number():
    for share in (0.0, 0.4):
        old, new = ({"picks": "many", "reads_on": said} for said in (share, [share]))
        assert Competition.of(old, 10) == Competition.of(new, 10)
        assert Habits(**old) == Habits(**new)
    assert Habits(reads_on=1.0) == Habits()


def test_more_clicks_than_the_rule_allows_are_no_error():
    rule = Competition.of({"picks": "many", "reads_on": [0.2], "examine_curve": [1.0]}, 5)
    assert all(math.isfinite(one) for one in rule.on_pages(1.0, 50.0))
