"""Users fitted to a log of pages, told as a story.

1. the log becomes pages           4. buying and going on, given the clicks
2. how clicks follow: one pick     5. everybody's own numbers, tested users
   of a page, or several              included, from their own memory
3. coefficients, users and items   6. what a run needs, in one object
   by turns
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from footfall.behaviour.people import (
    People,
    UserTraits,
)
from footfall.errors import DataError
from footfall.fitting.masked import picks_of
from footfall.fitting.pages.blocks import Design
from footfall.fitting.pages.buying import fit_buying, fit_going
from footfall.fitting.pages.clicks import (
    ClickFit,
    click_chances,
    everybody,
    fit_clicks,
    score,
)
from footfall.fitting.pages.design import (
    Paper,
    Scales,
    click_design,
    raw_measures,
    some_rows,
)
from footfall.fitting.pages.log import PageLog
from footfall.fitting.pages.look_back import LookBack, look_back
from footfall.fitting.pages.mood import is_mood, untold, without_mood
from footfall.fitting.pages.picks import Family
from footfall.fitting.pages.played import Fits, people_of
from footfall.fitting.pages.reading_on import with_reading
from footfall.fitting.pages.returning import fit_returning
from footfall.fitting.pages.stack import weigh

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

FACTORS = 8
"""Dimensions of taste beyond what items are on paper."""

LEVEL_PRIOR = 100.0
"""Clicks' worth of "as on the whole" that are mixed into the level of the last days."""

FEWEST_CLICKS = 50
"""Clicks below which nothing can be told of what moves them."""

CLICKS_A_FACTOR = 100
"""Clicks for each dimension of taste; a small log gets fewer of them."""

FIRST_SWEEPS, MORE_SWEEPS, SWEEPS = 9, 3, 6
"""Turns of the first fit, of each fit that goes on from it, and of the last
fit, which goes on from the best of them."""

TASTE_VARIANCES = (0.02, 0.06, 0.15)
"""Of the items' likeness, along each dimension: tried on held-out visits."""

LATER = 0.2
"""Share of the impressions, the newest ones, that judge what no turn can tell."""

RECENT = 0.25
"""Share of the log's days, its last ones, that the level of the clicks is set by."""

MOST_COMPARED = 120_000
"""Impressions on which one pick and several are compared."""

MANY, ONE = Family("many"), Family("one", 0.5)
"""Where one item of a page is picked, a log tells little of how much a better page is worth: users
whose activity is not known exactly look like users who are soon content. Half way between a
multinomial logit (1) and items that do not take from each other (0) is an assumption, and wrong by
a seventh of a lift at most in the planted shops."""

READING_TURNS = 3
"""Turns between reading after a click and all the rest."""


@dataclass(frozen=True)
class Picks:
    """One pick of a page, or several: what the log says."""

    family: Family
    gain: float
    """Held-out log-likelihood a page above that of the other family, in nats; NaN where the log
    rules the other one out, and the reason says why."""
    reason: str


@dataclass(frozen=True, eq=False)
class FittedPages:
    """Users fitted to a log, and what they were fitted to."""

    log: PageLog
    paper: Paper
    fits: Fits
    """Clicks are fitted to the users who are not tested; their ``post`` holds everybody's own
    numbers."""
    measures: Floats
    """[n, len(MEASURES)] of every impression, unscaled."""
    picks: Picks
    mood: bool
    """Clicks earlier in a visit tell of its mood, and no term has them."""
    people: People
    """In the order of the log's users."""
    stranger: UserTraits
    """Somebody of whom nothing is known: one row."""
    fitted: Bools
    """[n_users] whose choices the shared numbers were fitted to."""


def fit_pages(
    log: PageLog,
    paper: Paper,
    *,
    fitted: Bools,
    at: float,
    settling: Bools | None = None,
    announce: Callable[[str], None] = lambda _: None,
) -> FittedPages:
    """Fit users to a log of pages.

    Args:
        log: Everything before the split.
        paper: What users and items are like without the log.
        fitted: [n_users] whose choices are fitted; the others only remember.
        at: Day at which memory ends.
        settling: [n_users] on whose choices it is settled what no turn can tell (see ``_settle``);
            None: on all that are fitted.
        announce: Told about the steps.

    Raises:
        DataError: So few clicks that nothing can be told.
    """
    rows = fitted[log.users]
    clicks = _clicks_of(log, rows, int(fitted.sum()))
    measures = raw_measures(log, paper)
    scales = Scales.of(measures[rows])
    factors = min(FACTORS, clicks // CLICKS_A_FACTOR, log.n_items - 1, int(fitted.sum()) - 1)
    design = click_design(log, measures, scales, paper, factors)
    announce("one pick a page, or several")
    asked = rows if settling is None else rows & settling[log.users]
    picks = _compare(log, design, asked)
    announce(f"{clicks} clicks: {picks.reason}")
    begun, back, mood = _settle(log, design, picks.family, asked)
    design = replace(design, taste_var=begun.design.taste_var)
    if mood:
        design, scales = without_mood(design), untold(scales)
    picks = _said(picks, begun.family)
    if picks.family.reads_on:
        announce(picks.reason)
    announce("coefficients, users and items by turns")
    click_fit = _fit_all(log, design, rows, begun, back)
    worth = click_fit.post.utility(design)
    fits = Fits(
        click_fit,
        scales,
        buying=fit_buying(log, measures, worth, click_chances(log, click_fit), paper, rows),
        going=fit_going(log, paper, rows),
        returning=fit_returning(log, at, settling),
        back=back,
    )
    people, stranger = people_of(log, paper, fits, at, fitted)
    return FittedPages(log, paper, fits, measures, picks, mood, people, stranger, fitted)


def _clicks_of(log: PageLog, rows: Bools, users: int) -> int:
    """How many there are; raises DataError where they are too few."""
    clicks = int(log.clicked[rows].sum())
    if clicks < FEWEST_CLICKS:
        raise DataError(
            f"fit: {clicks} clicks of {users} users tell nothing about what moves them (at least "
            f"{FEWEST_CLICKS} are needed); use a longer log, or write behaviour by hand"
        )
    return clicks


def _fit_all(
    log: PageLog, design: Design, rows: Bools, begun: ClickFit, back: LookBack
) -> ClickFit:
    """Clicks of the whole log, from where the fit to its earlier days ended.

    What the last days refuted is weighed by what they say, and the level is that of the end.
    """
    fit = fit_clicks(log, some_rows(design, rows), begun.family, rows, SWEEPS, begun)
    fit = everybody(log, design, fit)
    if not fit.post.settled:
        users = len(np.unique(log.users[rows]))
        raise DataError(
            f"fit: the turns of users and items do not settle on this log "
            f"({int(log.clicked[rows].sum())} clicks of {users} users, {log.n_items} items); write "
            "behaviour by hand, and please report it with the log's shape"
        )
    weigh(fit.post, back.stack.applied)
    fit.post.page = back.page.applied
    _set_level(log, fit, rows)
    return fit


def _said(picks: Picks, family: Family) -> Picks:
    """What was found of the pages, with what a click does to reading."""
    shares = ", ".join(f"{share:.0%}" for share in family.reads_on)
    more = f"; of readers {shares} read on after one click, two, ..." if shares else ""
    return replace(picks, family=family, reason=f"{picks.reason}{more}")


def _set_level(log: PageLog, fit: ClickFit, rows: Bools) -> None:
    """Clicks of the last days as they were: what changes slowly is not left to the terms alone."""
    late = rows & (log.days >= log.last_day - RECENT * max(log.last_day, 1.0))
    for _ in range(3):
        expected = float(click_chances(log, fit)[late].sum())
        counted = float(log.clicked[late].sum())
        fit.post.common[0] += np.log((counted + LEVEL_PRIOR) / (expected + LEVEL_PRIOR))


def _settle(
    log: PageLog, design: Design, family: Family, rows: Bools
) -> tuple[ClickFit, LookBack, bool]:
    """How much items differ along a dimension of taste: as it foresees the log's last days best.

    Also how far off lifts on those days are that the earlier ones foretell, and whether clicks
    earlier in a visit are only its mood.
    """
    held = log.days > np.quantile(log.days, 1 - LATER)
    train, test = rows & ~held, rows & held
    taught, part = some_rows(design, train), some_rows(design, test)
    best = fit_clicks(log, taught, family, train, FIRST_SWEEPS)
    for _ in range(READING_TURNS):
        told = with_reading(log, best, train)
        if told == best.family:
            break
        best = fit_clicks(log, taught, told, train, MORE_SWEEPS, best)
    mood = is_mood(best)
    if mood:
        taught, part = without_mood(taught), without_mood(part)
        best = fit_clicks(log, taught, best.family, train, MORE_SWEEPS, best)
    most = score(log, part, best, test)
    for variance in TASTE_VARIANCES if design.factors else ():
        if variance != design.taste_var:
            fit = fit_clicks(
                log, replace(taught, taste_var=variance), best.family, train, MORE_SWEEPS, best
            )
            best, most = max((best, most), (fit, score(log, part, fit, test)), key=_second)
    return best, look_back(log, part, best, test), mood


def _second(one: tuple[ClickFit, float]) -> float:
    return one[1]


def _compare(log: PageLog, design: Design, rows: Bools) -> Picks:
    """Fit each family to four fifths of the visits, and see which foresees the last fifth."""
    clicks = np.bincount(log.pages[rows], weights=log.clicked[rows])
    several = float((clicks > 1).sum() / max((clicks > 0).sum(), 1))
    if picks_of(several) == "many":
        words = f"several picks: {several:.1%} of pages with a click have more"
        return Picks(MANY, float("nan"), words)
    held = log.page_visit[log.pages] % 5 == 4
    single = np.bincount(log.pages, weights=log.clicked)[log.pages] <= 1
    asked = rows & (np.cumsum(rows) <= MOST_COMPARED) & single
    train, test = asked & ~held, asked & held
    plain = replace(design, factors=0)
    part = some_rows(plain, test)
    found = {}
    for family in (MANY, ONE):
        fit = fit_clicks(log, some_rows(plain, train), family, train, 4)
        found[family] = score(log, part, fit, test)
    best = max(found, key=lambda family: found[family])
    gain = abs(found[ONE] - found[MANY])
    words = "one pick a page" if best == ONE else "several picks a page"
    return Picks(best, gain, f"{words}: {gain:.4f} nats a held-out page better than the other")
