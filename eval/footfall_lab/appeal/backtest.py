"""Foresee all past tests, each by somebody who has not seen its story, and count.

Every part is kept in the output folder under a name that says what it was made from: a second
call goes on where a first one was stopped, and makes anew only what changed.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from footfall.plumbing.files import replacing
from footfall_lab.appeal.folds import Fold, by_story, by_time
from footfall_lab.appeal.learners import Learner
from footfall_lab.appeal.lessons import TitlePairs
from footfall_lab.appeal.stacking import Foreseen, foresee

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Tell = Callable[[str], None]

TEXT = ("style", "words", "sentences")
"""Learners that need no language model: the baselines that one is held against."""

BLENDS: dict[str, str] = {
    "texts": "style, words and sentences, weighed",
    "texts + tuned": "the same and the tuned sentence encoder",
    "texts + states": "texts and the language model's states",
    "all": "everything",
}
"""Weighed sums of voices, by name."""


@dataclass(frozen=True)
class UntaughtScores:
    """Scores of a model that was asked as it is, and learned nothing."""

    name: str
    about: str
    scores: Floats
    """[n_titles]; NaN where it gave no answer or was not asked."""
    seconds: float
    tokens: int


@dataclass(frozen=True, eq=False)
class Backtest:
    """Predictions of every pair, by plan and predictor."""

    lessons: TitlePairs
    foreseen: dict[str, dict[str, Foreseen]]
    """Plan ("by story", "by time") -> predictor -> predictions."""
    about: dict[str, str]
    """Predictor -> what it is."""
    costs: dict[str, dict[str, float]] = field(default_factory=dict)
    """Predictor -> seconds (to learn and foresee, one fold a test) and tokens a test."""


def run_backtest(
    lessons: TitlePairs,
    learners: Sequence[Learner],
    asked: Sequence[UntaughtScores],
    folder: Path,
    tell: Tell,
) -> Backtest:
    """Cross-fit by story and by time.

    Args:
        lessons: All tests.
        learners: Who learns; their names are unique.
        asked: Who was asked without learning.
        folder: What is done is kept here.
        tell: Told what is being done, in lines.
    """
    plans = {"by story": by_story(lessons), "by time": by_time(lessons)}
    costs: dict[str, dict[str, float]] = {}
    found: dict[str, dict[str, Foreseen]] = {}
    for plan, folds in plans.items():
        if not folds:
            continue
        group = _groups(lessons, folds)
        voices = {
            learner.name: _cross_fit(learner, lessons, folds, folder, tell, costs)
            for learner in learners
        }
        for one in asked:
            scores = np.where(group >= 0, lessons.differences(one.scores), np.nan)
            voices[one.name] = scores
            costs[one.name] = {"seconds": one.seconds, "tokens": float(one.tokens)}
        found[plan] = _weighed(voices, lessons, group, backwards=plan == "by time")
    about = {one.name: one.about for one in learners} | {one.name: one.about for one in asked}
    about |= BLENDS
    used = next(iter(found.values()))
    tests = len(np.unique(lessons.pairs.test))
    per_test = {name: {key: v / tests for key, v in cost.items()} for name, cost in costs.items()}
    return Backtest(lessons, found, {name: about[name] for name in used}, per_test)


def _groups(lessons: TitlePairs, folds: Sequence[Fold]) -> npt.NDArray[np.int64]:
    """[n_pairs] number of the fold in which a pair is foreseen; -1 in none."""
    group = np.full(len(lessons), -1, dtype=np.int64)
    for number, fold in enumerate(folds):
        group[fold.foresee] = number
    return group


def _cross_fit(
    learner: Learner,
    lessons: TitlePairs,
    folds: Sequence[Fold],
    folder: Path,
    tell: Tell,
    costs: dict[str, dict[str, float]],
) -> Floats:
    """[n_pairs] differences foreseen without having seen the story; NaN where in no fold."""
    found = np.full(len(lessons), np.nan)
    for fold in folds:
        tell(f"{learner.name}: {fold.name}")
        scores, seconds = scores_kept(learner, lessons, fold.learn, folder, tell)
        found[fold.foresee] = lessons.differences(scores)[fold.foresee]
        if fold.name.startswith("story"):
            spent = costs.setdefault(learner.name, {"seconds": 0.0, "tokens": 0.0})
            spent["seconds"] += seconds
    return found


def scores_kept(
    learner: Learner, lessons: TitlePairs, rows: Bools, folder: Path, tell: Tell
) -> tuple[Floats, float]:
    """[n_titles] scores of a learner taught by ``rows``, and the seconds that it took."""
    key = hashlib.sha256(f"{learner.identity} {lessons.digest(rows)}".encode()).hexdigest()[:32]
    path = folder / "parts" / f"{learner.name}-{key}.safetensors"
    try:
        kept = load_file(path)
        return kept["scores"].astype(np.float64), float(kept["seconds"][0])
    except (FileNotFoundError, SafetensorError, KeyError):
        pass  # not there yet, or cut off: learn again
    start = time.perf_counter()
    scores = learner.scores(lessons, rows, tell)
    seconds = time.perf_counter() - start
    with replacing(path) as sink:
        sink.write(save({"scores": scores, "seconds": np.array([seconds])}))
    return scores, seconds


def _weighed(
    voices: dict[str, Floats], lessons: TitlePairs, group: npt.NDArray[np.int64], *, backwards: bool
) -> dict[str, Foreseen]:
    """Each voice alone and the blends, sized by cross-fitting."""
    found = {
        name: foresee(column[:, None], lessons, group, backwards=backwards)
        for name, column in voices.items()
    }
    for name, parts in blends(tuple(voices)).items():
        columns = np.column_stack([voices[part] for part in parts])
        found[name] = foresee(columns, lessons, group, backwards=backwards)
    return found


def blends(voices: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Blends that these voices allow, with their parts."""
    texts = tuple(name for name in TEXT if name in voices)
    found = {"texts": texts}
    for more in ("tuned", "states"):
        if more in voices:
            found[f"texts + {more}"] = (*texts, more)
    if {"tuned", "states"} <= set(voices):
        found["all"] = (*texts, "tuned", "states")
    return found


def summary_of(lessons: TitlePairs) -> dict[str, Any]:
    """What was judged on, for people and for JSON."""
    pairs = lessons.pairs
    return {
        **lessons.experiments.summary(),
        "tests of wordings": len(np.unique(pairs.test)),
        "stories of wordings": len(np.unique(pairs.story)),
        "pairs": len(pairs),
        "decisive pairs": int(pairs.decisive(lessons.noise.overdispersion).sum()),
    }
