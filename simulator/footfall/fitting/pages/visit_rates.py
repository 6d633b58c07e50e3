"""How likely the visits of a log are, for users whose own rates differ by a gamma distribution.

User u comes back at rate_u * exp(x . r) a day, x being what the visits of late were like, and
leaves for good after a visit with the log-odds w . g. Rates of users are gamma distributed, so
that the likelihood of all that a user did has a closed form (the BG/NBD model with covariates:
Fader, Hardie and Lee, Marketing Science 2005). The first visit of a user starts the clock; the
time after the last one is unfinished, or the user is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

STEP = 1e-4
"""Of the differences that a curvature is taken from."""


@dataclass(frozen=True, eq=False)
class Waits:
    """Times between visits, those of a user together; [n] unless said otherwise."""

    users: Numbers
    """Rising from 0, nobody left out."""
    last: Bools
    """Whether the time is unfinished: the user's last one."""
    waited: Floats
    """Days."""
    rate: Floats
    """[n, kx] what the rate depends on."""
    leaving: Floats
    """[n, kw] what leaving for good depends on; kw = 0: nobody leaves."""

    @property
    def n_users(self) -> int:
        """How many there are."""
        return int(self.users.max(initial=-1)) + 1

    def only(self, rows: Numbers, waited: Floats, last: Bools) -> Waits:
        """Some visits, with other times after them."""
        users = np.unique(self.users[rows], return_inverse=True)[1]
        return Waits(users, last, waited, self.rate[rows], self.leaving[rows])

    def people(self, chosen: Bools) -> Waits:
        """All visits of the users ``chosen`` [n_users]."""
        rows = np.flatnonzero(chosen[self.users])
        return self.only(rows, self.waited[rows], self.last[rows])

    def told_by(self, rate: list[int], leaving: bool) -> Waits:
        """The same with only some columns of ``rate``, and with ``leaving`` or without."""
        left = self.leaving if leaving else self.leaving[:, :0]
        return Waits(self.users, self.last, self.waited, self.rate[:, rate], left)


@dataclass(frozen=True, eq=False)
class VisitLikelihood:
    """The log-likelihood, and what follows of each user; [n_users] each."""

    log_likelihood: Floats
    score: Floats
    """[n_users, m] derivatives."""
    gone: Floats
    """P(left for good)."""
    rate: Floats
    """Mean own rate of a user who has not left, per day."""


@dataclass(frozen=True, eq=False)
class VisitRates:
    """Fitted coefficients: shape and mean of the users' rates as logarithms, rate, leaving."""

    theta: Floats
    kx: int
    curvature: Floats
    """[m, m] of minus the log-likelihood and prior."""
    clustered: Floats
    """[m, m] covariance over users, whatever else the model gets wrong."""

    @property
    def rate(self) -> Floats:
        """[kx] of the rate."""
        return self.theta[2 : 2 + self.kx]

    @property
    def leaving(self) -> Floats:
        """[kw] of leaving."""
        return self.theta[2 + self.kx :]


def told(theta: Floats, waits: Waits) -> VisitLikelihood:
    """Everything that the likelihood says at ``theta``."""
    from scipy.special import digamma, expit, gammaln  # noqa: PLC0415 - heavy

    sums = partial(np.bincount, waits.users, minlength=waits.n_users)
    kx, kw = waits.rate.shape[1], waits.leaving.shape[1]
    shape, mean = np.exp(theta[0]), np.exp(theta[1])
    scale = shape / mean
    faster = waits.rate @ theta[2 : 2 + kx]
    odds = waits.leaving @ theta[2 + kx :] if kw else np.full(len(waits.users), -np.inf)
    stays, goes = -np.logaddexp(0.0, odds), -np.logaddexp(0.0, -odds)
    exposed = np.exp(faster) * waits.waited
    done, open_ = sums(exposed * ~waits.last), sums(exposed * waits.last)
    came = sums((~waits.last).astype(np.float64))
    shared = shape * np.log(scale) - gammaln(shape) + gammaln(shape + came)
    here = shared - (shape + came) * np.log(scale + done + open_) + stays[waits.last]
    away = shared - (shape + came) * np.log(scale + done) + goes[waits.last]
    total = np.logaddexp(here, away)
    gone = np.exp(away - total)
    rate_here = (shape + came) / (scale + done + open_)
    rate_away = (shape + came) / (scale + done)
    rate = gone * rate_away + (1.0 - gone) * rate_here
    of_rate = np.where(
        waits.last, -((1.0 - gone) * rate_here)[waits.users], 1 / exposed - rate[waits.users]
    )
    of_rate = of_rate * exposed
    log_scale = gone * np.log(scale + done) + (1.0 - gone) * np.log(scale + done + open_)
    by_shape = shape * (np.log(scale) - digamma(shape) + digamma(shape + came) - log_scale)
    by_scale = shape - rate * scale
    columns = [by_shape + by_scale, -by_scale]
    columns += [sums(of_rate * waits.rate[:, column]) for column in range(kx)]
    if kw:
        leaves = expit(odds)
        of_odds = np.where(waits.last, gone[waits.users], 0.0) - leaves
        columns += [sums(of_odds * waits.leaving[:, column]) for column in range(kw)]
    value = sums(np.where(waits.last, 0.0, faster + stays)) + total
    return VisitLikelihood(value, np.stack(columns, axis=1), gone, rate_here)


def fit_rates(waits: Waits, centre: Floats, precision: Floats) -> VisitRates:
    """The likeliest coefficients, given a normal prior of each of them around ``centre`` [m]."""
    from scipy.optimize import minimize  # noqa: PLC0415 - heavy

    def loss(theta: Floats) -> tuple[float, Floats]:
        found = told(theta, waits)
        off = theta - centre
        value = -found.log_likelihood.sum() + 0.5 * float(precision @ off**2)
        return value, precision * off - found.score.sum(axis=0)

    bounds = [(middle - 12.0, middle + 12.0) for middle in centre]
    done = minimize(
        loss, centre, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300}
    )
    theta = np.asarray(done.x, dtype=np.float64)
    steps = STEP * np.eye(len(theta))
    rows = [(loss(theta + step)[1] - loss(theta - step)[1]) / (2 * STEP) for step in steps]
    curvature = np.asarray((np.array(rows) + np.array(rows).T) / 2)
    inverse = np.linalg.pinv(curvature, hermitian=True)
    score = told(theta, waits).score
    return VisitRates(theta, waits.rate.shape[1], curvature, inverse @ (score.T @ score) @ inverse)
