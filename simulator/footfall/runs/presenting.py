"""A scenario's other titles and prices, read by its appeal model: what they are worth to users."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.presentations import Presentation, read_presentation
from footfall.errors import DataError, ScenarioError
from footfall.options import Announce
from footfall.scenario.scenario import Scenario
from footfall.world.interventions import Rewording
from footfall.world.presented import Presented, Reworded

Floats = npt.NDArray[np.float64]
Worth = Callable[[Presentation], Floats]
"""[n_items] utility of a presentation's words over the usual ones."""


@dataclass(frozen=True, eq=False)
class Presentations:
    """All that a run shows otherwise."""

    arms: Presented | None
    """By arm; None where all show the same."""
    days: tuple[Reworded, ...]
    """By interventions."""
    about: tuple[dict[str, Any], ...]
    """For the manifest: who shows how many items otherwise, and what that is worth."""


def presentations_of(
    scenario: Scenario, catalogue: Catalogue, base: Path, announce: Announce
) -> Presentations:
    """Read the tables of all arms and interventions, and score their words.

    Raises:
        DataError: A table is wrong.
        ModelError: The appeal model is missing or damaged.
        ScenarioError: There are other words, and nobody to read them.
    """
    worth = _worth(scenario, catalogue, base, announce)
    about: list[dict[str, Any]] = []
    shape = (len(scenario.arms), len(catalogue))
    appeal, price = np.zeros(shape), np.zeros(shape)
    for number, arm in enumerate(scenario.arms):
        if arm.presentation is not None:
            found = read_presentation(arm.presentation, base, catalogue)
            appeal[number], price[number] = worth(found), _price_shift(found, catalogue)
            about.append(_told(arm.name, arm.presentation, found, appeal[number], price[number]))
    arms = Presented(appeal, price) if about else None
    days = []
    for one in scenario.interventions:
        if isinstance(one, Rewording):
            found = read_presentation(one.path, base, catalogue)
            if np.isfinite(found.prices).any():
                raise DataError(f"{one.path}: an intervention of kind price changes prices")
            gains = worth(found)
            about.append(_told("all", one.path, found, gains, np.zeros(len(catalogue))))
            until = np.inf if one.until is None else one.until
            words = f"{one.path}: other words for {(gains != 0).sum()} items"
            days.append(Reworded(words, one.at, until, gains))
    return Presentations(arms, tuple(days), tuple(about))


def _worth(scenario: Scenario, catalogue: Catalogue, base: Path, announce: Announce) -> Worth:
    """What scores words; it loads the appeal model at the first other title."""
    read: list[Any] = []

    def worth(found: Presentation) -> Floats:
        usual = [catalogue.titles[code] for code in found.codes]
        changed = [n for n, title in enumerate(found.titles) if title != usual[n]]
        gains = np.zeros(len(catalogue))
        if not changed:
            return gains
        if scenario.appeal is None:
            raise ScenarioError(
                "other titles are shown, and nobody reads them: add appeal: {path: FOLDER} "
                "(see footfall learn-appeal)"
            )
        if not read:
            from footfall.appeal.folder import read_appeal  # noqa: PLC0415 - loads scikit-learn

            read.append(read_appeal(base / scenario.appeal.path, announce))
        titles = [found.titles[n] for n in changed] + [usual[n] for n in changed]
        scores = read[0].score(titles)
        apart = scores[: len(changed)] - scores[len(changed) :]
        gains[found.codes[changed]] = scenario.appeal.weight * apart
        return gains

    return worth


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
