"""``footfall validate --protocol prediction``: classical predictors and the users, side by side.

    task                     rows                                   data
    next action type         actions of the stage, each from those  more than one action type
                             before it
    category within N days   tested users times common categories   categories or genres
    next item in slate       items of the held-out choice sets      always

Everything is learned from users and weeks of the fit stage, thresholds come from the calibration
stage, and the test stage (other users, later weeks) is scored once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.fitting.baselines.scorers import Scaled
from footfall.fitting.choice_sets import ChoiceSets
from footfall.options import Announce
from footfall_eval.blocks.prediction import PredictionRows, compare_predictors
from footfall_eval.blocks.predictions import BLEND, WITHOUT_MODEL
from footfall_lab.validation import rivals
from footfall_lab.validation.blend import chances
from footfall_lab.validation.category import CATEGORIES, DAYS, foresee_categories
from footfall_lab.validation.next_action import action_types, foresee_actions
from footfall_lab.validation.study import Study
from footfall_lab.validation.tasks import MODEL_ALONE
from footfall_lab.validation.texts import ItemCoordinates, text_scorers

Floats = npt.NDArray[np.float64]

ASKED = " *"
"""Marks predictors that were measured only where the language model was asked."""

ITEM_MODELS = ("item-knn", "markov", "gru4rec")
"""Baselines whose scores of items are summed up to categories."""


def predict(study: Study, announce: Announce) -> dict[str, Any]:
    """The three tasks: ``{task: {"about", "rows", ...}}``, or ``{"not run": why}``."""
    ground, seed = study.ground, study.ground.scenario.seed
    texts = ItemCoordinates.of(ground.catalogue, seed)
    announce("prediction: next item in slate")
    found = {"next item in slate": _slates(study, texts, seed)}
    announce(f"prediction: category within {DAYS} days")
    found[f"category within {DAYS} days"] = _categories(study, texts, seed)
    announce("prediction: next action type")
    found["next action type"] = _actions(study, texts, seed)
    return found


def _actions(study: Study, texts: ItemCoordinates, seed: int) -> dict[str, Any]:
    stages = study.ground.stages
    types = action_types(stages.fit)
    if len(types) < 2:
        return {"not run": f"not in this data: every action is a {types[0]}"}
    parts = (stages.fit, stages.calibrate, stages.test)
    test, tuning = foresee_actions(parts, types, texts, seed=seed)
    about = f"which of {', '.join(types)} comes next; figures are means over the types"
    if len(types) == 2:
        about = f"whether {types[1]} or {types[0]} comes next; {types[1]} is yes"
    return _task(about, test, tuning, classes=len(types), seed=seed)


def _categories(study: Study, texts: ItemCoordinates, seed: int) -> dict[str, Any]:
    ground = study.ground
    stages = ground.stages
    known = (ground.known(stages.fit), ground.known(stages.calibrate), study.known)
    models = {name: study.baselines[name] for name in ITEM_MODELS}
    rows = foresee_categories(ground, known, models, study.players, texts)
    if rows is None:
        return {"not run": "not in this data: there are no categories"}
    about = (
        f"whether a user takes something of a category within {DAYS} days of the split; the "
        f"{CATEGORIES} categories that others take most"
    )
    return _task(about, *rows, classes=2, seed=seed)


def _slates(study: Study, texts: ItemCoordinates, seed: int) -> dict[str, Any]:
    """Every item of a held-out slate: was it the chosen one?"""
    ground, sets = study.ground, study.main
    known_fit = ground.known(ground.stages.fit)
    known = {"tuning": ground.known(ground.stages.calibrate), "test": study.known}
    parts = {"tuning": sets.calibrate, "test": sets.test}
    models = {name: one for name, one in study.baselines.items() if name != "uniform"}
    for name, scorer in text_scorers(texts).items():
        scorer.fit((known_fit, sets.fit), (known["tuning"], sets.calibrate))
        models[name] = scorer
    models[WITHOUT_MODEL] = models.pop(rivals.LOGIT)
    rows = {}
    for stage, part in parts.items():
        scores = {
            name: chances(part, one.open(known[stage])(part.users, part.items))
            for name, one in models.items()
        }
        if study.players.silent:
            scores[BLEND] = study.players.chances(known[stage], part, None)
        rows[stage] = _items(part, scores)
    found = _task(
        f"which item of a slate is chosen ({sets.protocol}), item by item",
        rows["test"],
        rows["tuning"],
        classes=2,
        seed=seed,
    )
    told = _asked(study, models[WITHOUT_MODEL], seed)
    if told and study.heard is not None:
        found["rows"] = _sorted(found["rows"][:-1] + told) + found["rows"][-1:]
        found["about"] += (
            f"; {ASKED.strip()} on the {len(study.heard.sets)} of {len(sets.test)} slates that the "
            "language model was asked about, too few to tune a threshold on"
        )
    return found


def _asked(study: Study, without: Scaled, seed: int) -> list[dict[str, Any]]:
    """The model alone and, where it has a voice, the blend with and without it: AUC only."""
    heard = study.heard
    if heard is None or not len(heard.sets):
        return []
    sets = heard.sets
    scores = {MODEL_ALONE: heard.llm}
    if not study.players.silent:
        scores[BLEND] = study.players.chances(study.known, sets, heard.llm)
        scores[WITHOUT_MODEL] = chances(sets, without.open(study.known)(sets.users, sets.items))
    asked = _items(sets, {f"{name}{ASKED}": found for name, found in scores.items()})
    untuned = PredictionRows(asked.truth, asked.users)
    return compare_predictors(asked, untuned, classes=2, seed=seed)[:-1]


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: -row["roc auc"])


def _items(sets: ChoiceSets, scores: dict[str, Floats]) -> PredictionRows:
    """One row a shown item; ``scores`` are [n, k] or, with "none" last, [n, k + 1]."""
    k = sets.items.shape[1]
    truth = (np.arange(k) == sets.chosen[:, None]).astype(np.int64)
    users = np.broadcast_to(sets.users[:, None], truth.shape)
    return PredictionRows(
        truth[sets.shown],
        users[sets.shown],
        {name: found[:, :k][sets.shown] for name, found in scores.items()},
    )


def _task(
    about: str, test: PredictionRows, tuning: PredictionRows, *, classes: int, seed: int
) -> dict[str, Any]:
    common = int(np.bincount(test.truth, minlength=classes).argmax())
    return {
        "about": about,
        "constant accuracy": float((test.truth == common).mean()),
        "rows": compare_predictors(test, tuning, classes=classes, seed=seed),
    }
