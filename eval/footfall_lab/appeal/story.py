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


def backtest(options: AppealOptions, announce: Announce) -> dict[str, Any]:
    """Foresee all tests, write ``backtest.json`` and ``backtest.html``, and return the first.

    Raises:
        DataError: The tests cannot be used.
        ModelError: A model cannot.
    """
    lessons = _lessons(options, announce)
    answers = _ask(options, lessons, announce)
    asked = () if answers is None else answers.asked
    found = run_backtest(
        lessons, learners_of(options, announce), asked, options.out / "work", announce
    )
    told = results(found, None if answers is None else answers.contamination)
    with replacing(options.out / REPORT) as sink:
        sink.write(json.dumps(told, indent=1).encode())
    plots.write_page(told, found, options.out / "backtest.html")
    return told


def learn_appeal(options: AppealOptions, announce: Announce) -> dict[str, Any]:
    """Learn from all tests and write the appeal model; returns its card.

    Raises:
        DataError: The tests cannot be used.
        ModelError: A model cannot.
    """
    lessons = _lessons(options, announce)
    return learn.learn(lessons, learners_of(options, announce), options.out, announce)


def _lessons(options: AppealOptions, announce: Announce) -> TitlePairs:
    experiments = read_experiments(options.tests)
    for one in experiments.cleaning:
        announce(f"{one.count:,} x {one.problem}: {one.action}")
    lessons = TitlePairs.of(experiments)
    announce(f"{len(lessons):,} pairs of wordings; {lessons.noise.sentence()}")
    return lessons


def learners_of(options: AppealOptions, announce: Announce) -> list[Learner]:
    """Who learns: text learners, and one on the language model's states if there is one."""
    kept = options.out / "work" / "read"
    learners = text_learners(kept, tuned=options.tuned, tell=announce)
    if options.model in {"none", "fake"} or options.server is not None:
        return learners
    states = States(ModelSpec(name=options.model), STATE_DEPTH, announce)
    return [*learners, state_learner(states, kept)]


def _ask(
    options: AppealOptions, lessons: TitlePairs, announce: Announce
) -> asking.HeadlineAnswers | None:
    """The untaught model's opinion on some tests; None where nobody is to be asked."""
    if options.model == "none" or not options.asked:
        return None
    spec = ModelSpec.model_validate({"name": options.model, "server": options.server})
    store = AnswerStore(options.out / "work" / "answers.sqlite")
    model = StoredModel(open_model(spec, announce=announce), store)
    try:
        return asking.ask(model, lessons, asking.some_tests(lessons, options.asked), announce)
    finally:
        model.close()
