"""From real histories to users that a run can play: the fit of pages as one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
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
from footfall.fitting.pages.log import PageLog, read_pages
from footfall.fitting.pages.report import PagesReport, report_of
from footfall.fitting.stages import lot
from footfall.plumbing.files import file_hash

Bools = npt.NDArray[np.bool_]

TESTED = 0.2
"""Share of the users whose choices are not fitted, so that `footfall validate` can test them."""

MOST_TESTED = 1 / 3

SETTLED_ON = 2_000_000
"""Impressions of whole users on which it is settled what no turn of the fit can tell.

By standard errors: on a planted fashion shop the weight of a page's mean worth has an error of .20
with 0.1 million, .11 with 0.4, .08 with 0.8 and .066 with 1.2. What is notable, .15, is told for
sure with an error of .05. With fewer impressions parts of the utility are not refuted that more
of them refute.
"""


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
    settled_on: int = SETTLED_ON,
    announce: Callable[[str], None] = lambda _: None,
) -> FittedUsers:
    """Fit everybody who was shown something before the split.

    Args:
        split: Only its remembered rows are read.
        catalogue: The items.
        seed: Draws who is tested.
        tested: Share of the users, at most a third, whose choices are not fitted: their own
            numbers come from their own memory, what is shared from the others.
        settled_on: Impressions of whole users, drawn by ``seed``, on which it is settled what no
            turn can tell: how clicks follow, how much tastes differ, what the last days refute.
            0: all. The coefficients, users and items are fitted to all impressions in any case.
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
    settling = _settling(log, users, fitted, seed, settled_on)
    if settling is not None:
        log = _said(log, settling)
        announce(log.notes[-1])
    pages = fit_pages(log, paper, fitted=fitted, at=at, settling=settling, announce=announce)
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


def _settling(
    log: PageLog, users: Sequence[str], fitted: Bools, seed: int, most: int
) -> Bools | None:
    """[n_users] fitted ones with about ``most`` impressions, drawn by lot; None: all of them."""
    shown = np.bincount(log.users, minlength=log.n_users) * fitted
    if not most or shown.sum() <= most:
        return None
    order = np.argsort([lot(user, seed, "settling") for user in users], kind="stable")
    taken = np.zeros(log.n_users, dtype=np.bool_)
    taken[order] = np.cumsum(shown[order]) <= most
    return taken & fitted


def _said(log: PageLog, settling: Bools) -> PageLog:
    """The log with a note of who settles what no turn can tell."""
    shown = int(settling[log.users].sum())
    note = (
        f"how clicks follow, how much tastes differ and what the last days refute is settled on "
        f"{shown:,} impressions of {int(settling.sum()):,} users, drawn by the seed (fit "
        f"--settle-on; 0: all); coefficients, users and items are fitted to all"
    )
    return replace(log, notes=(*log.notes, note))


def _behaviour(pages: FittedPages, rows: pd.DataFrame, report: PagesReport) -> BehaviourSpec:
    curve = pages.fits.clicks.curve.curve
    known: dict[str, Any] = {} if len(curve) else {"examination": 0.0}
    habits = Habits(
        examine_curve=tuple(float(value) for value in curve),
        picks=pages.fits.clicks.family.picks,
        crowding=pages.fits.clicks.family.crowding,
        reads_on=pages.fits.clicks.family.reads_on,
        gap_days=float(pages.stranger.gap_days[0]),
        **known,
        **dwelling(rows),
    )
    return BehaviourSpec(
        click=Terms(**dict.fromkeys(TERMS, 0.0)),
        habits=habits,
        sources=dict.fromkeys(("click", "buy", "habits"), report.source),
    )
