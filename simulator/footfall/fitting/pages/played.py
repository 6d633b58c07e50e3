"""From a fit to what a run plays: plain arrays, users and items in the order of the log."""

from __future__ import annotations

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

OF_RETURNING = ("gap_days", "usual_clicks", "late", "late_day", "gone", "front")
"""What is known of each user's visits, by the same names in the fit and in a run."""

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def people_of(
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
        # What never varied is not drawn either: it would move what the log cannot tell of.
        common_cov=common_cov(log, post, users=int(fitted.sum()))
        * np.outer(scales.told, scales.told),
        buy_cov=_buy_cov(buying, int(fitted.sum())),
        buy_common=_never_or_always(log) if buying is None else buying.post.common,
        go_common=np.r_[-20.0, np.zeros(len(GOING) - 1)] if going is None else going.post.common,
        discrepancy=np.array([back.discrepancy.value, back.slope.stretch]),
        page=np.array([post.page.value, post.page.error, post.page.usual]),
    )
    coming = {name: getattr(returning, name) for name in OF_RETURNING}
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
        **{name: values[:-1] for name, values in coming.items()},
    )
    stranger = UserTraits(
        own=np.zeros((1, k)),
        own_var=post.user_var[None, :k],
        taste=np.zeros((1, post.users.shape[1] - k)),
        taste_var=post.user_var[None, k:],
        buy=np.zeros((1, n_own)),
        buy_var=np.zeros((1, n_own)) if buying is None else buying.post.user_var[None, :],
        go=np.zeros(1),
        **{name: values[-1:] for name, values in coming.items()},
    )
    return People(shared, returning.coming, items, users, remembered(log, at)), stranger


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
