"""When users come back, and whether: as the visits of a log tell it, and no further.

Three things are asked of the log: what clicks above a user's usual ones do to the rate of coming
back; what a first page does that is the one of the visit before; and whether users leave for good.
The last two are used only where they foresee what the fit has not seen. What is not used stays in
doubt by as much as the log leaves open: an arm that always shows the same first page may lead
where no log has been.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from footfall.behaviour.coming_back import LATE, LEAVING, NEVER, ComingBack
from footfall.fitting.pages.log import PageLog
from footfall.fitting.pages.visit_rates import VisitRates, Waits, fit_rates, told
from footfall.fitting.pages.visits import Visits

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

WEAK = 100.0
"""Precision of the prior of what a click does, around nothing."""

SAMENESS = 0.3
"""Standard deviation of what a first page that is all the one of the visit before is thought to do
to the logarithm of the rate of coming back, until a log tells: a quarter of the visits, lost or
won. Fixed in advance; no log of the benchmark sets it."""

SELDOM = (-5.0, 0.0)
"""Log-odds of leaving that are looked for first: once in 150 visits, whatever was clicked ..."""

SELDOM_SPREAD = 2.0
"""... give or take so much, as a standard deviation."""

BASIC_SPREAD = 3.0
"""The same of the logarithms of the mean rate and of the shape of users' rates."""

FEWEST_VISITS = 200
"""Visits that follow one before, without which no more than users' own rates is asked of a log."""

LIVES = 1.0, 3.0, 7.0
"""Days after which the sameness of a first page may count 1/e; the first is hardly more than the
last visit, the last is the life of clicks. The log says which, where it says anything; where it
does not, longer lives would make the doubt small, because a test ends before they are felt."""

LAST_VISIT = 1
"""Column of the first of them."""

MOMENTUM = [1 + len(LIVES), 2 + len(LIVES)]
"""Columns of how often the user came of late."""

NO_SPREAD = 1e-9
"""Standard deviation of the sameness below which it does not vary."""

FRINGE = 0.01, 0.99
"""Quantiles of the sameness of late between which the log has seen it."""

FOLDS = 5
"""Parts of the users: each is foreseen by the others."""

LATER = 0.2
"""Share of the log's days, its last ones, that are to be foreseen."""

SURE = 1.0, 2.0
"""Standard errors of its gain in foresight by which sameness, and leaving, must be told from
nothing."""


@dataclass(frozen=True)
class AskedPart:
    """A part that was asked of the log."""

    used: bool
    gain: float
    """Log-likelihood of what the fit had not seen above that without the part, in nats; NaN: the
    log has too little to ask."""
    error: float
    """Of the gain, over users."""


@dataclass(frozen=True, eq=False)
class Returning:
    """Gaps of each user, what moves them, and who has left; the last row is somebody unknown."""

    coming: ComingBack
    gap_days: Floats
    """[n_users + 1] after a usual visit."""
    usual_clicks: Floats
    """[n_users + 1] a visit."""
    late: Floats
    """[n_users + 1, len(LATE)] at the last visit ..."""
    late_day: Floats
    """[n_users + 1] ... on that day, counted from the end of the log."""
    gone: Floats
    """[n_users + 1] P(left for good)."""
    front: Numbers
    """[n_users + 1, k] items of the last visit's first page; -1: none."""
    visits: int
    estimate: float
    """Of the sameness term as the log alone has it."""
    estimate_error: float
    spread: float
    """Standard deviation of the sameness of late over the log's visits."""
    sameness: AskedPart
    leaving: AskedPart


def fit_returning(log: PageLog, at: float, asked: Bools | None = None) -> Returning:
    """Read from the visits of a log that ends on day ``at``.

    Args:
        log: The log.
        at: Its end.
        asked: [n_users] whose visits set what is common; None: everybody's.
    """
    visits = Visits.of(log)
    every = _waits(visits, at)
    who = np.unique(visits.users)
    waits = every if asked is None or not asked[who].any() else every.people(asked[who])
    enough = int((~waits.last).sum()) >= FEWEST_VISITS
    leaving = _leaves(waits, visits, at, who, asked) if enough else _NOT_ASKED
    same = _sameness(waits, leaving.used) if enough else _Sameness(_NOT_ASKED, LAST_VISIT, {})
    columns = [0, same.column] if same.asked.used else [0]
    rates = _fitted(waits.told_by(columns, leaving.used))
    of_late, life = every.rate[:, same.column], LIVES[same.column - 1]
    coming = _coming(rates, same, leaving.used, of_late, visits.usual_sameness)
    of_users = told(rates.theta, every.told_by(columns, leaving.used))
    n = log.n_users + 1
    gap, gone = np.full(n, float(np.exp(-rates.theta[1]))), np.zeros(n)
    gap[who], gone[who] = 1.0 / of_users.rate, of_users.gone
    late, late_day = np.zeros((n, len(LATE))), np.zeros(n)
    late[who], late_day[who] = visits.late(life)[visits.last], visits.days[visits.last] - at
    front = np.concatenate([visits.front, np.full((1, visits.front.shape[1]), -1)])
    return Returning(
        coming, gap, visits.usual, late, late_day, gone, front, len(visits),
        *same.of(same.column), float(waits.rate[:, same.column].std()), same.asked, leaving,
    )  # fmt: skip


_NOT_ASKED = AskedPart(used=False, gain=float("nan"), error=float("nan"))


def _waits(visits: Visits, at: float) -> Waits:
    """All of them; the columns of the rate are clicks, sameness by ``LIVES``, momentum."""
    measures = [visits.measures(life) for life in LIVES]
    same = [of_life[:, 1] for of_life in measures]
    rate = np.stack([measures[0][:, 0], *same, *visits.momentum().T], axis=1)
    users = np.unique(visits.users, return_inverse=True)[1]
    return Waits(users, visits.last, visits.waited(at), rate, visits.nothing())


def _fitted(waits: Waits) -> VisitRates:
    """With the priors that everything here is fitted with."""
    came, days = float((~waits.last).sum()), float(waits.waited.sum())
    mean = np.log((came + 0.5) / max(days, 0.5))
    kx, kw = waits.rate.shape[1], waits.leaving.shape[1]
    centre = np.r_[0.0, mean, np.zeros(kx), np.array(SELDOM)[:kw]]
    weak = [WEAK, *[1e-6] * (kx - 1)][:kx]
    basic, seldom = BASIC_SPREAD**-2, SELDOM_SPREAD**-2
    return fit_rates(waits, centre, np.r_[basic, basic, weak, [seldom] * kw])


def _leaves(
    waits: Waits, visits: Visits, at: float, who: Numbers, asked: Bools | None
) -> AskedPart:
    """Whether users who may leave for good foresee the last days better than users who stay."""
    end = at * (1.0 - LATER)
    part = np.isin(visits.users, who if asked is None else who[asked[who]])
    days, users = visits.days[part], visits.users[part]
    early = np.flatnonzero(days < end)
    if len(early) < FEWEST_VISITS:
        return _NOT_ASKED
    last = np.diff(users[early], append=-1) != 0
    waited = np.where(last, end - days[early], waits.waited[early])
    then = waits.only(early, np.maximum(waited, waits.waited.min()), last)
    known = np.isin(users, users[early])
    rows = np.flatnonzero(known)
    full = waits.only(rows, waits.waited[rows], waits.last[rows])
    foreseen = []
    for leaving in (False, True):
        theta = _fitted(then.told_by([0], leaving)).theta
        before, after = (told(theta, one.told_by([0], leaving)) for one in (then, full))
        foreseen.append(after.log_likelihood - before.log_likelihood)
    return _gained(foreseen[1] - foreseen[0], SURE[1])


@dataclass(frozen=True, eq=False)
class _Sameness:
    """What the log says of first pages that stay the same."""

    asked: AskedPart
    column: int
    """Of the life that is likeliest."""
    fits: dict[int, VisitRates]
    """By the columns of ``LIVES``; none: nothing tells."""

    def of(self, column: int) -> tuple[float, float]:
        """Estimate by the log alone, and its error."""
        if column not in self.fits:
            return 0.0, float("inf")
        fit = self.fits[column]
        return float(fit.rate[1]), float(np.sqrt(fit.clustered[3, 3]))

    def believed(self, column: int) -> tuple[float, float]:
        """Mean and variance with what was thought before."""
        estimate, error = self.of(column)
        trust = SAMENESS**2 / (SAMENESS**2 + error**2)
        return trust * estimate, SAMENESS**2 * (1.0 - trust)


def _sameness(waits: Waits, leaving: bool) -> _Sameness:
    """Whether how new the first page was foresees users who were not fitted.

    How often the user came of late stands beside it: who comes in bursts sees the same page again
    because of coming soon, and comes soon again for a reason that no page has made.
    """
    if waits.rate[:, LAST_VISIT].std() < NO_SPREAD:
        return _Sameness(_NOT_ASKED, LAST_VISIT, {})
    part = np.arange(waits.n_users) % FOLDS
    gains = np.zeros(waits.n_users)
    for fold in range(FOLDS):
        train, test = waits.people(part != fold), waits.people(part == fold)
        value = []
        for columns in ([0, *MOMENTUM], [0, _remembered(train, leaving)[0], *MOMENTUM]):
            theta = _fitted(train.told_by(columns, leaving)).theta
            value.append(told(theta, test.told_by(columns, leaving)).log_likelihood)
        gains[part == fold] = value[1] - value[0]
    return _Sameness(_gained(gains, SURE[0]), *_remembered(waits, leaving))


def _remembered(waits: Waits, leaving: bool) -> tuple[int, dict[int, VisitRates]]:
    """For how long a first page counts, as a column, by what is likeliest; and all fits."""
    fits, found = {}, {}
    for column in range(1, 1 + len(LIVES)):
        part = waits.told_by([0, column, *MOMENTUM], leaving)
        fits[column] = _fitted(part)
        found[column] = float(told(fits[column].theta, part).log_likelihood.sum())
    return max(found, key=lambda column: found[column]), fits


def _gained(gains: Floats, sure: float) -> AskedPart:
    total, error = float(gains.sum()), float(gains.std() * np.sqrt(len(gains)))
    return AskedPart(used=total > max(sure * error, 1.0), gain=total, error=error)


def _coming(
    rates: VisitRates, same: _Sameness, leaving: bool, of_late: Floats, usual: float
) -> ComingBack:
    """What a run plays, and what stays in doubt; ``of_late`` [n] sameness above the usual."""
    if same.asked.used:
        columns, (played, variance) = [same.column], same.believed(same.column)
        variances = [variance]
    else:
        # Played as nothing; off by what it is thought to be, and by how little that is known.
        columns, played = list(range(1, 1 + len(LIVES))), 0.0
        believed = [same.believed(column) for column in columns]
        variances = [mean**2 + variance for mean, variance in believed]
    seen = np.array(np.quantile(of_late, FRINGE) if len(of_late) else (0.0, 0.0), np.float64)
    return ComingBack(
        rate=np.array([rates.rate[0], played]),
        click_error=np.sqrt(rates.clustered[2:3, 2]),
        lives=np.array([LIVES[column - 1] for column in columns]),
        same_errors=np.sqrt(variances),
        usual=np.array([usual]),
        seen=seen,
        bend=np.zeros(1),
        # Beyond what the log has seen, its slope is as unknown as it was before.
        bend_error=np.sqrt([max(SAMENESS**2 - float(np.mean(variances)), 0.0)]),
        life=np.array([LIVES[same.column - 1]]),
        leaving=rates.leaving if leaving else np.array([NEVER, 0.0]),
        leaving_cov=_inverse(rates)[-2:, -2:] if leaving else np.zeros((len(LEAVING),) * 2),
    )


def _inverse(rates: VisitRates) -> Floats:
    return np.asarray(np.linalg.pinv(rates.curvature, hermitian=True))
