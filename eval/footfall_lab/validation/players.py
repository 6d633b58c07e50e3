"""Who is judged: the scenario's users as written, or users fitted here, with the model's voice."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from footfall.behaviour.specs import BehaviourSpec
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.fitted import VARYING, FittedBehaviour
from footfall.fitting.ground import Ground
from footfall.fitting.known import Known
from footfall.fitting.sets import Sets, of_few_users
from footfall.fitting.takings import fit_takers
from footfall.users.population import Population
from footfall_lab.validation.asking import Interviewer, answered
from footfall_lab.validation.blend import (
    VoiceWeight,
    draws_of,
    hear,
    page_chances,
    page_chances_of,
    utilities,
)

Floats = npt.NDArray[np.float64]

FIT_SHARE = 0.25
"""Share of the questions that goes into fitting the model's weight."""

TEST_SHARE = 0.35
"""Share that goes into held-out choices."""

SETS_A_USER = 6
"""Sets that each asked user is asked about: the history is computed once for all of them."""


@dataclass(frozen=True)
class AskedSets:
    """Choice sets that the model was asked about, and what it said."""

    sets: ChoiceSets
    llm: Floats
    """[n, k]; finite on every shown item."""
    unanswered: int
    """Sets left out because the model gave no answer."""


@dataclass(frozen=True)
class Players:
    """The simulated users under judgement."""

    behaviour: BehaviourSpec
    """What a run would use."""
    fitted: FittedBehaviour
    """Fitted here without the model, to the protocol that a run is like."""
    voice: VoiceWeight | None
    """The model's weight; None: no model was asked."""
    as_written: bool
    """The scenario sets the coefficients (``behaviour.click``), and they are what is judged."""

    @property
    def silent(self) -> bool:
        """The model's utility moves nothing."""
        return self.behaviour.click.llm == 0

    def chances(self, known: Known, sets: ChoiceSets, llm: Floats | None) -> Floats:
        """[n, k + 1] probabilities of taking each item, and nothing."""
        return page_chances(self.behaviour, known.features, sets, llm)

    def worlds(self, known: Known, sets: ChoiceSets, llm: Floats | None) -> list[Floats]:
        """[n, k + 1] as ``chances``, one for each way in which the users may differ."""
        spec = self.behaviour
        return [
            page_chances_of(spec, known.features, sets, llm, draw) for draw in range(draws_of(spec))
        ]


def listen(
    interviewer: Interviewer | None, population: Population, sets: ChoiceSets, *, wanted: int,
    seed: int,
) -> AskedSets | None:  # fmt: skip
    """Ask the model about some of the sets; those without an answer are counted, not kept."""
    if interviewer is None or wanted < 1:
        return None
    asked = of_few_users(sets, wanted, SETS_A_USER, seed)
    llm = interviewer.of_sets(population, asked)
    known = answered(llm, asked)
    return AskedSets(asked.take(known), llm[known], int((~known).sum()))


def make_players(
    ground: Ground,
    sets: Sets,
    before: tuple[Known, Known],
    interviewer: Interviewer | None,
    questions: int,
) -> Players:
    """Fit on the fit and calibration stages; ask the model on the first, and weigh its voice."""
    known = before[0]
    scenario = ground.scenario
    # Users whose coefficients are written are judged as they are; a fit for comparison is enough.
    written = "click" in scenario.behaviour.model_fields_set
    habits = scenario.behaviour.habits
    fitted = fit_takers(ground, sets, before, habits, vary=() if written else VARYING)
    spec = fitted.spec
    heard = _hear_fit(ground, sets, interviewer, questions)
    voice = None
    if heard is not None and len(heard.sets):
        plain = utilities(spec.click, known.features, heard.sets.users, heard.sets.items)
        voice = hear(heard.sets, plain, heard.llm)
    if written:
        return Players(scenario.behaviour, fitted, voice, as_written=True)
    return _louder(Players(spec, fitted, voice, as_written=False), voice.used if voice else 0.0)


def with_model(players: Players) -> Players:
    """The same users with the model at its full weight: to show what it would bring."""
    return _louder(players, 0.0 if players.voice is None else players.voice.weight)


def without_model(players: Players) -> Players:
    """The same users, deaf to the model."""
    return _louder(players, 0.0)


def _louder(players: Players, weight: float) -> Players:
    click = players.behaviour.click.model_copy(update={"llm": weight})
    return replace(players, behaviour=players.behaviour.model_copy(update={"click": click}))


def _hear_fit(
    ground: Ground, sets: Sets, interviewer: Interviewer | None, questions: int
) -> AskedSets | None:
    if interviewer is None:
        return None
    stage = ground.stages.fit
    wanted = int(FIT_SHARE * questions / sets.fit.items.shape[1])
    return listen(
        interviewer, ground.population(stage), sets.fit, wanted=wanted, seed=ground.scenario.seed
    )
