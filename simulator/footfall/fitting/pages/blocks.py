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

import numpy as np
import numpy.typing as npt

from footfall.behaviour.people import unsure
from footfall.fitting.pages.batches import (
    Owners,
    gram,
    on_pages,
    over_rows,
    page_sums,
    solved,
    times,
)
from footfall.fitting.pages.picks import Grid, Pull, stretches

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

FREE = 1e-3
"""Precision of the prior of a common coefficient, per standard deviation of its feature."""

PRIOR_WORTH = 4.0
"""Users' or items' worth of the first guess that is mixed into a fitted variance."""


LONGER = 1.7
"""Power of a variance's step; 1 is plain EM, below 2 it still settles."""

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
        out = np.empty(len(design.users))
        for rows in stretches(len(out)):
            own, taste = np.split(self.users[design.users[rows]], [self.slopes], axis=1)
            item = self.items[design.items[rows]]
            out[rows] = (
                design.common[rows] @ self.common
                + np.einsum("nk,nk->n", design.own[rows], own)
                + item[:, 0]
                + np.einsum("nf,nf->n", taste, item[:, 1:])
            )
        return out

    def expected(self, design: Design, variance: Floats | None = None) -> Floats:
        """[n] utilities whose chances are about the mean ones over what is not known.

        Args:
            design: What the utilities are made of.
            variance: [n] of the utilities, where it is known already.
        """
        utility = self.utility(design)
        if self.page.value:
            above = self.page_means(design) - self.page.usual
            utility = utility + self.page.value * above[design.grid.page]
        return unsure(utility, self.variance(design) if variance is None else variance)

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
        user_var = np.diagonal(self.user_cov, axis1=1, axis2=2).copy()
        item_var = np.diagonal(self.item_cov, axis1=1, axis2=2).copy()
        out = np.empty(len(design.users))
        for rows in stretches(len(out)):
            users, items = design.users[rows], design.items[rows]
            user, item = user_var[users], item_var[items]
            likes, like = self.users[users, k:], self.items[items, 1:]
            some = item[:, 0] + np.einsum("nk,nk->n", design.own[rows] ** 2, user[:, :k])
            some += np.einsum("nf,nf->n", likes**2, item[:, 1:])
            some += np.einsum("nf,nf->n", user[:, k:], like**2 + item[:, 1:])
            out[rows] = some
        return out


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
        pages = design.grid.page
        self._users = Owners.of(design.users, design.n_users, pages)
        self._by_item = np.argsort(design.items, kind="stable")
        self._items = Owners.of(design.items[self._by_item], design.n_items)

    def sweep(self, post: Posterior, spread: Floats, *, taste: bool) -> None:
        """One turn of everything, in place; ``spread`` are the utilities' variances before it."""
        self.spread = spread
        self.common(post)
        self.users(post, taste=taste)
        self.items(post, taste=taste)
        self.variances(post)

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
        post.users[self._users.none] = prior[self._users.none]
        post.user_cov[self._users.none] = np.diag(post.user_var)
        shaky = np.zeros((design.n_users, 0, 0))
        if taste:
            bounds = self._users.bounds
            shaky = over_rows(pull.weight, design.items, bounds, post.item_cov[:, 1:, 1:])
        for who, rows in self._users.each():
            x = design.own[rows]
            if taste:
                x = np.concatenate([x, post.items[design.items[rows], 1:]], axis=2)
            precision = gram(x, pull.weight[rows])
            if pull.together:
                mean = page_sums(on_pages(design.grid, rows), x * pull.weight[rows][:, :, None])
                precision -= pull.together * mean.transpose(0, 2, 1) @ mean
            before = post.users[who, :wide]
            linear = times(precision, before) + times(x.transpose(0, 2, 1), pull.slope[rows])
            if taste:
                precision[:, k:, k:] += shaky[who]
            self._lean(precision, linear, prior[who, :wide], post.user_var[:wide])
            cov, post.users[who, :wide] = solved(precision, linear, before, x)
            post.user_cov[who, :wide, :wide] = cov

    def items(self, post: Posterior, *, taste: bool) -> None:
        """Each item's effect and what it is like, given the users."""
        design, pull = self.design, self.at(post.utility(self.design), self.spread)
        k = post.slopes
        wide = 1 + (design.factors if taste else 0)
        prior = post.item_mean(design.content)
        post.items[self._items.none] = prior[self._items.none]
        post.item_cov[self._items.none] = np.diag(post.item_var)
        every, slope = pull.weight[self._by_item], pull.slope[self._by_item]
        users = design.users[self._by_item]
        if pull.together:
            every = every * (1.0 - pull.together * np.minimum(every, 1.0))
        shaky = np.zeros((design.n_items, 0, 0))
        if taste:
            shaky = over_rows(every, users, self._items.bounds, post.user_cov[:, k:, k:])
        for who, rows in self._items.each():
            x = np.ones((*rows.shape, wide))
            if taste:
                x[:, :, 1:] = post.users[users[rows], k:]
            precision = gram(x, every[rows])
            before = post.items[who, :wide]
            linear = times(precision, before) + times(x.transpose(0, 2, 1), slope[rows])
            if taste:
                precision[:, 1:, 1:] += shaky[who]
            self._lean(precision, linear, prior[who, :wide], post.item_var[:wide])
            cov, post.items[who, :wide] = solved(precision, linear, before, x)
            post.item_cov[who, :wide, :wide] = cov

    @staticmethod
    def _lean(precision: Floats, linear: Floats, prior: Floats, variance: Floats) -> None:
        """Add the prior, in place."""
        diagonal = np.arange(len(variance))
        precision[:, diagonal, diagonal] += 1.0 / variance
        linear += prior / variance

    def variances(self, post: Posterior) -> None:
        """Empirical Bayes: prior means on profile and content, and the variances around them."""
        design, k = self.design, post.slopes
        met = np.diff(self._users.bounds) > 0
        if design.profile.shape[1]:
            post.by_profile = _leaning(design.profile[met], post.users[met, :k], post.user_var[:k])
        gap = post.users[met] - post.user_mean(design.profile)[met]
        spread = gap**2 + np.diagonal(post.user_cov[met], axis1=1, axis2=2)
        post.user_var[:k] = _next(post.user_var[:k], _shrunk(spread[:, :k], design.guess))
        shown = np.diff(self._items.bounds) > 0
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
