"""``footfall arena``: the same held-out choices, the same model, one table of truth and cost."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from footfall.answering.opening import open_choice
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.errors import TemplateError, UserError, did_you_mean
from footfall.fitting.choice_sets import OUTSIDE, ChoiceSets
from footfall.fitting.ground import Ground, lay
from footfall.fitting.sets import build, of_few_users, protocols
from footfall.llm.fake import FakeModel
from footfall.llm.opening import open_model
from footfall.llm.protocol import LanguageModel
from footfall.llm.store import AnswerStore, StoredModel
from footfall.options import Announce
from footfall.plumbing.files import replacing
from footfall.run_folder.layout import STORE
from footfall.scenario.scenario import Scenario
from footfall_eval.reading.block import plain
from footfall_eval.statistics.resample import mean_interval
from footfall_lab.arena.ways import SLOW, WAYS, Way

Floats = npt.NDArray[np.float64]

RESULT = "arena.json"
BATCH = 32
PER_USER = 4
"""Choices of one user at most."""


@dataclass(frozen=True)
class ArenaOptions:
    """What to ask, how much of it, and where it is kept."""

    out: Path
    base: Path
    ways: tuple[str, ...] = ()
    """By name; () means all but the slow ones."""
    choices: int = 100
    """Held-out choices that everybody is asked about."""
    users: int = 300
    """Tested users at most."""


@dataclass(frozen=True, eq=False)
class WayUtilities:
    """What one way of asking said about all choices."""

    utility: Floats
    """[n, k]; NaN: no answer."""
    seconds: float
    tokens: int
    label_mass: float


def compete(scenario: Scenario, options: ArenaOptions, announce: Announce) -> dict[str, Any]:
    """Ask in every way and write ``options.out/arena.json``.

    Raises:
        UserError: The scenario, its data or a way cannot be used.
    """
    ways = _ways(options.ways)
    ground = lay(scenario, options.base, users=options.users, announce=announce)
    sets = build(ground, protocols(ground.dataset)[0], per_user=PER_USER).test
    seed = scenario.seed
    sets = of_few_users(sets.take(sets.chosen != OUTSIDE), options.choices, PER_USER, seed)
    heard: dict[str, WayUtilities] = {}
    with closing(_model(scenario, options, announce)) as model:
        for way in ways:
            announce(f"{way.name}: {len(sets):,} choices")
            try:
                heard[way.name] = _ask(way.spec(scenario.choice), ground, sets, model, options.base)
            except TemplateError as error:
                announce(f"{way.name}: {error}")
    known = ground.known(ground.stages.test)
    popularity = known.features.crowd.popularity[sets.items]
    found = {
        "data": ground.dataset.name,
        "protocol": sets.protocol,
        "choices": len(sets),
        "users": len(np.unique(sets.users)),
        "model": scenario.model.name,
        "rows": [
            _row("popularity", "", np.where(sets.shown, popularity, np.nan), sets, seed),
            *(_told(way, heard[way.name], sets, seed) for way in ways if way.name in heard),
        ],
    }
    tidy: dict[str, Any] = plain(found)
    with replacing(options.out / RESULT) as sink:
        sink.write(json.dumps(tidy, indent=1).encode())
    return tidy


def _ways(names: Sequence[str]) -> list[Way]:
    known = {way.name: way for way in WAYS}
    for name in names:
        if name not in known:
            raise UserError(f'no way of asking "{name}"; {did_you_mean(name, known)}')
    return [known[name] for name in names] or [way for way in WAYS if way.name not in SLOW]


def _model(scenario: Scenario, options: ArenaOptions, announce: Announce) -> LanguageModel:
    """The scenario's model without its adapter, which knows one question only, and a store."""
    model = open_model(scenario.model.model_copy(update={"adapter": None}), announce=announce)
    if isinstance(model, FakeModel):
        return model
    return StoredModel(model, AnswerStore(options.out / STORE))


def _ask(
    spec: ChoiceSpec, ground: Ground, sets: ChoiceSets, model: LanguageModel, base: Path
) -> WayUtilities:
    population = ground.population(ground.stages.test)
    choice = open_choice(spec, model, ground.catalogue, base=base)
    pages = [
        Page(
            population.persona(population.index(sets.names[user])),
            tuple(int(item) for item in items if item >= 0),
            seed=row,
        )
        for row, (user, items) in enumerate(zip(sets.users, sets.items, strict=True))
    ]
    utility = np.full(sets.items.shape, np.nan)
    start = time.perf_counter()
    for first in range(0, len(pages), BATCH):
        for row, said in enumerate(choice.utilities(pages[first : first + BATCH]), first):
            if said.answered:
                utility[row, sets.shown[row]] = said.llm
    seconds, counted = time.perf_counter() - start, choice.diagnostics
    asked = max(1, counted.label_mass_pages)
    mass = counted.label_mass_sum / asked if counted.label_mass_pages else float("nan")
    return WayUtilities(utility, seconds, counted.prompt_tokens, mass)


def _told(way: Way, heard: WayUtilities, sets: ChoiceSets, seed: int) -> dict[str, Any]:
    items = max(1, int(sets.shown.sum()))
    return _row(way.name, way.after, heard.utility, sets, seed) | {
        "label mass": heard.label_mass,
        "tokens an item": heard.tokens / items,
        "seconds an item": heard.seconds / items,
    }


def _row(name: str, after: str, utility: Floats, sets: ChoiceSets, seed: int) -> dict[str, Any]:
    """Truth of one way; choices without an answer are counted, and are nobody's success."""
    answered = (np.isfinite(utility) | ~sets.shown).all(axis=1)
    told, chosen = utility[answered], sets.chosen[answered]
    shown, users = sets.shown[answered], sets.users[answered]
    row: dict[str, Any] = {"way": name, "after": after, "unanswered": float((~answered).mean())}
    if not answered.any():
        return row
    mine = told[np.arange(len(told)), chosen][:, None]
    below = ((told < mine) & shown).sum(axis=1) + 0.5 * (((told == mine) & shown).sum(axis=1) - 1)
    rivals = shown.sum(axis=1) - 1
    rank = rivals - below + 1.0
    measures = {
        "auc": below / np.maximum(1, rivals),
        "top-1": (rank <= 1.0).astype(float),
        "mrr": 1.0 / rank,
        "nll": _nll(told, chosen, shown, users),
    }
    for measure, values in measures.items():
        found = mean_interval(_by_user(values, users), seed)
        row[measure], row[f"{measure} interval"] = found.value, [found.low, found.high]
    return row


def _by_user(values: Floats, users: npt.NDArray[np.int64]) -> Floats:
    """[n_users] mean over each user's choices."""
    _, place = np.unique(users, return_inverse=True)
    return np.asarray(np.bincount(place, weights=values) / np.bincount(place))


def _nll(
    utility: Floats,
    chosen: npt.NDArray[np.int64],
    shown: npt.NDArray[np.bool_],
    users: npt.NDArray[np.int64],
) -> Floats:
    """[n] nats a choice among the shown, the utility weighed by what other users' choices say."""
    scale = float(np.nanstd(utility)) or 1.0
    scaled = np.where(shown, utility / scale, -np.inf)
    half = (np.unique(users, return_inverse=True)[1] % 2).astype(bool)
    found = np.empty(len(chosen))
    for side in (half, ~half):
        other = ~side if (~side).any() else side
        weight = minimize_scalar(
            lambda w, other=other: _losses(w * scaled[other], chosen[other]).mean(),
            bounds=(0.0, 10.0),
            method="bounded",
        ).x
        found[side] = _losses(weight * scaled[side], chosen[side])
    return found


def _losses(utility: Floats, chosen: npt.NDArray[np.int64]) -> Floats:
    utility = np.where(np.isnan(utility), -np.inf, utility)
    top = utility.max(axis=1, keepdims=True)
    total = np.log(np.exp(utility - top).sum(axis=1)) + top[:, 0]
    return np.asarray(total - utility[np.arange(len(chosen)), chosen])
