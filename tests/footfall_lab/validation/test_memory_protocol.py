"""What memory is worth, measured on a world where only one kind of it can be worth anything."""

import pytest

from favourites import scenario, write_shop
from footfall.errors import UserError
from footfall.llm.fake import FakeModel
from footfall.scenario.scenario import parse_scenario
from footfall_eval.blocks.terminal import print_memories
from footfall_lab.validation import validate as ways
from footfall_lab.validation.study import ValidationOptions


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    write_shop(folder)
    return folder


def knows_the_past(prefix, item):
    """Whoever has the very item in the prompt likes it."""
    return 2.0 if item.strip() in prefix else 0.0


def test_remembering_beats_forgetting_and_the_table_says_by_how_much(shop, monkeypatch, capsys):
    monkeypatch.setattr(
        "footfall_lab.validation.validate.open_answering",
        lambda *_args, **_kwargs: FakeModel(taste=knows_the_past),
    )
    monkeypatch.setattr("footfall_lab.validation.memories.sentences_installed", lambda: False)
    choice = {"history_events": 10, "max_history_tokens": 4000}
    made = parse_scenario(scenario(choice=choice))
    options = ValidationOptions(
        out=shop / "memory", base=shop, users=60, questions=4000, protocol="memory"
    )
    found = ways.weigh_memories(made, options, lambda _: None)
    assert (shop / "memory" / "memory.json").exists()
    rows = {row["memory"]: row for row in found["rows"]}
    assert set(rows) == {
        "no memory", "newest 10", "newest 5, 5 by shared words", "newest 10 and a summary",
        "a summary alone",
    }  # fmt: skip
    assert rows["newest 10"]["change alone"] == 0
    low, _ = rows["no memory"]["change alone interval"]
    assert low > 0.02  # without a memory this model knows nothing
    assert rows["a summary alone"]["change alone"] > 0.02
    assert rows["newest 10"]["weight alone"] > 0.3
    assert found["without an answer"] == 0
    print_memories(found)
    out = capsys.readouterr().out
    assert "newest 5, 5 by shared words" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 80


def test_without_questions_there_is_nothing_to_measure(shop):
    options = ValidationOptions(out=shop / "nothing", base=shop, questions=0, protocol="memory")
    with pytest.raises(UserError, match="--questions more than 0"):
        ways.weigh_memories(parse_scenario(scenario()), options, lambda _: None)


def test_prompts_that_tell_no_events_have_nothing_to_compare(shop):
    made = parse_scenario(scenario(choice={"history_events": 0}))
    with pytest.raises(UserError, match="tells 0"):
        ways.weigh_memories(made, ValidationOptions(out=shop / "no", base=shop), lambda _: None)


def test_segments_are_not_judged_yet(shop):
    segments = {"by": "age", "click": {"old": {"price": -1.0}}}
    made = parse_scenario(scenario(behaviour={"segments": segments}))
    with pytest.raises(UserError, match=r"leave behaviour\.segments out"):
        ways.validate_users(made, ValidationOptions(out=shop / "no", base=shop), lambda _: None)
