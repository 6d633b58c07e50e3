"""What the simulated users are expected to do with any page, without simulating it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from footfall.behaviour.decisions import PageFeatures, examination_curve
from footfall.behaviour.features import FEATURES
from footfall.behaviour.in_visit import VISIT
from footfall.behaviour.specs import TASTES
from footfall.behaviour.traces import KINDS, LIVES
from footfall.world.crowd import Setting

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, eq=False)
class Met:
    """What real users met after the split, as they met it; [n] events."""

    users: Numbers
    """Numbers within the population, rising."""
    items: Codes
    days: Floats
    """Since the split."""
    amounts: Floats
    """[n, len(KINDS)] what each adds to the faded counts of ``behaviour.traces``."""

    @classmethod
    def nothing(cls) -> Met:
        """Nobody met anything."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(empty, empty.astype(np.int32), np.zeros(0), np.zeros((0, len(KINDS))))

    def before(self, users: Numbers, items: Codes, days: Floats) -> Floats:
        """[n, k, len(KINDS)] faded counts of ``items`` [n, k] before ``days`` [n]."""
        out = np.zeros((*items.shape, len(KINDS)))
        starts = np.searchsorted(self.users, users)
        ends = np.searchsorted(self.users, users, side="right")
        for row in np.flatnonzero(ends > starts).tolist():
            own = slice(starts[row], ends[row])
            gone = days[row] - self.days[own]
            same = (self.items[own] == items[row][:, None]) & (gone > 0)
            left = np.exp(-np.maximum(gone, 0.0)[:, None] / LIVES) * self.amounts[own]
            out[row] = same @ left
        return out


class Foresight(Protocol):
    """Chances of the simulated users, given what they remember at the split."""

    def reading(self, k: int) -> Floats:
        """[k] P(a place of a page is looked at), from the top; the first is 1."""
        ...

    def of(
        self,
        users: Numbers,
        items: Codes,
        times: npt.NDArray[np.datetime64],
        visit: Floats | None = None,
    ) -> tuple[Floats, Floats]:
        """[n, k] P(clicked | page shown) and P(bought | clicked); NaN where nobody knows.

        Args:
            users: [n] numbers within the population.
            items: [n, k] codes, -1 where nothing stands.
            times: [n] UTC.
            visit: [n, len(VISIT)] see ``behaviour.in_visit``; None: these are first pages.
        """
        ...


@dataclass(frozen=True)
class SettingForesight:
    """Of the users of a run."""

    setting: Setting
    met: Met = field(default_factory=Met.nothing)

    def reading(self, k: int) -> Floats:
        """See ``Foresight``."""
        return examination_curve(self.setting.behaviour.spec.habits, k)

    def of(
        self,
        users: Numbers,
        items: Codes,
        times: npt.NDArray[np.datetime64],
        visit: Floats | None = None,
    ) -> tuple[Floats, Floats]:
        """See ``Foresight``."""
        setting = self.setting
        known = setting.known.of(
            users, items, times=times, tasteful=setting.behaviour.spec.uses("taste")
        )
        features = PageFeatures(
            shown=items >= 0,
            llm=np.zeros(items.shape),
            popularity=known[:, :, FEATURES.index("popularity")],
            price=known[:, :, FEATURES.index("price")],
            repeat=known[:, :, FEATURES.index("repeat")],
            seen=np.zeros(items.shape),
            tastes=known[:, :, -len(TASTES) :],
            own=None if setting.own is None else setting.own[users],
        )
        if setting.people is not None:
            days = (times - setting.start) / DAY
            traces = self.met.before(users, items, days)
            place = np.zeros((len(users), len(VISIT))) if visit is None else visit
            opinion = setting.people.think(users, items, features.price, days, traces, place)
            features = replace(features, personal=opinion.terms, buy_odds=opinion.buy_odds)
        return setting.behaviour.expected(features)


@dataclass(frozen=True)
class SilentForesight:
    """Of users for whose chances a language model would have to be asked: only how they read."""

    setting: Setting

    def reading(self, k: int) -> Floats:
        """See ``Foresight``."""
        return examination_curve(self.setting.behaviour.spec.habits, k)

    def of(
        self,
        users: Numbers,  # noqa: ARG002
        items: Codes,
        times: npt.NDArray[np.datetime64],  # noqa: ARG002
        visit: Floats | None = None,  # noqa: ARG002
    ) -> tuple[Floats, Floats]:
        """See ``Foresight``; nobody knows."""
        unknown = np.full(items.shape, np.nan)
        return unknown, unknown
