"""What a fit of pages says of itself: terms with errors, how users differ, how much it rests on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from footfall.behaviour.people import BUY_MEASURES, GOING, MEASURES, OWN
from footfall.fitting.pages.buying import Logit
from footfall.fitting.pages.coming_report import ComingReport, coming_report
from footfall.fitting.pages.fit import FittedPages
from footfall.fitting.pages.mood import EARLIER
from footfall.fitting.pages.played import common_cov
from footfall.plumbing.spec import Spec

Floats = npt.NDArray[np.float64]

FEW_CLICKS = 500
"""Fewer clicks than this are few: what is told is told by priors as much as by choices."""


class FittedTerm(Spec):
    """One coefficient, per standard deviation of its measure over the log."""

    name: str
    value: float
    error: float
    """Standard error over the users."""
    between_users: float | None = None
    """Standard deviation of the users' own slopes; None: all have the same."""


class PagesReport(Spec):
    """What users fitted to pages rest on."""

    source: str
    users: int
    """Whose choices were fitted."""
    tested: int
    """Users who were spared."""
    pages: int
    impressions: int
    clicks: int
    purchases: int
    picks: str
    """One pick a page or several, and why."""
    reading: tuple[float, ...]
    """P(the user reads down to a position), from the top."""
    reading_errors: tuple[float, ...]
    terms: tuple[FittedTerm, ...]
    buying: tuple[FittedTerm, ...]
    going: tuple[FittedTerm, ...]
    coming: ComingReport
    """When users come back, and whether."""
    discrepancy: float
    """Standard deviation of the model's own error on the log of a lift: of what the earlier days
    foretold of the later ones, with a prior."""
    contrasts: int
    """That it was looked for in; 0: it is the prior."""
    page_slope: float | None
    """How much more a page was clicked on the last days that was foretold to be clicked more by a
    little: 1 is right; None: nothing to tell it by."""
    page_slope_error: float | None
    page_weight: float
    """What a unit of a page's mean worth adds to each of its items, asked of the last days: below 0
    a page of good items gains less than they say."""
    page_weight_error: float
    page_weight_used: bool
    """Whether the last days tell it from 0, so that it is a term."""
    weights: dict[str, float]
    """Part of the utility -> by what the last days would multiply it."""
    applied: dict[str, float]
    """By what it is multiplied: 1 unless the last days refute the part."""
    over_uniform: float
    """Log-likelihood of the last days' pages above that of users to whom all items are the same,
    in nats a page, from a fit to the earlier days."""
    over_popular: float
    """The same above users who differ in nothing and know only what is clicked by everybody."""
    spread: dict[str, float]
    """What is not a coefficient -> standard deviation of what it adds to the utilities."""
    information: dict[str, float]
    """Effective numbers: how much of what users, and items, are like comes from their own data
    and not from what is like them (0 to 1)."""
    notes: tuple[str, ...]
    """What had to be assumed."""
    assumed: dict[str, str]


def report_of(pages: FittedPages) -> PagesReport:
    """Sum a fit up."""
    log, fits, rows = pages.log, pages.fits, pages.fitted[pages.log.users]
    users, clicks = int(pages.fitted.sum()), int(log.clicked[rows].sum())
    curve, back = fits.clicks.curve, fits.back
    sloped = bool(np.isfinite(back.slope.value))
    n_pages = len(np.unique(log.pages[rows]))
    return PagesReport(
        source=f"fitted to {n_pages} pages with {clicks} clicks of {users} users",
        users=users,
        tested=int((~pages.fitted).sum()),
        pages=n_pages,
        impressions=int(rows.sum()),
        clicks=clicks,
        purchases=int(log.bought[rows].sum()),
        picks=pages.picks.reason,
        reading=tuple(float(value) for value in curve.curve),
        reading_errors=tuple(float(value) for value in curve.errors),
        terms=_click_terms(pages),
        buying=_logit_terms(fits.buying, BUY_MEASURES, users),
        going=_logit_terms(fits.going, GOING, users),
        coming=coming_report(fits.returning),
        discrepancy=back.discrepancy.value,
        contrasts=back.discrepancy.contrasts,
        page_slope=back.slope.value if sloped else None,
        page_slope_error=back.slope.error if sloped else None,
        page_weight=back.page.value,
        page_weight_error=back.page.error,
        page_weight_used=bool(back.page.applied.value),
        weights=back.stack.weights,
        applied=back.stack.applied,
        over_uniform=back.stack.over_uniform,
        over_popular=back.stack.over_popular,
        spread=_spread(pages),
        information=_information(pages),
        notes=(*log.notes, *_doubts(pages, clicks)),
        assumed=_assumed(pages),
    )


def _doubts(pages: FittedPages, clicks: int) -> Iterator[str]:
    """What is little known, or was found otherwise than the terms have it."""
    slope = pages.fits.back.slope
    if clicks < FEW_CLICKS:
        yield f"only {clicks} clicks: priors say as much as they do; believe little"
    if pages.fits.back.stack.over_popular < 0:
        yield (
            "on the last days popularity alone foretells more than these users do: too little is "
            "known of them"
        )
    if slope.stretch:
        yield (
            "on the last days, pages that were foretold to be clicked 10% more were clicked "
            f"{1.1**slope.value - 1:.0%} more: users hold items against each other by a "
            "rule that is not fitted, and lifts are off by that share"
        )
    mood = pages.mood and bool(pages.log.clicks_earlier.any())
    if mood:
        yield (
            "clicks earlier in the visit: those who clicked do not click less afterwards; more is "
            "taken for the mood of the visit, which no arm makes"
        )
    silent = [
        name
        for column, name in enumerate(MEASURES)
        if not pages.fits.scales.told[column] and not (mood and column == EARLIER)
    ]
    if silent:
        verb = "never varies" if len(silent) == 1 else "never vary"
        yield f"{', '.join(silent)}: {verb} in this log, so nothing is told about them"


def common_errors(pages: FittedPages) -> Floats:
    """[len(MEASURES)] of the common coefficients: of the fit, and of which users there were."""
    cov = common_cov(pages.log, pages.fits.clicks.post, int(pages.fitted.sum()))
    return np.asarray(np.sqrt(np.diag(cov)))


def _click_terms(pages: FittedPages) -> tuple[FittedTerm, ...]:
    post, errors = pages.fits.clicks.post, common_errors(pages)
    between = dict(zip(OWN, np.sqrt(post.user_var[: len(OWN)]), strict=True))
    return tuple(
        FittedTerm(
            name=name,
            value=float(post.common[column]),
            error=float(errors[column]),
            between_users=float(between[column]) if column in between else None,
        )
        for column, name in enumerate(MEASURES)
        if pages.fits.scales.told[column]
    )


def _logit_terms(fit: Logit | None, names: tuple[str, ...], users: int) -> tuple[FittedTerm, ...]:
    if fit is None:
        return ()
    post = fit.post
    variance = np.diag(post.common_cov).copy()
    variance[: post.slopes] += post.user_var[: post.slopes] / max(users, 1)
    return tuple(
        FittedTerm(
            name=name,
            value=float(post.common[column]),
            error=float(np.sqrt(variance[column])),
            between_users=float(np.sqrt(post.user_var[column])) if column < post.slopes else None,
        )
        for column, name in enumerate(names)
        if fit.scales.told[column]
    )


def _spread(pages: FittedPages) -> dict[str, float]:
    """Standard deviations over the impressions of the log."""
    post, design = pages.fits.clicks.post, pages.fits.clicks.design
    k = post.slopes
    own = post.users[design.users]
    item = post.items[design.items]
    parts = {
        "item effects": item[:, 0],
        "own taste by content": np.einsum(
            "nr,nr->n", design.own[:, len(OWN) :], own[:, len(OWN) : k]
        ),
        "own taste beyond content": np.einsum("nf,nf->n", own[:, k:], item[:, 1:]),
        "what is not known": np.sqrt(post.variance(design)),
    }
    found = {name: float(values.std()) for name, values in parts.items()}
    found["what is not known"] = float(np.sqrt(np.mean(parts["what is not known"] ** 2)))
    return found


def _information(pages: FittedPages) -> dict[str, float]:
    """1 minus posterior over prior variance, mean over users and items."""
    post = pages.fits.clicks.post
    user = np.diagonal(post.user_cov, axis1=1, axis2=2)
    item = np.diagonal(post.item_cov, axis1=1, axis2=2)
    found = {
        "users' activity": user[:, 0] / post.user_var[0],
        "items' effects": item[:, 0] / post.item_var[0],
    }
    if user.shape[1] > post.slopes:
        found["users' taste"] = user[:, post.slopes :].mean(axis=1)
    return {name: float(np.clip(1.0 - ratio.mean(), 0.0, 1.0)) for name, ratio in found.items()}


def _assumed(pages: FittedPages) -> dict[str, str]:
    found = {"llm": "0: fitted without the language model"}
    if not (pages.log.positions >= 0).any():
        found["reading"] = "everything on a page is read: the log has no positions"
    family = pages.fits.clicks.family
    if family.picks == "one":
        found["crowding"] = (
            f"{family.crowding:g}: how much the items of a page take from each other "
            "is half way between a multinomial logit (1) and not at all (0)"
        )
    if pages.fits.buying is None:
        sure = "everything that is clicked is bought" if pages.log.bought.any() else "nothing is"
        found["buying"] = f"{sure}: the log has no other answer"
    if pages.fits.going is None:
        found["going on"] = "never: no visit of the log has a second page"
    return found
