"""Ensembles of ways of asking, from a scenario: what is pooled, and what is no answer."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

import shop
from asking_world import BUILDER, DRINKER, catalogue, taste
from footfall.answering.opening import open_choice
from footfall.behaviour.pooling import pooled
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.llm.fake import FakeModel
from footfall.options import Options
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario

SLATE = (5, 0, 6, 4, 9, 1)
PAGES = [Page(DRINKER, SLATE, seed=3), Page(BUILDER, SLATE, seed=3)]
MEMBERS = ({"mode": "likelihood"}, {"mode": "yes-no"}, {"mode": "yes-no", "history_events": 2})


def opened(model, **spec):
    return open_choice(ChoiceSpec(**spec), model, catalogue())


def alone(model):
    return [opened(model, **member).utilities(PAGES) for member in MEMBERS]


def chances(llm):
    lifted = np.exp(llm)
    return lifted / (1 + lifted.sum())


@pytest.mark.parametrize(
    ("how", "weights"), [("mean", None), ("log-mean", None), ("weighted", (1, 0, 3))]
)
def test_an_ensemble_pools_the_chances_of_its_members(how, weights):
    model = FakeModel(taste=taste)
    spec = {"of": MEMBERS, "how": how, "weights": weights}
    choice = opened(model, mode="ensemble", ensemble=spec)
    answers = choice.utilities(PAGES)
    for number, answer in enumerate(answers):
        each = [chances(told[number].llm)[None] for told in alone(model)]
        told = None if weights is None else np.array(weights)
        wanted = pooled(each, how, outside=True, weights=told)[0]
        np.testing.assert_allclose(chances(answer.llm), wanted, atol=1e-9)
    assert choice.diagnostics.pages == 2
    assert choice.diagnostics.questions >= 3 * len(SLATE)


def test_twice_the_same_member_is_that_member():
    model = FakeModel(taste=taste)
    twice = opened(model, mode="ensemble", ensemble={"of": [MEMBERS[1]] * 2, "how": "log-mean"})
    once = opened(model, **MEMBERS[1])
    for both, one in zip(twice.utilities(PAGES), once.utilities(PAGES), strict=True):
        np.testing.assert_allclose(both.llm, one.llm)


def test_a_vote_is_for_the_favourite():
    model = FakeModel(taste=taste)
    choice = opened(model, mode="ensemble", ensemble={"of": MEMBERS, "how": "vote"})
    (drinker, _) = choice.utilities(PAGES)
    votes = [int(told[0].llm.argmax()) for told in alone(model) if told[0].llm.max() > 0]
    assert drinker.llm.argmax() in votes
    assert np.isfinite(drinker.llm).all()


def test_where_a_member_is_silent_there_is_no_answer():
    model = FakeModel(taste=taste, label_mass=0.001)  # nobody says yes or no
    choice = opened(model, mode="ensemble", ensemble={"of": MEMBERS})
    answers = choice.utilities(PAGES)
    assert not any(answer.answered for answer in answers)
    assert choice.diagnostics.unanswered_pages == 2
    assert sum(choice.diagnostics.no_answers.values()) == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"mode": "ensemble"}, "mode ensemble needs"),
        ({"ensemble": {"of": MEMBERS}}, "no other mode has one"),
        ({"mode": "ensemble", "ensemble": {"of": MEMBERS[:1]}}, "at least 2"),
        ({"mode": "ensemble", "ensemble": {"of": MEMBERS, "how": "weighted"}}, "needs weights"),
        ({"mode": "ensemble", "ensemble": {"of": MEMBERS}, "template": "x"}, "for each member"),
    ],
)
def test_a_wrong_ensemble_is_refused(spec, message):
    with pytest.raises(ValidationError, match=message):
        ChoiceSpec(**spec)


def test_a_scenario_may_have_one(tmp_path):
    shop.write_shop(tmp_path)
    choice = {"mode": "ensemble", "ensemble": {"how": "log-mean", "of": MEMBERS[:2]}}
    scenario = parse_scenario(shop.scenario(choice=choice))
    record = run(scenario, Options(tmp_path / "out", Path(tmp_path)))
    assert record["status"] == "finished"
    assert record["choice"]["unanswered_pages"] == 0
    assert record["choice"]["questions"] > record["choice"]["pages"]
