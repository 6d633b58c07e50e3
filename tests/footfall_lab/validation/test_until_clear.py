"""The model is asked until it is clear, never beyond, and what will be asked is told before."""

from types import SimpleNamespace

import numpy as np
import pytest

from footfall.fitting.choice_sets import ChoiceSets
from footfall_lab.validation.questions import foreseen, words
from footfall_lab.validation.until_clear import FIRST_LOOK, STEP, ask_until_clear

USERS, EACH, K = 120, 6, 4


def sets():
    n = USERS * EACH
    return ChoiceSets(
        protocol="catalogue",
        users=np.repeat(np.arange(USERS), EACH),
        names=tuple(f"u{n}" for n in range(USERS)),
        items=np.tile(np.arange(K, dtype=np.int32), (n, 1)),
        chosen=np.zeros(n, dtype=np.int64),
        times=np.full(n, np.datetime64("2025-01-01")),
        orders=np.full(n, ""),
        outside=False,
        weak=True,
        log_rate=np.zeros(n),
    )


class Answers:
    """Counts what it is asked; user 3 gets no answer."""

    def __init__(self):
        self.asked = []

    def of_sets(self, _, part, seeds):
        assert len(seeds) == len(part)
        self.asked += part.users.tolist()
        return np.where(part.users[:, None] == 3, np.nan, np.ones(part.items.shape))


def asked(per_user):
    answers = Answers()

    def gain(part, _):
        return np.array([per_user[user] for user in np.unique(part.users)])

    found = ask_until_clear(answers, None, sets(), gain, wanted=10_000, seed=1)
    return found, answers


def test_a_clear_gain_stops_at_the_first_look():
    rng = np.random.default_rng(0)
    found, answers = asked(1.0 + 0.1 * rng.normal(size=USERS))
    assert found.users == FIRST_LOOK == len(set(answers.asked))
    assert "clear after 30 of 120" in found.words()
    assert np.isfinite(found.heard.llm).all()


def test_what_is_never_clear_is_asked_to_the_end_and_nothing_twice():
    rng = np.random.default_rng(1)
    gains = rng.normal(size=USERS)
    found, answers = asked(gains - gains.mean())
    assert found.users == found.of == USERS
    assert len(answers.asked) == USERS * EACH
    assert found.heard.unanswered == EACH
    assert len(found.heard.sets) == (USERS - 1) * EACH


@pytest.mark.parametrize("gain", [0.0, 0.3])
def test_looks_are_seldom_wrong(gain):
    rng = np.random.default_rng(2)
    early = [asked(gain + rng.normal(size=USERS))[0].users < USERS for _ in range(60)]
    if gain:
        assert (FIRST_LOOK + 8 * STEP) <= USERS
    assert np.mean(early) <= 0.05 or gain


def test_a_dry_run_says_how_much():
    demo = SimpleNamespace(model=SimpleNamespace(name="embedded"))
    found = foreseen(demo, 27_000)
    assert found["questions"][0] < found["questions"][1] == 27_000
    assert found["held-out choices"] == [1800, 9450]
    assert "27,000 questions" in words(found)
    nobody = SimpleNamespace(model=SimpleNamespace(name="none"))
    assert words(foreseen(nobody, 27_000)).startswith("no questions")
