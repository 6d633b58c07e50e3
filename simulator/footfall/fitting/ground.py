"""The ground of a validation: real histories divided so that nothing can leak.

Users are divided like in a run: half of those who are not tested are for the recommenders under
test, the other half for the choice model (its crowd and its fitted choices).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset, Split
from footfall.datasets.sources import load
from footfall.datasets.split import SplitSpec
from footfall.datasets.split import split as cut
from footfall.errors import DataError
from footfall.fitting.known import Known
from footfall.fitting.stages import Stage, Stages, StageSpec, divide, lot
from footfall.options import Announce
from footfall.scenario.scenario import Scenario
from footfall.users.apart import spared_users
from footfall.users.neighbours import Neighbours
from footfall.users.population import Population, PopulationSpec

Cut = Literal["time", "user"]

LOOK_BACK = 0.2
"""Share of the interactions, the newest ones, that judge where a scenario starts at the end."""

FEWEST_BOTH = 60
"""With fewer users seen both before and after the split, each user's own rows are cut instead."""

FEWEST_OTHERS = 90
"""Users needed for the choice model alone; with fewer, it shares users with the recommenders."""


@dataclass(frozen=True, eq=False)
class Ground:
    """Everything that a validation starts from."""

    scenario: Scenario
    dataset: Dataset
    split: Split
    catalogue: Catalogue
    stages: Stages
    learners: Dataset
    """What recommenders under test learn from: the tested users' memory, and other users."""
    circular: bool
    """The choice model and the recommenders share users."""
    cut: Cut
    """"time" or "user": how the tested users' rows are cut (``StageSpec.cut``)."""
    population_note: str
    """How the tested users were drawn, for the report."""

    def known(self, stage: Stage) -> Known:
        """What is known of the stage's users before their choices."""
        return Known.of_stage(stage, self.catalogue, self.split.remembered.items)

    def known_before(self) -> tuple[Known, Known]:
        """What is known before the choices of the fit and of the calibration stage."""
        return self.known(self.stages.fit), self.known(self.stages.calibrate)

    def population(self, stage: Stage) -> Population:
        """The stage's users as personas that remember the stage's memory and nothing else."""
        at = stage.memory["time"].max() + pd.Timedelta(1, "ns")
        memory = stage.memory.sort_values(
            ["time", "user", "item", "action"], kind="stable", ignore_index=True
        )
        remembered = replace(self.split.remembered, interactions=memory)
        spec = PopulationSpec(
            users=len(stage.users), max_history=self.scenario.population.max_history
        )
        made = Split(at=at, remembered=remembered, held_out=stage.choices)
        population = Population.draw(made, self.catalogue, spec, self.scenario.seed)
        # Of all stages the same users, those who are counted when choices are tested.
        others = stage.crowd[stage.crowd["user"].isin(set(self.stages.test.crowd["user"]))]
        return replace(population, neighbours=Neighbours.of(others, self.catalogue))


def lay(scenario: Scenario, base: Path, *, users: int, announce: Announce) -> Ground:
    """Read, cut and divide.

    Raises:
        DataError: The data leaves a stage without users or choices.
    """
    announce(f"reading {scenario.data.kind}")
    dataset = load(scenario.data, base, announce)
    halving = scenario.split
    if halving.at == "end":
        announce(f"the run starts at the log's end; looking back: the last {LOOK_BACK:.0%} judge")
        halving = SplitSpec(fraction=1 - LOOK_BACK)
    split = cut(dataset, halving)
    catalogue = Catalogue.from_items(split.remembered.items, dataset.currency, dataset.images)
    way, tested, note = _tested(scenario, split, catalogue, users)
    theirs = spared_users(split, scenario.seed)  # the same half as in a run of this seed
    circular = len(theirs) < FEWEST_OTHERS
    spec = StageSpec(cut=way, max_users=2 * users) if way == "user" else StageSpec(max_users=None)
    stages = divide(
        split, spec, scenario.seed, test_users=tested, among=None if circular else theirs
    )
    if not circular:
        stages = Stages(*(_apart(s, theirs) for s in (stages.fit, stages.calibrate, stages.test)))
    if way == "user":
        stages = _with_contemporaries(stages, scenario.seed)
    return Ground(
        scenario=scenario,
        dataset=dataset,
        split=split,
        catalogue=catalogue,
        stages=stages,
        learners=_learners(split, stages, set() if circular else theirs),
        circular=circular,
        cut=way,
        population_note=note,
    )


def _tested(
    scenario: Scenario, split: Split, catalogue: Catalogue, users: int
) -> tuple[Cut, set[str] | None, str]:
    """How to cut, whom to test (None: all who first come after the split), and how to say it."""
    after = set(split.held_out["user"])
    both = set(split.remembered.interactions["user"]) & after
    if len(both) < FEWEST_BOTH:
        note = (
            f"only {len(both)} users were active both before and after the split, so those who "
            "first came after it are tested; each one's own rows are cut in two, the first half "
            "is memory; half of them are not tested but tell what was popular meanwhile"
        )
        return "user", None, note
    spec = scenario.population.model_copy(update={"cold_start": 0, "copies": False})
    eligible = _eligible(split, catalogue, spec, scenario.seed)
    drawn = Population.draw(
        split,
        catalogue,
        spec.model_copy(update={"users": eligible, "stratify": None}),
        scenario.seed,
    )
    chosen = [user for user in drawn.users if user in after][:users]
    if not chosen:
        raise DataError(
            f"{split.remembered.name}: none of the users that the population allows was active "
            "after the split; change population.where or the split"
        )
    return "time", set(chosen), f"{len(chosen)} of {eligible} users that the population allows"


def _eligible(split: Split, catalogue: Catalogue, spec: PopulationSpec, seed: int) -> int:
    one = Population.draw(split, catalogue, spec.model_copy(update={"users": 1}), seed)
    return 1 + one.counts["eligible users, not drawn"]


def _apart(stage: Stage, theirs: set[str]) -> Stage:
    """The stage with a crowd that no recommender has learned from."""
    return replace(stage, crowd=stage.crowd[stage.crowd["user"].isin(theirs)])


def _with_contemporaries(stages: Stages, seed: int) -> Stages:
    """Move some users of each stage into its crowd, with their memory only.

    Where each user's own rows are cut, recommenders learn what is new from the memory of the
    tested users; the choice model must not be blind to it, and may not learn it from them.
    """
    fit = _divided(stages.fit, 0.3, seed)
    fit = replace(fit, crowd=pd.concat([fit.crowd, stages.calibrate.memory], ignore_index=True))
    return Stages(fit, stages.calibrate, _divided(stages.test, 0.5, seed))


def _divided(stage: Stage, share: float, seed: int) -> Stage:
    kept = tuple(user for user in stage.users if lot(user, seed, "contemporary") >= share)
    mine = stage.memory["user"].isin(kept)
    return replace(
        stage,
        users=kept,
        memory=stage.memory[mine].reset_index(drop=True),
        choices=stage.choices[stage.choices["user"].isin(kept)].reset_index(drop=True),
        crowd=pd.concat([stage.crowd, stage.memory[~mine]], ignore_index=True),
        _numbers={},
    )


def _learners(split: Split, stages: Stages, theirs: set[str]) -> Dataset:
    """Remembered rows of tested users (their memory) and of users whom the choice model spares."""
    rows = split.remembered.interactions
    tested = set(stages.test.users)
    others = rows[~rows["user"].isin(theirs | tested)]
    merged = pd.concat([others, stages.test.memory]).sort_values(
        ["time", "user", "item", "action"], kind="stable", ignore_index=True
    )
    return replace(split.remembered, interactions=merged)
