"""Lessons: one user's prompt and real yes-or-no answers behind it.

Prompts are made by the very objects that ask during a run (template, prompter, labels), so
what is learned is what will be asked. Who and when:

    train      users left for the choice model, windows of days before the calibration days
    validate   other such users, the calibration days
    never      users of the validation report's test, and everything from the split on
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from pydantic import Field

from footfall.datasets.catalogue import Catalogue
from footfall.errors import DataError
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.ground import Ground
from footfall.fitting.sets import of_stage
from footfall.fitting.stages import Stage, StageSpec, divide
from footfall.llm.protocol import Tokens
from footfall.options import Announce
from footfall.plumbing.spec import Spec
from footfall.prompting.prompter import Prompter, VisitSoFar
from footfall.users.apart import spared_users
from footfall.users.population import Population


class LessonSpec(Spec):
    """Which choices become lessons."""

    protocols: tuple[str, ...] = ("matched",)
    """Choice sets: "matched" (equally popular items, not taken), or those of the validity
    report, such as "displayed" (really in sight) and "likes" (observed dislikes)."""
    windows: int = Field(default=4, ge=1, le=24)
    """Stretches of days before the calibration days, each with the memory before it."""
    questions: int = Field(default=40, ge=2, le=200)
    """Questions behind one history at most."""
    max_users: int | None = Field(default=None, ge=1)
    """Users of a window at most, drawn; None: all."""
    tested: int = Field(default=300, ge=20)
    """Users, of those active after the split, who are left for ``footfall validate``."""
    seed: int = 0


@dataclass(frozen=True)
class Lesson:
    """One shared history and the answers behind it."""

    user: str
    window: int
    """0 is the newest."""
    prefix: Tokens
    suffixes: tuple[Tokens, ...]
    items: tuple[str, ...]
    """Ids, aligned with ``suffixes``, as are ``taken`` and ``new``."""
    taken: tuple[bool, ...]
    new: tuple[bool, ...]
    """The user had never taken the item before."""

    @property
    def tokens(self) -> int:
        """Length when packed."""
        return len(self.prefix) + sum(map(len, self.suffixes))


@dataclass(frozen=True)
class Lessons:
    """What is learned from, and what watches over the learning."""

    train: list[Lesson]
    validate: list[Lesson]
    until: pd.Timestamp
    """Nothing at or after this moment was seen."""


def make_lessons(
    ground: Ground, prompter: Prompter, spec: LessonSpec, announce: Announce
) -> Lessons:
    """Lessons for training and validation; no tested user and nothing held out is in them.

    Raises:
        DataError: The data leaves no lesson.
    """
    train: list[Lesson] = []
    for window in range(spec.windows):
        stage = _window(ground, spec, window)
        if stage is None:
            announce(f"window {window}: no users with enough memory; {window} windows are used")
            break
        train += _of_stage(ground, stage, prompter, spec, window)
    validate = _of_stage(ground, ground.stages.calibrate, prompter, spec, 0)
    if not train or not validate:
        raise DataError("no lessons: the data before the split is too short; move the split")
    rng = np.random.default_rng(spec.seed)
    order = rng.permutation(len(train)).tolist()
    return Lessons([train[i] for i in order], validate, until=ground.split.at)


def _window(ground: Ground, spec: LessonSpec, window: int) -> Stage | None:
    """The fit stage as it was ``window`` windows ago, with nearly all spared users in it."""
    if ground.cut == "user":
        return ground.stages.fit if window == 0 else None
    usual = StageSpec()
    earlier = StageSpec(
        crowd=0.05,  # popularity needs few; the more users are learned from, the better
        calibrate_days=usual.calibrate_days + window * usual.fit_days,
        max_users=spec.max_users,
    )
    among = None if ground.circular else spared_users(ground.split, ground.scenario.seed)
    try:
        stage = divide(
            ground.split,
            earlier,
            ground.scenario.seed,
            test_users=set(ground.stages.test.users),
            among=among,
        ).fit
    except DataError:
        return None
    # Popularity, by which items are matched, is counted among all who are not tested.
    rows = ground.split.remembered.interactions
    others = (rows["time"] < stage.at) & ~rows["user"].isin(ground.stages.test.users)
    return replace(stage, crowd=rows[others])


def _of_stage(
    ground: Ground, stage: Stage, prompter: Prompter, spec: LessonSpec, window: int
) -> list[Lesson]:
    population = ground.population(stage)
    lessons = []
    for protocol in spec.protocols:
        sets = of_stage(ground, stage, protocol, seed=spec.seed + window)
        lessons += lessons_of_sets(
            sets, population, prompter, ground.catalogue, spec, window=window
        )
    return lessons


def lessons_of_sets(
    sets: ChoiceSets,
    population: Population,
    prompter: Prompter,
    catalogue: Catalogue,
    spec: LessonSpec,
    *,
    window: int = 0,
) -> list[Lesson]:
    """One lesson a user: every shown item of the user's sets, up to ``spec.questions``, drawn."""
    rng = np.random.default_rng((spec.seed, window))
    rows, columns = np.nonzero(sets.shown)
    asked = pd.DataFrame(
        {
            "user": sets.users[rows],
            "item": sets.items[rows, columns],
            "taken": sets.chosen[rows] == columns,
        }
    )
    asked = asked.iloc[rng.permutation(len(asked))]
    groups = [
        (int(part["user"].iloc[0]), part[: spec.questions]) for _, part in asked.groupby("user")
    ]
    numbers = [population.index(sets.names[user]) for user, _ in groups]
    prefixes = prompter.prefixes([VisitSoFar(population.persona(number)) for number in numbers])
    lessons = []
    for (user, part), number, prefix in zip(groups, numbers, prefixes, strict=True):
        known = population.purchase_counts(number)
        codes = part["item"].tolist()
        lessons.append(
            Lesson(
                user=sets.names[user],
                window=window,
                prefix=prefix.tokens,
                suffixes=tuple(prompter.suffixes(codes, [prefix.familiarity] * len(codes))),
                items=tuple(catalogue.ids[code] for code in codes),
                taken=tuple(part["taken"].tolist()),
                new=tuple(code not in known for code in codes),
            )
        )
    return lessons


def questions(lessons: Sequence[Lesson]) -> int:
    """Questions in all."""
    return sum(len(lesson.suffixes) for lesson in lessons)
