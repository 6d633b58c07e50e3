"""Block G where the log has propensities: order and size of lifts on logged pages.

What an arm would really have earned is its SNIPS estimate; what the simulated users would do on
the same pages is held against it. Pass: Kendall's tau-b of at least .64 over at least 8 arms, no
rival ahead beyond luck (offline NDCG of an earlier period, a user who clicks by popularity), and a
slope of simulated on real lifts of .5 to 2. The slope is that of real on simulated lifts turned
round: SNIPS has luck that would otherwise flatten it, the simulation's expectation has none.

Where items of a page compete by what the users were fitted to, SNIPS ratios are brought to whole
pages (``statistics.whole_pages``). That would flatter users whose rule is wrong, so the same days
are asked how much more those pages were clicked that the users expect to be clicked more; where
they refute the users, the block is amber at best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import kendalltau

from footfall_eval.blocks.grading import not_run
from footfall_eval.blocks.ranking import FEWEST, SLOPE_RANGE, TAU_PASS, order_draws
from footfall_eval.reading.block import Block, BlockStatus
from footfall_eval.statistics.competing import Competition
from footfall_eval.statistics.logged import LoggedArm, LoggedArms
from footfall_eval.statistics.resample import Interval, spread
from footfall_eval.statistics.whole_pages import on_whole_pages

Floats = npt.NDArray[np.float64]

PROPENSITIES = "propensities"
"""What this block G rests on."""

FEWEST_OUTCOMES = 10.0
"""Clicks that an arm's estimate must be worth to be ranked."""


@dataclass(frozen=True)
class WholePages:
    """What the judged days say of pages as they were shown."""

    rule: Competition | None
    """How items of a page compete, to the users that are judged; None: they do not."""
    slope: float
    """How much more a page was clicked that the users expect to be clicked more by a little, within
    real users: 1 is right; NaN: nothing to tell it by."""
    error: float
    refuted: bool
    """Whether it is told from 1."""


def logged_ranking(
    found: LoggedArms,
    *,
    base: str,
    offline: dict[str, float],
    popularity: dict[str, float],
    whole: WholePages,
) -> Block:
    """Judge the simulated users by what the log says of many arms.

    Args:
        found: Estimates of every arm, the simulated users' expectations among them.
        base: Arm that lifts are over.
        offline: NDCG of each arm, trained and tested before the judged days.
        popularity: What a user who clicks by popularity would do on each arm's pages.
        whole: What is known of pages as they were shown.
    """
    ranked = [arm for arm in _honest(found) if arm.effective_outcomes >= FEWEST_OUTCOMES]
    names = [arm.name for arm in ranked]
    if len(ranked) < FEWEST or base not in names:
        why = f"the log speaks of {len(ranked)} arms only, and {FEWEST} are needed"
        return not_run("G", why, {"judged by": PROPENSITIES})
    zero = names.index(base)
    ranked = on_whole_pages(ranked, ranked[zero], whole.rule, found.impressions / found.pages)
    real = np.array([arm.snips for arm in ranked])
    simulated = np.array([arm.simulated for arm in ranked])
    draws = _Draws.of(ranked)
    tau = spread(_tau(simulated, real), order_draws(draws.simulated, draws.real))
    rivals, ahead = _rivals(names, (offline, popularity), real, draws, simulated)
    slope = spread(
        _slope(_lifts(simulated, zero), _lifts(real, zero)),
        _slopes(_lifts(draws.simulated, zero), _lifts(draws.real, zero)),
    )
    rows = _rows(ranked, zero, offline)
    metrics = {
        **_judged_by(found, ranked),
        "tau": tau.value,
        "tau interval": tau.pair(),
        **rivals,
        "on whole pages": whole.rule is not None,
        "page slope": whole.slope,
        "page slope error": whole.error,
        "slope": slope.value,
        "slope interval": slope.pair(),
        "tau of doubly robust": _tau(
            simulated, np.array([arm.doubly_robust for arm in ranked], dtype=np.float64)
        ),
    }
    status = _status(tau.value, slope.value, ahead)
    if whole.refuted and status == "pass":
        status = "amber"
    plots = {"ranking": list(rows), "slope": slope.value}
    return Block("G", status, _explain(metrics, base, ahead, whole), metrics, rows, plots)


def _honest(found: LoggedArms) -> list[LoggedArm]:
    """Arms that have not seen the judged days."""
    return [arm for arm in found.arms.values() if not arm.knows_the_days]


def _judged_by(found: LoggedArms, ranked: list[LoggedArm]) -> dict[str, Any]:
    """What the ranking rests on, and which arms it leaves out."""
    names, honest = {arm.name for arm in ranked}, [arm.name for arm in _honest(found)]
    return {
        "judged by": PROPENSITIES,
        "users": found.users,
        "logged pages": found.pages,
        "recommenders": len(names),
        "not ranked, too little overlap": [name for name in honest if name not in names],
        "not ranked, they have seen the judged days": sorted(set(found.arms) - {*honest}),
        "effective sample size, smallest": min(arm.effective_sample_size for arm in ranked),
    }


class _Draws:
    """[draws, n_arms] of resampled users."""

    def __init__(self, simulated: Floats, real: Floats) -> None:
        self.simulated, self.real = simulated, real

    @classmethod
    def of(cls, arms: list[LoggedArm]) -> _Draws:
        return cls(
            np.stack([arm.simulated_draws for arm in arms], axis=1),
            np.stack([arm.snips_draws for arm in arms], axis=1),
        )


def _rivals(
    names: list[str],
    rivals: tuple[dict[str, float], dict[str, float]],
    real: Floats,
    draws: _Draws,
    simulated: Floats,
) -> tuple[dict[str, Any], list[str]]:
    """Each rival's tau, and which of them are ahead beyond luck."""
    metrics: dict[str, Any] = {}
    ahead = []
    mine = order_draws(draws.simulated, draws.real)
    for label, values in zip(("offline ndcg", "popularity clicks"), rivals, strict=True):
        order = np.array([values.get(name, np.nan) for name in names])
        metrics[f"tau of {label}"] = _tau(order, real)
        theirs = order_draws(np.broadcast_to(order, draws.real.shape), draws.real)
        gap = spread(_tau(simulated, real) - _tau(order, real), mine - theirs)
        metrics[f"tau above that of {label} interval"] = gap.pair()
        if gap.high < 0:
            ahead.append(label)
    return metrics, ahead


def _status(tau: float, slope: float, ahead: list[str]) -> BlockStatus:
    if np.isnan(tau):
        return "not run"
    if tau < TAU_PASS:
        return "red"
    return "pass" if not ahead and SLOPE_RANGE[0] <= slope <= SLOPE_RANGE[1] else "amber"


def _tau(a: Floats, b: Floats) -> float:
    known = np.isfinite(a) & np.isfinite(b)
    return float(kendalltau(a[known], b[known], variant="b").statistic)


def _lifts(means: Floats, zero: int) -> Floats:
    """[..., n] relative lift over the base, the base itself left out."""
    with np.errstate(invalid="ignore", divide="ignore"):
        lifts = means / means[..., zero : zero + 1] - 1
    return np.asarray(np.delete(lifts, zero, axis=-1))


def _slopes(simulated: Floats, real: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((simulated**2).sum(axis=-1) / (simulated * real).sum(axis=-1))


def _slope(simulated: Floats, real: Floats) -> float:
    return float(_slopes(simulated, real))


def _rows(
    arms: list[LoggedArm], zero: int, offline: dict[str, float]
) -> tuple[dict[str, Any], ...]:
    base = arms[zero]
    return tuple(
        {
            "recommender": arm.name,
            "simulated": arm.simulated,
            "real": arm.snips,
            "simulated lift": arm.simulated / base.simulated - 1 if base.simulated else np.nan,
            "real lift": arm.snips / base.snips - 1 if base.snips else np.nan,
            "real lift interval": _lift_interval(arm, base).pair(),
            "doubly robust": arm.doubly_robust,
            "effective sample size": arm.effective_sample_size,
            "mean weight": arm.mean_weight,
            "offline ndcg": offline.get(arm.name, np.nan),
        }
        for arm in sorted(arms, key=lambda arm: -arm.snips)
    )


def _lift_interval(arm: LoggedArm, base: LoggedArm) -> Interval:
    with np.errstate(invalid="ignore", divide="ignore"):
        return spread(arm.snips / base.snips - 1, arm.snips_draws / base.snips_draws - 1)


def _explain(metrics: dict[str, Any], base: str, ahead: list[str], whole: WholePages) -> str:
    low, high = metrics["tau interval"]
    first, last = metrics["slope interval"]
    words = f"; {' and '.join(ahead)} is ahead" if ahead else ""
    return (
        f"Over {metrics['recommenders']} recommenders on {metrics['logged pages']:,} logged pages "
        f"the simulated order agrees with off-policy estimates with tau {metrics['tau']:.2f} (95% "
        f"interval {low:.2f} to {high:.2f}; offline NDCG {metrics['tau of offline ndcg']:.2f}, a "
        f"popularity-click user {metrics['tau of popularity clicks']:.2f}{words}). Lifts over "
        f"{base} are {metrics['slope']:.2f} times the real ones ({first:.2f} to {last:.2f})."
        + _of_pages(whole)
    )


def _of_pages(whole: WholePages) -> str:
    words = ""
    if whole.rule is not None:
        words = " What the log says of single items is brought to whole pages, whose items compete."
    if whole.refuted:
        words += (
            f" But pages that the users expect to be clicked 10% more were clicked "
            f"{1.1**whole.slope - 1:.0%} more: the lifts of whole pages are off by that share."
        )
    return words
