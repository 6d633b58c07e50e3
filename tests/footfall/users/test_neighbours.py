"""What users alike take: a planted world of two tastes, where the answer is plain."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from asking_world import TITLES, Listening, catalogue, persona
from footfall.answering.opening import open_choice
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.users import neighbours
from footfall.users.familiarity import Familiarity
from footfall.users.neighbours import EVEN, MOST, Neighbours

ITEMS = catalogue(TITLES)
ONE, OTHER = (0, 1, 2), (3, 4, 5)
"""Two tastes; everybody has one of them, and takes all of it."""


def crowd(action="purchase"):
    rows = [
        (f"{taste[0]}-{number}", ITEMS.ids[item], action)
        for taste in (ONE, OTHER)
        for number in range(10)
        for item in taste
    ]
    return pd.DataFrame(rows, columns=["user", "item", "action"])


def test_users_alike_tell_what_is_to_be_expected():
    found = Neighbours.of(crowd(), ITEMS).affinity("somebody", np.array([0, 1]))
    assert found[2] == MOST  # never taken, and of the user's taste
    assert list(found[list(OTHER)]) == [0, 0, 0]


def test_nothing_is_expected_of_somebody_without_a_past_or_like_nobody():
    known = Neighbours.of(crowd()[lambda rows: rows["item"] != ITEMS.ids[5]], ITEMS)
    for codes in ([], [5, 5]):
        assert set(known.affinity("somebody", np.array(codes, dtype=int))) == {EVEN}


def test_nobody_is_like_themselves():
    """Else what a user took would come back as what users alike take."""
    alone = pd.DataFrame(
        [("me", ITEMS.ids[0], "purchase"), ("other", ITEMS.ids[1], "purchase")],
        columns=["user", "item", "action"],
    )
    known = Neighbours.of(alone, ITEMS)
    assert set(known.affinity("me", np.array([0]))) == {EVEN}
    assert known.affinity("a twin", np.array([0]))[0] == MOST


def test_a_copy_of_a_user_is_not_like_that_user():
    known = Neighbours.of(crowd(), ITEMS)
    whose = crowd()["user"].iloc[0]
    categories = np.zeros(len(ITEMS), dtype=np.int64)
    copy = replace(persona([0]), user=f"{whose}~2", original=whose, neighbours=known)
    expected = known.affinity(whose, copy.items)
    found = Familiarity.of(copy, categories)
    assert found.affinity(range(len(ITEMS))) == expected.tolist()
    assert known.affinity("a twin", copy.items)[0] == MOST


def test_of_a_great_crowd_some_are_drawn_the_same_in_any_order(monkeypatch):
    monkeypatch.setattr(neighbours, "MOST_USERS", 7)
    known, again = (Neighbours.of(rows, ITEMS) for rows in (crowd(), crowd()[::-1]))
    assert len(known.users) == 7
    assert known.users == again.users


@pytest.mark.parametrize(("action", "counts"), [("rate", True), ("click", False)])
def test_what_counts_is_what_was_taken(action, counts):
    assert (Neighbours.of(crowd(action), ITEMS) is not None) == counts


def test_the_question_tells_it():
    def digits(others):
        who = replace(persona([0, 1], orders=[0, 1]), neighbours=others)
        choice.utilities([Page(who, (2, 3))])
        return [text[-1] for text in model.items()]

    model = Listening()
    spec = ChoiceSpec(mode="yes-no", template="buys", item_last=True, regulars=5)
    choice = open_choice(spec, model, ITEMS)
    assert digits(None) == [str(EVEN)] * 2
    # The same person among others gets another question: no prompt is kept too long.
    assert digits(Neighbours.of(crowd(), ITEMS)) == [str(MOST), "0"]
