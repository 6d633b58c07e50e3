"""The commands as stories: what is read, who learns, who is asked, what is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from footfall.datasets.experiments import read_experiments
from footfall.llm.encoders import States
from footfall.llm.opening import open_model
from footfall.llm.specs import ModelSpec
from footfall.llm.store import AnswerStore, StoredModel
from footfall.plumbing.files import replacing
from footfall_lab.appeal import asking, learn, plots
from footfall_lab.appeal.backtest import run_backtest
from footfall_lab.appeal.learners import STATE_DEPTH, Learner, state_learner, text_learners
from footfall_lab.appeal.lessons import TitlePairs
from footfall_lab.appeal.results import results

Announce = Callable[[str], None]

REPORT = "backtest.json"


@dataclass(frozen=True)
class AppealOptions:
    """What to judge or to learn from, and with which models."""

    tests: Path
    out: Path
    model: str = "embedded"
    """Language model whose states are read and who is asked; "none" for no one."""
    server: str | None = None
    """A server is asked, but gives no states."""
    asked: int = 0
    """Tests about which the untaught model is asked."""
    tuned: bool = False
    """Tune the sentence encoder too."""


def backtest(order: AppealOptions, announce: Announce) -> dict[str, Any]:
    """Foresee all tests, write ``backtest.json`` and ``backtest.html``, and return the first.

    Raises:
        DataError: The tests cannot be used.
        ModelError: A model cannot.
    """
    lessons = _lessons(order, announce)
    answers = _ask(order, lessons, announce)
    asked = () if answers is None else answers.asked
    found = run_backtest(lessons, learners_of(order, announce), asked, order.out / "work", announce)
    told = results(found, None if answers is None else answers.contamination)
    with replacing(order.out / REPORT) as sink:
        sink.write(json.dumps(told, indent=1).encode())
    plots.write_page(told, found, order.out / "backtest.html")
    return told


def learn_appeal(order: AppealOptions, announce: Announce) -> dict[str, Any]:
    """Learn from all tests and write the appeal model; returns its card.

    Raises:
        DataError: The tests cannot be used.
        ModelError: A model cannot.
    """
    lessons = _lessons(order, announce)
    return learn.learn(lessons, learners_of(order, announce), order.out, announce)


def _lessons(order: AppealOptions, announce: Announce) -> TitlePairs:
    experiments = read_experiments(order.tests)
    for one in experiments.cleaning:
        announce(f"{one.count:,} x {one.problem}: {one.action}")
    lessons = TitlePairs.of(experiments)
    announce(f"{len(lessons):,} pairs of wordings; {lessons.noise.sentence()}")
    return lessons


def learners_of(order: AppealOptions, announce: Announce) -> list[Learner]:
    """Who learns: text learners, and one on the language model's states if there is one."""
    kept = order.out / "work" / "read"
    learners = text_learners(kept, tuned=order.tuned, tell=announce)
    if order.model in {"none", "fake"} or order.server is not None:
        return learners
    states = States(ModelSpec(name=order.model), STATE_DEPTH, announce)
    return [*learners, state_learner(states, kept)]


def _ask(
    order: AppealOptions, lessons: TitlePairs, announce: Announce
) -> asking.HeadlineAnswers | None:
    """The untaught model's opinion on some tests; None where nobody is to be asked."""
    if order.model == "none" or not order.asked:
        return None
    spec = ModelSpec.model_validate({"name": order.model, "server": order.server})
    store = AnswerStore(order.out / "work" / "answers.sqlite")
    model = StoredModel(open_model(spec, announce=announce), store)
    try:
        return asking.ask(model, lessons, asking.some_tests(lessons, order.asked), announce)
    finally:
        model.close()
