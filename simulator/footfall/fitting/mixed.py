"""The mixed logit: coefficients that differ between users, by simulated maximum likelihood.

Each user u has coefficients b + s * z_u with z_u standard normal, and keeps them in all choices:

    P(choices of u) = mean over draws z of the product over u's slates of P(i | slate, b + s*z)

Source: Train, "Discrete Choice Methods with Simulation", 2nd ed. 2009, chapters 6 and 10; draws
are scrambled Halton points (Bhat 2003) and their mirror images, the same in every step, so the
likelihood is a smooth function and L-BFGS climbs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize
import scipy.stats
import torch

from footfall.errors import DataError
from footfall.fitting.logit import LogitData, LogitFit

Floats = npt.NDArray[np.float64]

DRAWS = 48
"""Draws of the coefficients a user, half of them mirror images of the others."""

FIRST_SPREAD = 0.3
"""Spread in units of a feature's standard deviation from which the search starts."""

LEAST_SPREAD = 0.02
"""In the same units; users who differ less than this are taken for alike."""

_HUGE = 1e30


@dataclass(frozen=True)
class MixedFit:
    """Coefficients of the typical user and how much users differ."""

    names: tuple[str, ...]
    coefficients: Floats
    """[f] of the typical user; farther from 0 than those of a logit that takes all for alike."""
    spread: Floats
    """[f] standard deviation between users; 0 where it was not wanted or not found."""
    log_likelihood: float
    """Simulated, total, in nats."""
    pooled_log_likelihood: float
    """Of the logit that takes all users for alike, on the same slates."""
    users: int


def fit_mixed(
    data: LogitData,
    pooled: LogitFit,
    vary: Sequence[str],
    *,
    ridge: float = 1.0,
    start: MixedFit | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> MixedFit:
    """Fit a mixed logit with independent normal coefficients.

    Args:
        data: Slates with ``clusters``, the users.
        pooled: The plain logit of the same slates, where the search starts by default.
        vary: Features whose coefficients differ between users.
        ridge: Penalty on means and spreads in units of the features' standard deviations.
        start: A fit to a part of the slates, from where the search is shorter.
        seed: Of the draws.
        draws: Draws a user; an even number.

    Raises:
        DataError: The slates do not say whose they are.
    """
    if data.clusters is None:
        raise DataError("mixed logit: slates need the users they belong to")
    varying = [pooled.names.index(name) for name in vary if name in pooled.names]
    problem = _Problem.of(data, varying, seed, draws)
    means, first = pooled.coefficients, np.full(len(varying), FIRST_SPREAD)
    if start is not None:
        means = start.coefficients
        first = np.maximum(start.spread[varying] * problem.scale[varying], LEAST_SPREAD)
    found = scipy.optimize.minimize(
        lambda x: problem.loss(x, ridge),
        np.concatenate([means * problem.scale, first]),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 200, "ftol": 1e-7},
    )
    f = len(pooled.names)
    spread = np.zeros(f)
    sizes = np.abs(found.x[f:])
    spread[varying] = np.where(sizes < LEAST_SPREAD, 0.0, sizes) / problem.scale[varying]
    return MixedFit(
        names=pooled.names,
        coefficients=found.x[:f] / problem.scale,
        spread=spread,
        log_likelihood=-float(problem.loss(found.x, 0.0)[0]) * len(data.chosen),
        pooled_log_likelihood=pooled.log_likelihood,
        users=int(problem.users),
    )


FACTORS = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
"""What ``spread_factor`` tries."""


def spread_factor(fit: MixedFit, data: LogitData, *, seed: int = 0, draws: int = DRAWS) -> float:
    """By what to multiply all spreads so that other users' choices are likeliest.

    Few choices a user leave the size of the spreads in the dark; a common factor has all choices
    of all other users to speak for it.

    Args:
        fit: A mixed logit.
        data: Slates of users who were not fitted, with the same features.
        seed: Of the draws.
        draws: Draws a user.
    """
    varying = np.flatnonzero(fit.spread).tolist()
    if not varying:
        return 1.0
    problem = _Problem.of(data, varying, seed, draws)
    mean, spread = fit.coefficients * problem.scale, fit.spread * problem.scale
    losses = [
        problem.loss(np.concatenate([mean, factor * spread[varying]]), 0.0)[0] for factor in FACTORS
    ]
    return FACTORS[int(np.argmin(losses))]


@dataclass(frozen=True)
class _Problem:
    """The slates as tensors, ordered by user; features in units of their spread."""

    design: torch.Tensor
    """[n, k, f]"""
    hidden: torch.Tensor
    """[n, k] 0 where shown, minus infinity (nearly) where not."""
    chosen: torch.Tensor
    """[n] column; k stands for the outside option."""
    owner: torch.Tensor
    """[n] number of the user."""
    offset: torch.Tensor
    """[n]"""
    points: torch.Tensor
    """[users, draws, varying] standard normal."""
    varying: list[int]
    scale: Floats
    outside: bool
    users: int

    @classmethod
    def of(cls, data: LogitData, varying: list[int], seed: int, draws: int) -> _Problem:
        assert data.clusters is not None
        design = np.where(data.shown[:, :, None], data.design, 0.0)
        scale = np.maximum(data.design[data.shown].std(axis=0), 1e-9)
        # A constant has no spread; it is in units of its own.
        scale = np.where(scale <= 1e-9, 1.0, scale)
        _, owner = np.unique(data.clusters, return_inverse=True)
        users = int(owner.max()) + 1
        n, k, _ = design.shape
        offset = np.zeros(n) if data.offset is None else data.offset
        return cls(
            design=torch.from_numpy(design / scale),
            hidden=torch.from_numpy(np.where(data.shown, 0.0, -_HUGE)),
            chosen=torch.from_numpy(np.where(data.chosen < 0, k, data.chosen)),
            owner=torch.from_numpy(owner),
            offset=torch.from_numpy(offset),
            points=torch.from_numpy(_points(users, draws, len(varying), seed)),
            varying=varying,
            scale=scale,
            outside=data.outside,
            users=users,
        )

    def loss(self, x: Floats, ridge: float) -> tuple[float, Floats]:
        """Minus the simulated log-likelihood a slate, penalised, and its gradient."""
        weights = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        f = self.design.shape[2]
        mean, spread = weights[:f], weights[f:]
        common = self.design @ mean + self.offset[:, None] + self.hidden
        own = self.points * spread  # [users, draws, varying]
        parts = self.design[:, :, self.varying]
        utility = common[:, :, None] + torch.einsum("nkv,nrv->nkr", parts, own[self.owner])
        if self.outside:
            zero = torch.zeros_like(utility[:, :1])
            utility = torch.cat([utility, zero], dim=1)
        place = self.chosen[:, None, None].expand(-1, 1, utility.shape[2])
        picked = utility.gather(1, place)[:, 0] - torch.logsumexp(utility, dim=1)
        total = torch.zeros(self.users, utility.shape[2], dtype=torch.float64)
        total = total.index_add(0, self.owner, picked)
        likelihood = torch.logsumexp(total, dim=1) - np.log(utility.shape[2])
        loss = (0.5 * ridge * (weights**2).sum() - likelihood.sum()) / len(self.chosen)
        loss.backward()
        assert weights.grad is not None
        return float(loss.detach()), weights.grad.numpy()


def _points(users: int, draws: int, dimensions: int, seed: int) -> Floats:
    """[users, draws, dimensions] standard normal points and their mirror images."""
    if not dimensions:
        return np.zeros((users, draws, 0))
    halton = scipy.stats.qmc.Halton(dimensions, scramble=True, seed=seed)
    points = scipy.stats.norm.ppf(halton.random(users * (draws // 2)))
    half = points.reshape(users, draws // 2, dimensions)
    return np.concatenate([half, -half], axis=1)
