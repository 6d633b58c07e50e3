"""A scenario's other titles and prices, read by its appeal model: what they are worth to users."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from footfall.appeal.folder import read_appeal
from footfall.appeal.shipped import find_appeal
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.presentations import Presentation, read_presentation
from footfall.errors import DataError, ScenarioError
from footfall.options import Announce
from footfall.scenario.scenario import Scenario
from footfall.world.interventions import Rewording
from footfall.world.presented import Presented, Reworded

if TYPE_CHECKING:
    from footfall.appeal.model import Appeal

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Presentations:
    """All that a run shows otherwise."""

    arms: Presented | None
    """By arm; None where all show the same."""
    days: tuple[Reworded, ...]
    """By interventions."""
    about: tuple[dict[str, Any], ...]
    """For the manifest: who shows how many items otherwise, and what that is worth."""
    kinds: dict[str, dict[str, str]]
    """Kind of change -> what past tests say of how well it is foreseen, as on the model's card."""


def presentations_of(
    scenario: Scenario, catalogue: Catalogue, base: Path, announce: Announce
) -> Presentations:
    """Read the tables of all arms and interventions, and score their words.

    Raises:
        DataError: A table is wrong.
        ModelError: The appeal model is missing or damaged.
        ScenarioError: There are other words, and nobody to read them.
    """
    words = _Words(scenario, catalogue, base, announce)
    about: list[dict[str, Any]] = []
    shape = (len(scenario.arms), len(catalogue))
    appeal, price = np.zeros(shape), np.zeros(shape)
    for number, arm in enumerate(scenario.arms):
        if arm.presentation is not None:
            found = read_presentation(arm.presentation, base, catalogue)
            appeal[number], price[number] = words.worth(found), _price_shift(found, catalogue)
            about.append(_told(arm.name, arm.presentation, found, appeal[number], price[number]))
    arms = Presented(appeal, price) if about else None
    days = []
    for one in scenario.interventions:
        if isinstance(one, Rewording):
            found = read_presentation(one.path, base, catalogue)
            if np.isfinite(found.prices).any():
                raise DataError(
                    f"{one.path}: only titles are read here; prices are changed by an "
                    "intervention of kind price"
                )
            gains = words.worth(found)
            about.append(_told("all", one.path, found, gains, np.zeros(len(catalogue))))
            until = np.inf if one.until is None else one.until
            told = f"{one.path}: other words for {(gains != 0).sum()} items"
            days.append(Reworded(told, one.at, until, gains))
    return Presentations(arms, tuple(days), tuple(about), words.kinds)


class _Words:
    """Scores other words; the appeal model is loaded at the first other title."""

    def __init__(
        self, scenario: Scenario, catalogue: Catalogue, base: Path, announce: Announce
    ) -> None:
        self.kinds: dict[str, dict[str, str]] = {}
        self._spec = scenario.appeal
        self._catalogue = catalogue
        self._base = base
        self._announce = announce
        self._appeal: Appeal | None = None

    def worth(self, found: Presentation) -> Floats:
        """[n_items] utility of a presentation's words over the usual ones."""
        usual = [self._catalogue.titles[code] for code in found.codes]
        changed = [n for n, title in enumerate(found.titles) if title != usual[n]]
        gains = np.zeros(len(self._catalogue))
        if not changed:
            return gains
        if self._spec is None:
            raise ScenarioError(
                "other titles are shown, but no appeal model reads them; add appeal: {path: DIR} "
                "(see footfall learn-appeal)"
            )
        titles = [found.titles[n] for n in changed] + [usual[n] for n in changed]
        scores = self._model(find_appeal(self._spec.path, self._base)).score(titles)
        apart = scores[: len(changed)] - scores[len(changed) :]
        gains[found.codes[changed]] = self._spec.weight * apart
        return gains

    def _model(self, folder: Path) -> Appeal:
        if self._appeal is None:
            self._appeal = read_appeal(folder, self._announce)
            verdict = self._appeal.card.get("verdict")
            if isinstance(verdict, dict):
                told = {name: str(verdict.get(name)) for name in ("kind", "status", "sentence")}
                self.kinds[told["kind"]] = told
        return self._appeal


def _price_shift(found: Presentation, catalogue: Catalogue) -> Floats:
    """[n_items] log of the presented price over the usual one."""
    shift = np.zeros(len(catalogue))
    given = np.isfinite(found.prices)
    codes = found.codes[given]
    shift[codes] = np.log(found.prices[given] / catalogue.prices[codes])
    return shift


def _told(
    arm: str, path: Path, found: Presentation, appeal: Floats, price: Floats
) -> dict[str, Any]:
    reworded = appeal[found.codes]
    return {
        "arm": arm,
        "table": str(path),
        "items": len(found.codes),
        "reworded": int((reworded != 0).sum()),
        "repriced": int((price != 0).sum()),
        "mean appeal": float(reworded.mean()) if len(reworded) else 0.0,
    }
