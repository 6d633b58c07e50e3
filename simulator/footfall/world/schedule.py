"""What holds at each moment: the scenario's interventions as arrays, ready to be looked up.

Between two moments at which something changes everything is constant (a *spell*). A schedule
is a function of simulated time and of nothing that users do, so users may look into it while
their clocks run apart, and workers need no word from each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from footfall.datasets.catalogue import Catalogue
from footfall.world.calendar import DAY
from footfall.world.interventions import (
    CatalogueCut,
    NewItems,
    PageChange,
    PriceChange,
    Promotion,
    Slowness,
    StockOut,
)

Floats = npt.NDArray[np.float64]

Chosen = Sequence[tuple[Any, npt.NDArray[np.int32]]]
"""Interventions, each with the catalogue codes that it is about (empty: about no items)."""


class Offered(Protocol):
    """Something that is offered to some users only."""

    def of(
        self, seconds: Sequence[float], users: npt.NDArray[np.int64], items: npt.NDArray[np.int32]
    ) -> Floats:
        """[n, k] what it adds to the utility of ``items`` [n, k] for ``users`` [n] then."""
        ...


@dataclass(frozen=True)
class Schedule:
    """Spells in the order of time, the first from second 0 on; arrays are indexed by spell."""

    starts: Floats
    """[n_spells] simulated seconds."""
    prices: Floats
    """[n_spells, n_items] unit prices, NaN where there is none."""
    shifts: Floats
    """[n_spells, n_items] log of the price over the price before the run."""
    appeal: Floats
    """[n_spells, n_items] added to the utility (promotions)."""
    sellable: npt.NDArray[np.bool_]
    """[n_spells, n_items] False: out of stock, can be clicked but not bought."""
    hidden: tuple[frozenset[str], ...]
    """Ids that recommenders are told not to show."""
    slates: npt.NDArray[np.int64]
    """[n_spells] items a page."""
    examination: Floats
    """[n_spells] exponent of reading; NaN: as the habits have it."""
    waits: Floats
    """[n_spells, n_arms] seconds before a page appears."""
    hazards: Floats
    """[n_spells, n_arms] waits over patience: P(gives up) = 1 - exp(-hazard)."""
    offers: tuple[Offered, ...] = ()
    """What is added to the utility for some users only."""

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def widest(self) -> int:
        """Largest page, in items."""
        return int(self.slates.max())

    @cached_property
    def eventful(self) -> bool:
        """Whether anything is ever other than before the run."""
        moved = self.shifts.any() or self.appeal.any() or self.waits.any()
        return bool(
            moved or self.offers or not self.sellable.all() or not np.isnan(self.examination).all()
        )

    def at(self, seconds: Sequence[float] | Floats) -> npt.NDArray[np.int64]:
        """[n] number of the spell at each moment."""
        found = np.searchsorted(self.starts, np.asarray(seconds, dtype=np.float64), side="right")
        return np.asarray(found - 1, dtype=np.int64)

    def appealing(
        self, seconds: Sequence[float], users: npt.NDArray[np.int64], items: npt.NDArray[np.int32]
    ) -> Floats:
        """[n, k] what is added to the utility of ``items`` [n, k] for ``users`` [n]."""
        found = self.appeal[self.at(seconds)[:, None], items]
        for offered in self.offers:
            found = found + offered.of(seconds, users, items)
        return found

    @classmethod
    def build(
        cls, chosen: Chosen, catalogue: Catalogue, slate: int, arms: Sequence[str], together: bool
    ) -> Schedule:
        """Lay interventions over each other; where two set the same, the later in the list wins.

        Args:
            chosen: The interventions and the items that they are about.
            catalogue: Ids and prices before the run.
            slate: Items a page, unless changed.
            arms: Names of the recommenders.
            together: Recommenders share pages, which wait for the slower one.
        """
        edges = {0.0}
        for one, _ in chosen:
            edges.update(edge for edge in (one.at, getattr(one, "until", None)) if edge is not None)
        days = sorted(edges)
        spells = [_Spell.blank(catalogue, slate, arms) for _ in days]
        for one, codes in chosen:
            until = getattr(one, "until", None)
            for day, spell in zip(days, spells, strict=True):
                inside = one.at <= day and (until is None or day < until)
                spell.lay(one, codes, arms, inside=inside)
        return cls._stack(days, spells, catalogue, together)

    @classmethod
    def _stack(
        cls, days: list[float], spells: list[_Spell], catalogue: Catalogue, together: bool
    ) -> Schedule:
        waits = np.stack([spell.waits for spell in spells])
        hazards = np.stack([spell.hazards for spell in spells])
        if together:
            waits, hazards = (array.max(axis=1, keepdims=True) for array in (waits, hazards))
        factors = np.stack([spell.factors for spell in spells])
        hidden = tuple(
            frozenset(catalogue.ids[code] for code in np.flatnonzero(spell.hidden))
            for spell in spells
        )
        return cls(
            starts=np.array(days) * DAY,
            prices=catalogue.prices * factors,
            shifts=np.where(np.isfinite(catalogue.prices), np.log(factors), 0.0),
            appeal=np.stack([spell.appeal for spell in spells]),
            sellable=np.stack([spell.sellable for spell in spells]),
            hidden=hidden,
            slates=np.array([spell.slate for spell in spells], dtype=np.int64),
            examination=np.array([spell.examination for spell in spells]),
            waits=waits,
            hazards=hazards,
        )


@dataclass
class _Spell:
    """One spell while it is being laid out."""

    factors: Floats
    appeal: Floats
    sellable: npt.NDArray[np.bool_]
    hidden: npt.NDArray[np.bool_]
    waits: Floats
    hazards: Floats
    slate: int
    examination: float = float("nan")

    @classmethod
    def blank(cls, catalogue: Catalogue, slate: int, arms: Sequence[str]) -> _Spell:
        n = len(catalogue)
        return cls(
            factors=np.ones(n),
            appeal=np.zeros(n),
            sellable=np.ones(n, dtype=np.bool_),
            hidden=np.zeros(n, dtype=np.bool_),
            waits=np.zeros(len(arms)),
            hazards=np.zeros(len(arms)),
            slate=slate,
        )

    def lay(
        self, one: Any, codes: npt.NDArray[np.int32], arms: Sequence[str], *, inside: bool
    ) -> None:
        """Apply an intervention to this spell, if it holds then."""
        if isinstance(one, NewItems):  # the one kind that holds before it happens
            self.hidden[codes] |= not inside
        elif inside:
            self._apply(one, codes, arms)

    def _apply(self, one: Any, codes: npt.NDArray[np.int32], arms: Sequence[str]) -> None:
        match one:
            case PriceChange():
                self.factors[codes] *= one.factor
            case Promotion():
                self.factors[codes] *= 1.0 - one.discount
                self.appeal[codes] += one.display
            case StockOut():
                self.sellable[codes] = False
                self.hidden[codes] |= one.hidden
            case CatalogueCut():
                self.hidden[codes] = True
            case Slowness():
                late = [not one.arms or arm in one.arms for arm in arms]
                self.waits[late] += one.seconds
                self.hazards[late] += one.seconds / one.patience
            case PageChange():
                self.slate = one.slate or self.slate
                if one.examination is not None:
                    self.examination = one.examination
