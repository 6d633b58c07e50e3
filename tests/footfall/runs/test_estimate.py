"""What a dry run foresees, held against what a run then asks."""

from pathlib import Path

import pytest

import shop
from footfall.llm.counting import CountingOnce
from footfall.options import Options
from footfall.runs import run as running
from footfall.runs.estimate import estimate
from footfall.scenario.scenario import parse_scenario

ARMS = [
    {"name": "random", "recommender": {"kind": "random"}},
    {"name": "popular", "recommender": {"kind": "popular"}},
    {"name": "popular again", "recommender": {"kind": "popular"}},
]


class Asked(CountingOnce):
    """Counts what a real model would compute, and passes the questions on."""

    def __init__(self, model):
        super().__init__(model)
        self.inner = model

    def ask(self, questions):
        super().ask(questions)
        return self.inner.ask(questions)


@pytest.mark.parametrize(
    "choice",
    [{"mode": "yes-no", "visit_events": False}, {"mode": "likelihood", "visit_events": False}],
    ids=lambda choice: choice["mode"],
)
def test_questions_that_repeat_are_counted_once(tmp_path, monkeypatch, choice):
    shop.write_shop(tmp_path)
    population = {"users": 60, "min_history": 3}
    scenario = parse_scenario(shop.scenario(choice=choice, arms=ARMS, population=population))
    base = Path(tmp_path)
    foreseen = estimate(scenario, base, lambda _: None)
    made = []
    opening = running.open_answering

    def counted(*arguments):
        made.append(Asked(opening(*arguments)))
        return made[-1]

    monkeypatch.setattr(running, "open_answering", counted)
    record = running.run(scenario, Options(tmp_path / "out", base))
    asked = made[0]
    shown = record["choice"]["pages"] * scenario.world.slate
    assert shown > 1.3 * asked.questions  # many repeat
    assert foreseen.prompts == pytest.approx(asked.questions, rel=0.35)
    assert foreseen.tokens == pytest.approx(asked.tokens, rel=0.35)
