"""Which real choices test the simulated users, by what the data can tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.datasets.schema import Dataset
from footfall.errors import DataError, did_you_mean
from footfall.fitting import choice_sets
from footfall.fitting.choice_sets import ChoiceSets, Shelves
from footfall.fitting.ground import Ground
from footfall.fitting.matched import matched
from footfall.fitting.stages import Stage, lot

K = 10
"""Items of a slate, one of them chosen or none."""


@dataclass(frozen=True, eq=False)
class Sets:
    """Choice sets of the three stages, all of one protocol."""

    fit: ChoiceSets
    calibrate: ChoiceSets
    test: ChoiceSets

    @property
    def protocol(self) -> str:
        """Name of the protocol."""
        return self.test.protocol


def protocols(dataset: Dataset) -> tuple[str, ...]:
    """What can be built from this data; the first is what a run is like, and is judged.

    A run shows slates out of the catalogue. The other protocols are reported beside it.
    """
    rows = dataset.interactions
    if (rows["action"] == "view").any():
        return ("impressions",)
    if "products" in dataset.extra and {"store", "week"} <= set(rows.columns):
        return ("displayed", "shelf")
    if (rows["action"] == "rate").any() and not (rows["action"] == "purchase").any():
        return ("catalogue", "likes")
    return ("catalogue",)


def build(ground: Ground, protocol: str, *, per_user: int) -> Sets:
    """Make the sets of all stages, at most ``per_user`` a user of the test, and check for leaks.

    Raises:
        DataError: A stage has no usable choice, or something held out is remembered.
    """
    seed = ground.scenario.seed
    stages = (ground.stages.fit, ground.stages.calibrate, ground.stages.test)
    shelves = _shelves(ground, stages) if protocol == "displayed" else {}
    fit, calibrate, test = (_build(ground, stage, protocol, shelves, seed) for stage in stages)
    test = at_most(test, per_user, seed)
    for stage, found in zip(stages, (fit, calibrate, test), strict=True):
        choice_sets.check_no_leak(found, stage.memory, ground.catalogue)
    return Sets(fit, calibrate, test)


def of_stage(ground: Ground, stage: Stage, protocol: str, *, seed: int) -> ChoiceSets:
    """Sets of one stage, of a protocol or "matched" (``footfall.fitting.matched``).

    Raises:
        DataError: No such protocol, or no usable choice in the stage.
    """
    shelves = _shelves(ground, (stage,)) if protocol == "displayed" else {}
    return _build(ground, stage, protocol, shelves, seed)


def _shelves(ground: Ground, stages: tuple[Stage, ...]) -> Shelves:
    """What was promoted in the weeks of the stages, read once."""
    weeks = sorted({int(week) for stage in stages for week in stage.choices["week"].unique()})
    return choice_sets.read_shelves(ground.dataset, ground.catalogue, weeks)


def _build(ground: Ground, stage: Stage, protocol: str, shelves: Shelves, seed: int) -> ChoiceSets:
    catalogue = ground.catalogue
    match protocol:
        case "impressions":
            return choice_sets.logged_impressions(stage, catalogue, k=K, seed=seed)
        case "displayed":
            return choice_sets.displayed(stage, shelves, catalogue, k=K, seed=seed)
        case "shelf":
            return choice_sets.shelf(stage, catalogue, k=K, seed=seed)
        case "likes":
            return choice_sets.likes(stage, catalogue, k=K, seed=seed)
        case "catalogue":
            return choice_sets.unseen(stage, catalogue, k=K, seed=seed, by_popularity=False)
        case "matched":
            return matched(stage, catalogue, seed=seed)
    hint = did_you_mean(protocol, [*protocols(ground.dataset), "matched"])
    raise DataError(f'no protocol "{protocol}" for choice sets of this data; {hint}')


def at_most(sets: ChoiceSets, per_user: int, seed: int) -> ChoiceSets:
    """Keep at most ``per_user`` sets of each user, drawn."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(sets))
    seen: dict[int, int] = {}
    keep = []
    for row in order.tolist():
        user = int(sets.users[row])
        seen[user] = seen.get(user, 0) + 1
        if seen[user] <= per_user:
            keep.append(row)
    return sets.take(np.sort(np.array(keep, dtype=np.int64)))


def of_few_users(sets: ChoiceSets, wanted: int, per_user: int, seed: int) -> ChoiceSets:
    """About ``wanted`` sets, ``per_user`` of each of some users, drawn: what the model is asked.

    Users are drawn by their own lot, so that the same ones are asked in every block.
    """
    few = at_most(sets, per_user, seed)
    order = in_asking_order(few, seed)
    counts = np.bincount(few.users, minlength=len(few.names))
    total, chosen = 0, []
    for user in order:
        if total >= wanted:
            break
        total += int(counts[user])
        chosen.append(user)
    return few.take(mask_of(few, chosen))


def in_asking_order(sets: ChoiceSets, seed: int) -> list[int]:
    """The sets' users in the order in which the model is asked about them, drawn."""
    return sorted(set(sets.users.tolist()), key=lambda n: (lot(sets.names[n], seed, "ask"), n))


def mask_of(sets: ChoiceSets, users: list[int]) -> npt.NDArray[np.bool_]:
    """[n] which sets belong to these users."""
    return np.isin(sets.users, users)
