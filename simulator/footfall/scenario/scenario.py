"""A scenario: the YAML file that says who shops where, and which recommenders compete."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from footfall.behaviour.specs import BehaviourSpec
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.sources import DataSource
from footfall.datasets.split import SplitSpec
from footfall.errors import ScenarioError, did_you_mean
from footfall.llm.nobody import NOBODY
from footfall.llm.specs import ModelSpec
from footfall.plumbing.spec import Operational, Spec, explain
from footfall.recommenders.specs import RecommenderSpec
from footfall.scenario.appeal import AppealSpec
from footfall.scenario.budget import BudgetSpec
from footfall.scenario.levels import LevelsSpec
from footfall.scenario.limits import beyond
from footfall.users.population import PopulationSpec
from footfall.world.actions.specs import ActionsSpec
from footfall.world.design import Design
from footfall.world.interventions import Intervention
from footfall.world.society import SocialSpec

MOST_EPOCHS = 10_000
"""Names of the log's parts have four digits for them."""


class WorldSpec(Spec):
    """How long the world turns, and what a page looks like."""

    days: float = Field(default=7, gt=0, le=3650)
    """Simulated days."""
    epoch_days: float = Field(default=1, gt=0)
    """Days between synchronisation points, at which recommenders learn."""
    slate: int = Field(default=10, ge=1, le=200)
    """Items a page."""
    max_pages: int = Field(default=5, ge=1, le=100)
    """Pages a visit at most."""
    shards: int = Field(default=2, ge=1, le=4096)
    """Parts of the log an epoch; workers share them out, the result does not depend on it."""

    @model_validator(mode="after")
    def _epochs_have_four_digits(self) -> WorldSpec:
        if self.days / self.epoch_days > MOST_EPOCHS:
            raise ValueError(
                f"{self.days:g} days in epochs of {self.epoch_days:g} are more than "
                f"{MOST_EPOCHS:,} epochs; make epoch_days longer"
            )
        return self


class StopSpec(Spec):
    """When a run may stop before its last day; looked at after every epoch."""

    metric: Literal[
        "clicks",
        "purchases",
        "revenue",
        "visits",
        "ctr",
        "conversion",
        "expected_clicks",
        "expected_purchases",
        "expected_revenue",
    ] = "purchases"
    """The metric that decides, and that the verdict is about."""
    level: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence of the always-valid intervals; all treatments must differ from the control."""
    min_epochs: int = Field(default=3, ge=1)
    """Epochs before the first look."""


class ArmSpec(Spec):
    """One recommender under test."""

    name: str = Field(min_length=1, max_length=60, pattern=r"^[\w][\w .+-]*$")
    recommender: RecommenderSpec
    made_at: dt.datetime | dt.date | None = None
    """Moment (UTC) after which the arm has learned nothing: a table's slates, a service or code
    that was frozen then. Off-policy estimates need it of arms that Footfall does not train; they
    use only days that come later."""
    presentation: Path | None = None
    """A table of ``item`` and ``title``, ``price`` or both: how this arm shows items. Words are
    read by the scenario's ``appeal``."""


class Scenario(Spec):
    """Everything that a run depends on, but for the data themselves."""

    name: str = Field(min_length=1)
    about: Operational[str] = ""
    """What one should see; shown in the report."""
    data: DataSource
    split: SplitSpec
    population: PopulationSpec
    model: ModelSpec = ModelSpec()
    choice: ChoiceSpec = ChoiceSpec()
    levels: LevelsSpec | None = None
    """Two levels of users: all are played by a surrogate, some by the model as well."""
    behaviour: BehaviourSpec = BehaviourSpec()
    """Written here, or the name of a file that ``footfall fit`` wrote."""
    appeal: AppealSpec | None = None
    """Who reads other titles than the usual ones; None: nobody, and there may be none."""
    world: WorldSpec = WorldSpec()
    actions: ActionsSpec = ActionsSpec()
    """What users do beside clicking and buying; nothing unless it is named."""
    social: SocialSpec | None = None
    """How users hear of each other; None: they do not."""
    arms: tuple[ArmSpec, ...] = Field(min_length=1)
    control: str = ""
    """Arm that the others are compared with; the first one unless told otherwise."""
    design: Design = "paired"
    """"paired": every user meets every arm with the same luck; "split": every user meets one
    arm, as in a live test; "interleaved": two recommenders take turns on every page."""
    budget: Operational[BudgetSpec] = BudgetSpec()
    """What the run may use up before it stops, to be resumed."""
    track: Operational[tuple[str, ...]] = ()
    """Trackers of experiments that are told of the finished run: ``mlflow``,
    ``mlflow:EXPERIMENT``, or others that are installed."""
    interventions: tuple[Intervention, ...] = ()
    """What happens on the way; see ``footfall.world.interventions``."""
    stop_early: StopSpec | None = None
    """Stop when the answer is clear; by default the run goes on to its last day."""
    seed: int = Field(default=1, ge=0)
    grid: dict[str, tuple[Any, ...]] = Field(default={})
    """Values to try for keys of the scenario, each combination a run of its own:
    ``{world.slate: [5, 10], seed: [1, 2, 3]}``. Arms go by name: ``arms.new.recommender``."""

    @model_validator(mode="after")
    def _arms_have_names_of_their_own(self) -> Scenario:
        names = [arm.name for arm in self.arms]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f'two arms are named "{name}"; give each a name of its own')
        if not self.control:
            object.__setattr__(self, "control", names[0])
        if self.design == "interleaved" and len(names) != 2:
            raise ValueError(f"an interleaved design compares two arms, not {len(names)}")
        wandering = self.actions.search is not None or self.actions.similar is not None
        if self.design == "interleaved" and wandering:
            raise ValueError(
                "an interleaved design has no pages of search or similar items; remove those "
                "actions"
            )
        if self.design == "interleaved" and any(arm.presentation for arm in self.arms):
            raise ValueError(
                "arms of an interleaved design share their pages and cannot differ in presentation"
            )
        if self.control not in names:
            raise ValueError(
                f'control "{self.control}" is not an arm; {did_you_mean(self.control, names)}'
            )
        return self

    @model_validator(mode="after")
    def _interventions_are_about_this_run(self) -> Scenario:
        names = [arm.name for arm in self.arms]
        for one in self.interventions:
            if one.at >= self.world.days:
                raise ValueError(
                    f"the run is over (world.days: {self.world.days:g}) before the {one.kind} of "
                    f"day {one.at:g} happens"
                )
            for name in getattr(one, "arms", ()):
                if name not in names:
                    raise ValueError(
                        f'{one.kind}: "{name}" is not an arm; {did_you_mean(name, names)}'
                    )
        return self

    @model_validator(mode="after")
    def _levels_can_be_put_together(self) -> Scenario:
        if self.levels is None:
            return self
        if self.design != "paired":
            raise ValueError(f"levels need a paired design, not {self.design}")
        silent = "model" not in self.model_fields_set or self.model.name == NOBODY
        if silent or self.choice.mode == "ensemble":
            raise ValueError("levels need a named model that choice asks, and no ensemble")
        meeting = [arm.name for arm in self.arms if getattr(arm.recommender, "retrains", False)]
        if self.social is not None or meeting:
            who = "social" if self.social else f"retrain of arm {meeting[0]}"
            raise ValueError(
                f"levels need users whom others do not touch, and {who} makes what one does "
                "matter to the others; remove it or levels"
            )
        return self

    def digest(self) -> str:
        """SHA-256 of the scenario as resolved, defaults included, whoever is told of its runs."""
        text = json.dumps(self.model_dump(mode="json", exclude={"track"}), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def parse_scenario(raw: dict[str, Any], where: str = "scenario") -> Scenario:
    """Check a scenario given as a mapping; ``where`` opens the message of an error."""
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        raise ScenarioError(f"{where}: {explain(error, Scenario)}") from None
    too_large = beyond(scenario.model_dump(mode="json"))
    if too_large:
        raise ScenarioError(f"{where}: {too_large.words}")
    return scenario
