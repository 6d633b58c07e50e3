"""How truly a surrogate repeats its teacher: on users and items that it has not learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from footfall.behaviour.decisions import click_probabilities, examination_curve
from footfall.behaviour.features import PairFeatures
from footfall.behaviour.specs import BehaviourSpec
from footfall_eval.statistics.resample import mean_interval, ratio_interval
from footfall_lab.distilling.lessons import NO_ARM, AnsweredPage
from footfall_lab.validation.blend import utilities

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FEWEST = 10
"""Numbers below which no correlation is reported."""

ALONE = "the model alone"
WITH_HABITS = "with the scenario's habits"


def agreement(teacher: Floats, surrogate: Floats) -> dict[str, Any]:
    """Correlations and error of [n] utilities of pairs of users and items."""
    found: dict[str, Any] = {"pairs": len(teacher), "pearson": None, "spearman": None}
    found["rmse"] = float(np.sqrt(np.mean((teacher - surrogate) ** 2))) if len(teacher) else None
    found["teacher's spread"] = float(teacher.std()) if len(teacher) else None
    if len(teacher) < FEWEST or not teacher.std() or not surrogate.std():
        return found
    found["pearson"] = float(np.corrcoef(teacher, surrogate)[0, 1])
    found["spearman"] = float(spearmanr(teacher, surrogate).statistic)
    return found


def within_pages(teacher: Sequence[Floats], surrogate: Sequence[Floats]) -> float | None:
    """Correlation of utilities less their page's mean: all that a choice from a page depends on."""
    pairs = [(t - t.mean(), s - s.mean()) for t, s in zip(teacher, surrogate, strict=True)]
    one = np.concatenate([t for t, _ in pairs]) if pairs else np.empty(0)
    other = np.concatenate([s for _, s in pairs]) if pairs else np.empty(0)
    if len(one) < FEWEST or not one.std() or not other.std():
        return None
    return float(np.corrcoef(one, other)[0, 1])


def page_nll(
    teacher: Sequence[Floats], surrogate: Sequence[Floats], weight: float
) -> dict[str, float]:
    """Nats a choice: choices drawn by the teacher's softmax, foreseen by each of three.

    ``weight`` multiplies the utilities of both. The teacher's own figure is the least possible.
    """
    own, theirs, even = [], [], []
    for t, s in zip(teacher, surrogate, strict=True):
        p, log_p, log_q = (
            np.exp(_log_softmax(weight * t)),
            _log_softmax(weight * t),
            _log_softmax(weight * s),
        )
        own.append(-(p * log_p).sum())
        theirs.append(-(p * log_q).sum())
        even.append(np.log(len(t)))
    means = {"teacher": np.mean(own), "surrogate": np.mean(theirs), "guessing": np.mean(even)}
    return {name: float(value) for name, value in means.items()}


def loudness(teacher: Sequence[Floats]) -> float:
    """Weight at which one standard deviation within a page counts 1."""
    apart = np.concatenate([t - t.mean() for t in teacher])
    return 1.0 / float(apart.std()) if apart.std() else 1.0


def effects(
    lessons: Sequence[AnsweredPage],
    surrogate: Sequence[Floats],
    *,
    arms: Sequence[str],
    control: str,
    behaviour: BehaviourSpec,
    known: PairFeatures,
    weight: float,
    seed: int,
) -> list[dict[str, Any]]:
    """The A/B test of the arms' first pages, once by the teacher and once by the surrogate.

    The outcome of a user in an arm is the expected clicks on that page.

    Args:
        lessons: Pages of held-out users.
        surrogate: Its utilities of the same pages; NaN where it refused.
        arms: Names.
        control: The one that the others are compared with.
        behaviour: Habits and coefficients; the model's own is ``weight``.
        known: Features of users and items at the start.
        weight: Of the utilities.
        seed: Of the intervals.
    """
    rows = []
    for outcome in (ALONE, WITH_HABITS):
        heard = _outcomes(lessons, surrogate, behaviour, known, weight, alone=outcome == ALONE)
        for arm, name in enumerate(arms):
            if name == control:
                continue
            base = arms.index(control)
            users = sorted({u for u, a in heard if a == arm} & {u for u, a in heard if a == base})
            pairs = np.array([[heard[u, arm], heard[u, base]] for u in users]).reshape(-1, 2, 2)
            row = {"outcome": outcome, "control": control, "treatment": name}
            rows.append({**row, **_contrast(pairs[:, 0] - pairs[:, 1], seed)})
    return rows


def _outcomes(
    lessons: Sequence[AnsweredPage],
    surrogate: Sequence[Floats],
    behaviour: BehaviourSpec,
    known: PairFeatures,
    weight: float,
    *,
    alone: bool,
) -> dict[tuple[int, int], tuple[float, float]]:
    """(user, arm) -> expected clicks on the first page by the teacher and by the surrogate."""
    middle = float(np.concatenate([lesson.llm for lesson in lessons]).mean())
    found = {}
    for lesson, other in zip(lessons, surrogate, strict=True):
        if lesson.arm == NO_ARM or not np.isfinite(other).all():
            continue
        k = len(lesson.llm)
        both = weight * np.stack([lesson.llm, other])
        if alone:
            # A page of middling items is clicked half the time.
            base, reading = np.full((1, k), -weight * middle - np.log(k)), np.ones(k)
        else:
            items = np.array([lesson.page.items], dtype=np.int32)
            base = utilities(behaviour.click, known, np.array([lesson.user]), items)
            base = base + behaviour.click.position * np.log1p(np.arange(k))
            reading = examination_curve(behaviour.habits, k)
        clicks = click_probabilities(base + both, np.tile(reading, (2, 1)), behaviour.habits.picks)
        teacher, theirs = clicks.sum(axis=1).tolist()
        found[lesson.user, lesson.arm] = (teacher, theirs)
    return found


def _contrast(differences: Floats, seed: int) -> dict[str, Any]:
    """Of [n_users, 2] paired differences by the teacher and by the surrogate."""
    teacher, theirs = differences[:, 0], differences[:, 1]
    own, other = mean_interval(teacher, seed), mean_interval(theirs, seed)
    # Where the teacher sees no difference beyond luck, the ratio would be one of two noises.
    clear = own.excludes_zero
    ratio = ratio_interval(theirs, teacher, seed) if clear else None
    return {
        "users": len(differences),
        "teacher": own.value,
        "teacher interval": own.pair(),
        "surrogate": other.value,
        "surrogate interval": other.pair(),
        "same sign": bool(np.sign(own.value) == np.sign(other.value)) if clear else None,
        "ratio": None if ratio is None else ratio.value,
        "ratio interval": None if ratio is None else ratio.pair(),
    }


def _log_softmax(utility: Floats) -> Floats:
    top = utility - utility.max()
    return np.asarray(top - np.log(np.exp(top).sum()))
