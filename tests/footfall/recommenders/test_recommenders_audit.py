"""What a recommender may do wrong, what is counted, and what still reaches the user."""

import math

import numpy as np
import pandas as pd
import pytest

from footfall.recommenders import Faults, Slate, audited
from footfall.recommenders.outage import OUTAGE
from footfall.recommenders.testing import check_recommender
from recommender_worlds import Canned, request, two_clubs, world

_, CATALOGUE = two_clubs()
NAN = math.nan

# asked for 3 items, "b0" was shown before
CASES = [
    (Slate(("a0", "a1", "a2")), ("a0", "a1", "a2"), {}),
    (Slate(("a0", "zz", "a2", "a3")), ("a0", "a2", "a3"), {"invented": 1, "too_long": 1}),
    (Slate(("a0", "a0", "a1")), ("a0", "a1"), {"repeated": 1, "too_short": 1}),
    (Slate(("b0", "a0", "a1", "a2")), ("a0", "a1", "a2"), {"repeated": 1, "too_long": 1}),
    (Slate(("a0", "a1", "a2", "a3", "a4")), ("a0", "a1", "a2"), {"too_long": 1}),
    (Slate(("a0",)), ("a0",), {"too_short": 1}),
    (Slate(()), (), {"ran_out": 1}),
    (Slate(("b0", "xx")), (), {"repeated": 1, "invented": 1, "ran_out": 1}),
    (Slate((), failure="down"), (), {"failed": 1}),
    (Slate(("a0", "a1", "a2"), failure="but"), (), {"failed": 1}),
    (Slate((3, None, "a2")), ("a2",), {"invented": 2, "too_short": 1}),
    (Slate((["a0"], "a1", "a2")), ("a1", "a2"), {"invented": 1, "too_short": 1}),
    (Slate("a0"), (), {"failed": 1}),
    (Slate(None), (), {"failed": 1}),
    (Slate(["a0", "a1", "a2"]), ("a0", "a1", "a2"), {}),
    (Slate(("a0", "a1", "a2"), (1, NAN, 0)), ("a0", "a1", "a2"), {"bad_scores": 1}),
    (Slate(("a0", "a1", "a2"), (1, math.inf, 0)), ("a0", "a1", "a2"), {"bad_scores": 1}),
    (Slate(("a0", "a1", "a2"), (1, 2)), ("a0", "a1", "a2"), {"bad_scores": 1}),
    (Slate(("a0", "a1", "a2"), 7), ("a0", "a1", "a2"), {"bad_scores": 1}),
    (Slate(("a0", "a1", "a2"), ("x", "y", "z")), ("a0", "a1", "a2"), {"bad_scores": 1}),
    (Slate(("a0", "a1", "a2"), np.ones(3)), ("a0", "a1", "a2"), {}),
    (Slate(("a0", "a1", "a2"), (-1, 0, 9), (0, 1, 1.5)), ("a0", "a1", "a2"), {"bad_scores": 1}),
    (["a0", "a1", "a2"], ("a0", "a1", "a2"), {}),
    (np.array(["a0", "a1"]), ("a0", "a1"), {"too_short": 1}),
    (pd.Series(["a0", "a1", "a2"]), ("a0", "a1", "a2"), {}),
    (("a0 ", " a1", "a2"), ("a0", "a1", "a2"), {}),
    ("a0 a1 a2", (), {"failed": 1}),
    (None, (), {"failed": 1}),
    (7, (), {"failed": 1}),
    ({"a0"}, (), {"failed": 1}),
    ({"a0": 0.9}, (), {"failed": 1}),
    (pd.DataFrame({"item": ["a0", "a1"]}), (), {"failed": 1}),
    (np.array([["a0", "a1"]]), (), {"failed": 1}),
    (np.array(3), (), {"failed": 1}),
]


@pytest.mark.parametrize(("answer", "items", "faults"), CASES, ids=str)
def test_every_fault_is_counted_and_harmless(answer, items, faults):
    arm = audited(Canned(answer), CATALOGUE)
    (slate,) = arm.recommend([request(k=3, shown=["b0"])])
    assert slate.items == items
    faults = faults | ({"invented_slates": 1} if "invented" in faults else {})
    assert {kind: count for kind, count in arm.faults.counts.items() if count} == faults
    assert bool(arm.faults) == bool(faults)
    assert arm.faults.slates == 1
    assert bool(slate.failure) == ("failed" in faults)
    assert all(len(arm.faults.examples[kind]) == count for kind, count in faults.items())


def test_scores_and_propensities_stay_with_their_items():
    slate = Slate(
        ("b0", "a1", "zz", "a1", "a2", "a3"), (6, 5, 4, 3, 2, 1), (0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    )
    (kept,) = audited(Canned(slate), CATALOGUE).recommend([request(k=2, shown=["b0"])])
    assert kept == Slate(("a1", "a2"), (5, 2), (0.5, 0.2))


def test_bad_scores_leave_propensities_alone():
    slate = Slate(("a1", "a2"), (NAN, 1), (0.5, 0.5))
    (kept,) = audited(Canned(slate), CATALOGUE).recommend([request(k=2)])
    assert kept == Slate(("a1", "a2"), None, (0.5, 0.5))


def test_one_request_that_raises_does_not_spoil_its_batch():
    def moody(one):
        if one.user == "A5":
            raise ValueError("no such\nuser")
        return Slate((f"a{one.seed}",))

    arm = audited(Canned(moody), CATALOGUE)
    slates = arm.recommend([request(f"A{n}", k=1, seed=n) for n in range(8)])
    assert [slate.items for slate in slates] == [() if n == 5 else (f"a{n}",) for n in range(8)]
    assert slates[5].failure == "ValueError: no such"
    assert arm.faults.counts["failed"] == 1
    assert arm.recommender.calls == [8, 4, 4, 2, 1, 1, 2]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "slates",
        [Slate(("a0",))] * 2,
        ["a0"] * 3,
        {"A0": ["a0"]},
        {1, 2, 3},
        pd.DataFrame({"a": [1, 2, 3]}),
    ],
)
def test_an_answer_of_the_wrong_shape_fails_every_request(answer):
    class Misshapen(Canned):
        def recommend(self, requests):
            return answer

    arm = audited(Misshapen(None), CATALOGUE)
    slates = arm.recommend([request(k=1) for _ in range(3)])
    assert all(slate.failure for slate in slates)
    assert arm.faults.counts["failed"] == 3


class Numbered:
    """A recommender of a shop whose items are numbers."""

    def __init__(self, spell):
        self.spell = spell

    def recommend(self, requests):
        return (self.spell(number) for number, _ in enumerate(requests))

    def update(self, events):
        """Learn nothing."""


@pytest.mark.parametrize(
    "spell",
    [
        lambda n: [n, n + 1],
        lambda n: np.array([n, n + 1]),
        lambda n: np.array([n, n + 1], dtype=float),
        lambda n: Slate((n, n + 1)),
        lambda n: Slate(np.array([n, n + 1])),
        lambda n: pd.Series([n, n + 1], index=[8, 9]),
        lambda n: pd.Index([n, n + 1]),
        lambda n: (str(item) for item in (n, n + 1)),
        lambda n: {n: 0.9, n + 1: 0.8}.keys(),
        lambda n: range(n, n + 2),
    ],
)
def test_ids_of_any_type_are_the_items_that_they_mean(spell):
    _, numbered = world([("u", "0")], [str(item) for item in range(9)])
    arm = audited(Numbered(spell), numbered)
    slates = arm.recommend([request(k=2) for _ in range(3)])
    if isinstance(spell(0), type({}.keys())):  # a set by its type: it has no order to rely on
        assert all("not a list of item ids" in slate.failure for slate in slates)
    else:
        assert [slate.items for slate in slates] == [("0", "1"), ("1", "2"), ("2", "3")]
        assert not arm.faults


def test_padded_zeros_are_other_items():
    _, numbered = world([("u", "7")], ["7", "8"])
    arm = audited(Canned(["007", 8, True, 8.5, math.inf]), numbered)
    (slate,) = arm.recommend([request(k=5)])
    assert slate.items == ("8",)
    assert arm.faults.counts["invented"] == 4
    assert "007" in arm.faults.examples["invented"][0]


def test_places_are_counted_on_first_pages_and_outages_apart():
    arm = audited(Canned(Slate(("a0",))), CATALOGUE)
    arm.recommend([request(k=3), request(k=3, shown=["a0"]), request(k=3, shown=["a1"])])
    assert (arm.faults.places, arm.faults.unfilled) == (3, 2)
    assert arm.faults.counts["ran_out"] == 1
    planned = audited(Canned(Slate((), failure=OUTAGE)), CATALOGUE)
    planned.recommend([request(k=3)])
    assert planned.faults.counts["outages"] == 1
    assert planned.faults.counts["failed"] == planned.faults.unfilled == 0


def test_arms_do_not_touch_each_other():
    broken, sound = (
        audited(Canned(lambda _: 1 / 0), CATALOGUE),
        audited(Canned(Slate(("a0",))), CATALOGUE),
    )
    asked = [request(k=1)]
    assert broken.recommend(asked)[0].failure == "ZeroDivisionError: division by zero"
    assert sound.recommend(asked)[0].items == ("a0",)
    assert broken.faults
    assert not sound.faults


def test_a_failed_update_is_counted():
    arm = audited(Canned(Slate(())), CATALOGUE)
    arm.update(None)
    assert arm.faults.counts["failed_updates"] == 1
    assert arm.faults.examples["failed_updates"] == ["RuntimeError: cannot learn"]


def test_interrupting_is_not_a_fault():
    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audited(Canned(interrupted), CATALOGUE).recommend([request()])


def test_faults_add_up_and_keep_five_examples():
    left, right = Faults(slates=10), Faults(slates=5)
    for number in range(4):
        left.add("invented", f"left {number}")
        right.add("invented", f"right {number}")
    merged = left.merge(right)
    assert merged.slates == 15
    assert merged.counts["invented"] == 8
    assert merged.examples["invented"] == ["left 0", "left 1", "left 2", "left 3", "right 0"]
    assert left.counts["invented"] == 4
    assert merged.as_dict()["examples"] == {"invented": merged.examples["invented"]}


class TestCheckRecommender:
    """The conformance test must find what it promises to find."""

    def test_finds_each_broken_promise(self):
        slate = Slate(("a0", "a0", "zz", "a1"), (1.0, NAN), (2.0,) * 4)
        with pytest.raises(AssertionError) as caught:
            check_recommender(Canned(slate), ["A0"], CATALOGUE, k=3)
        for problem in (
            "4 items, more than k",
            "items twice",
            "'zz' is not in the catalogue",
            "a0 was shown before",
            "2 scores for 4 items",
            "scores are not finite",
            "propensities are not finite numbers in [0.0, 1.0]",
        ):
            assert problem in str(caught.value)

    def test_finds_an_answer_that_depends_on_the_batch(self):
        class Counting(Canned):
            def recommend(self, requests):
                return [
                    Slate(tuple(i for i in CATALOGUE.ids if i not in one.shown)[n : n + one.k])
                    for n, one in enumerate(requests)
                ]

        with pytest.raises(AssertionError, match="one by one got other slates"):
            check_recommender(Counting(None), ["A0"], CATALOGUE)

    def test_finds_what_is_no_recommender(self):
        with pytest.raises(AssertionError, match="int lacks recommend"):
            check_recommender(3, ["A0"], CATALOGUE)

    def test_finds_a_recommender_that_always_fails(self):
        with pytest.raises(AssertionError, match="every first page of the known users failed"):
            check_recommender(Canned(Slate((), failure="no")), ["A0"], CATALOGUE)
