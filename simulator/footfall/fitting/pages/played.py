"""From a fit to what a run plays: plain arrays, users and items in the order of the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
from footfall.fitting.pages.blocks import Posterior
from footfall.fitting.pages.buying import Logit
from footfall.fitting.pages.clicks import ClickFit
from footfall.fitting.pages.design import Paper, Scales, first_days, remembered
from footfall.fitting.pages.log import PageLog
from footfall.fitting.pages.look_back import LookBack
from footfall.fitting.pages.returning import Returning

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Fits:
    """All that was fitted to a log: clicks, and what follows them."""

    clicks: ClickFit
    scales: Scales
    """Of the clicks' measures."""
    buying: Logit | None
    going: Logit | None
    returning: Returning
    back: LookBack


def people_of(
    log: PageLog, paper: Paper, fits: Fits, at: float, fitted: Bools
) -> tuple[People, UserTraits]:
    """What a run needs: everybody of the log, and somebody of whom nothing is known."""
    shared = _shared(log, fits, users=int(fitted.sum()))
    items, users = _items(log, paper, fits, at), _users(log, fits)
    people = People(shared, fits.returning.coming, items, users, remembered(log, at))
    return people, _stranger(fits)


def _shared(log: PageLog, fits: Fits, users: int) -> Shared:
    """What all have in common, and how sure it is from so many users."""
    post, scales, buying, back = fits.clicks.post, fits.scales, fits.buying, fits.back
    never = np.r_[-20.0, np.zeros(len(GOING) - 1)]
    return Shared(
        centre=scales.centre,
        scale=scales.scale,
        common=post.common,
        buy_centre=np.zeros(len(BUY_MEASURES)) if buying is None else buying.scales.centre,
        buy_scale=np.ones(len(BUY_MEASURES)) if buying is None else buying.scales.scale,
        # What never varied is not drawn either: it would move what the log cannot tell of.
        common_cov=common_cov(log, post, users) * np.outer(scales.told, scales.told),
        buy_cov=_buy_cov(buying, users),
        buy_common=_never_or_always(log) if buying is None else buying.post.common,
        go_common=never if fits.going is None else fits.going.post.common,
        discrepancy=np.array([back.discrepancy.value, back.slope.stretch]),
        page=np.array([post.page.value, post.page.error, post.page.usual]),
    )


def _items(log: PageLog, paper: Paper, fits: Fits, at: float) -> ItemTraits:
    post, buying = fits.clicks.post, fits.buying
    var = np.diagonal(post.item_cov, axis1=1, axis2=2)
    none = np.zeros(log.n_items)
    return ItemTraits(
        effect=post.items[:, 0],
        effect_var=var[:, 0],
        content=paper.content,
        likeness=post.items[:, 1:],
        likeness_var=var[:, 1:],
        buy=none if buying is None else buying.post.items[:, 0],
        buy_var=none if buying is None else buying.post.item_cov[:, 0, 0],
        first_day=first_days(log) - at,
        kind=paper.kind,
    )


def _users(log: PageLog, fits: Fits) -> UserTraits:
    post, k, buying = fits.clicks.post, fits.clicks.post.slopes, fits.buying
    var = np.diagonal(post.user_cov, axis1=1, axis2=2)
    none = np.zeros((log.n_users, len(BUY_OWN)))
    return UserTraits(
        own=post.users[:, :k],
        own_var=var[:, :k],
        taste=post.users[:, k:],
        taste_var=var[:, k:],
        buy=none if buying is None else buying.post.users,
        buy_var=none if buying is None else np.diagonal(buying.post.user_cov, axis1=1, axis2=2),
        go=np.zeros(log.n_users) if fits.going is None else fits.going.post.users[:, 0],
        **_of_visits(fits.returning, slice(None, -1)),
    )


def _stranger(fits: Fits) -> UserTraits:
    """Somebody of whom nothing is known: as users are on the whole, and as they vary."""
    post, k, buying = fits.clicks.post, fits.clicks.post.slopes, fits.buying
    none = np.zeros((1, len(BUY_OWN)))
    return UserTraits(
        own=np.zeros((1, k)),
        own_var=post.user_var[None, :k],
        taste=np.zeros((1, post.users.shape[1] - k)),
        taste_var=post.user_var[None, k:],
        buy=none,
        buy_var=none if buying is None else buying.post.user_var[None, :],
        go=np.zeros(1),
        **_of_visits(fits.returning, slice(-1, None)),
    )


def _of_visits(returning: Returning, rows: slice) -> dict[str, Any]:
    """What is known of users' visits, by the names that it has in a run."""
    names = ("gap_days", "usual_clicks", "late", "late_day", "gone", "front")
    return {name: getattr(returning, name)[rows] for name in names}


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
