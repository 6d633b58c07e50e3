"""Everything measured in one validation, before any judgement."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.ground import Ground
from footfall.fitting.known import Known
from footfall.fitting.sets import Sets, build, protocols
from footfall.llm.protocol import LanguageModel
from footfall.options import Announce
from footfall.users.population import Population
from footfall_eval.blocks.choice import SHARING
from footfall_eval.blocks.individuality import SWAPPED
from footfall_eval.blocks.predictions import BLEND, WITHOUT_MODEL
from footfall_lab.validation import rivals
from footfall_lab.validation.asking import Interviewer, answered
from footfall_lab.validation.players import (
    TEST_SHARE,
    AskedSets,
    Players,
    make_players,
    with_model,
    without_model,
)
from footfall_lab.validation.tables import predictions
from footfall_lab.validation.until_clear import Asking, ask_until_clear

Floats = npt.NDArray[np.float64]

MOST_QUESTIONS = 27_000
"""By default: on the demo's households, so many tell a gain of .05 nats a choice from none."""

QUIET = 9000
"""Questions at most about a model that has no say."""

PER_USER = 8
"""Test sets a user, so that a few busy users do not decide."""

SWAP_SETS = 60
"""Sets asked again with another user's memory, where the model has a voice."""

ANONYMOUS_SETS = 40
"""Sets asked again with titles that say nothing."""


@dataclass(frozen=True)
class ValidationOptions:
    """What a validation may cost, and where it leaves its findings."""

    out: Path
    base: Path = field(default_factory=Path.cwd)
    users: int = 300
    """Tested users at most."""
    questions: int = MOST_QUESTIONS
    """Questions to the model at most, about: 30 to 75 a second on two cores."""
    store: Path | None = None
    tests: Path | None = None
    """CSV of past A/B tests."""
    backtest: Path | None = None
    """Folder of ``footfall backtest``: past tests of one kind of change."""
    protocol: str = "blocks"
    ratios: tuple[int, ...] = (1, 2, 3, 9)


@dataclass(frozen=True, eq=False)
class Study:
    """Tables for the blocks."""

    ground: Ground
    options: ValidationOptions
    known: Known
    """Of the test stage."""
    sets: list[Sets]
    """By protocol; the first one is judged."""
    players: Players
    interviewer: Interviewer | None
    population: Population
    """Of the test stage."""
    heard: AskedSets | None
    """What the model said about held-out choices of the first protocol."""
    baselines: dict[str, Any]
    """Of the first protocol, fitted."""
    ended: str = ""
    """Why no more held-out choices were asked about."""

    @property
    def main(self) -> Sets:
        """The protocol that is judged."""
        return self.sets[0]

    @property
    def judged(self) -> AskedSets | None:
        """The asked sets where the model has a voice; None: all test sets are judged."""
        return None if self.players.silent else self.heard


def observe(
    ground: Ground, options: ValidationOptions, model: LanguageModel | None, announce: Announce
) -> Study:
    """Build choice sets, fit the players and the baselines, ask the model."""
    announce("choice sets")
    stages = ground.stages
    parts = [build(ground, name, per_user=PER_USER) for name in protocols(ground.dataset)]
    before, known = ground.known_before(), ground.known(stages.test)
    interviewer = None
    if model is not None:
        spec = ground.scenario.choice
        interviewer = Interviewer(model, spec, ground.catalogue, options.base)
    announce("fitting, and asking the model about choices to fit")
    players = make_players(ground, parts[0], before, interviewer, options.questions)
    population = ground.population(stages.test)
    seed = ground.scenario.seed
    fitted = rivals.train(parts[0], before, seed=seed, announce=announce)
    announce("asking the model about held-out choices")
    asking = _asked_of_held_out(
        options, parts[0], players, known, fitted, interviewer, population, seed
    )
    heard = None if asking is None else asking.heard
    ended = "" if asking is None else asking.words()
    return Study(
        ground, options, known, parts, players, interviewer, population, heard, fitted, ended
    )


def _asked_of_held_out(
    options: ValidationOptions,
    sets: Sets,
    players: Players,
    known: Known,
    fitted: dict[str, Any],
    interviewer: Interviewer | None,
    population: Population,
    seed: int,
) -> Asking | None:
    """What the model says about held-out choices, asked until it is clear.

    A model without a say cannot change the verdict: as many as ``QUIET`` questions show its worth.
    """
    if interviewer is None:
        return None
    questions = min(QUIET, options.questions) if players.silent else options.questions
    wanted = int(TEST_SHARE * questions / sets.test.items.shape[1])
    if wanted < 1:
        return None
    rivals_of = {name: one for name, one in fitted.items() if name not in SHARING}
    foreseen = rivals.foresee(rivals_of, sets, known)
    best = min(foreseen, key=lambda name: _nats(sets.test, foreseen[name]).mean())

    def gain(part: ChoiceSets, llm: Floats) -> Floats:
        made = Sets(sets.fit, sets.calibrate, part)
        theirs = rivals.foresee({best: fitted[best]}, made, known)[best]
        saved = _nats(part, theirs) - _nats(part, players.chances(known, part, llm))
        return np.asarray(pd.Series(saved).groupby(part.users).mean(), dtype=np.float64)

    return ask_until_clear(interviewer, population, sets.test, gain, wanted=wanted, seed=seed)


def _nats(sets: ChoiceSets, chances: Floats) -> Floats:
    """[n] minus the log of the chance of what was really chosen, the last column "none"."""
    return np.asarray(-np.log(np.maximum(chances[np.arange(len(sets)), sets.chosen], 1e-12)))


def held_out_predictions(study: Study) -> pd.DataFrame:
    """What the players and every baseline foresaw of the judged choices."""
    judged = study.judged
    sets = study.main.test if judged is None else judged.sets
    llm = None if judged is None else judged.llm
    made = Sets(study.main.fit, study.main.calibrate, sets)
    found = rivals.foresee(study.baselines, made, study.known)
    found[WITHOUT_MODEL] = found.pop(rivals.LOGIT)
    found[BLEND] = study.players.chances(study.known, sets, llm)
    return predictions(sets, study.ground.catalogue, found)


def model_predictions(study: Study) -> pd.DataFrame | None:
    """The same users with and without the model, on the choices that it was asked about."""
    heard = study.heard
    if heard is None or not len(heard.sets):
        return None
    loud, deaf = _loud(study.players), without_model(study.players)
    found = {
        BLEND: loud.chances(study.known, heard.sets, heard.llm),
        WITHOUT_MODEL: deaf.chances(study.known, heard.sets, None),
    }
    return predictions(heard.sets, study.ground.catalogue, found)


def swapped_predictions(study: Study) -> pd.DataFrame:
    """The players with their own memory and with another user's."""
    sets, llm, other_llm = study.main.test, None, None
    rng = np.random.default_rng(study.ground.scenario.seed)
    n = len(study.ground.stages.test.users)
    order = rng.permutation(n)
    other = np.empty(n, dtype=np.int64)
    other[order] = np.roll(order, 1)  # nobody keeps his or her own
    if study.judged is not None and study.interviewer is not None:
        rows = rng.permutation(len(study.judged.sets))[:SWAP_SETS]
        sets, llm = study.judged.sets.take(rows), study.judged.llm[rows]
        names = [sets.names[other[user]] for user in sets.users]
        other_llm = study.interviewer.opinions(
            study.population, names, sets.items, list(range(len(sets)))
        )
        kept = answered(other_llm, sets)
        sets, llm, other_llm = sets.take(kept), llm[kept], other_llm[kept]
    moved = replace(sets, users=other[sets.users])
    found = {
        BLEND: study.players.chances(study.known, sets, llm),
        SWAPPED: study.players.chances(study.known, moved, other_llm),
    }
    return predictions(sets, study.ground.catalogue, found)


def anonymous_predictions(study: Study) -> pd.DataFrame | None:
    """The loud blend with readable and with meaningless titles, on some of the asked choices."""
    heard, interviewer = study.heard, study.interviewer
    if heard is None or interviewer is None or not len(heard.sets):
        return None
    rng = np.random.default_rng(study.ground.scenario.seed)
    rows = rng.permutation(len(heard.sets))[:ANONYMOUS_SETS]
    sets, llm = heard.sets.take(rows), heard.llm[rows]
    blank = interviewer.anonymised().of_sets(study.population, sets)
    kept = answered(blank, sets)
    sets, llm, blank = sets.take(kept), llm[kept], blank[kept]
    loud = _loud(study.players)
    found = {
        BLEND: loud.chances(study.known, sets, llm),
        WITHOUT_MODEL: loud.chances(study.known, sets, blank),
    }
    return predictions(sets, study.ground.catalogue, found) if len(sets) else None


def _loud(players: Players) -> Players:
    """The users with the model heard: as they are if they hear it, else at its fitted weight."""
    return with_model(players) if players.silent or not players.as_written else players
