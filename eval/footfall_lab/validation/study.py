"""Everything measured in one validation, before any judgement."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.fitting.ground import Ground
from footfall.fitting.known import Known
from footfall.fitting.sets import Sets, build, protocols
from footfall.llm.protocol import LanguageModel
from footfall.options import Announce
from footfall.users.population import Population
from footfall_eval.blocks.individuality import SWAPPED
from footfall_eval.blocks.predictions import BLEND, WITHOUT_MODEL
from footfall_lab.validation import rivals
from footfall_lab.validation.asking import Interviewer, answered
from footfall_lab.validation.players import (
    TEST_SHARE,
    AskedSets,
    Players,
    listen,
    make_players,
    with_model,
    without_model,
)
from footfall_lab.validation.tables import predictions

Floats = npt.NDArray[np.float64]

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
    questions: int = 9000
    """Questions to the model, about: 30 a second on two cores."""
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
    known_fit, known = ground.known(stages.fit), ground.known(stages.test)
    interviewer = None
    if model is not None:
        spec = ground.scenario.choice
        interviewer = Interviewer(model, spec, ground.catalogue, options.base)
    announce("fitting, and asking the model about choices to fit")
    players = make_players(ground, parts[0], known_fit, interviewer, options.questions)
    population = ground.population(stages.test)
    announce("asking the model about held-out choices")
    wanted = int(TEST_SHARE * options.questions / parts[0].test.items.shape[1])
    seed = ground.scenario.seed
    heard = listen(interviewer, population, parts[0].test, wanted=wanted, seed=seed)
    fitted = rivals.train(parts[0], known_fit, seed=seed, announce=announce)
    return Study(ground, options, known, parts, players, interviewer, population, heard, fitted)


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
