"""The 1:m discrimination task: 20 items a user, some really taken, the others never touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import logsumexp

from footfall.behaviour.specs import BehaviourSpec
from footfall.errors import DataError
from footfall.fitting.baselines.scorers import Scaled
from footfall.fitting.ground import Ground
from footfall.fitting.known import Known
from footfall.fitting.sets import build
from footfall.fitting.stages import Stage
from footfall.luck import identity
from footfall.options import Announce
from footfall_eval.blocks.discrimination import Task, discriminate
from footfall_eval.blocks.predictions import BLEND, WITHOUT_MODEL
from footfall_lab.validation import rivals
from footfall_lab.validation.asking import Interviewer
from footfall_lab.validation.blend import differences, draws_of, p_buy, utilities
from footfall_lab.validation.players import FIT_SHARE, Players, make_players
from footfall_lab.validation.study import ValidationOptions

Floats = npt.NDArray[np.float64]

ITEMS = 20
"""Items a user, as in Agent4Rec."""

MODEL_ALONE = "language model alone"

FIT_USERS = 60
"""Users of the fit stage on whom it is chosen from which score on a predictor says yes."""

TUNING_DRAWS = 8
"""Draws of items for each of them, so that the choice is not luck."""


@dataclass(frozen=True, eq=False)
class Items:
    """Who is asked about what."""

    users: npt.NDArray[np.int64]
    """[n] numbers in the stage."""
    items: npt.NDArray[np.int32]
    """[n, 20]"""
    taken: npt.NDArray[np.bool_]


def draw(
    ground: Ground, stage: Stage, ratio: int, *, most: int, least: int, again: int = 0
) -> Items:
    """Draw the task's items for at most ``most`` users of a stage.

    Negatives are drawn evenly from what the user never touched, before or in the stage. A user
    needs ``least`` different taken items, whatever the ratio, so that all ratios ask the same
    users; and the items of one ratio are among those of another where they can be. ``again``
    draws other items.
    """
    wanted = ITEMS // (1 + ratio)
    catalogue, seed = ground.catalogue, ground.scenario.seed
    liked = stage.choices[stage.liked(stage.choices)]
    taken_by = {user: catalogue.codes(part.unique()) for user, part in _items(liked)}
    before = {user: catalogue.codes(part.unique()) for user, part in _items(stage.memory)}
    during = {user: catalogue.codes(part.unique()) for user, part in _items(stage.choices)}
    nothing = np.empty(0, dtype=np.int32)
    users: list[int] = []
    items: list[npt.NDArray[np.int32]] = []
    taken: list[npt.NDArray[np.bool_]] = []
    for user in stage.users:
        if len(users) >= most:
            break
        own = taken_by.get(user, nothing)
        touched = np.union1d(before.get(user, nothing), during.get(user, nothing))
        free = np.setdiff1d(np.arange(len(catalogue)), touched)
        if len(own) < least or len(free) < ITEMS:
            continue
        rng = np.random.default_rng([seed, identity(user), again])
        chosen, others = rng.permutation(own)[:wanted], rng.permutation(free)[: ITEMS - wanted]
        order = rng.permutation(ITEMS)
        users.append(stage.number(user))
        items.append(np.concatenate([chosen, others])[order])
        taken.append((np.arange(ITEMS) < wanted)[order])
    shape = (len(users), ITEMS)
    return Items(
        np.asarray(users, dtype=np.int64),
        np.asarray(items, dtype=np.int32).reshape(shape),
        np.asarray(taken, dtype=bool).reshape(shape),
    )


def _items(rows: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    return ((str(user), part) for user, part in rows.groupby("user")["item"])


def run_tasks(
    ground: Ground, options: ValidationOptions, interviewer: Interviewer | None, announce: Announce
) -> dict[str, Any]:
    """Every ratio: the blend, the model alone and the baselines, side by side."""
    stages, seed = ground.stages, ground.scenario.seed
    before = ground.known_before()
    known = {"fit": before[0], "test": ground.known(stages.test)}
    sets = build(ground, "catalogue", per_user=8)
    fitted = rivals.train(sets, before, seed=seed, announce=announce)
    announce("fitting, and asking the model about choices to fit")
    players = make_players(ground, sets, before, interviewer, options.questions)
    few = options.users if interviewer is None else _affordable(options)
    least = ITEMS // (1 + min(options.ratios))
    rows: list[dict[str, Any]] = []
    users = {}
    for ratio in options.ratios:
        announce(f"1:{ratio}")

        def made(stage: Stage, most: int, again: int = 0, ratio: int = ratio) -> Task:
            drawn = draw(ground, stage, ratio, most=most, least=least, again=again)
            if not len(drawn.users):
                raise DataError(
                    f"discrimination: no user took {least} different items in the fit or the test "
                    "stage; leave out the smaller --ratios, or move the split"
                )
            llm = _ask(ground, stage, interviewer, drawn) if not again else None
            return _task(ratio, drawn, llm, known[stage.name], fitted, players)

        test, first = made(stages.test, few), made(stages.fit, min(few, FIT_USERS))
        users[f"1:{ratio}"] = len(test.taken)
        more = range(1, TUNING_DRAWS if players.silent else 1)
        tuning = _joined([first, *(made(stages.fit, FIT_USERS, again) for again in more)])
        rows += discriminate(test, tuning, seed=seed)
    return {
        "scenario": ground.scenario.name,
        "tested users": ground.population_note,
        "users": users,
        "items a user": ITEMS,
        "weight of the model": None if players.voice is None else players.voice.weight,
        "weight of the model in the blend": players.behaviour.click.llm,
        "rows": rows,
    }


def _joined(tasks: list[Task]) -> Task:
    """The users of several draws below one another; the model alone is asked in the first only."""
    names = tasks[0].scores
    return Task(
        tasks[0].ratio,
        np.concatenate([one.taken for one in tasks]),
        {n: np.concatenate([t.scores[n] for t in tasks if n in t.scores]) for n in names},
    )


def _affordable(options: ValidationOptions) -> int:
    """Tested users that the questions allow; items of all ratios are mostly the same ones."""
    left = (1 - FIT_SHARE) * options.questions
    pool = ITEMS // 2 + ITEMS
    return max(FIT_USERS, min(options.users, int(left / pool) - FIT_USERS))


def _ask(
    ground: Ground, stage: Stage, interviewer: Interviewer | None, drawn: Items
) -> Floats | None:
    if interviewer is None:
        return None
    names = [stage.users[user] for user in drawn.users]
    return interviewer.opinions(ground.population(stage), names, drawn.items)


def _task(
    ratio: int,
    drawn: Items,
    llm: Floats | None,
    known: Known,
    fitted: dict[str, Scaled],
    players: Players,
) -> Task:
    """Scores of every predictor; users whom the model did not answer are left out for all."""
    scores = {name: one.open(known)(drawn.users, drawn.items) for name, one in fitted.items()}
    scores[WITHOUT_MODEL] = scores.pop(rivals.LOGIT)
    scores[BLEND] = _blend(players.behaviour, known, drawn, llm)
    kept = np.ones(len(drawn.users), dtype=bool)
    if llm is not None:
        kept = np.asarray(np.isfinite(llm).all(axis=1))
        scores[MODEL_ALONE] = llm
    return Task(ratio, drawn.taken[kept], {name: part[kept] for name, part in scores.items()})


def _blend(spec: BehaviourSpec, known: Known, drawn: Items, llm: Floats | None) -> Floats:
    """[n, 20] log of the rate of taking, averaged over how users may differ."""
    asked = (known.features, drawn.users, drawn.items, llm)
    ways = [
        utilities(spec.click, *asked, differences=differences(spec, drawn.users, draw))
        for draw in range(draws_of(spec))
    ]
    rate = logsumexp(np.stack(ways), axis=0) - np.log(len(ways))
    return np.asarray(rate + np.log(p_buy(spec, known.features, drawn.users, drawn.items)))
