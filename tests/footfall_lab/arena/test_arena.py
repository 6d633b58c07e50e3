"""How others ask, side by side: who knows the taste is told from who does not."""

from __future__ import annotations

import json

import numpy as np
import pytest

import shop
from asking_world import DRINKER, catalogue, taste
from footfall.answering.opening import open_choice
from footfall.choice.protocol import Page
from footfall.choice.rating import labels
from footfall.choice.specs import ChoiceSpec
from footfall.cli.main import main
from footfall.errors import ModelError, UserError
from footfall.llm.fake import FakeModel
from footfall.scenario.scenario import parse_scenario
from footfall_lab.arena import story
from footfall_lab.arena.ways import SLOW, WAYS

SLATE = (5, 0, 6, 4, 9, 1)


def likes_its_club(prefix: str, item: str) -> float:
    """People like what is of the club of which the question tells most."""
    bakers = prefix.count("Baking") > prefix.count("Fishing")
    if not (prefix.count("Baking") or prefix.count("Fishing")):
        return 0.0
    return 2.0 if ("Baking" in item) == bakers else -2.0


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder, users=400, days=90)
    return folder


def scenario(**changes):
    return shop.scenario(
        split={"fraction": 0.75}, population={"users": 60, "min_history": 3}, **changes
    )


def test_a_rating_is_the_mean_mark(monkeypatch):
    model = FakeModel()
    ids, marks = labels(model)
    assert set(marks) == set(range(10))
    # All weight on one mark, whatever is asked.
    for mark in (0, 7):
        model = FakeModel(bias={str(mark): 50.0, f" {mark}": 50.0}, label_mass=0.9)
        choice = open_choice(ChoiceSpec(mode="rating"), model, catalogue())
        (page,) = choice.utilities([Page(DRINKER, SLATE)])
        assert page.llm == pytest.approx(np.full(len(SLATE), mark), abs=0.01)
        assert page.label_mass == pytest.approx(0.9)
    assert len(ids) == len(marks)


def test_a_model_without_digits_cannot_rate():
    model = FakeModel()
    whole = model.tokenizer.encode
    model.tokenizer.encode = lambda text: [1, 2] if text.strip() == "7" else whole(text)
    with pytest.raises(ModelError, match="no token for 7"):
        labels(model)


@pytest.mark.parametrize("way", [way for way in WAYS if way.name not in SLOW], ids=lambda w: w.name)
def test_every_way_asks_about_the_item_and_the_past(way):
    choice = open_choice(way.spec(ChoiceSpec()), FakeModel(taste=taste), catalogue())
    (page,) = choice.utilities([Page(DRINKER, SLATE, seed=3)])
    assert page.answered
    if way.name != "rating":  # the fake model's taste is about Yes, letters and titles
        drink = np.array([item < 5 for item in SLATE])
        assert page.llm[drink].mean() > page.llm[~drink].mean()


def test_who_knows_the_taste_beats_chance_and_who_guesses_does_not(base, tmp_path, monkeypatch):
    lines: list[str] = []

    def compete(model: FakeModel, out):
        monkeypatch.setattr(story, "open_model", lambda *_, **__: model)
        options = story.ArenaOptions(out, base, ("yes-no", "plain-history", "likelihood"), 120, 60)
        found = story.compete(parse_scenario(scenario()), options, lines.append)
        assert (out / "arena.json").exists()
        return {row["way"]: row for row in found["rows"]}

    knows = compete(FakeModel(taste=likes_its_club), tmp_path / "knows")
    guesses = compete(FakeModel(), tmp_path / "guesses")
    for way in ("yes-no", "plain-history", "likelihood"):
        assert knows[way]["auc interval"][0] > 0.55
        assert knows[way]["auc"] > guesses[way]["auc"] + 0.1
        assert knows[way]["nll"] < guesses[way]["nll"]
        assert guesses[way]["auc interval"][0] < 0.5
        assert knows[way]["tokens an item"] > 0
        assert knows[way]["unanswered"] == 0
    assert "popularity" in knows


def test_choices_without_an_answer_are_counted_and_are_nobodys_success(base, tmp_path, monkeypatch):
    monkeypatch.setattr(story, "open_model", lambda *_, **__: FakeModel(label_mass=1e-6))
    options = story.ArenaOptions(tmp_path, base, ("yes-no",), 40, 60)
    found = story.compete(parse_scenario(scenario()), options, lambda _: None)
    row = found["rows"][1]
    assert row["unanswered"] == 1.0
    assert "auc" not in row


def test_the_command(base, tmp_path, monkeypatch, capsys):
    file = base / "arena.yaml"
    file.write_text(json.dumps(scenario()))
    words = ["arena", str(file), "--out", str(tmp_path), "--choices", "40", "--model", "fake"]
    monkeypatch.setattr("sys.argv", ["footfall", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    told = capsys.readouterr().out
    for name in ("Agent4Rec", "RecAgent", "SimUSER", "SUBER", "popularity"):
        assert name in told
    with pytest.raises(UserError, match="did you mean"):
        story.compete(
            parse_scenario(scenario()),
            story.ArenaOptions(tmp_path, base, ("yesno",)),
            lambda _: None,
        )
