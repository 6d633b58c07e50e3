"""Who may learn from what: memory, fit, calibrate and test, strictly in this order.

    |--------------- memory ----------------|- fit -|- calibrate -|== test ==|   cut "time"
                                                              split.at ^

Users: the test users never take part in fitting. The others are divided into a *crowd*, among
whom popularity and the like are counted, and those whose choices are fitted. With ``cut:
"user"`` (ratings, where few users are seen both before and after any date) each user's own
rows are cut in two: the first part is memory, the second part choices. Fitted users end before
the split; test users are those who come after it. The crowd of each stage is everybody else's
rows before the stage, so that popularity is as old, and as new films as unknown, when
coefficients are fitted as when they are used.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from footfall.datasets.schema import Split
from footfall.datasets.takings import best_rating, taken
from footfall.errors import DataError
from footfall.luck import identity
from footfall.plumbing.spec import Spec

StageName = Literal["fit", "calibrate", "test"]


class StageSpec(Spec):
    """How the time before the split, and the users, are divided."""

    cut: Literal["time", "user"] = "time"
    """"time": one date for all users. "user": each user's own rows are halved."""
    fit_days: float = Field(default=28.0, gt=0)
    """Cut "time": days of choices that are fitted; they end where calibration begins."""
    calibrate_days: float = Field(default=14.0, gt=0)
    """Cut "time": days before the split whose choices calibrate."""
    test_days: float | None = Field(default=28.0, gt=0)
    """Days after the split whose choices test; None: all of them. Memory ages meanwhile."""
    crowd: float = Field(default=0.4, gt=0, lt=1)
    """Cut "time": share of the users other than test users among whom popularity is counted."""
    calibrate: float = Field(default=0.3, gt=0, lt=1)
    """Share of the fitted users whose choices only calibrate."""
    fit_share: float = Field(default=0.4, gt=0, lt=1)
    """Cut "user": share of the remembered rows, the newest ones, whose users are fitted."""
    own_memory: float = Field(default=0.5, gt=0, lt=1)
    """Cut "user": share of a user's rows, oldest first, that is memory."""
    min_memory: int = Field(default=5, ge=1)
    """Users with fewer remembered rows in a stage are left out of it."""
    max_users: int | None = Field(default=400, ge=1)
    """Users of the fit and of the test stage at most, drawn; None: all."""


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage: whose choices, and everything that may be known about them beforehand."""

    name: StageName
    users: tuple[str, ...]
    at: pd.Timestamp
    """Choices are at or after this moment; memory and crowd before it (cut "user": ``at`` is
    the split, and every user's memory ends before that user's choices)."""
    memory: pd.DataFrame
    """Interactions of ``users`` before their choices."""
    choices: pd.DataFrame
    """Interactions of ``users`` in the stage."""
    crowd: pd.DataFrame
    """Interactions of other users, before the stage and before the split."""
    market: pd.DataFrame
    """Interactions of everybody in the stage: what there was to have. Never a feature."""
    best: float
    """Highest rating of the data, NaN where there are none."""
    _numbers: dict[str, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self._numbers.update({user: number for number, user in enumerate(self.users)})

    def number(self, user: str) -> int:
        """Place of a user in ``users``."""
        return self._numbers[user]

    def liked(self, rows: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """[n_rows] what was taken: purchases where there are any, else the better ratings."""
        return taken(rows, self.best)


@dataclass(frozen=True)
class Stages:
    """The three stages that hold choices."""

    fit: Stage
    calibrate: Stage
    test: Stage


def divide(
    split: Split,
    spec: StageSpec,
    seed: int,
    *,
    test_users: Collection[str] | None = None,
    among: Collection[str] | None = None,
) -> Stages:
    """Divide rows and users; the same for the same seed, whatever the order of rows.

    Args:
        split: Held-out rows only ever enter the test stage.
        spec: Lengths and shares.
        seed: Draws who belongs to the crowd and who to the fit.
        test_users: Whose held-out choices test, for instance those of a population. Default:
            a drawn third of the users (cut "time"), or all who first choose after the split.
        among: Who may be fitted or counted, for instance those whom no recommender under test
            has learned from. Default: everybody but the test users.

    Raises:
        DataError: A stage is left without users.
    """
    groups = _groups(split, spec, seed, test_users, among)
    cutter = _by_time if spec.cut == "time" else _by_user
    return Stages(
        fit=cutter("fit", split, spec, groups, seed),
        calibrate=cutter("calibrate", split, spec, groups, seed),
        test=cutter("test", split, spec, groups, seed),
    )


def lot(user: str, seed: int, purpose: str) -> float:
    """A number from 0 to 1 that belongs to a user, a seed and a purpose."""
    return identity(f"{seed}/{purpose}/{user}") / 2.0**64


_Groups = dict[str, set[str]]
"""Users of "crowd", "fit", "calibrate" and "test"; disjoint."""


def _groups(
    split: Split,
    spec: StageSpec,
    seed: int,
    test_users: Collection[str] | None,
    among: Collection[str] | None,
) -> _Groups:
    before = set(split.remembered.interactions["user"])
    after = set(split.held_out["user"])
    if test_users is not None:
        test = set(test_users)
    elif spec.cut == "user":
        test = after - before
    else:
        test = {user for user in after & before if lot(user, seed, "test") < 1 / 3}
    others = (before if among is None else set(among) & before) - test
    crowd = {user for user in others if lot(user, seed, "crowd") < spec.crowd}
    chosen = others - crowd if spec.cut == "time" else others
    calibrate = {user for user in chosen if lot(user, seed, "calibrate") < spec.calibrate}
    groups = {"crowd": crowd, "fit": chosen - calibrate, "calibrate": calibrate, "test": test}
    for name, users in groups.items():
        if not users and name == "test" and test_users is None and spec.cut == "user":
            raise DataError(
                f"{split.remembered.name}: nobody can be tested: {len(before & after)} users are "
                "too few of those who came both before and after the split, and nobody first came "
                "after it; the log needs more users, or an earlier split (split: {fraction: 0.6})"
            )
        if not users:
            raise DataError(
                f"{split.remembered.name}: no users are left for the {name} stage "
                f"({len(before)} before the split, {len(after)} after); move the split"
            )
    return groups


def _by_time(name: StageName, split: Split, spec: StageSpec, groups: _Groups, seed: int) -> Stage:
    start, end = _period(name, split, spec)
    rows = split.remembered.interactions
    before = rows[rows["time"] < start]
    market = split.held_out if name == "test" else rows
    market = market[market["time"] >= start]
    if end is not None:
        market = market[market["time"] < end]
    mine = _some(groups[name], before, market, spec, seed)
    if not mine:
        raise DataError(
            f"{split.remembered.name}: the {name} stage from {start} has no users with "
            f"{spec.min_memory} remembered rows and a choice; lengthen it or move the split"
        )
    return Stage(
        name=name,
        users=tuple(sorted(mine)),
        at=start,
        memory=_of(before, mine),
        choices=_of(market, mine),
        crowd=_of(before, groups["crowd"]),
        market=market.reset_index(drop=True),
        best=best_rating(rows),
    )


def _by_user(name: StageName, split: Split, spec: StageSpec, groups: _Groups, seed: int) -> Stage:
    past = split.remembered.interactions
    start = split.at
    if name != "test":
        start = pd.Timestamp(past["time"].iloc[int(len(past) * (1 - spec.fit_share))])
    rows = split.held_out if name == "test" else past[past["time"] >= start]
    own = _of(rows, groups[name])
    cut = own.groupby("user")["time"].quantile(spec.own_memory, interpolation="higher")
    late = own["time"] >= own["user"].map(cut)
    earlier = past[past["time"] < start]
    memory, choices = pd.concat([_of(earlier, groups[name]), own[~late]]), own[late]
    mine = _some(groups[name], memory, choices, spec, seed)
    if not mine:
        raise DataError(
            f"{split.remembered.name}: the {name} stage has no users with {spec.min_memory} "
            "remembered rows and a choice; move the split"
        )
    return Stage(
        name=name,
        users=tuple(sorted(mine)),
        at=start,
        memory=_of(memory, mine),
        choices=_of(choices, mine),
        crowd=earlier[~earlier["user"].isin(mine)].reset_index(drop=True),
        market=rows.reset_index(drop=True),
        best=best_rating(past),
    )


def _period(
    name: StageName, split: Split, spec: StageSpec
) -> tuple[pd.Timestamp, pd.Timestamp | None]:
    calibrate = split.at - pd.Timedelta(days=spec.calibrate_days)
    if name == "fit":
        return calibrate - pd.Timedelta(days=spec.fit_days), calibrate
    if name == "calibrate":
        return calibrate, split.at
    days = spec.test_days
    return split.at, None if days is None else split.at + pd.Timedelta(days=days)


def _some(
    users: set[str], memory: pd.DataFrame, choices: pd.DataFrame, spec: StageSpec, seed: int
) -> set[str]:
    """Users with enough memory and a choice; at most ``spec.max_users`` of them, drawn."""
    lengths = memory["user"].value_counts()
    long_enough = set(lengths.index[lengths >= spec.min_memory])
    usable = users & long_enough & set(choices["user"])
    drawn = sorted(usable, key=lambda user: (lot(user, seed, "stage"), user))
    return set(drawn[: spec.max_users])


def _of(rows: pd.DataFrame, users: Collection[str]) -> pd.DataFrame:
    return rows[rows["user"].isin(users)].reset_index(drop=True)
