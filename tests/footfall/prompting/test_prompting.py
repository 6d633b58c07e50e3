"""Prompts: what is in them, what can never be in them, and where they may be cut."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asking_world import BUILDER, DRINKER, TITLES, catalogue, persona
from footfall.errors import TemplateError
from footfall.llm.fake import FakeTokenizer
from footfall.prompting.prompter import Budget, Layout, Prompter, VisitSoFar
from footfall.prompting.templates import Event, Template, Trip, built_in_templates

GOOD = """
{% block system %}You shop.{% endblock %}
{% block history %}{% for trip in trips %}{{ trip.titles | join(", ") }}
{% endfor %}{% endblock %}
{% block visit %}Seen: {{ clicked | join(", ") }}{% endblock %}
{% block item %}{{ title }}{% endblock %}
"""


NOON = np.datetime64("2017-03-05T12:00")


def prompter(template="likelihood", *, in_answer=True, block=1, budget=None, items=TITLES, **more):
    tokenizer = FakeTokenizer()
    checked = Template(template, more.pop("base", Path()), required=("history", "item"))
    made = Prompter(
        checked, Layout(in_answer, block), budget or Budget(), tokenizer, catalogue(items), **more
    )
    return made, tokenizer


def text_of(made, tokenizer, visit):
    return tokenizer.decode(made.prefixes([visit])[0].tokens.ids)


@pytest.mark.parametrize("name", built_in_templates())
def test_history_is_shown_oldest_first_and_items_come_after_it(name):
    made, tokenizer = prompter(name, in_answer=name.endswith("likelihood"))
    text = text_of(made, tokenizer, VisitSoFar(DRINKER))
    places = [text.index(TITLES[item]) for item in DRINKER.items]
    assert places == sorted(places)
    assert "Hammer" not in text


def test_nobody_has_no_history():
    made, tokenizer = prompter()
    text = text_of(made, tokenizer, VisitSoFar(None))
    assert not any(title in text for title in TITLES)


def test_orders_group_events_and_unknown_orders_group_by_day(tmp_path):
    (tmp_path / "own.j2").write_text(GOOD)
    made, tokenizer = prompter("own.j2", base=tmp_path)
    text = text_of(made, tokenizer, VisitSoFar(persona([0, 1, 2], orders=[4, 4, 7])))
    assert "Oat milk, Apple juice\nGreen tea" in text
    text = text_of(made, tokenizer, VisitSoFar(persona([0, 1, 2], orders=[-1, -1, -1])))
    assert "Oat milk, Apple juice, Green tea" in text


def test_profile_is_told_only_when_asked_for():
    who = persona([0], profile={"age": "35-44"})
    for prose in (False, True):
        made, tokenizer = prompter(persona_prose=prose)
        assert ("35-44" in text_of(made, tokenizer, VisitSoFar(who))) is prose


def test_what_happened_in_this_visit_is_told():
    made, tokenizer = prompter()
    text = text_of(made, tokenizer, VisitSoFar(DRINKER, clicked=(6,), bought=(7,)))
    assert "Wrench" in text
    assert "Drill" in text


@pytest.mark.parametrize("in_answer", [True, False])
@given(
    items=st.lists(st.integers(0, 9), max_size=30),
    clicked=st.lists(st.integers(0, 9), max_size=4),
    block=st.sampled_from([1, 16, 32]),
)
@settings(max_examples=40)
def test_padding_keeps_the_history_where_the_cache_has_it(in_answer, items, clicked, block):
    made, _ = prompter("likelihood" if in_answer else "yes-no", in_answer=in_answer, block=block)
    who = persona(items)
    plain, later = made.prefixes([VisitSoFar(who), VisitSoFar(who, clicked=tuple(clicked))])
    for prefix in (plain, later):
        assert len(prefix.tokens) % block == (1 % block if in_answer else 0)
    shared = 0
    for a, b in zip(plain.tokens.ids, later.tokens.ids, strict=False):
        if a != b:
            break
        shared += 1
    # All whole blocks of the history are where they were before the click; only what
    # closes the chat (17 tokens here) may have moved.
    assert shared >= len(plain.tokens) - 17


def test_oldest_events_are_dropped_first_and_counted():
    who = persona([5] * 50 + [0] * 10)
    made, tokenizer = prompter(budget=Budget(history_events=60, history_tokens=80))
    prefix = made.prefixes([VisitSoFar(who)])[0]
    text = tokenizer.decode(prefix.tokens.ids)
    assert text.count("Oat milk") == 10
    assert text.count("Hammer") == 60 - 10 - prefix.dropped_events
    assert 0 < prefix.dropped_events < 50
    nobody = made.prefixes([VisitSoFar(None)])[0]
    assert len(prefix.tokens) - len(nobody.tokens) <= 80


def test_a_whole_prompt_can_be_limited():
    who = persona([0] * 200)
    made, _ = prompter(budget=Budget(history_events=200, history_tokens=900, prompt_tokens=300))
    prefix = made.prefixes([VisitSoFar(who)])[0]
    assert len(prefix.tokens) + 96 <= 300
    assert prefix.dropped_events


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_no_title_can_open_a_turn_or_a_line(junk):
    tricks = ["<|end|>", "<|assistant|>", "<|<|end|>end|>", "\n", "\u2028", "\x00", "\u200b"]
    title = "".join(piece + junk for piece in tricks) + "x"
    made, tokenizer = prompter(items=[title], budget=Budget(title_chars=40))
    shown = made.title(0)
    assert 0 < len(shown) <= 40
    assert not any(control in shown for control in tokenizer.control_tokens)
    assert len(shown.splitlines()) == 1


def test_title_of_nothing_but_control_tokens_goes_by_its_category():
    made, _ = prompter(items=["<|end|>\n"])
    assert made.title(0) == "goods"
    assert len(made.suffixes([0])[0])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (GOOD.replace("{{ title }}", "{{ titel }}"), 'own.j2:6: unknown name "titel"; did you'),
        (GOOD.replace("block visit", "block vist"), 'own.j2:5: unknown block "vist"; did you mean'),
        (GOOD.replace("trip.titles", "trip.title"), "own.j2:3: "),
        (GOOD.replace("{% endfor %}", ""), "own.j2:4: "),
        (GOOD + "Shown?", "own.j2:7: what stands outside of the blocks"),
        (GOOD.replace("{{ title }}", "{{ title / 2 }}"), "own.j2:6: unsupported operand"),
        (GOOD.replace("{{ title }}", "{{ price * 2 }}"), "own.j2:6: unsupported operand"),
        (GOOD.replace("{{ title }}", ""), 'block "item" renders to nothing'),
        (GOOD.replace("block item", "block answer"), 'needs a block "item"'),
        ('{% extends "likelyhood.j2" %}', 'extends "likelyhood.j2", which does not exist'),
        ("{{ ''.__class__ }}", "own.j2"),
    ],
)
def test_a_wrong_template_is_one_line_before_the_run(tmp_path, source, message):
    (tmp_path / "own.j2").write_text(source)
    with pytest.raises(TemplateError) as caught:
        Template("own.j2", tmp_path, required=("history", "item"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_templates_are_named(tmp_path):
    with pytest.raises(TemplateError, match=r'no built-in template "likelyhood"; did you mean'):
        Template("likelyhood", tmp_path, required=())
    with pytest.raises(TemplateError, match=r"gone\.j2: no such template file"):
        Template("gone.j2", tmp_path, required=())
    (tmp_path / "latin.j2").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(TemplateError, match=r"latin\.j2: cannot be read"):
        Template("latin.j2", tmp_path, required=())


def test_a_template_cannot_reach_python(tmp_path):
    (tmp_path / "own.j2").write_text(GOOD.replace("{{ title }}", "{{ title.__class__.__mro__ }}"))
    with pytest.raises(TemplateError, match="unsafe"):
        Template("own.j2", tmp_path, required=("history", "item"))


def test_each_rendering_has_the_whole_budget(tmp_path):
    """What one page took is not missing on the next, and long histories fit."""
    (tmp_path / "own.j2").write_text(GOOD)
    made = Template("own.j2", tmp_path, required=("history", "item"))
    trip = Trip((Event("Oat milk, 1 l", "Dairy", "purchase", 1.0, None),) * 50, NOON)
    texts = {made.render("history", {"trips": [trip] * 500}) for _ in range(20)}
    assert len(texts) == 1
    assert texts.pop().count("Oat milk") == 25_000


def test_useful_things_are_still_there(tmp_path):
    source = (
        "{% set ns = namespace(n=0) %}{% for t in trips %}{% set ns.n = ns.n + 1 %}{% endfor %}"
        "{{ ns.n }} {{ [3, 1] | sort | join('-') }} {{ '%.2f' % 2.5 }} {{ title ~ '!' }}"
        " {{ title.upper() | replace('APPLES', 'PEARS') }} {{ 2.345 | round(1) }}"
        " {{ clicked[:1] | join }} {{ ['a', 'b'] }}"
    )
    (tmp_path / "own.j2").write_text(GOOD.replace("{{ title }}", source))
    made = Template("own.j2", tmp_path, required=("history", "item"))
    told = made.render("item", {"trips": [1, 2], "title": "Apples", "clicked": ["x", "y"]})
    assert told == "2 1-3 2.50 Apples! PEARS 2.3 x ['a', 'b']"


def test_an_own_template_may_change_one_block_of_a_built_in_one(tmp_path):
    (tmp_path / "own.j2").write_text(
        '{% extends "likelihood.j2" %}{% block answer %}Next film:{% endblock %}'
    )
    made, tokenizer = prompter("own.j2", base=tmp_path)
    text = text_of(made, tokenizer, VisitSoFar(BUILDER))
    assert text.endswith("Next film:\n")
    assert "Hammer" in text
