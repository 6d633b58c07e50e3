"""Who walks in, and what they remember.

Everything here comes from the remembered side of a split. Nothing at or after the split can
reach a persona: ``Population.draw`` never looks at ``Split.held_out``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.event_columns import EventColumns
from footfall.datasets.query import select
from footfall.datasets.schema import ACTIONS, Split
from footfall.datasets.statistics import LIKED_SHARE, Events, user_statistics
from footfall.errors import DataError, did_you_mean
from footfall.plumbing.spec import Spec
from footfall.users.neighbours import Neighbours

COLD = "cold-"
"""Prefix of the ids of cold-start personas."""

HABITS = ("visits_per_week", "gap_days", "items_per_order", "spend_per_order")
"""Statistics of the remembered history that ``Population.habits`` keeps."""


@dataclass(frozen=True, slots=True)
class Persona(EventColumns):
    """One simulated user, made of the remembered part of a real one.

    The events end strictly before the split.
    """

    user: str
    profile: dict[str, str]
    """Readable profile, empty where nothing is known."""
    cold: bool = False
    """A cold-start persona: a profile and no history."""
    original: str = ""
    """Id of the real user; another than ``user`` where that is a copy."""
    neighbours: Neighbours | None = None
    """Others, among whom those alike can be found."""
    summary: str = ""
    """What the user likes, in a few words, where the model was asked to sum it up."""


class PopulationSpec(Spec):
    """Which real users are played, and how much of their past they remember."""

    users: int = Field(ge=1)
    """How many users with a history are played."""
    where: str | None = None
    """Only users for whom this comparison holds, for instance ``orders >= 10 and age == "45-54"``.
    Names are profile columns and statistics of the remembered history: ``events``, ``purchases``,
    ``orders``, ``spend``, ``days_active``, ``gap_days``, ``items_per_order``,
    ``spend_per_order``, ``visits_per_week``."""
    stratify: str | None = None
    """A profile column whose shares among the eligible users the drawn ones keep."""
    cold_start: int = Field(default=0, ge=0)
    """Further users with the profile of a real user and no history."""
    min_history: int = Field(default=1, ge=1)
    """Users with fewer remembered events are not drawn."""
    played: Annotated[float, Field(gt=0, le=1)] | tuple[str, ...] = 1.0
    """Share of the drawn users who come at all, by lot, or who does; the others are drawn and stay
    at home."""
    max_history: int | None = Field(default=None, ge=1)
    """A persona remembers only this many newest events; habits come from all of them."""
    copies: bool | Annotated[int, Field(ge=1, le=1000)] = False
    """Play real users more than once when more are wanted than there are; the second copy of
    user ``7`` is called ``7~2`` and has luck of its own. A number: play each of ``users`` so many
    times."""

    @property
    def times(self) -> int:
        """How often each of ``users`` is played where ``copies`` is a number."""
        return 1 if isinstance(self.copies, bool) else self.copies


@dataclass(frozen=True, eq=False)
class Population(EventColumns):
    """Users as columns, so that a million of them fit; users are numbered from 0.

    Events are those of the real users who are played, one real user after another, oldest first
    within a user; copies of a user share them. They are the whole remembered history:
    ``max_history`` only shortens what ``persona`` returns.
    """

    users: tuple[str, ...]
    real: npt.NDArray[np.int64]
    """[n_users] number of the real user behind each user; -1 for a cold-start one."""
    profiles: dict[str, npt.NDArray[np.object_]]
    """Profile columns by readable name, each [n_users] of text or None."""
    offsets: npt.NDArray[np.int64]
    """[n_real + 1] events of real user ``r`` are the rows ``offsets[r]`` to ``offsets[r + 1]``."""
    habits: pd.DataFrame
    """One row a user, NaN where the history does not tell: ``visits_per_week``, ``gap_days``
    (mean days between visits), ``items_per_order``, ``spend_per_order`` (money)."""
    hours: npt.NDArray[np.int64]
    """[n_users, 24] remembered visits that began in each hour of the day (UTC)."""
    counts: dict[str, int]
    """How many real users there are, and why the others are not played."""
    max_history: int | None = None
    neighbours: Neighbours | None = None
    """Users whom nobody plays or tests, for what those alike take; None: nothing is known."""
    _numbers: dict[str, int] = field(default_factory=dict, repr=False)

    @classmethod
    def draw(cls, split: Split, catalogue: Catalogue, spec: PopulationSpec, seed: int) -> Self:
        """Draw users; the same for the same seed, whatever the order of the data's rows.

        Raises:
            DataError: The query is wrong, or fewer users are eligible than are wanted.
        """
        events = Events.of(split, catalogue)
        frame = _user_frame(split, events)
        profile = [str(c) for c in split.remembered.users.columns if c != "user"]
        loaded = split.remembered.beyond is None
        eligible, counts = _eligible(frame, spec, loaded=loaded)
        chosen = _choose(eligible, spec, seed, profile)
        counts["eligible users, not drawn"] = len(eligible) - chosen["user"].nunique()
        counts["events of items outside the catalogue"] = events.unknown
        cold = _cold(frame, spec, seed, profile)
        people = pd.concat([chosen, cold], ignore_index=True) if len(cold) else chosen
        return cls._assemble(people, profile, events, counts, spec.max_history)

    @classmethod
    def _assemble(
        cls,
        people: pd.DataFrame,
        profile: list[str],
        events: Events,
        counts: dict[str, int],
        max_history: int | None,
    ) -> Self:
        users = tuple(people["id"])
        numbers = {user: number for number, user in enumerate(users)}
        if len(numbers) < len(users):
            twice = people["id"][people["id"].duplicated()].iloc[0]
            raise DataError(
                f'population: a real user is called "{twice}", as is a made-up one; rename it in '
                "the data"
            )
        code = people["code"].to_numpy(dtype=np.int64)
        played = np.unique(code[code >= 0])
        real = np.where(code < 0, -1, np.searchsorted(played, code))
        events = events.of_users(played)
        return cls(
            users=users,
            real=real,
            profiles={name.replace("_", " "): _texts(people[name]) for name in profile},
            offsets=events.offsets,
            **events.columns(slice(None)),
            habits=people[list(HABITS)].astype(float).reset_index(drop=True),
            hours=np.where(real[:, None] < 0, 0, events.hours()[real]),
            counts=counts,
            max_history=max_history,
            _numbers=numbers,
        )

    def __len__(self) -> int:
        return len(self.users)

    def __iter__(self) -> Iterator[Persona]:
        return (self.persona(number) for number in range(len(self)))

    def persona(self, number: int) -> Persona:
        """User ``number`` with the newest ``max_history`` events."""
        part = self.rows(number)
        if self.max_history is not None:
            part = slice(max(part.start, part.stop - self.max_history), part.stop)
        return Persona(
            user=self.users[number],
            profile={k: v[number] for k, v in self.profiles.items() if v[number] is not None},
            **self.columns(part),
            cold=bool(self.real[number] < 0),
            original=self.originals[number],
            neighbours=self.neighbours,
        )

    def rows(self, number: int) -> slice:
        """Which events user ``number`` remembers, all of them."""
        real = int(self.real[number])
        return slice(0, 0) if real < 0 else slice(*self.offsets[real : real + 2].tolist())

    def index(self, user: str) -> int:
        """Number of a user by id.

        Raises:
            DataError: No such user is played.
        """
        if user not in self._numbers:
            raise DataError(f'population: no user "{user}"; {len(self)} users are played')
        return self._numbers[user]

    @cached_property
    def originals(self) -> tuple[str, ...]:
        """[n_users] ids of the real users: that of the first copy; a cold start is its own."""
        names: dict[int, str] = {}
        return tuple(
            user if real < 0 else names.setdefault(real, user)
            for user, real in zip(self.users, self.real.tolist(), strict=True)
        )

    @property
    def cold(self) -> npt.NDArray[np.bool_]:
        """[n_users] whether each user has a profile and no history."""
        return self.real < 0

    @cached_property
    def taken(self) -> npt.NDArray[np.bool_]:
        """[n_events] whether the user took the item: bought it, or liked it in rating data.

        Liked is a rating of at least ``LIKED_SHARE`` of the highest rating. Purchases are what
        counts where there are any.
        """
        bought = self.actions == ACTIONS.index("purchase")
        rated = self.actions == ACTIONS.index("rate")
        if bought.any() or not rated.any():
            return np.asarray(bought)
        best = float(np.nanmax(self.values[rated]))
        return np.asarray(rated & (self.values >= LIKED_SHARE * best))

    def purchase_counts(self, number: int) -> dict[int, int]:
        """Catalogue code -> in how many remembered events user ``number`` took that item."""
        part = self.rows(number)
        codes, counts = np.unique(self.items[part][self.taken[part]], return_counts=True)
        return dict(zip(codes.tolist(), counts.tolist(), strict=True))

    def event_rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Aligned user numbers and event rows, one entry a user and remembered event."""
        lengths = np.where(self.real < 0, 0, np.diff(self.offsets)[self.real])
        ends = np.cumsum(lengths)
        users = np.repeat(np.arange(len(self)), lengths)
        rows = np.arange(len(users)) + np.repeat(self.offsets[self.real] - ends + lengths, lengths)
        return users, rows


def _user_frame(split: Split, events: Events) -> pd.DataFrame:
    """Profile and statistics of every real user; ``code`` is the user's number in ``events``."""
    users = split.remembered.users
    statistics = user_statistics(events, split.at)
    clash = [c for c in users.columns if c in statistics.columns and c != "user"]
    if clash:
        raise DataError(
            f'{split.remembered.name}: profile column "{clash[0]}" has the name of a statistic; '
            "rename it in the source"
        )
    frame = users.merge(statistics, on="user", how="left").sort_values("user", ignore_index=True)
    # Users without a remembered event have no statistics and, as cold users, no code.
    return frame.fillna({"events": 0, "code": -1}).astype({"code": np.int64})


def _eligible(
    frame: pd.DataFrame, spec: PopulationSpec, *, loaded: bool
) -> tuple[pd.DataFrame, dict[str, int]]:
    long_enough = frame["events"] >= spec.min_history
    counts = {
        "real users": len(frame),
        f"fewer than {spec.min_history} remembered events": int((~long_enough).sum()),
    }
    left = frame[long_enough]
    if spec.where is not None:
        found = select(left, spec.where, hidden=("user", "code"))
        counts["not selected by `where`"] = len(left) - len(found)
        left = found
    if left.empty or (len(left) < spec.users and spec.copies is not True):
        raise DataError(
            f"population: {spec.users} users are wanted and {len(left)} are eligible "
            f"({'; '.join(f'{k}: {v}' for k, v in counts.items())}); "
            "lower `users`, loosen `where` or `min_history`, or set `copies: true`"
            f"{'' if loaded else '; not all users of the log are loaded: data.most_events'}"
        )
    return left, counts


def _choose(
    eligible: pd.DataFrame, spec: PopulationSpec, seed: int, profile: list[str]
) -> pd.DataFrame:
    """Rows sorted by user, with the ``id`` under which each is played."""
    lot = eligible.assign(lot=lots(eligible["user"], seed, "draw")).sort_values("lot")
    if spec.stratify is not None:
        lot = _interleave(lot, spec.stratify, profile)
    if spec.times > 1:
        lot = lot.head(spec.users)
    rounds, rest = divmod(spec.users * spec.times, len(lot))
    parts = [lot.assign(copy=number) for number in range(1, rounds + 1)]
    chosen = pd.concat([*parts, lot.head(rest).assign(copy=rounds + 1)])
    chosen = chosen.sort_values(["user", "copy"], ignore_index=True)
    suffix = "~" + chosen["copy"].astype(str)
    return chosen.assign(id=chosen["user"].where(chosen["copy"] == 1, chosen["user"] + suffix))


def _interleave(lot: pd.DataFrame, column: str, known: list[str]) -> pd.DataFrame:
    """Reorder so that any first n rows hold the strata in their shares, to a row or so."""
    if column not in known:
        raise DataError(f'population: no profile column "{column}"; {did_you_mean(column, known)}')
    stratum = lot[column].astype(str)
    place = lot.groupby(stratum, sort=False).cumcount() + 0.5
    size = stratum.map(stratum.value_counts())
    return lot.assign(place=place / size).sort_values(["place", "lot"])


def _cold(frame: pd.DataFrame, spec: PopulationSpec, seed: int, profile: list[str]) -> pd.DataFrame:
    """Cold-start users: the profiles of real ones, nothing else."""
    known = frame[frame[profile].notna().any(axis=1)] if profile else frame
    pool = known if len(known) else frame
    lot = pool.assign(lot=lots(pool["user"], seed, "cold")).sort_values("lot")
    donors = lot.iloc[np.arange(spec.cold_start) % len(lot)].reset_index(drop=True)
    ids = [f"{COLD}{number:05d}" for number in range(1, spec.cold_start + 1)]
    return donors[["user", *profile]].assign(code=-1, id=ids)


def lots(users: pd.Series, seed: int, purpose: str) -> npt.NDArray[np.uint64]:
    """A number drawn for each user from (seed, user), so that other users do not matter."""
    key = f"{seed}/{purpose}/".encode()
    lots = [hashlib.blake2b(key + user.encode(), digest_size=8).digest() for user in users]
    return np.frombuffer(b"".join(lots), dtype=np.uint64)


def _texts(column: pd.Series) -> npt.NDArray[np.object_]:
    """Values as text, whole numbers without a point, None where missing."""
    if pd.api.types.is_float_dtype(column.dtype) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    texts = column.astype(str).to_numpy(dtype=object)
    texts[column.isna().to_numpy()] = None
    return texts
