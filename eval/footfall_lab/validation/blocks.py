"""From what was measured to blocks A to I and a verdict."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.errors import DataError
from footfall.fitting.fitted import Others, fit_behaviour
from footfall.llm.weights.adapters import find_adapter, learned_answers
from footfall.options import Announce
from footfall.runs.provenance import code_hash
from footfall_eval.blocks.calibration import calibration
from footfall_eval.blocks.choice import choice
from footfall_eval.blocks.distributions import distributions
from footfall_eval.blocks.grading import not_run
from footfall_eval.blocks.groups import by_group
from footfall_eval.blocks.individuality import SWAPPED, individuality
from footfall_eval.blocks.invariance import invariance
from footfall_eval.blocks.logs import logs
from footfall_eval.blocks.predictions import BLEND, WITHOUT_MODEL, Scores, score
from footfall_eval.blocks.provenance import Provenance, provenance
from footfall_eval.blocks.ranking import SlateFigures, ranking
from footfall_eval.blocks.uplift import uplift, with_kind
from footfall_eval.reading.block import Block
from footfall_eval.statistics.resample import Interval, mean_interval
from footfall_lab.validation import contest, crowds, retest, rivals, segments, synthetic
from footfall_lab.validation.blend import page_chances, utilities
from footfall_lab.validation.leaks import suspected
from footfall_lab.validation.mirrors import alike_by, circular
from footfall_lab.validation.past_tests import past_tests, read_kind
from footfall_lab.validation.players import Players, without_model
from footfall_lab.validation.stars import compared_stars, with_kolmogorov
from footfall_lab.validation.study import (
    Study,
    anonymous_predictions,
    held_out_predictions,
    model_predictions,
    swapped_predictions,
)
from footfall_lab.validation.tables import predictions, traits

Floats = npt.NDArray[np.float64]

RETEST_SETS = 40
"""Slates asked again in block F; half as many questions an item where they cost one each."""

FEWEST_ANSWERED = 10
"""Users whose pages the model must have answered for recommenders to be compared."""

QUICK = ("uniform", "popularity", "repeat", "item-knn", "markov")
"""Baselines of the further protocols, which inform and are not judged."""

GROUP_USERS = 30
"""Users that a group needs to order recommenders by."""


def blocks_of(study: Study, announce: Announce, only: tuple[str, ...] = ()) -> dict[str, Block]:
    """All blocks, or those named."""
    seed = study.ground.scenario.seed
    held = held_out_predictions(study)
    heard = model_predictions(study)
    groups = segments.groups(
        study.ground.stages.test, study.known, study.ground.dataset.users, seed
    )
    makers: dict[str, Callable[[], Block]] = {
        "B": lambda: _choice(study, held, heard, groups),
        "C": lambda: _calibration(held, groups, seed),
        "D": lambda: _distributions(study),
        "E": lambda: _individuality(study, groups),
        "F": lambda: _invariance(study),
        "I": lambda: _logs(study),
    }
    blocks: dict[str, Block] = {}
    for letter, make in makers.items():
        if not only or letter in only:
            announce(f"block {letter}")
            blocks[letter] = make()
    suspects: dict[str, str] = {}
    if not only or "G" in only:
        found, suspects = _ranking_and_uplift(study, groups, announce)
        blocks |= found
    if not only or "A" in only:
        announce("block A")
        blocks["A"] = _provenance(study, heard, suspects)
    return dict(sorted(blocks.items()))


def _choice(
    study: Study, held: pd.DataFrame, heard: pd.DataFrame | None, groups: pd.DataFrame
) -> Block:
    seed = study.ground.scenario.seed
    block = choice(held, heard, seed=seed)
    nll = score(held).per_user("nll")
    best = block.metrics["best classical baseline"]
    gain = nll[best] - nll[BLEND]
    block = by_group(
        block, gain, groups, figure=f"gain over {best}", seed=seed, larger_is_worse=False
    )
    extra: dict[str, Any] = {"protocol": study.main.protocol}
    players = study.players
    if players.voice is not None:
        extra |= {
            "weight of the model": players.voice.weight,
            "weight of the model, standard error": players.voice.error,
            "weight of the model in the blend": players.behaviour.click.llm,
            "choices the weight was fitted on": players.voice.slates,
        }
    if study.heard is not None:
        extra |= {
            "held-out choices the model was asked about": len(study.heard.sets),
            "asked choices without an answer": study.heard.unanswered,
            "asking ended": study.ended,
        }
    for other in study.sets[1:]:
        extra |= _other_protocol(study, other.protocol)
    return replace(block, metrics={**extra, **block.metrics})


def _other_protocol(study: Study, protocol: str) -> dict[str, Any]:
    """The same kind of users, fitted to a further protocol, against quick baselines there."""
    seed = study.ground.scenario.seed
    sets = next(one for one in study.sets if one.protocol == protocol)
    before = study.ground.known_before()
    others = Others(sets.calibrate, before[1].features)
    spec = fit_behaviour(sets.fit, before[0].features, others=others).spec
    fitted = rivals.train(sets, before, seed=seed, announce=lambda _: None, names=QUICK)
    found = rivals.foresee(fitted, sets, study.known)
    found[BLEND] = page_chances(spec, study.known.features, sets.test)
    block = choice(predictions(sets.test, study.ground.catalogue, found), None, seed=seed)
    gain = "gain over best classical"
    wanted = ("sets", "nll", "best classical baseline", gain, f"{gain} interval")
    top = next(row["top-1"] for row in block.table if row["model"] == BLEND)
    figures = {f"{protocol}: {name}": block.metrics[name] for name in wanted}
    return {**figures, f"{protocol}: top-1": top}


def _calibration(held: pd.DataFrame, groups: pd.DataFrame, seed: int) -> Block:
    block = calibration(held, seed=seed)
    mine = held[(held["model"] == BLEND) & (held["option"] >= 0)]
    brier = ((mine["p"] - mine["chosen"]) ** 2).groupby(mine["user"]).mean()
    return by_group(block, brier, groups, figure="brier", seed=seed)


def _distributions(study: Study) -> Block:
    judged = study.judged
    sets = study.main.test if judged is None else judged.sets
    llm = None if judged is None else judged.llm
    chances = study.players.chances(study.known, sets, llm)
    found = crowds.compared(study.ground, sets, chances, study.known)
    missing = dict(crowds.MISSING) if study.main.protocol != "impressions" else {}
    if study.ground.cut == "user":
        missing["days between visits"] = "each user's own rows are cut in two"
    stars = None
    try:
        stars = compared_stars(study.ground, study.known)
    except DataError as error:
        missing["ratings"] = str(error)
    seed = study.ground.scenario.seed
    if stars is None:
        return distributions(found, missing, seed=seed)
    return with_kolmogorov(distributions([*found, stars], missing, seed=seed), stars)


def _individuality(study: Study, groups: pd.DataFrame) -> Block:
    seed = study.ground.scenario.seed
    swapped = swapped_predictions(study)
    judged = study.judged
    sets = study.main.test if judged is None else judged.sets
    held = held_out_predictions_of_blend(study)
    other = swapped[swapped["model"] == SWAPPED]
    own = swapped[swapped["model"] == BLEND]
    described = traits(sets, study.known.features, study.ground.catalogue)
    llm = None if judged is None else judged.llm
    worlds = [
        predictions(sets, study.ground.catalogue, {BLEND: found})
        for found in study.players.worlds(study.known, sets, llm)
    ]
    block = individuality(held, described, pd.concat([own, other]), seed=seed, worlds=worlds)
    nll = score(pd.concat([own, other])).per_user("nll")
    cost = nll[SWAPPED] - nll[BLEND]
    return by_group(block, cost, groups, figure="cost of a swap", seed=seed, larger_is_worse=False)


def held_out_predictions_of_blend(study: Study) -> pd.DataFrame:
    """Only the players' own rows."""
    held = held_out_predictions(study)
    return held[held["model"] == BLEND]


def _invariance(study: Study) -> Block:
    if study.interviewer is None or study.heard is None:
        return not_run("F", "no language model was asked")
    mode = study.interviewer.spec.mode
    rows = np.random.default_rng(study.ground.scenario.seed).permutation(len(study.heard.sets))
    sets = study.heard.sets.take(rows[:RETEST_SETS])
    reworded = None if study.interviewer.spec.template else f"{mode}-reworded"
    found = retest.ask_again(study.interviewer, study.population, sets, reworded)
    block = invariance(
        found, "the model answered no slate in all orders", seed=study.ground.scenario.seed
    )
    if mode == "listwise":
        return block
    note = f"In mode {mode} items are asked about one at a time, so their order cannot matter. "
    return replace(block, explanation=note + block.explanation)


def _logs(study: Study) -> Block:
    sets = study.main.fit
    known = study.ground.known(study.ground.stages.fit)
    inside = without_model(study.players).chances(known, sets, None)[:, :-1]
    per_user, events = synthetic.train_on_logs(study.ground, sets, inside, study.options.base)
    block = logs(
        per_user,
        events=events,
        recommender=synthetic.RECOMMENDER,
        k=synthetic.K,
        seed=study.ground.scenario.seed,
    )
    if study.players.silent:
        return block
    note = " The logs are of the same users without the language model."
    return replace(block, explanation=block.explanation + note)


def _ranking_and_uplift(
    study: Study, groups: pd.DataFrame, announce: Announce
) -> tuple[dict[str, Block], dict[str, str]]:
    """Blocks G and H, and the scenario's arms whose figures are worth nothing, with reasons."""
    ground, seed, k = study.ground, study.ground.scenario.seed, study.ground.scenario.world.slate
    users = _contestants(study)
    held = contest.compete(ground, users, study.options.base, announce)
    offline = contest.offline(ground, users, study.options.base, announce)
    llm = None
    if not study.players.silent and study.interviewer is not None:
        announce("block G: asking the model about the slates")
        llm = contest.opinions(held, study.interviewer, study.population)
    stage, features = ground.stages.test, study.known.features
    simulated, inside = contest.simulate(held, study.players.behaviour, features, stage, llm)
    table = contest.table(held, simulated, features)
    answered = np.isfinite(simulated).all(axis=1)
    if answered.sum() < FEWEST_ANSWERED:
        why = f"the model answered whole pages of {int(answered.sum())} users only"
        return {"G": not_run("G", why), "H": not_run("H", why)}, {}
    kept = table[table["user"].isin(np.asarray(users, dtype=object)[answered])]
    slates = SlateFigures.of(kept, offline)
    block = ranking(slates, base=contest.RANDOM, seed=seed, k=k)
    extra = {"users without an answer": int((~answered).sum()), "faults": held.faults}
    block = replace(
        block,
        metrics={**block.metrics, **extra},
        segments=_taus_by_group(kept, offline, groups, seed, k),
    )
    popular = held.names.index("popular")
    expected = inside[answered][:, popular, 0, :]
    tests = past_tests(study, slates)
    why = "no past A/B tests were given (--tests)"
    past = uplift(expected, tests, seed=seed, why=why)
    if study.options.backtest is not None:
        past = with_kind(past, read_kind(study.options.backtest))
    return {"G": block, "H": past}, _suspects(study, held)


def _suspects(study: Study, held: contest.Contest) -> dict[str, str]:
    """Arms that know the answers, and arms that follow the users' own utilities."""
    own = [name for name in held.names if name not in contest.FIELD]
    if not own:
        return {}
    seed, players = study.ground.scenario.seed, study.players
    numbers = np.array([study.ground.stages.test.number(user) for user in held.users])
    items = np.arange(len(study.ground.catalogue), dtype=np.int32)

    def worth(row: int) -> Floats:
        user = numbers[row : row + 1]
        found = utilities(players.behaviour.click, study.known.features, user, items[None])
        return np.asarray(found[0])

    alike = alike_by(worth, {n: held.slates[:, r, 0] for r, n in enumerate(held.names)}, seed)
    mirrors = circular(alike, [name for name in held.names if name not in own])
    found = {name: f"it is circular: {why}" for name, why in mirrors.items()}
    return found | suspected(study.ground, held, own, seed)


def _contestants(study: Study) -> list[str]:
    """Users whose slates are judged: all, or those that the model was asked about."""
    users = list(study.ground.stages.test.users)
    if study.judged is None:
        return users
    asked = {study.judged.sets.names[user] for user in study.judged.sets.users}
    return [user for user in users if user in asked]


def _taus_by_group(
    table: pd.DataFrame, offline: dict[str, float], groups: pd.DataFrame, seed: int, k: int
) -> tuple[dict[str, Any], ...]:
    rows = []
    for (column, group), part in groups.groupby(["column", "group"], sort=True):
        mine = table[table["user"].isin(part["user"])]
        if mine["user"].nunique() < GROUP_USERS:
            continue
        found = ranking(SlateFigures.of(mine, offline), base=contest.RANDOM, seed=seed, k=k)
        if "tau" in found.metrics:
            rows.append(
                {
                    "column": column,
                    "group": group,
                    "users": int(mine["user"].nunique()),
                    "tau": found.metrics["tau"],
                    "interval": found.metrics["tau interval"],
                }
            )
    return tuple(sorted(rows, key=lambda row: row["tau"]))


def _provenance(study: Study, heard: pd.DataFrame | None, suspects: Mapping[str, str]) -> Block:
    ground, interviewer = study.ground, study.interviewer
    blank = anonymous_predictions(study)
    seed = ground.scenario.seed
    cost = None if blank is None else _difference(score(blank), seed)
    gain = None if heard is None else _difference(score(heard), seed)
    model = interviewer.model if interviewer is not None else None
    return provenance(
        Provenance(
            hashes={
                "scenario": ground.scenario.digest(),
                "data": _data_hash(study),
                "code": code_hash("footfall", ".py"),
                "prompts": code_hash("footfall.prompts", ".j2"),
            },
            model="" if model is None else f"{model.name} {model.fingerprint.hex()}",
            split=f"{ground.split.at}, cut by {ground.cut}",
            circular=ground.circular,
            contaminated=_contaminated(study),
            anonymised=cost,
            gain=gain,
            tested=ground.population_note,
            suspects=dict(suspects),
        )
    )


def _contaminated(study: Study) -> str:
    """What the model's adapter learned from that is tested here."""
    adapter = study.ground.scenario.model.adapter
    if adapter is None or study.interviewer is None:
        return ""
    ground = study.ground
    users = ground.stages.test.users
    return learned_answers(find_adapter(adapter), ground.dataset.name, users, str(ground.split.at))


def _difference(scores: Scores, seed: int) -> Interval:
    """Nats a choice that the second of two predictions loses against the blend."""
    nll = scores.per_user("nll")
    return mean_interval((nll[WITHOUT_MODEL] - nll[BLEND]).to_numpy(), seed)


def _data_hash(study: Study) -> str:
    digest = hashlib.sha256()
    for frame in (study.ground.split.remembered.interactions, study.ground.split.held_out):
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def coefficients(players: Players) -> list[dict[str, Any]]:
    """The blend's coefficients with the standard errors of what was fitted here."""
    click = players.behaviour.click.model_dump()
    return [
        {
            "term": name,
            "used": value,
            "fitted": players.fitted.coefficients.get(name),
            "standard error": players.fitted.standard_errors.get(name),
        }
        for name, value in click.items()
    ]
