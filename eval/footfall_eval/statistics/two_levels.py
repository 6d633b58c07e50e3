"""Two levels of users: many played by a surrogate, some of them by the language model as well.

A surrogate is cheap and a little wrong. Where some users are played by both, with the same luck,
what the surrogate gets wrong can be measured, and taken off what it says of everybody:

    estimate = w * mean(surrogate, everybody) + mean(model - w * surrogate, users asked)

Who is asked may be drawn unevenly, evenly within each of some strata: the second mean is then that
of the strata's means, each with its share of the users (``statistics.strata``).

This is the estimate of multi-level Monte Carlo (Giles, "Multilevel Monte Carlo methods", Acta
Numerica 2015) with the weight of a control variate, known in machine learning as prediction-powered
inference (Angelopoulos, Duchi and Zrnic, "PPI++", 2023). It means what the language model alone
would say of all users, whatever the surrogate gets wrong: a bad surrogate costs width, not truth.
The weight w is the one of the smallest variance; it is fitted on one half of the asked users and
used on the other, so that it cannot flatter the estimate. What users buy is skewed, and few are
asked: intervals are those of Hall's transformation of Student's t ("On the removal of skewness by
transformation", Journal of the Royal Statistical Society B 1992).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from footfall_eval.measures.metrics import Array, Columns
from footfall_eval.statistics.effects import Effect, correlation

FEWEST_ASKED = 20
"""Users played by both below whom neither weight nor error can be told."""

SYMMETRIC = 1e-6
"""Skewness below which there is none."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Mixed:
    """A mean over users, from both levels."""

    value: float
    error: float
    """Standard error."""
    freedom: float
    """Degrees of freedom of Student's t (Welch and Satterthwaite); fewer with heavy tails."""
    weight: float
    """Of the surrogate; 0: only the users asked count."""
    correlation: float
    """Between surrogate and model over the users asked; NaN where one side does not vary."""
    skewness: float
    """Of the estimate itself, which fades with the number of users."""
    alone: float
    """Standard error of as many users drawn evenly, without the surrogate."""

    def interval(self, level: float) -> tuple[float, float]:
        """Ends of the interval of that confidence level."""
        reach = float(stats.t.ppf((1 + level) / 2, self.freedom))
        low, high = (self._untransformed(end) for end in (reach, -reach))
        return self.value - self.error * low, self.value - self.error * high

    def p_value(self) -> float:
        """Two-sided, of no difference."""
        if self.error == 0:
            return 1.0 if self.value == 0 else 0.0
        t, k = self.value / self.error, self.skewness
        moved = t + k * t**2 / 3 + k**2 * t**3 / 27 + k / 6
        return 2 * float(stats.t.sf(abs(moved), self.freedom))

    def _untransformed(self, x: float) -> float:
        k = self.skewness
        if abs(k) < SYMMETRIC:
            return x
        return 3 / k * (float(np.cbrt(1 + k * (x - k / 6))) - 1)


def mixed(
    cheap: Array,
    dear: Array,
    asked: Numbers,
    groups: Numbers | None = None,
    strata: Numbers | None = None,
) -> Mixed:
    """Mean over all users of what the language model would say.

    Args:
        cheap: [n_users] surrogate, everybody.
        dear: [n_asked] language model, the users asked.
        asked: [n_asked] their numbers among all users; no two of one group.
        groups: [n_users] users of one number are not independent of each other: copies of one
            real user. None: all of them are.
        strata: [n_users] within each the users asked were drawn evenly. None: among all.

    Raises:
        ValueError: Fewer than ``FEWEST_ASKED`` users were asked, or not all strata.
    """
    if len(asked) < FEWEST_ASKED:
        raise ValueError(f"{len(asked)} users asked: too few for two levels")
    drawn = _Drawn.of(len(cheap), asked, groups, strata)
    own, first = cheap[asked], drawn.halves()
    copies = _means(cheap, drawn.group, drawn.groups)[drawn.group[asked]]
    weights = [drawn.weight(own, copies, dear, ~half) for half in (first, ~first)]
    used = np.where(first, weights[0], weights[1])
    gaps = dear - used * own
    in_strata = (_means(one, drawn.of_asked, drawn.count) for one in (used, gaps))
    weight, missed = (one[drawn.stratum] for one in in_strata)
    everybody = weight * cheap + missed
    value = float(everybody.mean())
    parts = np.array([drawn.of_everybody(everybody - value), drawn.of_the_asked(gaps)])
    total = float((parts.sum(axis=0) ** 2).sum())
    return Mixed(
        value=value,
        error=math.sqrt(total),
        freedom=drawn.freedom(parts),
        weight=float(used.mean()),
        correlation=drawn.correlation(own, dear),
        skewness=float((parts.sum(axis=0) ** 3).sum() / total**1.5) if total else 0.0,
        alone=math.sqrt(drawn.spread(dear, dear) / (len(dear) - 1)),
    )


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Who was asked, in which stratum; what each real user adds to the error of a mean.

    Of the users of a stratum each stands for as many as were not asked: the estimate is a sum over
    strata (Cochran, "Sampling techniques", 1977, chapter 5), and its variance a sum of squares
    over users, who may be on both sides of it.
    """

    group: Numbers
    """[n_users] the real user behind each."""
    groups: int
    stratum: Numbers
    """[n_users]"""
    count: int
    """Strata."""
    asked: Numbers
    share: Array
    """[count] of the users."""
    told: Array
    """[count] users asked."""

    @classmethod
    def of(
        cls, users: int, asked: Numbers, groups: Numbers | None, strata: Numbers | None
    ) -> _Drawn:
        """From ``mixed``'s arguments."""
        one = np.arange(users) if groups is None else np.unique(groups, return_inverse=True)[1]
        stratum = np.zeros(users, np.int64) if strata is None else strata
        stratum = np.unique(stratum, return_inverse=True)[1]
        count = int(stratum.max()) + 1
        told = np.bincount(stratum[asked], minlength=count)
        if not told.all():
            raise ValueError("nobody was asked of some users")
        share = np.bincount(stratum) / users
        return cls(one, int(one.max()) + 1, stratum, count, asked, share, told.astype(np.float64))

    @property
    def of_asked(self) -> Numbers:
        """[n_asked] strata."""
        return self.stratum[self.asked]

    @property
    def stands_for(self) -> Array:
        """[n_asked] share of all users that each one asked stands for."""
        return np.asarray((self.share / self.told)[self.of_asked])

    def halves(self) -> npt.NDArray[np.bool_]:
        """[n_asked] who is of the first half: every other one within each stratum."""
        order = np.argsort(self.of_asked, kind="stable")
        first = np.empty(len(order), dtype=np.bool_)
        first[order] = np.arange(len(order)) % 2 == 0
        return first

    def deviations(self, values: Array, of: Numbers) -> Array:
        """From the mean of the stratum, scaled so that few users are not underrated."""
        many = np.bincount(of, minlength=self.count)
        scale = np.sqrt(many / np.maximum(many - 1, 1))
        return np.asarray((values - _means(values, of, self.count)[of]) * scale[of])

    def weight(self, own: Array, copies: Array, dear: Array, of: npt.NDArray[np.bool_]) -> float:
        """Of the smallest variance, told from some of the users asked.

        Args:
            own: [n_asked] surrogate, with the luck that the model had.
            copies: [n_asked] surrogate, mean of the copies of the same user.
            dear: [n_asked] model.
            of: [n_asked] who tells.
        """
        strata = self.of_asked[of]
        z, t, y = (self.deviations(one[of], strata) for one in (own, copies, dear))
        each = 1.0 / np.maximum(np.bincount(strata, minlength=self.count), 1)
        gap = (self.share**2 / self.told * each)[strata]
        both = (self.share / self.groups * each)[strata]  # users are on both sides
        spread = float((gap * z * z - 2 * both * z * t + both * t * t).sum())
        if spread <= SYMMETRIC * float((gap * z * z).sum()):  # everybody was asked
            return 0.0
        return float((gap * y * z - both * y * t).sum()) / spread

    def of_everybody(self, values: Array) -> Array:
        """[groups] what each adds to the mean over all users."""
        sums = np.bincount(self.group, values, self.groups) / len(self.group)
        return np.asarray(sums * math.sqrt(self.groups / max(self.groups - 1, 1)))

    def of_the_asked(self, gaps: Array) -> Array:
        """[groups] what each adds to the mean of what the surrogate gets wrong."""
        sums = np.zeros(self.groups)
        sums[self.group[self.asked]] = self.stands_for * self.deviations(gaps, self.of_asked)
        return sums

    def freedom(self, parts: Array) -> float:
        """Degrees of freedom: those of the strata, and no more than the tails allow.

        Welch and Satterthwaite's, where one weight in each half takes two; and 2 V^2 / var(V) of
        the variance V itself, which for normal deviations is their number, and less where a few
        users make most of it (Satterthwaite, Biometrics Bulletin 1946).
        """
        shares = parts**2
        strata = np.bincount(self.of_asked, shares[1, self.group[self.asked]], self.count)
        freedoms = np.maximum(self.told - 1.0 - 2.0 / self.count, 1.0)
        everybody = float(shares[0].sum() ** 2)
        known = everybody / max(self.groups - 1, 1) + float((strata**2 / freedoms).sum())
        if not known:
            return len(self.asked) - 1.0
        added = parts.sum(axis=0) ** 2
        unsure = float((added**2).sum() - everybody / self.groups - (strata**2 / self.told).sum())
        tails = float(2 * added.sum() ** 2 / unsure) if unsure > 0 else math.inf
        return min(float(shares.sum() ** 2 / known), tails)

    def spread(self, first: Array, second: Array) -> float:
        """Covariance between users, as all of them would have it."""
        x, y = (one - self.stands_for @ one for one in (first, second))
        return float(self.stands_for @ (x * y))

    def correlation(self, first: Array, second: Array) -> float:
        """Likewise; NaN where one of them does not vary."""
        if np.ptp(first) == 0 or np.ptp(second) == 0:
            return math.nan
        below = self.spread(first, first) * self.spread(second, second)
        return self.spread(first, second) / math.sqrt(below) if below > 0 else math.nan


def _means(values: Array, of: Numbers, count: int) -> Array:
    """[count] means by number; 0 where there is nobody."""
    many = np.bincount(of, minlength=count)
    return np.asarray(np.bincount(of, values, count) / np.maximum(many, 1))


def widened(freedom: float, level: float) -> float:
    """How much wider Student's t is than the normal: for bands that know only the normal."""
    tail = (1 + level) / 2
    return float(stats.t.ppf(tail, freedom) / stats.norm.ppf(tail))


@dataclass(frozen=True, eq=False)
class Level:
    """One metric of two arms at one level; aligned by user."""

    control: Columns
    treatment: Columns


@dataclass(frozen=True)
class TwoLevels:
    """An effect, and what the surrogate did for it."""

    effect: Effect
    control: float
    """The metric in the control."""
    treatment: float
    mixed: Mixed
    """Of the difference."""


def effect_of_levels(
    cheap: Level,
    dear: Level,
    asked: Numbers,
    *,
    level: float = 0.95,
    groups: Numbers | None = None,
    strata: Numbers | None = None,
) -> TwoLevels:
    """Treatment minus control, as the language model alone would have it for all users.

    Args:
        cheap: The surrogate's, for all users.
        dear: The language model's, for the users asked.
        asked: [n_asked] their numbers among all users.
        level: Confidence level of the intervals.
        groups: See ``mixed``.
        strata: See ``mixed``.
    """
    base, other = cheap.control.linearised(), cheap.treatment.linearised()
    model_base, model_other = dear.control.linearised(), dear.treatment.linearised()

    def of(all_users: Array, model: Array) -> Mixed:
        return mixed(all_users, model, asked, groups, strata)

    found, control = of(other - base, model_other - model_base), of(base, model_base).value
    lift, lift_low, lift_high = (math.nan,) * 3
    if control > 0:
        lift = found.value / control
        # d(T/C) = (dT - (T/C) dC) / C, whose mean is 0: the interval is around the lift.
        terms = of(
            (other - (1 + lift) * base) / control, (model_other - (1 + lift) * model_base) / control
        )
        low, high = terms.interval(level)
        lift_low, lift_high = lift + low - terms.value, lift + high - terms.value
    low, high = found.interval(level)
    users = len(base) if groups is None else len(np.unique(groups))
    words = f"two levels, {len(asked)} of {users} users asked"
    return TwoLevels(
        effect=Effect(
            difference=found.value,
            ci_low=low,
            ci_high=high,
            p_value=found.p_value(),
            correlation=correlation(model_base, model_other),
            lift=lift,
            lift_low=lift_low,
            lift_high=lift_high,
            standard_error=found.error,
            users=users,
            method=words if cheap.control.denominator is None else f"delta method, {words}",
        ),
        control=control,
        treatment=control + found.value,
        mixed=found,
    )
