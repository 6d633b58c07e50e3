"""Variational blocks: what is common, what is each user's own, what is each item's own.

The utility of impression n, of item i to user u, is

    common_n . b  +  own_n . a_u  +  c_i  +  z_u . v_i

with a_u ~ N(profile_u . G, diag s_a), c_i ~ N(content_i . g, s_c), z_u ~ N(0, 1) and
v_i ~ N(0, diag s_v). Users and items are turns of a mean-field approximation: the posterior of each
is Gaussian, from the curvature of the likelihood at the present utilities, and each meets the
others' uncertainty (a taste factor that nobody is sure of pulls at nothing). The variances are
empirical Bayes: they grow only where users, or items, truly differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from footfall.behaviour.people import unsure
from footfall.fitting.pages.picks import Grid, Pull

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

FREE = 1e-3
"""Precision of the prior of a common coefficient, per standard deviation of its feature."""

PRIOR_WORTH = 4.0
"""Users' or items' worth of the first guess that is mixed into a fitted variance."""


LONGER = 1.7
"""Power of a variance's step; 1 is plain EM, below 2 it still settles."""

FARTHEST = 4.0
"""Log-odds by which one step of a user or an item may move a utility."""

CERTAIN, NOTABLE = 3.0, 0.15
"""A page's weight is used if it is so many errors from 0, and by so much."""

ABSURD = 30.0
"""Log-odds, and a variance of log-odds, that no users of flesh and blood have."""


@dataclass(frozen=True, eq=False)
class Design:
    """What the utilities are made of."""

    grid: Grid
    users: Numbers
    """[n] rising: the rows of a user stand together."""
    items: Numbers
    common: Floats
    """[n, p]; the first column is 1."""
    own: Floats
    """[n, k] features with a slope of each user's own; the first column is 1."""
    profile: Floats
    """[n_users, q] centred; q may be 0."""
    content: Floats
    """[n_items, r] centred; r may be 0."""
    penalty: Floats
    """[p] precision of each common coefficient's prior around 0."""
    guess: Floats
    """[k] first guess of the users' variances."""
    factors: int
    """Taste factors."""
    item_guess: float = 0.25
    """First guess of the variance of the items' effects."""
    taste_var: float = 0.06
    """Variance of a factor of the items' likeness. It is not fitted: a mean-field approximation
    always finds less of it than there is, and prunes what is needed."""

    @cached_property
    def own_squared(self) -> Floats:
        """[n, k] squares of ``own``."""
        return np.asarray(self.own**2)

    @property
    def n_users(self) -> int:
        """Users, with and without rows."""
        return len(self.profile)

    @property
    def n_items(self) -> int:
        """Items, with and without rows."""
        return len(self.content)


@dataclass(frozen=True)
class PageWeight:
    """What the rest of a page does to each of its items; see ``fitting.pages.page_worth``."""

    value: float = 0.0
    """Added to every item for each unit of the page's mean worth ..."""
    usual: float = 0.0
    """... above this one."""
    error: float = 0.0

    @property
    def applied(self) -> PageWeight:
        """The weight if it is told from 0 (by ``CERTAIN`` errors, and ``NOTABLE``), else none."""
        sure = abs(self.value) > max(NOTABLE, CERTAIN * self.error)
        return self if sure else PageWeight(0.0, self.usual, 0.0)


@dataclass(eq=False)
class Posterior:
    """Means and covariances of everything, and the variances of the priors."""

    common: Floats
    """[p]"""
    users: Floats
    """[n_users, k + f]: slopes of their own, then taste."""
    items: Floats
    """[n_items, 1 + f]: the item's effect, then what it is like."""
    user_cov: Floats
    item_cov: Floats
    user_var: Floats
    """[k + f]"""
    item_var: Floats
    """[1 + f]"""
    by_profile: Floats
    """[q, k] slopes of the users' prior means."""
    by_content: Floats
    """[r] of the items' prior means."""
    common_cov: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    page: PageWeight = PageWeight()

    @property
    def slopes(self) -> int:
        """Features with a slope of each user's own."""
        return int(self.by_profile.shape[1])

    def user_mean(self, profile: Floats) -> Floats:
        """[n_users, k + f] means of the prior."""
        own = profile @ self.by_profile
        return np.pad(own, ((0, 0), (0, self.users.shape[1] - own.shape[1])))

    def item_mean(self, content: Floats) -> Floats:
        """[n_items, 1 + f] means of the prior."""
        return np.pad((content @ self.by_content)[:, None], ((0, 0), (0, self.items.shape[1] - 1)))

    def utility(self, design: Design) -> Floats:
        """[n] at the posterior means."""
        own, taste = np.split(self.users[design.users], [self.slopes], axis=1)
        item = self.items[design.items]
        return np.asarray(
            design.common @ self.common
            + np.einsum("nk,nk->n", design.own, own)
            + item[:, 0]
            + np.einsum("nf,nf->n", taste, item[:, 1:])
        )

    def expected(self, design: Design) -> Floats:
        """[n] utilities whose chances are about the mean ones over what is not known."""
        utility = self.utility(design)
        if self.page.value:
            above = self.page_means(design) - self.page.usual
            utility = utility + self.page.value * above[design.grid.page]
        return unsure(utility, self.variance(design))

    def page_means(self, design: Design) -> Floats:
        """[n_pages] mean worth of a page's items, the user's activity left out."""
        lively = self.utility(design) - self.common[0] * design.common[:, 0]
        lively = lively - self.users[design.users, 0] * design.own[:, 0]
        return design.grid.sums(lively) / design.grid.sums(np.ones(len(lively)))

    @property
    def settled(self) -> bool:
        """Whether these are numbers that users may have; else the turns have run away."""
        sizes = [np.abs(self.common), np.abs(self.users[:, : self.slopes]), self.user_var]
        sizes += [np.abs(self.items), self.item_var]
        return all(bool(np.isfinite(size).all() and (size < ABSURD).all()) for size in sizes)

    def variance(self, design: Design) -> Floats:
        """[n] of the utilities, given the common coefficients.

        Covariances within a user or an item are left out, as they are where the world uses it.
        """
        k = self.slopes
        user = np.diagonal(self.user_cov, axis1=1, axis2=2)[design.users]
        item = np.diagonal(self.item_cov, axis1=1, axis2=2)[design.items]
        likes, like = self.users[design.users, k:], self.items[design.items, 1:]
        out = item[:, 0] + np.einsum("nk,nk->n", design.own_squared, user[:, :k])
        out += np.einsum("nf,nf->n", likes**2, item[:, 1:])
        out += np.einsum("nf,nf->n", user[:, k:], like**2 + item[:, 1:])
        return np.asarray(out)


PullAt = Callable[[Floats, Floats], Pull]
"""Means and variances of the utilities [n] -> expected slope and curvature."""


def start(design: Design, base_rate: float) -> Posterior:
    """Nobody differs, and everything is as likely as on the whole."""
    k, f = design.own.shape[1], design.factors
    common = np.zeros(design.common.shape[1])
    common[0] = np.log(base_rate / (1.0 - base_rate))
    user_var = np.r_[design.guess, np.ones(f)]
    item_var = np.r_[design.item_guess, np.full(f, design.taste_var)]
    return Posterior(
        common=common,
        users=np.zeros((design.n_users, k + f)),
        items=np.zeros((design.n_items, 1 + f)),
        user_cov=np.tile(np.diag(user_var), (design.n_users, 1, 1)),
        item_cov=np.tile(np.diag(np.r_[design.item_guess, np.zeros(f)]), (design.n_items, 1, 1)),
        user_var=user_var,
        item_var=item_var,
        by_profile=np.zeros((design.profile.shape[1], k)),
        by_content=np.zeros(design.content.shape[1]),
    )


class Blocks:
    """Takes turns: common coefficients, users, items, and the variances of both."""

    def __init__(self, design: Design, at: PullAt) -> None:
        self.design = design
        self.at = at
        self.spread: Floats = np.zeros(len(design.users))
        """[n] variances of the utilities at the last look."""
        self._user_bounds = np.searchsorted(design.users, np.arange(design.n_users + 1))
        self._by_item = np.argsort(design.items, kind="stable")
        self._item_bounds = np.searchsorted(
            design.items[self._by_item], np.arange(design.n_items + 1)
        )

    def sweep(self, post: Posterior, *, taste: bool, hyper: bool = True) -> float:
        """One turn of everything, in place; the largest change of a common coefficient."""
        before = post.common.copy()
        self.spread = post.variance(self.design) if taste or hyper else self.spread
        self.common(post)
        self.users(post, taste=taste)
        self.items(post, taste=taste)
        if hyper:
            self.variances(post)
        return float(np.abs(post.common - before).max())

    def common(self, post: Posterior) -> None:
        """A Newton step of the common coefficients."""
        design, pull = self.design, self.at(post.utility(self.design), self.spread)
        x = design.common
        precision = (x * pull.weight[:, None]).T @ x
        if pull.together:
            mean = _by_page(design.grid, x * pull.weight[:, None])
            precision -= pull.together * mean.T @ mean
        precision += np.diag(design.penalty)
        gradient = x.T @ pull.slope - design.penalty * post.common
        step = np.asarray(np.linalg.solve(precision, gradient), dtype=np.float64)
        post.common = post.common + step
        post.common_cov = np.asarray(np.linalg.inv(precision), dtype=np.float64)

    def users(self, post: Posterior, *, taste: bool) -> None:
        """Each user's own slopes and taste, given the items."""
        design, pull = self.design, self.at(post.utility(self.design), self.spread)
        k = post.slopes
        wide = k + (design.factors if taste else 0)
        prior = post.user_mean(design.profile)
        shaky = post.item_cov[:, 1:, 1:]
        for user, (start_, end) in enumerate(_spans(self._user_bounds)):
            if start_ == end:
                post.users[user] = prior[user]
                post.user_cov[user] = np.diag(post.user_var)
                continue
            rows = slice(start_, end)
            x = design.own[rows]
            if wide > k:
                x = np.concatenate([x, post.items[design.items[rows], 1:]], axis=1)
            weight = pull.weight[rows]
            weighted = x * weight[:, None]
            precision = weighted.T @ x
            if pull.together:
                page = design.grid.page[rows] - design.grid.page[start_]
                mean = np.zeros((page[-1] + 1, wide))
                np.add.at(mean, page, weighted)
                precision -= pull.together * mean.T @ mean
            linear = precision @ post.users[user, :wide] + x.T @ pull.slope[rows]
            if wide > k:
                precision[k:, k:] += np.einsum("n,nfg->fg", weight, shaky[design.items[rows]])
            precision[np.diag_indices(wide)] += 1.0 / post.user_var[:wide]
            linear += prior[user, :wide] / post.user_var[:wide]
            cov = np.linalg.inv(precision)
            post.user_cov[user, :wide, :wide] = cov
            step = cov @ linear - post.users[user, :wide]
            post.users[user, :wide] += step * _within(x @ step)

    def items(self, post: Posterior, *, taste: bool) -> None:
        """Each item's effect and what it is like, given the users."""
        design, pull = self.design, self.at(post.utility(self.design), self.spread)
        k = post.slopes
        wide = 1 + (design.factors if taste else 0)
        prior = post.item_mean(design.content)
        shaky = post.user_cov[:, k:, k:]
        for item, (start_, end) in enumerate(_spans(self._item_bounds)):
            if start_ == end:
                post.items[item] = prior[item]
                post.item_cov[item] = np.diag(post.item_var)
                continue
            rows = self._by_item[start_:end]
            weight = pull.weight[rows]
            if pull.together:
                weight = weight * (1.0 - pull.together * np.minimum(weight, 1.0))
            x = np.ones((len(rows), wide))
            users = design.users[rows]
            if wide > 1:
                x[:, 1:] = post.users[users, k:]
            precision = (x * weight[:, None]).T @ x
            linear = precision @ post.items[item, :wide] + x.T @ pull.slope[rows]
            if wide > 1:
                precision[1:, 1:] += np.einsum("n,nfg->fg", weight, shaky[users])
            precision[np.diag_indices(wide)] += 1.0 / post.item_var[:wide]
            linear += prior[item, :wide] / post.item_var[:wide]
            cov = np.linalg.inv(precision)
            post.item_cov[item, :wide, :wide] = cov
            step = cov @ linear - post.items[item, :wide]
            post.items[item, :wide] += step * _within(x @ step)

    def variances(self, post: Posterior) -> None:
        """Empirical Bayes: prior means on profile and content, and the variances around them."""
        design, k = self.design, post.slopes
        met = np.diff(self._user_bounds) > 0
        if design.profile.shape[1]:
            post.by_profile = _leaning(design.profile[met], post.users[met, :k], post.user_var[:k])
        gap = post.users[met] - post.user_mean(design.profile)[met]
        spread = gap**2 + np.diagonal(post.user_cov[met], axis1=1, axis2=2)
        post.user_var[:k] = _next(post.user_var[:k], _shrunk(spread[:, :k], design.guess))
        shown = np.diff(self._item_bounds) > 0
        if design.content.shape[1]:
            post.by_content = _leaning(
                design.content[shown], post.items[shown, :1], post.item_var[:1]
            )[:, 0]
        gap = post.items[shown] - post.item_mean(design.content)[shown]
        spread = gap**2 + np.diagonal(post.item_cov[shown], axis1=1, axis2=2)
        fresh = _shrunk(spread[:, :1], np.array([design.item_guess]))
        post.item_var[:1] = _next(post.item_var[:1], fresh)

    def taste_from_residuals(self, post: Posterior) -> None:
        """First guess of what items are like: the strongest patterns that are still unexplained."""
        from scipy import sparse  # noqa: PLC0415 - heavy
        from scipy.sparse.linalg import svds  # noqa: PLC0415

        design, pull = self.design, self.at(post.utility(self.design), self.spread)
        shape = (design.n_users, design.n_items)
        cells = (design.users, design.items)
        slope = sparse.csr_matrix((pull.slope, cells), shape=shape)
        by_user = np.bincount(design.users, weights=pull.weight, minlength=shape[0])
        by_item = np.bincount(design.items, weights=pull.weight, minlength=shape[1])
        scaled = (
            sparse.diags(1 / np.sqrt(by_user + 1)) @ slope @ sparse.diags(1 / np.sqrt(by_item + 1))
        )
        left = np.ones(min(shape))
        _, strength, right = svds(scaled, k=design.factors, v0=left)
        order = np.argsort(-strength)
        post.items[:, 1:] = (right[order].T) * np.sqrt(shape[1]) * 0.4
        post.item_cov[:, 1:, 1:] = 0.01 * np.eye(design.factors)
        post.user_cov[:, post.slopes :, post.slopes :] = 0.0


def _within(moves: Floats) -> float:
    """Share of a step that moves no utility further than ``FARTHEST``.

    Where a chance is nearly 0 or 1 the likelihood is flat: a step that lands there does not come
    back, and the variances follow it.
    """
    return float(min(1.0, FARTHEST / max(float(np.abs(moves).max(initial=0.0)), FARTHEST)))


def _spans(bounds: Numbers) -> zip[tuple[int, int]]:
    return zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)


def _by_page(grid: Grid, values: Floats) -> Floats:
    """[n_pages, p] sums over the rows of a page."""
    starts = grid.rows[:, 0]
    return np.asarray(np.add.reduceat(values, starts, axis=0))


def _leaning(features: Floats, means: Floats, variance: Floats) -> Floats:
    """[q, k] ridge regression of posterior means on features."""
    gram = features.T @ features
    out = np.empty((features.shape[1], means.shape[1]))
    for column in range(means.shape[1]):
        ridge = np.eye(len(gram)) * (variance[column] / 0.25 + 1.0)
        out[:, column] = np.linalg.solve(gram + ridge, features.T @ means[:, column])
    return out


def _shrunk(spread: Floats, guess: Floats) -> Floats:
    """[k] variances, drawn a little to the first guess."""
    return np.asarray((spread.sum(axis=0) + PRIOR_WORTH * guess) / (len(spread) + PRIOR_WORTH))


def _next(before: Floats, after: Floats) -> Floats:
    """Variances move slowly in such turns, so they take longer steps."""
    return np.asarray(before * np.clip(after / before, 0.2, 5.0) ** LONGER)
