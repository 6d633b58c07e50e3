"""From real histories to users that a run can play: the fit of pages as one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from footfall.behaviour.around import kind_numbers
from footfall.behaviour.features import relative_prices
from footfall.behaviour.kept import KeptPeople
from footfall.behaviour.specs import TERMS, BehaviourSpec, Habits, PeopleSpec, Terms
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Split
from footfall.errors import DataError
from footfall.fitting.habits import dwelling
from footfall.fitting.pages.content import item_content, user_profile
from footfall.fitting.pages.design import Paper
from footfall.fitting.pages.fit import FittedPages, fit_pages
from footfall.fitting.pages.log import read_pages
from footfall.fitting.pages.report import PagesReport, report_of
from footfall.fitting.stages import lot
from footfall.plumbing.files import file_hash

TESTED = 0.2
"""Share of the users whose choices are not fitted, so that `footfall validate` can test them."""

MOST_TESTED = 1 / 3


@dataclass(frozen=True, eq=False)
class FittedUsers:
    """Users fitted to the pages before a split."""

    pages: FittedPages
    kept: KeptPeople
    behaviour: BehaviourSpec
    """Everything but ``people``, which names the file that they are kept in."""
    report: PagesReport
    tested: tuple[str, ...]
    """Users whose choices were not fitted."""

    def save(self, path: Path) -> BehaviourSpec:
        """Write the users to ``path`` (.npz), and return the behaviour that names it so."""
        self.kept.save(path)
        people = PeopleSpec(file=path.name, sha256=file_hash(path))
        return self.behaviour.model_copy(update={"people": people})


def tested_users(users: list[str], share: float, seed: int) -> set[str]:
    """Who is not fitted; the same for the same seed, whoever else there is."""
    return {user for user in users if lot(user, seed, "tested") < share}


def fit_users(
    split: Split,
    catalogue: Catalogue,
    *,
    seed: int,
    tested: float = TESTED,
    announce: Callable[[str], None] = lambda _: None,
) -> FittedUsers:
    """Fit everybody who was shown something before the split.

    Args:
        split: Only its remembered rows are read.
        catalogue: The items.
        seed: Draws who is tested.
        tested: Share of the users, at most a third, whose choices are not fitted: their own
            numbers come from their own memory, what is shared from the others.
        announce: Told about the steps.

    Raises:
        DataError: Nobody knows what was on a page, or too little was clicked.
    """
    if not 0 <= tested <= MOST_TESTED:
        raise DataError(f"tested: {tested:g} of the users; at most a third can be spared")
    rows = split.remembered.interactions
    users = sorted(rows["user"].unique())
    log = read_pages(rows, users, catalogue.ids)
    at = float((split.at - log.start) / pd.Timedelta(days=1))
    apart = tested_users(users, tested, seed)
    fitted = np.array([user not in apart for user in users], dtype=np.bool_)
    profiles = split.remembered.users.set_index("user").reindex(users).reset_index()
    paper = Paper(
        price=relative_prices(catalogue),
        content=item_content(split.remembered.items, relative_prices(catalogue)),
        profile=user_profile(profiles),
        kind=kind_numbers(catalogue.categories),
    )
    pages = fit_pages(log, paper, fitted=fitted, at=at, announce=announce)
    report = report_of(pages)
    kept = KeptPeople(
        people=pages.people,
        stranger=pages.stranger,
        users=tuple(users),
        items=tuple(catalogue.ids),
        until=split.at.to_datetime64(),
        about=report.model_dump(mode="json"),
    )
    behaviour = _behaviour(pages, rows, report)
    return FittedUsers(pages, kept, behaviour, report, tuple(sorted(apart)))


def _behaviour(pages: FittedPages, rows: pd.DataFrame, report: PagesReport) -> BehaviourSpec:
    curve = pages.clicks.curve.curve
    known: dict[str, Any] = {} if len(curve) else {"examination": 0.0}
    habits = Habits(
        examine_curve=tuple(float(value) for value in curve),
        picks=pages.clicks.family.picks,
        crowding=pages.clicks.family.crowding,
        reads_on=pages.clicks.family.reads_on,
        gap_days=float(pages.stranger.gap_days[0]),
        **known,
        **dwelling(rows),
    )
    return BehaviourSpec(
        click=Terms(**dict.fromkeys(TERMS, 0.0)),
        habits=habits,
        sources=dict.fromkeys(("click", "buy", "habits"), report.source),
    )
