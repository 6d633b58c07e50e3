"""What arms would have earned on pages of a real log, by its propensities.

A logged impression of item i at position r counts for an arm as often as the arm would show i,
over the chance that the policy that logged put i at r. In one of two ways:

    by position   w = P(arm puts i anywhere on the page) / (places * P(log puts i at r)), and what
                  came of it is multiplied by the chance that i is looked at where the arm puts it,
                  over that at r: right under the position-based model (Craswell and others, 2008),
                  with the reading that the simulated users have
    by place      w = P(arm puts i at r) / P(log puts i at r): right under the item-position model
                  (Li and others, "Offline evaluation of ranking policies with click models", KDD
                  2018), whatever the reading, but worth far fewer impressions

The first is used where the reading is known. Later pages of a visit are weighted alike, the arm
being asked as if the earlier ones had been its own; first and later pages are normalised apart,
because what was shown on the first page cannot come again on the second. Estimates are means an
impression, in logged proportions of first and later pages:

    IPS     sum of w y / impressions
    SNIPS   sum of w y / sum of w, first and later pages apart
    DR      what the simulated users would do on the arm's pages, times sum of w y / sum of w q:
            how much more than they foresaw (q) came of the weighted impressions

DR is the ratio estimator of survey sampling with the simulation as auxiliary variable. It is right
if the weights are or if the simulation is, and calmer than the sum of w (y - q), because a weight
moves both sides alike and a wrong level of the simulation cancels.

Weights are cut at the square root of the number of impressions (Ionides, Journal of Computational
and Graphical Statistics 2008). Users are resampled, the same for all arms.

The mean weight of an arm that knows nothing of the judged days is 1, whatever it shows: what the
policy that logged drew is independent of it. Far above 1 the arm shows what was drawn, and it can
know that only from the judged days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall_eval.statistics.resample import weights

Floats = npt.NDArray[np.float64]
Outcome = Literal["clicks", "purchases"]

DRAWS = 1000
"""Resamples of users."""

STRATA = 2
"""First pages of visits, and later ones."""

LEAK_ERRORS = 4.0
"""Standard errors by which the mean weight of an arm may lie above 1 by luck: one arm in 30,000."""

FAR_ABOVE = 0.1
"""By so much it must lie above 1 at least."""


@dataclass(frozen=True, eq=False)
class LoggedArm:
    """One arm on the judged pages; draws are [resamples] over users, the same for all arms."""

    name: str
    ips: float
    snips: float
    doubly_robust: float
    """NaN where the simulated users' chances are not known."""
    simulated: float
    """What the simulated users are expected to do on the arm's pages; NaN where not known."""
    snips_draws: Floats
    robust_draws: Floats
    simulated_draws: Floats
    effective_sample_size: float
    """(sum of w)^2 / sum of w^2: how many impressions the weighted ones are worth."""
    effective_outcomes: float
    """The same of w y: how many clicks (purchases) the estimate rests on."""
    mean_weight: float
    """On first pages, before cutting: 1 on average if propensities are right."""
    mean_weight_error: float
    """Standard error over users."""
    clipped: int
    """Weights that were cut."""

    @property
    def knows_the_days(self) -> bool:
        """Whether it shows what was logged more often than anybody could who has not seen it."""
        above = self.mean_weight - 1.0
        return above > FAR_ABOVE and above > LEAK_ERRORS * self.mean_weight_error


@dataclass(frozen=True)
class LoggedArms:
    """All arms that were asked, in one outcome."""

    outcome: Outcome
    arms: Mapping[str, LoggedArm]
    impressions: int
    pages: int
    users: int
    logged: float
    """Mean of the outcome an impression, as logged."""


def logged_arms(
    shown: pd.DataFrame, arms: pd.DataFrame, outcome: Outcome, seed: int = 0
) -> LoggedArms:
    """Estimate every arm's mean outcome an impression.

    Args:
        shown: ``run_folder.logged.LOGGED`` rows of the days to use.
        arms: ``LOGGED_ARMS`` rows; arms that lack some of the pages are left out.
        outcome: What is counted.
        seed: Of the resamples.
    """
    users, names = pd.factorize(shown["user"])
    drawn = weights(len(names), seed, draws=DRAWS)
    base = shown.assign(
        user=users,
        stratum=np.minimum(shown["depth"].to_numpy(), STRATA - 1),
        places=shown.groupby("page")["position"].transform("size"),
        reward=shown["clicked" if outcome == "clicks" else "bought"].astype(float),
        foreseen=shown["p_click"] * (1.0 if outcome == "clicks" else shown["p_buy"]),
    ).drop(columns=["item", "p_click"])
    found = {}
    for name, rows in arms.groupby("arm", sort=False):
        whole = base.merge(rows, on=["page", "position"], validate="one_to_one")
        if len(whole) == len(base):
            direct = whole["p_click" if outcome == "clicks" else "p_purchase"].to_numpy(np.float64)
            found[str(name)] = _estimate(str(name), whole, direct, drawn)
    return LoggedArms(
        outcome,
        found,
        len(base),
        shown["page"].nunique(),
        len(names),
        float(base["reward"].mean()),
    )


@dataclass(frozen=True)
class _Weighted:
    """[n] weights of the impressions, and what their outcomes are multiplied by."""

    raw: Floats
    cut: Floats
    gain: Floats


def _weighted(rows: pd.DataFrame) -> _Weighted:
    chance = rows["propensity"].to_numpy()
    reading = rows["p_examine"].to_numpy(np.float64)
    raw, gain = rows["target"].to_numpy() / chance, np.ones(len(rows))
    if np.isfinite(reading).all() and (reading > 0).all():
        placed, reach = rows["placed"].to_numpy(), rows["reach"].to_numpy()
        raw = placed / chance / rows["places"].to_numpy()
        gain = np.divide(reach, placed * reading, out=gain, where=placed > 0)
    return _Weighted(raw, np.minimum(raw, np.sqrt(len(rows))), gain)


def _estimate(name: str, rows: pd.DataFrame, direct: Floats, drawn: Floats) -> LoggedArm:
    weighted = _weighted(rows)
    w, gain = weighted.cut, weighted.gain
    reward, foreseen = rows["reward"].to_numpy(), rows["foreseen"].to_numpy(np.float64)
    stratum, user = rows["stratum"].to_numpy(), rows["user"].to_numpy()
    n_users = drawn.shape[1]

    def sums(values: Floats) -> Floats:
        """[n_users, strata] of one number an impression."""
        cells = np.bincount(user * STRATA + stratum, values, minlength=n_users * STRATA)
        return np.asarray(cells.reshape(-1, STRATA), dtype=np.float64)

    parts = _Sums(
        count=sums(np.ones(len(rows))),
        mass=sums(w),
        paid=sums(w * gain * reward),
        foreseen=sums(w * gain * foreseen),
        expected=sums(direct),
    )
    whole = parts.means(np.ones((1, n_users)))
    draws = parts.means(drawn)
    first = stratum == 0
    seen = sums(weighted.raw)[:, 0], sums(np.ones(len(rows)))[:, 0]
    return LoggedArm(
        name=name,
        ips=float((w * gain * reward).mean()),
        snips=float(whole[0][0]),
        doubly_robust=float(whole[1][0]),
        simulated=float(whole[2][0]),
        snips_draws=draws[0],
        robust_draws=draws[1],
        simulated_draws=draws[2],
        effective_sample_size=_worth(w),
        effective_outcomes=_worth(w * gain * reward),
        mean_weight=float(weighted.raw[first].mean()) if first.any() else float("nan"),
        mean_weight_error=float(np.std((drawn @ seen[0]) / (drawn @ seen[1]))),
        clipped=int((weighted.raw > w).sum()),
    )


@dataclass(frozen=True)
class _Sums:
    """[n_users, strata] sums that the estimates are ratios of."""

    count: Floats
    mass: Floats
    paid: Floats
    foreseen: Floats
    expected: Floats

    def means(self, shares: Floats) -> tuple[Floats, Floats, Floats]:
        """SNIPS, DR and the simulation's mean an impression, for each row of user weights."""
        n, m = shares @ self.count, shares @ self.mass
        part = n / n.sum(axis=1, keepdims=True)
        paid, foreseen = (
            (part * np.divide(shares @ of, m, out=np.zeros_like(m), where=m > 0)).sum(axis=1)
            for of in (self.paid, self.foreseen)
        )
        simulated = (shares @ self.expected).sum(axis=1) / n.sum(axis=1)
        factor = np.divide(paid, foreseen, out=np.full_like(paid, np.nan), where=foreseen > 0)
        return paid, simulated * factor, simulated


def _worth(weight: Floats) -> float:
    """How many equal weights these are worth."""
    square = float((weight**2).sum())
    return float(weight.sum()) ** 2 / square if square else 0.0
