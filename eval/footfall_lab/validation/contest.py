"""Block G's table: recommenders trained, their slates judged by simulated users and by history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.decisions import click_probabilities, examination_curve
from footfall.behaviour.features import PairFeatures
from footfall.behaviour.specs import BehaviourSpec
from footfall.datasets.schema import Dataset, Split
from footfall.fitting.ground import Ground
from footfall.fitting.stages import Stage
from footfall.options import Announce
from footfall.recommenders import Request, audited, build, parse_spec
from footfall.users.population import Population
from footfall_lab.validation.asking import Interviewer
from footfall_lab.validation.blend import differences, draws_of, p_buy, utilities

Floats = npt.NDArray[np.float64]

RANDOM = "random"

CHANCE_DRAWS = 4
"""Slates of recommenders that draw by lot, averaged: their luck is not what is measured."""

FIELD: dict[str, dict[str, Any]] = {
    RANDOM: {"kind": "random"},
    "shuffled 500": {"kind": "shuffled", "pool": 500},
    "shuffled 100": {"kind": "shuffled", "pool": 100},
    "shuffled 25": {"kind": "shuffled", "pool": 25},
    "popular": {"kind": "popular"},
    "item-knn": {"kind": "item-knn"},
    "item-knn, 1 neighbour": {"kind": "item-knn", "neighbours": 1, "saved_neighbours": 5},
    "als": {"kind": "implicit", "algorithm": "als", "factors": 32, "epochs": 8},
    "als, 2 factors": {"kind": "implicit", "algorithm": "als", "factors": 2, "epochs": 2},
    "bpr": {"kind": "implicit", "algorithm": "bpr", "factors": 32, "epochs": 60},
    "bpr, 5 epochs": {"kind": "implicit", "algorithm": "bpr", "factors": 8, "epochs": 5},
}
"""Recommenders of very different strength, in which the scenario's own arms are set."""


@dataclass(frozen=True, eq=False)
class Contest:
    """Slates of every recommender for the same users."""

    names: tuple[str, ...]
    users: tuple[str, ...]
    slates: npt.NDArray[np.int32]
    """[n_users, n_recommenders, draws, k] codes, -1 where a slate is short."""
    hits: Floats
    """[n_users, n_recommenders] held-out items on the slate, mean over draws."""
    faults: dict[str, dict[str, int]]

    def unique(self) -> npt.NDArray[np.int32]:
        """[n_users, m] every item on any slate of a user, once, padded with -1."""
        rows = [np.unique(part[part >= 0]) for part in self.slates]
        width = max(len(row) for row in rows)
        padded = [np.pad(row, (0, width - len(row)), constant_values=-1) for row in rows]
        return np.stack(padded).astype(np.int32)


def field_of(ground: Ground) -> dict[str, dict[str, Any]]:
    """The standard field and the scenario's arms that are not in it already."""
    repeat = not _rated(ground.dataset)
    field = {name: {**raw, "exclude_known": not repeat} for name, raw in FIELD.items()}
    known = [parse_spec(raw).model_dump() for raw in field.values()]
    for arm in ground.scenario.arms:
        if arm.recommender.model_dump() not in known:
            field[f"arm {arm.name}"] = arm.recommender.model_dump(exclude_none=True)
    return field


def compete(ground: Ground, users: Sequence[str], base: Path, announce: Announce) -> Contest:
    """Train the field on what it may learn from and collect slates for the tested users."""
    held = held_out(ground)
    k = ground.scenario.world.slate
    slates, faults, names = [], {}, []
    for name, raw in field_of(ground).items():
        announce(f'block G: recommender "{name}"')
        found, counts = _slates(ground, ground.learners, raw, users, k, base)
        slates.append(found)
        faults[name] = counts
        names.append(name)
    stacked = np.stack(slates, axis=1)
    return Contest(tuple(names), tuple(users), stacked, _hits(stacked, users, held), faults)


def held_out(ground: Ground) -> dict[str, npt.NDArray[np.int32]]:
    """What each tested user really took in the test stage, each item once."""
    stage = ground.stages.test
    rows = stage.choices[stage.liked(stage.choices)]
    return _taken(ground, rows)


def offline(
    ground: Ground, users: Sequence[str], base: Path, announce: Announce
) -> dict[str, float]:
    """NDCG of each recommender trained and tested on what lies before the test stage.

    The tested users' last fifth of memory is held out, which is what an offline evaluation could
    know before the A/B test.
    """
    early, late = _earlier(ground)
    truth = _taken(ground, late[ground.stages.test.liked(late)])
    k = ground.scenario.world.slate
    found = {}
    for name, raw in field_of(ground).items():
        announce(f'offline NDCG before the split: "{name}"')
        slates, _ = _slates(ground, early, raw, users, k, base)
        found[name] = float(np.nanmean(ndcg(slates, [truth.get(user) for user in users])))
    return found


def simulate(
    contest: Contest,
    spec: BehaviourSpec,
    features: PairFeatures,
    stage: Stage,
    llm: Floats | None,
) -> tuple[Floats, Floats]:
    """[n_users, n_recommenders] expected purchases on one page, mean over draws; and by item.

    Exactly what a run would draw from: reading depth, one choice a page against "none of
    these", and buying what was clicked.

    Args:
        contest: Slates.
        spec: Behaviour of the simulated users.
        features: Of the stage's users.
        stage: Numbers the users.
        llm: [n_users, n_recommenders, draws, k] see ``opinions``; None: not asked.
    """
    n, r, d, k = contest.slates.shape
    flat = contest.slates.reshape(n * r * d, k)
    owners = np.array([stage.number(user) for user in contest.users], dtype=np.int64)
    users = np.repeat(owners, r * d)
    voice = None if llm is None else llm.reshape(n * r * d, k)
    shown = flat >= 0
    bought = np.zeros(flat.shape)
    for draw in range(draws_of(spec)):
        own = differences(spec, users, draw)
        utility = utilities(spec.click, features, users, flat, voice, differences=own)
        utility = utility + spec.click.position * np.log1p(np.arange(k))
        utility = np.where(shown, utility, -np.inf)
        reading = examination_curve(spec.habits, k) * shown
        clicks = click_probabilities(utility, reading, spec.habits.picks)
        bought += np.where(shown, clicks * p_buy(spec, features, users, flat), 0.0)
    bought /= draws_of(spec)
    by_item = bought.reshape(n, r, d, k)
    return np.asarray(by_item.sum(axis=3).mean(axis=2)), np.asarray(by_item)


def table(contest: Contest, simulated: Floats, features: PairFeatures) -> pd.DataFrame:
    """Rows ``user``, ``recommender``, ``simulated``, ``real``, ``popularity`` for block G."""
    popular = np.expm1(features.crowd.popularity)
    clicks = np.where(contest.slates >= 0, popular[contest.slates], 0.0).sum(axis=3).mean(axis=2)
    n, r = contest.hits.shape
    return pd.DataFrame(
        {
            "user": np.repeat(np.asarray(contest.users, dtype=object), r),
            "recommender": np.tile(np.asarray(contest.names, dtype=object), n),
            "simulated": simulated.ravel(),
            "real": contest.hits.ravel(),
            "popularity": clicks.ravel(),
        }
    )


def ndcg(slates: npt.NDArray[np.int32], truth: Sequence[npt.NDArray[np.int32] | None]) -> Floats:
    """[n_users] NDCG at the slate's length, mean over draws; NaN where nothing was taken."""
    k = slates.shape[2]
    discount = 1.0 / np.log2(np.arange(k) + 2)
    found = np.full(len(slates), np.nan)
    for row, (part, items) in enumerate(zip(slates, truth, strict=True)):
        if items is not None and len(items):
            gains = (np.isin(part, items) * discount).sum(axis=1)
            found[row] = gains.mean() / discount[: min(k, len(items))].sum()
    return found


def _slates(
    ground: Ground, learn: Dataset, raw: dict[str, Any], users: Sequence[str], k: int, base: Path
) -> tuple[npt.NDArray[np.int32], dict[str, int]]:
    """[n_users, draws, k] slates of one recommender, and what the audit found wrong."""
    split = Split(at=ground.split.at, remembered=learn, held_out=ground.split.held_out.iloc[:0])
    spec = parse_spec(raw)
    trained = audited(
        build(spec, split, ground.catalogue, base=base, seed=ground.scenario.seed),
        ground.catalogue,
    )
    requests = [
        Request(user=user, session=draw, page=0, time=ground.split.at, k=k, seed=1 + draw)
        for user in users
        for draw in range(CHANCE_DRAWS)
    ]
    # Who draws by lot must not draw the same items for everybody.
    requests = [replace(r, seed=r.seed + 1000 * row) for row, r in enumerate(requests)]
    try:
        answers = trained.recommend(requests)
    finally:
        trained.close()
    codes = np.full((len(requests), k), -1, dtype=np.int32)
    for row, slate in enumerate(answers):
        codes[row, : len(slate.items)] = ground.catalogue.codes(slate.items)
    counts = {name: count for name, count in trained.faults.counts.items() if count}
    return codes.reshape(len(users), CHANCE_DRAWS, k), counts


def _hits(
    slates: npt.NDArray[np.int32],
    users: Sequence[str],
    held: dict[str, npt.NDArray[np.int32]],
) -> Floats:
    nothing = np.empty(0, dtype=np.int32)
    rows = [
        np.isin(part, held.get(user, nothing)) for user, part in zip(users, slates, strict=True)
    ]
    return np.asarray(np.stack(rows).sum(axis=3).mean(axis=2), dtype=np.float64)


def _taken(ground: Ground, rows: pd.DataFrame) -> dict[str, npt.NDArray[np.int32]]:
    return {
        str(user): np.unique(ground.catalogue.codes(part))
        for user, part in rows.groupby("user")["item"]
    }


def _earlier(ground: Ground) -> tuple[Dataset, pd.DataFrame]:
    """What the learners knew one step earlier, and what the tested users did in that step."""
    rows = ground.learners.interactions
    tested = rows["user"].isin(ground.stages.test.users)
    if ground.cut == "time":
        late = rows["time"] >= ground.stages.calibrate.at - (
            ground.split.at - ground.stages.calibrate.at
        )
    else:
        cut = rows[tested].groupby("user")["time"].quantile(0.8, interpolation="higher")
        late = tested & (rows["time"] >= rows["user"].map(cut))
    early = rows[~late].reset_index(drop=True)
    return replace(ground.learners, interactions=early), rows[late & tested]


def _look_up(contest: Contest, llm: Floats) -> Floats:
    """[n_users, n_recommenders, draws, k] opinions of the slates' items."""
    unique = contest.unique()
    found = np.zeros(contest.slates.shape)
    for row, (slates, items) in enumerate(zip(contest.slates, unique, strict=True)):
        known = items[items >= 0]
        places = np.minimum(np.searchsorted(known, slates), len(known) - 1)
        found[row] = np.where(slates >= 0, llm[row][places], 0.0)
    return found


def opinions(contest: Contest, interviewer: Interviewer, population: Population) -> Floats:
    """[n_users, n_recommenders, draws, k] the model's utilities; NaN: padding or no answer.

    Modes that ask about one item at a time are asked about every item of a user once.
    """
    if interviewer.spec.mode != "listwise":
        found = interviewer.opinions(population, contest.users, contest.unique())
        return _look_up(contest, found)
    n, r, d, k = contest.slates.shape
    users = [user for user in contest.users for _ in range(r * d)]
    slates = contest.slates.reshape(n * r * d, k)
    seeds = [draw for _ in range(n * r) for draw in range(d)]
    return interviewer.opinions(population, users, slates, seeds).reshape(n, r, d, k)


def _rated(dataset: Dataset) -> bool:
    """Films are not watched again; groceries are bought again."""
    return not (dataset.interactions["action"] == "purchase").any()
