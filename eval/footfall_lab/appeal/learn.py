"""Make an appeal model from past tests, with what cross-fitting says of it on its card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from footfall.appeal.folder import write_appeal
from footfall.appeal.model import Appeal, Noises
from footfall_lab.appeal.backtest import scores_kept, summary_of
from footfall_lab.appeal.figures import Scored, answered, ceiling, figures
from footfall_lab.appeal.folds import by_story
from footfall_lab.appeal.learners import Learner
from footfall_lab.appeal.lessons import TitlePairs
from footfall_lab.appeal.stacking import foresee, weigh
from footfall_lab.appeal.verdict import appeal_verdict

Tell = Callable[[str], None]


def learn(
    lessons: TitlePairs, learners: Sequence[Learner], folder: Path, tell: Tell
) -> dict[str, Any]:
    """Cross-fit the learners, weigh them, teach each by all tests, and write ``folder``.

    Returns:
        The card as written.
    """
    folds = by_story(lessons)
    group = np.full(len(lessons), -1, dtype=np.int64)
    columns = []
    for learner in learners:
        column = np.full(len(lessons), np.nan)
        for number, fold in enumerate(folds):
            tell(f"{learner.name}: {fold.name}")
            scores, _ = scores_kept(learner, lessons, fold.learn, folder / "work", tell)
            column[fold.foresee] = lessons.differences(scores)[fold.foresee]
            group[fold.foresee] = number
        columns.append(column)
    voices = np.column_stack(columns)
    every = np.ones(len(lessons), dtype=np.bool_)
    weighing = weigh(voices, lessons, every)
    tell("every voice learns from all tests")
    taught = tuple(learner.learn(lessons, every, tell) for learner in learners)
    noises = Noises(weighing.spread, lessons.noise.overdispersion)
    scored = Scored.of(lessons, foresee(voices, lessons, group, backwards=False))
    card = card_of(lessons, scored, {one.name: one.about for one in learners})
    return write_appeal(folder, Appeal(taught, weighing.weights, noises, card))


def card_of(lessons: TitlePairs, scored: Scored, about: dict[str, str]) -> dict[str, Any]:
    """What people must know of an appeal model before they believe it."""
    top = ceiling(scored)
    found = figures(scored)
    verdict = appeal_verdict(found, len(np.unique(scored.test)))
    return {
        "footfall": metadata.version("footfall"),
        "learned from": summary_of(lessons),
        "licence of the tests": lessons.experiments.licence,
        "outcome": lessons.experiments.outcome,
        "good for": (
            "which of several wordings of the same item is taken more often, by readers like "
            "those of these tests; not for images, prices, or which item is taken"
        ),
        "voices are": about,
        "noise": lessons.noise.sentence(),
        "cross-fitted over stories": {name: one.as_list() for name, one in found.items()},
        "verdict": {**vars(verdict), "sentence": verdict.sentence()},
        "accuracy by share answered": answered(scored),
        "ceiling": vars(top),
    }
