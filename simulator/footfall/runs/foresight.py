"""What the simulated users are expected to do with any page, without simulating it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from footfall.behaviour.decisions import Behaviour, PageFeatures, examination_curve
from footfall.behaviour.features import FEATURES, PairFeatures
from footfall.behaviour.specs import TASTES
from footfall.world.crowd import Setting

Floats = npt.NDArray[np.float64]


class Foresight(Protocol):
    """Chances of the simulated users, given what they remember at the split."""

    def reading(self, k: int) -> Floats:
        """[k] P(a place of a page is looked at), from the top; the first is 1."""
        ...

    def of(
        self,
        users: npt.NDArray[np.int64],
        items: npt.NDArray[np.int32],
        times: npt.NDArray[np.datetime64],
        depths: npt.NDArray[np.int64],
    ) -> tuple[Floats, Floats]:
        """[n, k] P(clicked | page shown) and P(bought | clicked).

        Args:
            users: [n] numbers within the population.
            items: [n, k] codes, -1 where nothing stands.
            times: [n] UTC.
            depths: [n] pages of the visit before this one.
        """
        ...


@dataclass(frozen=True)
class HabitForesight:
    """Of users whose behaviour is a scenario's coefficients, without a language model's voice."""

    behaviour: Behaviour
    known: PairFeatures
    own: Floats | None

    def reading(self, k: int) -> Floats:
        """See ``Foresight``."""
        return examination_curve(self.behaviour.spec.habits, k)

    def of(
        self,
        users: npt.NDArray[np.int64],
        items: npt.NDArray[np.int32],
        times: npt.NDArray[np.datetime64],
        depths: npt.NDArray[np.int64],  # noqa: ARG002 - habits do not tire
    ) -> tuple[Floats, Floats]:
        """See ``Foresight``."""
        shown = items >= 0
        known = self.known.of(users, np.maximum(items, 0), times=times)
        features = PageFeatures(
            shown=shown,
            llm=np.zeros(items.shape),
            popularity=known[:, :, FEATURES.index("popularity")],
            price=known[:, :, FEATURES.index("price")],
            repeat=known[:, :, FEATURES.index("repeat")],
            seen=np.zeros(items.shape),
            tastes=known[:, :, -len(TASTES) :],
            own=None if self.own is None else self.own[users],
        )
        return self.behaviour.expected(features)


@dataclass(frozen=True)
class SilentForesight(HabitForesight):
    """Of users for whose chances a language model would have to be asked: only how they read."""

    def of(
        self,
        users: npt.NDArray[np.int64],  # noqa: ARG002
        items: npt.NDArray[np.int32],
        times: npt.NDArray[np.datetime64],  # noqa: ARG002
        depths: npt.NDArray[np.int64],  # noqa: ARG002
    ) -> tuple[Floats, Floats]:
        """Not known: NaN."""
        unknown = np.full(items.shape, np.nan)
        return unknown, unknown


def foresight_of(setting: Setting, *, speaks: bool) -> Foresight:
    """The setting's users; ``speaks``: a language model has a say, and would have to be asked."""
    silent = speaks and setting.behaviour.spec.click.llm != 0
    kind = SilentForesight if silent else HabitForesight
    return kind(setting.behaviour, setting.known, setting.own)
