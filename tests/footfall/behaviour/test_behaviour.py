"""Behaviour: the probabilities in the log are the frequencies of what happens."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.behaviour.decisions import (
    Behaviour,
    PageFeatures,
    PageLuck,
    click_probabilities,
    examination_curve,
)
from footfall.behaviour.features import relative_prices
from footfall.behaviour.specs import BehaviourSpec, Habits, Terms
from footfall.datasets.catalogue import Catalogue
from footfall.luck import Luck, Purpose, identities

K = 6


def catalogue(n=20):
    return Catalogue(
        ids=tuple(f"i{i}" for i in range(n)),
        titles=tuple(f"Item {i}" for i in range(n)),
        categories=tuple("ab"[i % 2] for i in range(n)),
        prices=np.arange(1.0, n + 1),
    )


def luck(n, seed=0):
    users = identities([f"u{i}" for i in range(n)])
    session = np.zeros(n, dtype=np.int64)
    items = identities([f"i{i}" for i in range(K)])
    noise, buy, look, _ = Luck(seed).words(
        Purpose.ITEM, users[:, None], session[:, None], 0, items[None]
    )
    depth, outside, go_on, _ = Luck(seed).words(Purpose.PAGE, users, session)
    return PageLuck(noise, buy, depth, outside, go_on, look)


def features(n, llm, shown=None):
    zero = np.zeros((n, K))
    shown = np.ones((n, K), dtype=bool) if shown is None else shown
    return PageFeatures(shown, np.broadcast_to(llm, (n, K)).copy(), zero, zero, zero, zero)


@pytest.mark.parametrize("picks", ["one", "many"])
def test_click_and_buy_probabilities_are_the_frequencies(picks):
    n = 200_000
    spec = BehaviourSpec(click=Terms(none=-1.0), habits=Habits(picks=picks))
    behaviour = Behaviour(spec)
    done = behaviour.decide(features(n, np.array([0.0, 2.0, -1.0, 0.5, 0.0, 1.0])), luck(n))
    error = 4.5 * np.sqrt(done.p_click[0] * (1 - done.p_click[0]) / n)
    assert np.all(np.abs(done.clicked.mean(axis=0) - done.p_click[0]) < error)
    reading = np.abs(done.examined.mean(axis=0) - done.p_examine[0])
    assert np.all(reading < 4.5 * 0.5 / np.sqrt(n))
    bought = done.bought.sum() / done.clicked.sum()
    assert bought == pytest.approx(done.p_buy[0, 0], abs=0.01)


def test_at_most_one_click_a_page_unless_many_are_allowed():
    n = 5_000
    for picks, most in (("one", 1), ("many", K)):
        spec = BehaviourSpec(click=Terms(none=2.0), habits=Habits(picks=picks))
        done = Behaviour(spec).decide(features(n, np.zeros(K)), luck(n))
        assert done.clicked.sum(axis=1).max() == most


@given(st.integers(1, 40), st.integers(0, 2**32))
def test_a_page_is_decided_alike_alone_and_in_a_batch(n, seed):
    rng = np.random.default_rng(seed)
    shown = np.arange(K) < rng.integers(0, K + 1, n)[:, None]
    pages = features(n, rng.normal(size=K), shown)
    words = luck(n, seed)
    behaviour = Behaviour(BehaviourSpec())
    together = behaviour.decide(pages, words)
    row = int(rng.integers(n))
    one = slice(row, row + 1)
    given = {f: getattr(pages, f) for f in pages.__dataclass_fields__}
    alone = behaviour.decide(
        PageFeatures(**{f: value if value is None else value[one] for f, value in given.items()}),
        PageLuck(**{f: getattr(words, f)[one] for f in words.__dataclass_fields__}),
    )
    for name in together.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(together, name)[one], getattr(alone, name))


def test_no_answer_is_neither_a_click_nor_no_click():
    llm = np.zeros((2, K))
    llm[1, 3] = np.nan
    pages = PageFeatures(np.ones((2, K), dtype=bool), llm, *[np.zeros((2, K))] * 4)
    done = Behaviour(BehaviourSpec()).decide(pages, luck(2))
    assert done.answered.tolist() == [True, False]
    assert not done.clicked[1].any()


def test_an_item_that_nobody_reads_cannot_be_clicked():
    spec = BehaviourSpec(click=Terms(none=5.0), habits=Habits(examine_curve=(1.0, 0.0)))
    done = Behaviour(spec).decide(features(100, np.zeros(K)), luck(100))
    assert not done.clicked[:, 1:].any()
    assert np.all(done.p_click[:, 1:] == 0)


def test_examination_never_rises_and_starts_at_one():
    curve = examination_curve(Habits(examine_curve=(1.0, 0.4, 0.6)), 5)
    assert curve.tolist() == [1.0, 0.4, 0.4, 0.4, 0.4]
    assert examination_curve(Habits(examination=1.0), 4).tolist() == [1, 1 / 2, 1 / 3, 1 / 4]


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=8))
def test_click_probabilities_of_a_page_sum_to_at_most_one(utilities):
    utility = np.array([utilities])
    reading = examination_curve(Habits(), len(utilities))[None]
    chances = click_probabilities(utility, reading, "one")
    assert np.all(chances >= 0)
    assert chances.sum() <= 1 + 1e-12


def test_prices_are_relative_to_their_category():
    items = catalogue(4)  # a: 1, 3; b: 2, 4
    assert relative_prices(items) == pytest.approx(np.log([1 / 2, 2 / 3, 3 / 2, 4 / 3]))
