"""Task: will this user take something of that category within N days?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from footfall.behaviour.features import FADE_DAYS, Past, Tags
from footfall.fitting.baselines.scorers import Scaled, Scores
from footfall.fitting.ground import Ground
from footfall.fitting.known import Known, moments
from footfall.fitting.stages import Stage
from footfall_eval.blocks.prediction import PredictionRows
from footfall_eval.blocks.predictions import BLEND, WITHOUT_MODEL
from footfall_lab.validation.blend import utilities
from footfall_lab.validation.players import Players
from footfall_lab.validation.texts import ItemCoordinates, pairs

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

DAYS = 14
"""How far ahead."""

CATEGORIES = 20
"""Most taken categories that are asked about."""

ITEMS_A_CATEGORY = 60
"""Most taken items that stand for a category where a model scores items only."""

VISITED = 7.0
"""Days of nothing that are mixed into a rate of visits, so that one visit is no habit."""


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Users and categories at one moment."""

    truth: Numbers
    """[n_users * c] 1: taken within ``DAYS``."""
    users: Numbers
    features: Floats
    """[n_users * c, f] own history of the category."""
    popular: Floats
    """[n_users * c] share of the crowd that took it."""
    texts: dict[bool, Floats]
    """Joint or not -> [n_users * c, ...] coordinates of user and category."""


def foresee_categories(
    ground: Ground, known: tuple[Known, Known, Known], models: dict[str, Scaled], players: Players,
    texts: ItemCoordinates,
) -> tuple[PredictionRows, PredictionRows] | None:  # fmt: skip
    """Rows of the test stage and, for tuning, of the calibration stage; None: no categories.

    Args:
        ground: Stages and catalogue.
        known: What is known at the start of fit, calibrate and test.
        models: Fitted baselines that score items.
        players: The fitted users: the blend without the language model, which cannot be asked
            about categories.
        texts: Where items lie.
    """
    tags = Tags.of_items(ground.split.remembered.items)
    if len(tags.names) < 2:
        return None
    crowd = known[0].crowd
    takings = tags.count(crowd.items[crowd.taken])[0]
    chosen = np.argsort(-takings, kind="stable")[:CATEGORIES]
    chosen = chosen[takings[chosen] > 0]
    members = _members(tags, chosen, known[0])
    stages = (ground.stages.fit, ground.stages.calibrate, ground.stages.test)
    made = [
        _pairs(g, k, tags, chosen, members, texts, ground)
        for g, k in zip(stages, known, strict=True)
    ]
    learned = _learn(made[0])

    def rows(number: int) -> PredictionRows:
        part, own = made[number], known[number]
        scores = {"popularity": part.popular, **{name: ask(part) for name, ask in learned.items()}}
        everybody = np.arange(own.past.n_users)
        for name, model in models.items():
            scores[name] = _of_items(_plain(model, own), everybody, members)
        click = players.behaviour.click.model_copy(update={"llm": 0.0})
        spoken: Scores = lambda users, items: utilities(click, own.features, users, items)  # noqa: E731
        scores[WITHOUT_MODEL if players.voice else BLEND] = _of_items(spoken, everybody, members)
        return PredictionRows(part.truth, part.users, scores)

    return rows(2), rows(1)


def _plain(model: Scaled, known: Known) -> Scores:
    """A baseline's own log chances of items: the weight that slates gave it is another matter."""
    columns = model.opinion.columns(known)
    return lambda users, items: np.asarray(columns(users, items)[:, :, 0])


def _members(tags: Tags, chosen: Numbers, known: Known) -> list[npt.NDArray[np.int32]]:
    """Codes of the most taken items of each category."""
    crowd = known.crowd
    counts = np.bincount(crowd.items[crowd.taken], minlength=known.n_items)
    found = []
    for tag in chosen.tolist():
        own = np.flatnonzero((tags.codes == tag).any(axis=1))
        best = own[np.argsort(-counts[own], kind="stable")][:ITEMS_A_CATEGORY]
        found.append(best.astype(np.int32))
    return found


def _pairs(
    stage: Stage, known: Known, tags: Tags, chosen: Numbers,
    members: list[npt.NDArray[np.int32]], texts: ItemCoordinates, ground: Ground,
) -> _Pairs:  # fmt: skip
    n, c = len(stage.users), len(chosen)
    start = moments(stage)
    rows = stage.choices[stage.liked(stage.choices)]
    since = start if isinstance(start, pd.Timestamp) else rows["user"].map(start)
    soon = rows[rows["time"] < since + pd.Timedelta(days=DAYS)]
    number = {user: place for place, user in enumerate(stage.users)}
    who: Numbers = np.asarray(soon["user"].map(number), dtype=np.int64)
    took = tags.count(ground.catalogue.codes(soon["item"]), who, n)[:, chosen] > 0
    crowd, past = known.crowd, known.past
    share = tags.count(crowd.items[crowd.taken], crowd.users[crowd.taken], crowd.n_users)
    popular = np.tile((share[:, chosen] > 0).mean(axis=0), n)
    own = texts.users(past)
    names = np.stack([texts.mean(codes) for codes in members])
    grid = np.broadcast_to(own[:, None, :], (n, c, own.shape[1])).reshape(n * c, -1)
    places = np.tile(names, (n, 1))
    return _Pairs(
        truth=took.reshape(-1).astype(np.int64),
        users=np.repeat(np.arange(n), c),
        features=np.column_stack([_own(past, tags, chosen), np.log(popular + 1e-3)]),
        popular=popular,
        texts={joint: pairs(grid, places, joint=joint) for joint in (False, True)},
    )


def _own(past: Past, tags: Tags, chosen: Numbers) -> Floats:
    """[n_users * c, 5] takings of the category, ever, lately and a visit; visits; days known."""
    users, items, ages = past.users[past.taken], past.items[past.taken], past.ages[past.taken]
    n = past.n_users
    ever = tags.count(items, users, n)[:, chosen]
    lately = tags.count(items, users, n, np.exp(-ages / FADE_DAYS))[:, chosen]
    days = np.zeros(n)
    np.maximum.at(days, users, ages)
    visits = past.visits / (days + VISITED) * DAYS
    rate = ever / (days + VISITED)[:, None] * DAYS
    flat = [np.log1p(ever), np.log1p(lately), np.log1p(rate)]
    return np.column_stack(
        [*(part.reshape(-1) for part in flat), np.repeat(np.log1p(visits), len(chosen)),
         np.repeat(np.log1p(days), len(chosen))]
    )  # fmt: skip


def _learn(fit: _Pairs) -> dict[str, Callable[[_Pairs], Floats]]:
    """Logistic regressions on own history and on texts, learned from the fit stage."""
    if len(np.unique(fit.truth)) < 2:
        return {}

    def learned(rows: Callable[[_Pairs], Floats], strength: float) -> Callable[[_Pairs], Floats]:
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, C=strength))
        model.fit(rows(fit), fit.truth)
        return lambda part: np.asarray(model.decision_function(rows(part)))

    return {
        "logistic": learned(lambda part: part.features, 1.0),
        "text": learned(lambda part: part.texts[False], 0.1),
        "text, joint": learned(lambda part: part.texts[True], 0.1),
    }


def _of_items(scores: Scores, users: Numbers, members: list[npt.NDArray[np.int32]]) -> Floats:
    """[n_users * c] log of the summed odds of a category's items."""
    columns = []
    for codes in members:
        odds = scores(users, np.broadcast_to(codes, (len(users), len(codes))))
        top = odds.max(axis=1)
        columns.append(top + np.log(np.exp(odds - top[:, None]).sum(axis=1)))
    return np.column_stack(columns).reshape(-1)
