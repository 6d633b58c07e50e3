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
    BUY_MEASURES,
    BUY_OWN,
    GOING,
    OWN,
    ItemTraits,
    People,
    Shared,
    UserTraits,
)
from footfall.errors import DataError
from footfall.fitting.masked import picks_of
from footfall.fitting.pages.backtest import Discrepancy, PageSlope, discrepancy, page_slope
from footfall.fitting.pages.blocks import Design, Posterior
from footfall.fitting.pages.buying import Logit, fit_buying, fit_going
from footfall.fitting.pages.clicks import (
    ClickFit,
    click_chances,
    everybody,
    fit_clicks,
    page_clicks,
    score,
)
from footfall.fitting.pages.design import (
    Paper,
    Scales,
    click_design,
    first_days,
    raw_measures,
    remembered,
    some_rows,
)
from footfall.fitting.pages.log import PageLog
from footfall.fitting.pages.picks import Family, chances
from footfall.fitting.pages.reading_on import with_reading
from footfall.fitting.pages.returning import Returning, fit_returning
from footfall.fitting.pages.stack import Stack, stacked, weigh

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
class LookBack:
    """What a fit to the earlier days foretold of the later ones."""

    discrepancy: Discrepancy
    slope: PageSlope
    stack: Stack


@dataclass(frozen=True, eq=False)
class FittedPages:
    """Users fitted to a log, and what they were fitted to."""

    log: PageLog
    paper: Paper
    clicks: ClickFit
    """Fitted to the users who are not tested; its ``post`` holds everybody's own numbers."""
    scales: Scales
    measures: Floats
    """[n, len(MEASURES)] of every impression, unscaled."""
    buying: Logit | None
    going: Logit | None
    returning: Returning
    picks: Picks
    back: LookBack
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
    announce: Callable[[str], None] = lambda _: None,
) -> FittedPages:
    """Fit users to a log of pages.

    Args:
        log: Everything before the split.
        paper: What users and items are like without the log.
        fitted: [n_users] whose choices are fitted; the others only remember.
        at: Day at which memory ends.
        announce: Told about the steps.

    Raises:
        DataError: So few clicks that nothing can be told.
    """
    rows = fitted[log.users]
    clicks = int(log.clicked[rows].sum())
    if clicks < FEWEST_CLICKS:
        raise DataError(
            f"fit: {clicks} clicks of {int(fitted.sum())} users tell nothing about what moves "
            f"them (at least {FEWEST_CLICKS} are needed); use a longer log, or write behaviour by "
            "hand"
        )
    measures = raw_measures(log, paper)
    scales = Scales.of(measures[rows])
    factors = min(FACTORS, clicks // CLICKS_A_FACTOR, log.n_items - 1, int(fitted.sum()) - 1)
    design = click_design(log, measures, scales, paper, factors)
    announce("one pick a page, or several")
    picks = _compare(log, design, rows)
    announce(f"{clicks} clicks: {picks.reason}")
    begun, back = _settle(log, design, picks.family, rows)
    design = replace(design, taste_var=begun.design.taste_var)
    picks = _said(picks, begun.family)
    if picks.family.reads_on:
        announce(picks.reason)
    announce("coefficients, users and items by turns")
    click_fit = fit_clicks(log, some_rows(design, rows), begun.family, rows, SWEEPS, begun)
    click_fit = everybody(log, design, click_fit)
    if not click_fit.post.settled:
        raise DataError(
            f"fit: the turns of users and items do not settle on this log ({clicks} clicks of "
            f"{int(fitted.sum())} users, {log.n_items} items); write behaviour by hand, and please "
            "report it with the log's shape"
        )
    weigh(click_fit.post, back.stack.applied)
    _set_level(log, click_fit, rows)
    worth = click_fit.post.utility(design)
    buying = fit_buying(log, measures, worth, click_chances(log, click_fit), paper, rows)
    going = fit_going(log, paper, rows)
    returning = fit_returning(log, at)
    people, stranger = _people(
        log, paper, click_fit, scales, buying, going, returning, back, at, fitted
    )
    return FittedPages(
        log,
        paper,
        click_fit,
        scales,
        measures,
        buying,
        going,
        returning,
        picks,
        back,
        people,
        stranger,
        fitted,
    )


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


def _settle(log: PageLog, design: Design, family: Family, rows: Bools) -> tuple[ClickFit, LookBack]:
    """How much items differ along a dimension of taste: as it foresees the log's last days best.

    Also how far off lifts on those days are that the earlier ones foretell.
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
    most = score(log, part, best, test)
    for variance in TASTE_VARIANCES if design.factors else ():
        if variance != design.taste_var:
            fit = fit_clicks(
                log, replace(taught, taste_var=variance), best.family, train, MORE_SWEEPS, best
            )
            best, most = max((best, most), (fit, score(log, part, fit, test)), key=_second)
    return best, _look_back(log, part, best, test)


def _look_back(log: PageLog, part: Design, fit: ClickFit, rows: Bools) -> LookBack:
    """What the earlier days foretold of the later ones."""
    reading, clicked = fit.reading(log)[rows], log.clicked[rows]
    utility = fit.post.expected(part)
    chance = chances(fit.family, part.grid, utility, reading)
    first = part.grid.rows[:, 0]
    return LookBack(
        discrepancy(part, fit.post, chance, clicked),
        page_slope(
            page_clicks(fit, part.grid, utility, log.positions[rows]),
            part.grid.sums(clicked),
            part.users[first],
        ),
        stacked(fit.family, part, fit.post, reading, clicked),
    )


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


def _people(
    log: PageLog,
    paper: Paper,
    fit: ClickFit,
    scales: Scales,
    buying: Logit | None,
    going: Logit | None,
    returning: Returning,
    back: LookBack,
    at: float,
    fitted: Bools,
) -> tuple[People, UserTraits]:
    """What a run needs."""
    post, k = fit.post, fit.post.slopes
    user_var = np.diagonal(post.user_cov, axis1=1, axis2=2)
    item_var = np.diagonal(post.item_cov, axis1=1, axis2=2)
    shared = Shared(
        centre=scales.centre,
        scale=scales.scale,
        common=post.common,
        buy_centre=np.zeros(len(BUY_MEASURES)) if buying is None else buying.scales.centre,
        buy_scale=np.ones(len(BUY_MEASURES)) if buying is None else buying.scales.scale,
        common_cov=common_cov(log, post, users=int(fitted.sum())),
        buy_cov=_buy_cov(buying, int(fitted.sum())),
        buy_common=_never_or_always(log) if buying is None else buying.post.common,
        go_common=np.r_[-20.0, np.zeros(len(GOING) - 1)] if going is None else going.post.common,
        returning=np.array([returning.per_click]),
        discrepancy=np.array([back.discrepancy.value, back.slope.stretch]),
    )
    n_own = len(BUY_OWN)
    buy_var = np.zeros((log.n_users, n_own))
    item_buy_var = np.zeros(log.n_items)
    if buying is not None:
        buy_var = np.diagonal(buying.post.user_cov, axis1=1, axis2=2)
        item_buy_var = buying.post.item_cov[:, 0, 0]
    items = ItemTraits(
        effect=post.items[:, 0],
        effect_var=item_var[:, 0],
        content=paper.content,
        likeness=post.items[:, 1:],
        likeness_var=item_var[:, 1:],
        buy=np.zeros(log.n_items) if buying is None else buying.post.items[:, 0],
        buy_var=item_buy_var,
        first_day=first_days(log) - at,
        kind=paper.kind,
    )
    users = UserTraits(
        own=post.users[:, :k],
        own_var=user_var[:, :k],
        taste=post.users[:, k:],
        taste_var=user_var[:, k:],
        buy=np.zeros((log.n_users, n_own)) if buying is None else buying.post.users,
        buy_var=buy_var,
        go=np.zeros(log.n_users) if going is None else going.post.users[:, 0],
        gap_days=returning.gap_days[:-1],
        usual_clicks=returning.usual_clicks[:-1],
    )
    stranger = UserTraits(
        own=np.zeros((1, k)),
        own_var=post.user_var[None, :k],
        taste=np.zeros((1, post.users.shape[1] - k)),
        taste_var=post.user_var[None, k:],
        buy=np.zeros((1, n_own)),
        buy_var=np.zeros((1, n_own)) if buying is None else buying.post.user_var[None, :],
        go=np.zeros(1),
        gap_days=returning.gap_days[-1:],
        usual_clicks=returning.usual_clicks[-1:],
    )
    return People(shared, items, users, remembered(log, at)), stranger


def common_cov(log: PageLog, post: Posterior, users: int) -> Floats:
    """[m, m] covariance of the common coefficients: of the fit, and of which users there were."""
    cov = post.common_cov.copy()
    own = list(OWN)
    cov[own, own] += post.user_var[: len(OWN)] / max(users, 1)
    cov[0, 0] += post.item_var[0] / max(log.n_items, 1)
    return cov


def _buy_cov(buying: Logit | None, users: int) -> Floats:
    if buying is None:
        return np.zeros((len(BUY_MEASURES), len(BUY_MEASURES)))
    cov = buying.post.common_cov.copy()
    own = list(BUY_OWN)
    cov[own, own] += buying.post.user_var / max(users, 1)
    return cov


def _never_or_always(log: PageLog) -> Floats:
    """Buying where the log has only one answer: nothing that was clicked was bought, or all."""
    sure = 12.0 if log.bought.any() else -12.0
    return np.asarray(np.r_[sure, np.zeros(len(BUY_MEASURES) - 1)])


assert OWN[0] == 0, "the first slope of a user's own is the constant"
