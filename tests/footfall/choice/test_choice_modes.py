"""The three modes in planted worlds, and what happens where the model does not answer."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from asking_world import BUILDER, DRINKER, catalogue, persona, taste
from footfall.answering.opening import open_choice
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.errors import TemplateError
from footfall.llm.fake import FakeModel
from footfall.llm.protocol import Answer, NoAnswer

MODES = ("likelihood", "yes-no", "listwise")
SLATE = (5, 0, 6, 4, 9, 1)
DRINK = np.array([item < 5 for item in SLATE])


def ask(model, pages, **spec):
    choice = open_choice(ChoiceSpec(**spec), model, catalogue())
    return choice, choice.utilities(pages)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("block_size", [1, 32])
def test_planted_taste_comes_out(mode, block_size):
    model = FakeModel(taste=taste, block_size=block_size)
    pages = [Page(DRINKER, SLATE, seed=3), Page(BUILDER, SLATE, seed=3)]
    _, (drinker, builder) = ask(model, pages, mode=mode)
    assert drinker.answered
    assert drinker.llm[DRINK].min() > drinker.llm[~DRINK].max() + 1
    assert builder.llm[~DRINK].min() > builder.llm[DRINK].max() + 1


def test_likelihood_is_the_ratio_against_somebody_without_a_past():
    _, (page,) = ask(FakeModel(taste=taste), [Page(DRINKER, SLATE)])
    assert page.llm == pytest.approx(np.where(DRINK, 2.0, -2.0), abs=0.25)


def test_yes_no_is_the_log_odds_and_knows_its_label_mass():
    model = FakeModel(taste=taste, label_mass=0.7)
    choice, (page,) = ask(model, [Page(DRINKER, SLATE)], mode="yes-no")
    assert page.llm == pytest.approx(np.where(DRINK, 2.0, -2.0), abs=0.25)
    assert page.label_mass == pytest.approx(0.7)
    assert choice.diagnostics.label_mass_pages == 1


def test_yes_no_can_subtract_what_it_says_to_anybody():
    model = FakeModel(taste=taste, bias={"Yes": 3.0, "yes": 3.0, "YES": 3.0})
    _, (plain,) = ask(model, [Page(DRINKER, SLATE)], mode="yes-no")
    _, (fair,) = ask(model, [Page(DRINKER, SLATE)], mode="yes-no", subtract_no_history=True)
    assert plain.llm.min() > 0
    assert fair.llm == pytest.approx(np.where(DRINK, 2.0, -2.0), abs=0.4)


@pytest.mark.parametrize("rotations", [1, 3])
def test_a_models_love_of_a_letter_is_subtracted(rotations):
    model = FakeModel(taste=taste, bias={"A": 4.0, "C": -3.0})
    pages = [Page(DRINKER, SLATE, seed=seed) for seed in range(20)]
    _, opinions = ask(model, pages, mode="listwise", rotations=rotations)
    for page in opinions:
        assert page.llm == pytest.approx(np.where(DRINK, 2.0, -2.0), abs=0.5)


def test_listwise_orders_follow_the_luck_of_the_page_only():
    asked = []

    class Listening(FakeModel):
        def ask(self, questions):
            asked.append([self.tokenizer.decode(q.suffix.ids) for q in questions])
            return super().ask(questions)

    pages = [
        Page(DRINKER, SLATE, seed=7),
        Page(BUILDER, SLATE, seed=7),
        Page(DRINKER, SLATE, seed=8),
    ]
    ask(Listening(), pages, mode="listwise")
    first, second, third = asked[0][-3:]
    assert first == second
    assert first != third


@pytest.mark.parametrize("mode", MODES)
def test_no_answer_never_becomes_a_number(mode):
    choice = open_choice(ChoiceSpec(mode=mode), FakeModel(seed=1, fail_one_in=25), catalogue())
    everyone = [persona([i % 10, i // 10 % 10, i // 100]) for i in range(300)]
    opinions = choice.utilities([Page(p, SLATE, seed=i) for i, p in enumerate(everyone)])
    # The luck of the hash may hit a constant that everybody needs; then nobody is answered.
    missing = [opinion for opinion in opinions if not opinion.answered]
    assert missing
    for opinion in opinions:
        assert np.isnan(opinion.llm).all() if opinion.reason else np.isfinite(opinion.llm).all()
    assert choice.diagnostics.unanswered_pages == len(missing)
    assert sum(choice.diagnostics.no_answers.values()) == len(missing)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1.0])
def test_impossible_numbers_are_no_answer(mode, bad):
    class Broken(FakeModel):
        def ask(self, questions):
            return [
                replace(reply, logprobs=(bad, *reply.logprobs[1:]))
                if isinstance(reply, Answer)
                else reply
                for reply in super().ask(questions)
            ]

    _, (page,) = ask(Broken(), [Page(DRINKER, SLATE)], mode=mode)
    assert "not a number" in page.reason
    assert np.isnan(page.llm).all()


@pytest.mark.parametrize("mode", ["yes-no", "listwise"])
def test_a_model_that_talks_about_something_else_gave_no_answer(mode):
    _, (page,) = ask(FakeModel(label_mass=0.001), [Page(DRINKER, SLATE)], mode=mode)
    assert page.reason == "label mass below 0.01"
    assert page.label_mass == pytest.approx(0.001)
    assert np.isnan(page.llm).all()


@pytest.mark.parametrize("mode", MODES)
def test_empty_pages_are_answered_with_nothing(mode):
    _, (page,) = ask(FakeModel(), [Page(DRINKER, ())], mode=mode)
    assert page.answered
    assert page.llm.shape == (0,)


def test_a_slate_longer_than_the_alphabet_is_no_answer():
    _, (page,) = ask(FakeModel(), [Page(DRINKER, (0,) * 26)], mode="listwise")
    assert page.reason == "slate longer than 25 items"


@pytest.mark.parametrize("mode", MODES)
def test_batches_do_not_matter_and_pages_seen_again_cost_nothing(mode):
    people = [persona([i % 10, (i * 3) % 10], user=f"u{i}") for i in range(12)]
    pages = [Page(p, SLATE[i % 3 :], seed=i) for i, p in enumerate(people)]
    model = FakeModel(block_size=16)
    choice, together = ask(model, pages, mode=mode)
    asked = model.asked
    again = choice.utilities(pages)
    assert model.asked == asked
    _, backwards = ask(FakeModel(block_size=16), pages[::-1], mode=mode)
    alone = [ask(FakeModel(block_size=16), [page], mode=mode)[1][0] for page in pages]
    for a, b, c, d in zip(together, again, backwards[::-1], alone, strict=True):
        assert np.array_equal(a.llm, b.llm)
        assert np.array_equal(a.llm, c.llm)
        assert np.array_equal(a.llm, d.llm)


@pytest.mark.parametrize("mode", MODES)
def test_a_small_memory_changes_nothing_but_the_number_of_questions(mode):
    pages = [Page(persona([i % 10], user=f"u{i}"), SLATE, seed=i) for i in range(9)]
    _, roomy = ask(FakeModel(), pages, mode=mode)
    choice, _ = ask(FakeModel(), pages, mode=mode, remembered_prefixes=2)
    for a, b in zip(roomy, choice.utilities(pages), strict=True):
        assert np.array_equal(a.llm, b.llm)


def test_the_same_user_with_another_past_is_asked_again():
    choice, (first,) = ask(FakeModel(taste=taste), [Page(persona([0, 1]), SLATE)])
    (second,) = choice.utilities([Page(persona([5, 6]), SLATE)])
    assert np.sign(first.llm[0]) == -np.sign(second.llm[0])


@pytest.mark.parametrize("told", [True, False])
def test_events_of_the_visit_matter_only_if_the_model_is_told(told):
    model = FakeModel()
    pages = [Page(DRINKER, SLATE), Page(DRINKER, SLATE, clicked=(9,))]
    _, (before, after) = ask(model, pages, visit_events=told)
    assert np.array_equal(before.llm, after.llm) is not told


def test_constants_of_items_are_asked_once():
    model = FakeModel()
    choice, _ = ask(model, [Page(DRINKER, SLATE)])
    assert model.asked == 2 * len(SLATE)
    choice.utilities([Page(BUILDER, SLATE)])
    assert model.asked == 3 * len(SLATE)
    assert choice.diagnostics.questions == model.asked


def test_dropped_history_is_counted():
    long = persona([0] * 60)
    choice, _ = ask(FakeModel(), [Page(long, SLATE)], history_events=60, max_history_tokens=40)
    assert choice.diagnostics.truncated_prompts == 1
    assert choice.diagnostics.dropped_events > 0


def test_too_long_a_prompt_is_no_answer():
    model = FakeModel(max_prompt_tokens=20)
    _, (page,) = ask(model, [Page(DRINKER, SLATE)])
    assert page.reason == "prompt longer than 20 tokens"


def test_the_spec_refuses_unknown_keys_and_templates():
    with pytest.raises(ValidationError):
        ChoiceSpec(moed="yes-no")
    with pytest.raises(TemplateError, match="did you mean"):
        open_choice(ChoiceSpec(template="listwize"), FakeModel(), catalogue())


def test_no_answers_are_values_of_their_own():
    model = FakeModel(fail_one_in=1)
    choice, (page,) = ask(model, [Page(DRINKER, SLATE)])
    assert page.reason == "fake failure"
    assert isinstance(model.ask([])[:1], list)
    assert not isinstance(NoAnswer("x"), Answer)
    assert choice.diagnostics.no_answers == {"fake failure": 1}
