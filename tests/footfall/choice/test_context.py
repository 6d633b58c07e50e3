"""The moment of a visit: in words, in the prompt, and the same in every arm."""

import pandas as pd
import pytest

from footfall.answering.opening import open_choice
from footfall.choice.context import ContextSpec
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.errors import TemplateError
from footfall.llm.fake import FakeModel
from remembered_world import CATALOGUE, persona

FRIDAY = pd.Timestamp("2024-03-01T19:30")


def page(user="u", session=0, time=FRIDAY):
    return Page(persona([0], user=user), (1, 3), time=time, session=session)


def test_a_moment_in_words():
    spec = ContextSpec(place="at home", weather={"2024-03-01": "rain"})
    assert spec.words(page()) == "Friday evening in March, at home, rain."
    dry = page(time=pd.Timestamp("2024-12-02T03:00"))
    assert spec.words(dry) == "Monday night in December, at home."
    assert ContextSpec(when=False).words(page()) == ""


def test_devices_are_drawn_by_their_weights_and_stay_for_a_visit():
    spec = ContextSpec(when=False, devices={"phone": 3, "computer": 1})
    words = [spec.words(page(user=f"u{n}")) for n in range(2000)]
    assert set(words) == {"On a phone.", "On a computer."}
    assert words.count("On a phone.") / 2000 == pytest.approx(0.75, abs=0.04)
    assert words == [spec.words(page(user=f"u{n}")) for n in range(2000)]
    assert len({spec.words(page(session=n)) for n in range(20)}) == 2


@pytest.mark.parametrize("mode", ["yes-no", "likelihood"])
def test_the_model_is_told(mode):
    model = FakeModel(taste=lambda prefix, item: 3.0 if "Friday evening" in prefix else 0.0)
    told, silent = (
        open_choice(ChoiceSpec(mode=mode, context=context), model, CATALOGUE).utilities([page()])[0]
        for context in (ContextSpec(), None)
    )
    assert (told.llm > silent.llm + 2).all()


def test_a_template_that_does_not_show_the_moment_is_refused(tmp_path):
    (tmp_path / "own.j2").write_text(
        "{% block history %}{% for trip in trips %}{{ trip.titles }}{% endfor %}{% endblock %}"
        "{% block item %}{{ title }}{% endblock %}"
    )
    spec = ChoiceSpec(template="own.j2", context=ContextSpec())
    with pytest.raises(TemplateError, match="does not show `context`"):
        open_choice(spec, FakeModel(), CATALOGUE, base=tmp_path)
