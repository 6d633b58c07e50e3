"""How close a page was: above 0 is clicked, and what is added beyond the margin turns it around."""

import numpy as np
import pytest

from footfall.behaviour.decisions import Behaviour, PageFeatures, PageLuck
from footfall.behaviour.margins import margins
from footfall.behaviour.specs import BehaviourSpec, Habits, Terms
from footfall.luck import Luck, identities

PAGES, K = 3000, 6
RULES = {
    "one": Habits(picks="one", examination=0.5),
    "one that crowds": Habits(picks="one", examination=0.3, crowding=0.7),
    "many": Habits(picks="many", examination=0.5),
    "many that read on": Habits(picks="many", examination=0.3, reads_on=(0.6, 0.3)),
}


def decided(rule, llm, luck):
    """Clicks, and margins of the same pages."""
    zero = np.zeros((PAGES, K))
    behaviour = Behaviour(BehaviourSpec(click=Terms(none=-1.5), habits=RULES[rule]))
    page = PageFeatures(np.ones((PAGES, K), dtype=bool), llm, zero, zero, zero, zero)
    done = behaviour.decide(page, luck)
    return done, margins(done.utility, done.p_examine, luck, RULES[rule])


@pytest.fixture(scope="module")
def luck():
    users = identities([f"u{n}" for n in range(PAGES)])
    items = np.broadcast_to(identities([f"i{n}" for n in range(K)]), (PAGES, K))
    nothing = np.zeros(PAGES, dtype=np.int64)
    return {
        picks: PageLuck.drawn(Luck(3), users, nothing, nothing, items, picks)
        for picks in ("one", "many")
    }


@pytest.mark.parametrize("rule", RULES)
def test_what_is_above_is_clicked(rule, luck):
    llm = np.random.default_rng(1).normal(size=(PAGES, K))
    done, margin = decided(rule, llm, luck[RULES[rule].picks])
    assert (done.clicked == (margin > 0)).all()
    assert 0.05 < done.clicked.mean() < 0.5


@pytest.mark.parametrize("rule", RULES)
def test_whoever_is_off_by_more_than_the_margin_clicks_otherwise(rule, luck):
    rng = np.random.default_rng(2)
    llm, mine = rng.normal(size=(PAGES, K)), luck[RULES[rule].picks]
    done, margin = decided(rule, llm, mine)
    weight = Terms(none=-1.5).llm
    for push, turned in ((0.9, False), (1.1, True)):
        # The first item alone, so that nothing above it changes.
        other = llm.copy()
        first = np.isfinite(margin[:, 0])
        other[first, 0] -= push * margin[first, 0] / weight
        again, _ = decided(rule, other, mine)
        if RULES[rule].picks == "many":
            changed = again.clicked[first, 0] != done.clicked[first, 0]
            assert changed.mean() == pytest.approx(float(turned), abs=0.02)
        else:  # another item may take its click: less is turned around than foreseen, not more
            changed = again.clicked[first].any(axis=1) != done.clicked[first].any(axis=1)
            assert changed.mean() > 0.5 if turned else not changed.any()
