"""How often and how long ago something was taken, counted in orders."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asking_world import TITLES, Listening, catalogue, persona
from footfall.answering.opening import open_choice
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.users.familiarity import Familiarity, Repeat

KINDS = np.array([0, 0, 1, 1, 2, 2], dtype=np.int64)


def slowly(items, orders, wanted):
    """The same by hand: orders with any of the wanted items, and orders since the last."""
    known = sorted(set(orders))
    with_it = sorted({order for item, order in zip(items, orders, strict=True) if item in wanted})
    ago = len([order for order in known if order > with_it[-1]])
    return Repeat(len(with_it), ago)


@settings(max_examples=80)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), min_size=1, max_size=30))
def test_counts_are_those_by_hand(events):
    events = sorted(events, key=lambda event: event[1])
    items, orders = [item for item, _ in events], [order for _, order in events]
    found = Familiarity.of(persona(items, orders=orders), KINDS)
    assert found.orders == len(set(orders))
    assert found.items == {item: slowly(items, orders, {item}) for item in items}
    for kind, repeat in found.categories.items():
        assert repeat == slowly(items, orders, set(np.flatnonzero(kind == KINDS).tolist()))


def test_somebody_without_a_past_knows_nothing():
    assert Familiarity.of(None, KINDS) == Familiarity(0, {}, {})
    assert Familiarity.of(persona([]), KINDS) == Familiarity(0, {}, {})


def test_without_orders_days_are_counted():
    found = Familiarity.of(persona([0, 0, 1], orders=[-1, -1, -1]), KINDS)
    assert found.orders == found.items[0].orders + found.items[0].ago


@pytest.mark.parametrize("template", ["buys"])
def test_the_question_tells_it_and_changes_with_the_history(template):
    def asked(who):
        choice.utilities([Page(who, (0, 2))])
        return model.items()

    model = Listening()
    spec = ChoiceSpec(mode="yes-no", template=template, item_last=True, regulars=5)
    choice = open_choice(spec, model, catalogue(TITLES), base=Path())
    once = asked(persona([0, 1], orders=[0, 1]))
    assert " 1,1 " in once[0]  # in one order, one order ago
    assert " 0 " in once[1]
    # An old event that no list shows any more changes what is known all the same.
    assert " 2,1 " in asked(persona([0, 0, 1], orders=[0, 1, 2]))[0]
