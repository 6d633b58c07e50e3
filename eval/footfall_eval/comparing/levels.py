"""A run of two levels, put together: what the language model alone would say of everybody."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.errors import LogError, UserError, one_line
from footfall.plumbing.json_files import read_object
from footfall.run_folder.answers import RequestCounts, answers_of
from footfall.run_folder.layout import ASKED, LEVELS, MANIFEST, WHOM, epochs_of
from footfall.run_folder.log import DAMAGES
from footfall_eval.comparing.comparison import Arm, Contrast
from footfall_eval.comparing.unanswered import lost_visits
from footfall_eval.measures.metrics import Columns, Metric, columns, derive
from footfall_eval.reading.load import COUNTS, RunLog
from footfall_eval.statistics.effects import undefined
from footfall_eval.statistics.two_levels import (
    FEWEST_ASKED,
    Level,
    Mixed,
    TwoLevels,
    effect_of_levels,
)

ALIKE = 0.3
"""Correlation over the users asked below which the surrogate brings next to nothing: at most a
tenth of the questions."""

DISTILLED = "distil"
"""In the scenario's ``levels.surrogate`` where a pilot taught it."""

_APART = ("choice", "levels", "population", "budget", "about")
"""Keys of the scenario in which the two levels may differ."""


@dataclass(frozen=True, eq=False)
class AskedToo:
    """Both levels, one row a (arm, user) each, without the users that the surrogate learned from.

    Of those it knows more than of others, so they cannot speak for them.
    """

    crowd: pd.DataFrame
    """The surrogate's, of all users."""
    dear: pd.DataFrame
    """The language model's, of the users asked."""
    model: str
    requests: dict[str, RequestCounts]
    """Arm -> what its recommender answered while the model was asked."""
    warnings: tuple[str, ...]
    level: float
    drawn: Mapping[str, int] | None = None
    """User -> stratum, within which the users asked were drawn evenly; None: of all of them."""

    @classmethod
    def of(cls, log: RunLog, level: float) -> AskedToo | None:
        """Both levels of a run; None where it has one.

        Raises:
            LogError: The users asked are missing, or belong to another run.
            UserError: Too few were asked.
        """
        if not log.scenario.get("levels"):
            return None
        folder = log.path / ASKED
        if not (folder / MANIFEST).exists():
            raise LogError(
                f"{folder}: the users whom the model plays are not there yet; go on with "
                "footfall run --resume"
            )
        asked = RunLog.open(folder)
        _same_run(log, asked)
        known = not_strangers(log)
        done = epochs_of(asked.manifest.get("parts") or {})
        crowd, dear = (
            derive(without(counts, known)) for counts in (_until(log, done), asked.per_user())
        )
        users = dear["user"].nunique()
        if users < FEWEST_ASKED:
            raise UserError(
                f"{folder}: {users} users were asked whom the surrogate had not learned from; two "
                f"levels need {FEWEST_ASKED}: more users, or a larger levels.asked"
            )
        return cls(
            crowd=crowd,
            dear=dear,
            model=str((asked.manifest.get("model") or {}).get("name")),
            requests={one.arm: one for one in answers_of(asked.manifest)},
            warnings=asked.cautions(),
            level=level,
            drawn=_drawn(log, asked, dear),
        )

    @cached_property
    def _everybody(self) -> dict[str, int]:
        """User -> place among all users."""
        return {user: number for number, user in enumerate(sorted(self.crowd["user"].unique()))}

    @cached_property
    def groups(self) -> npt.NDArray[np.int64]:
        """[n_users] the same number for all copies of one real user ("7", "7~2", ...)."""
        place = self._everybody
        return np.array([place.get(original(user, place), n) for user, n in place.items()])

    @cached_property
    def asked(self) -> npt.NDArray[np.int64]:
        """[n_asked] places of the users asked among all users."""
        return np.array([self._everybody[user] for user in sorted(self.dear["user"].unique())])

    @cached_property
    def strata(self) -> npt.NDArray[np.int64] | None:
        """[n_users] within each the users asked were drawn evenly; None: within all."""
        if self.drawn is None:
            return None
        place = self._everybody
        return np.array([self.drawn[original(user, place)] for user in place])

    def contrast(self, metric: Metric, control: str, treatment: str) -> Contrast:
        """Treatment minus control; NaN where one of the levels does not define it."""
        found, pair = self.effect(metric, control, treatment), (control, treatment)
        if found is None:
            nothing = undefined(
                self.crowd["user"].nunique(), "not defined: its denominator is zero"
            )
            return Contrast.of(metric.name, pair, (math.nan, math.nan), nothing)
        return Contrast.of(metric.name, pair, (found.control, found.treatment), found.effect)

    def effect(self, metric: Metric, control: str, treatment: str) -> TwoLevels | None:
        """The estimate itself; None where one of the levels does not define it."""
        cheap, dear = (
            Level(columns(counts, metric, control), columns(counts, metric, treatment))
            for counts in (self.crowd, self.dear)
        )
        parts: list[Columns] = [cheap.control, cheap.treatment, dear.control, dear.treatment]
        if not all(math.isfinite(part.value) for part in parts):
            return None
        return effect_of_levels(
            cheap,
            dear,
            self.asked,
            level=self.level,
            groups=self.groups,
            strata=self.strata,
        )

    def arm(self, arm: Arm, metrics: tuple[Metric, ...]) -> Arm:
        """An arm of the surrogate's users with what the model alone would say of it."""
        values = {}
        for metric in metrics:
            found = self.effect(metric, arm.name, arm.name)
            values[metric.name] = math.nan if found is None else found.control
        own = self.dear.loc[self.dear["arm"] == arm.name]
        here = (self.crowd["arm"] == arm.name) & (self.crowd["visitor"] > 0)
        came = [self._everybody[user] for user in self.crowd.loc[here, "user"]]
        return Arm(
            **{
                **arm.__dict__,
                # However often the surrogate played each of them.
                "users": len(np.unique(self.groups)),
                "visitors": len(np.unique(self.groups[came])),
                "metrics": values,
                "lowest": values,
                "highest": values,
                # Of the model's: a page without the surrogate's opinion costs correlation only.
                "undecided_pages": int(own["undecided_pages"].sum()),
                "pages": int(own["pages"].sum()),
                "lost_visits": lost_visits(own),
                "answers": self.requests.get(arm.name, arm.answers),
            }
        )

    def cautions(self, metric: Metric, control: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """What was done, in sentences, by the metric of the verdict."""
        asked, everybody = len(self.asked), len(np.unique(self.groups))
        times = round(len(self.groups) / everybody)
        often = "" if times == 1 else f" {times} times each"
        who = (
            f"{everybody:,} users by a surrogate{often}, {asked:,} of them by {self.model} as well"
        )
        notes = [f"Two levels: {who}; figures are what the model alone would say of all of them."]
        strata = 1 if self.strata is None else len(np.unique(self.strata))
        if strata > 1:
            notes[0] += (
                " Those whose answers were likelier to change what happens were asked more often, "
                f"in {strata} strata; figures and intervals are weighted by them."
            )
        for name in names:
            found = None if name == control else self.effect(metric, control, name)
            if found is not None:
                notes.append(_worth(name, found.mixed))
        return (*notes, *self.warnings)


def _worth(arm: str, mixed: Mixed) -> str:
    """What the surrogate brought, or that it brought nothing."""
    if not mixed.correlation >= ALIKE:
        told = "nothing" if math.isnan(mixed.correlation) else f"{mixed.correlation:.2f}"
        return (
            f"{arm}: the surrogate repeats too little of what the model's users do (correlation "
            f"{told}); two levels bring next to nothing, distil again or ask everybody."
        )
    times = (mixed.alone / mixed.error) ** 2 if mixed.error else math.inf
    return (
        f"{arm}: users' differences correlate {mixed.correlation:.2f} between the levels; the "
        f"questions tell as much as {times:.1f} times as many without the surrogate."
    )


def _until(log: RunLog, epochs: int) -> pd.DataFrame:
    """Counts of everybody over the days that the users asked have lived as well."""
    if epochs >= epochs_of(log.manifest.get("parts") or {}):
        return log.per_user()
    pieces = log.per_user_and_epoch()
    early = (
        pieces[pieces["epoch"] < epochs].groupby(["arm", "user"], as_index=False)[[*COUNTS]].sum()
    )
    whole = log.per_user()[["arm", "user"]].merge(early, on=["arm", "user"], how="left")
    return whole.fillna(dict.fromkeys(COUNTS, 0.0))


def _drawn(log: RunLog, asked: RunLog, dear: pd.DataFrame) -> dict[str, int] | None:
    """By which chances users were asked.

    Raises:
        LogError: It is not known, or others were asked.
    """
    path = log.path / WHOM
    if not isinstance((asked.scenario.get("population") or {}).get("played"), list):
        return None  # a share of all users, evenly
    try:
        table = pd.read_parquet(path, columns=["user", "stratum", "asked"])
    except DAMAGES as error:
        raise LogError(
            f"{path}: how users were drawn cannot be read ({one_line(error, 200)}), and without it "
            "figures would be those of odd users; put the file back, or run again with --overwrite"
        ) from None
    if set(table.loc[table["asked"], "user"]) != set(dear["user"]):
        raise LogError(
            f"{path}: other users than those in {asked.path}; put the file back, or run again with "
            "--overwrite"
        )
    return dict(zip(table["user"].astype(str), table["stratum"].astype(int), strict=True))


def unevenly_drawn(asked: RunLog) -> bool:
    """Whether these are users of a run of two levels who speak for others only by weights."""
    path = asked.path.parent / WHOM
    if asked.path.name != ASKED or not path.exists():
        return False
    try:
        return len(set(pd.read_parquet(path, columns=["stratum"])["stratum"])) > 1
    except DAMAGES:
        return True


def original(user: str, users: Container[str]) -> str:
    """The real user behind a copy; no real user has the name of another one's copy."""
    first, mark, number = user.rpartition("~")
    return first if mark and number.isdecimal() and first in users else user


def not_strangers(log: RunLog) -> set[str]:
    """Users who cannot speak for others: they taught the surrogate, or were its pilot's.

    Raises:
        LogError: The run had a pilot, and what it chose is not there.
    """
    known = taught(log)
    if (log.scenario.get("levels") or {}).get("surrogate") == DISTILLED:
        path = log.path / LEVELS
        try:
            known |= set(map(str, read_object(path)["users"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LogError(
                f"{path}: the pilot's users cannot be read ({one_line(error, 200)}); put the file "
                "back, or run again with --overwrite"
            ) from None
    return known


def taught(log: RunLog) -> set[str]:
    """Users whose answers the surrogate learned from."""
    return set(map(str, (log.manifest.get("surrogate") or {}).get("taught") or ()))


def _same_run(log: RunLog, asked: RunLog) -> None:
    first, second = (
        {key: value for key, value in one.scenario.items() if key not in _APART}
        for one in (log, asked)
    )
    hashes = [(one.manifest.get("dataset") or {}).get("hash") for one in (log, asked)]
    if first != second or hashes[0] != hashes[1]:
        raise LogError(
            f"{asked.path}: these users belong to another run than {log.path}; run again with "
            "--overwrite"
        )


def without(per_user: pd.DataFrame, users: set[str]) -> pd.DataFrame:
    """Without some real users, and without their copies."""
    names = per_user["user"].astype(str)
    gone = {name for name in names.unique() if original(name, users) in users}
    return per_user[~names.isin(gone)].reset_index(drop=True)
