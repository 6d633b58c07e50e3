"""Block G: are recommenders put in the right order, with lifts of the right size?

Pass: Kendall's tau-b of at least .64 between simulated purchases and held-out real hits of the
same slates by the same users, over at least 8 recommenders, and above both rivals: the order by
offline NDCG of an earlier period, and a user who clicks by popularity. Nothing can be above 1,
so at 1 an equal rival does not count. The slope of simulated on real lifts must be .5 to 2 as it
is: a slope of one half of the users over that of the other half would always be about 1.

Hits among what the old policy let users find favour recommenders like it: the true world itself
can fail here. Where the log has propensities, ``blocks.logged_ranking`` judges instead; by hits
alone nothing is ever "validated" (see ``blocks.decide``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import kendalltau

from footfall_eval.blocks.grading import not_run
from footfall_eval.reading.block import Block, BlockStatus
from footfall_eval.statistics.resample import Interval, spread, weights

Floats = npt.NDArray[np.float64]

TAU_PASS = 0.64
ALIKE = 1e-9
"""Relative difference of what is taken below which recommenders are all the same to users."""

FEWEST = 8
SLOPE_RANGE = (0.5, 2.0)

DRAWN_ANEW = "tau of real users drawn anew"
"""The real order against itself, with the luck of who is there: nobody could be told to beat it."""

HITS = "hits"
"""What block G rests on where nobody knows with which chance items were shown."""

_HALVINGS = 200


@dataclass(frozen=True)
class SlateFigures:
    """[n_users, n_recommenders] per-user figures of the same slates."""

    names: tuple[str, ...]
    simulated: Floats
    """Purchases that the simulated users make, expected or drawn."""
    real: Floats
    """Held-out items that the same user really took."""
    popularity: Floats
    """What a user who clicks by popularity would do."""
    offline: Floats
    """[n_recommenders] NDCG of the recommender trained and tested before the split."""

    @classmethod
    def of(cls, frame: pd.DataFrame, offline: dict[str, float]) -> SlateFigures:
        """From rows ``user``, ``recommender``, ``simulated``, ``real``, ``popularity``."""
        names = tuple(dict.fromkeys(frame["recommender"]))
        grids = {
            column: frame.pivot_table(index="user", columns="recommender", values=column)
            .reindex(columns=list(names))
            .to_numpy(np.float64)
            for column in ("simulated", "real", "popularity")
        }
        order = np.array([offline.get(name, np.nan) for name in names])
        return cls(names, grids["simulated"], grids["real"], grids["popularity"], order)


def ranking(slates: SlateFigures, *, base: str, seed: int, k: int) -> Block:
    """Compare simulated with real means of recommenders; lifts are over ``base``."""
    simulated, real = slates.simulated.mean(axis=0), slates.real.mean(axis=0)
    if len(slates.names) < 3 or np.ptp(real) == 0:
        return not_run("G", "the held-out period has too few hits to order recommenders by")
    if np.ptp(simulated) <= ALIKE * np.abs(simulated).max():
        return _indifferent(slates)
    drawn = weights(len(slates.real), seed, draws=1000)
    tau = _tau_interval(slates, drawn)
    anew = _drawn_anew(slates, drawn)
    rivals = {
        "tau of offline ndcg": _tau(slates.offline, real),
        "tau of popularity clicks": _tau(slates.popularity.mean(axis=0), real),
    }
    zero = slates.names.index(base)
    slope = _slope_interval(slates, zero, drawn)
    found = kendalltau(simulated, real, variant="b", method="auto")
    metrics: dict[str, Any] = {
        "users": len(slates.real),
        "recommenders": len(slates.names),
        "items a slate": k,
        "real hits": float(slates.real.sum()),
        "tau": tau.value,
        "tau interval": tau.pair(),
        "tau p-value": float(found.pvalue),
        **rivals,
        "tau of real halves": _noise_ceiling(slates, seed),
        DRAWN_ANEW: anew.value,
        f"{DRAWN_ANEW} interval": anew.pair(),
        **_clear_pairs(slates, drawn),
        "top-1 regret": _regret(simulated, real),
        "slope": slope.value,
        "slope interval": slope.pair(),
        "judged by": HITS,
    }
    rows = _rows(slates, zero)
    status = _status(tau.value, rivals, slope.value, len(slates.names))
    plots = {"ranking": list(rows), "slope": slope.value}
    return Block("G", status, _explain(metrics, base), metrics, rows, plots)


def _indifferent(slates: SlateFigures) -> Block:
    """Users who take as much from every recommender order nothing."""
    metrics: dict[str, Any] = {
        "users": len(slates.real),
        "recommenders": len(slates.names),
        "tau": 0.0,
        "tau interval": (0.0, 0.0),
        "tau of offline ndcg": _tau(slates.offline, slates.real.mean(axis=0)),
        "slope": 0.0,
        "slope interval": (0.0, 0.0),
        "judged by": HITS,
    }
    why = (
        "The simulated users take as much from every recommender: they know of no difference "
        "between items, so they order no recommenders."
    )
    return Block("G", "red", why, metrics)


def _status(tau: float, rivals: dict[str, float], slope: float, recommenders: int) -> BlockStatus:
    if recommenders < FEWEST or np.isnan(tau):
        return "not run"
    if tau < TAU_PASS:
        return "red"
    beaten = all(tau > rival or np.isnan(rival) or tau >= 1 for rival in rivals.values())
    sized = SLOPE_RANGE[0] <= slope <= SLOPE_RANGE[1]
    return "pass" if beaten and sized else "amber"


def _tau(a: Floats, b: Floats) -> float:
    return float(kendalltau(a, b, variant="b").statistic)


def _tau_interval(slates: SlateFigures, drawn: Floats) -> Interval:
    """Tau-b of the means, and its interval over resampled users."""
    value = _tau(slates.simulated.mean(axis=0), slates.real.mean(axis=0))
    draws = order_draws(drawn @ slates.simulated, drawn @ slates.real)
    return spread(value, draws)


def order_draws(a: Floats, b: Floats) -> Floats:
    """[draws] Kendall's tau-b of each row of two [draws, n] arrays."""
    i, j = np.triu_indices(a.shape[1], 1)
    x, y = np.sign(a[:, i] - a[:, j]), np.sign(b[:, i] - b[:, j])
    ties = np.sqrt((x != 0).sum(axis=1) * (y != 0).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((x * y).sum(axis=1) / ties)


def _drawn_anew(slates: SlateFigures, drawn: Floats) -> Interval:
    """Mean tau between the real order and that of as many real users drawn anew, and 95% of it.

    Luck of who is among the users moves the real order by so much; a simulation that knew the
    truth would differ from it as often.
    """
    means = drawn @ slates.real
    taus = order_draws(means, np.broadcast_to(slates.real.mean(axis=0), means.shape))
    return spread(float(np.nanmean(taus)), taus)


def _noise_ceiling(slates: SlateFigures, seed: int) -> float:
    """Mean tau between the real orders of two halves of the users: what is attainable."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(_HALVINGS):
        half = rng.permutation(len(slates.real)) < len(slates.real) // 2
        a, b = slates.real[half].mean(axis=0), slates.real[~half].mean(axis=0)
        found.append(order_draws(a[None], b[None])[0])
    return float(np.nanmean(found))


def _clear_pairs(slates: SlateFigures, drawn: Floats) -> dict[str, float]:
    """Pairs whose real difference is beyond luck over users, and how many come out right."""
    i, j = np.triu_indices(slates.real.shape[1], 1)
    gaps = drawn @ (slates.real[:, i] - slates.real[:, j])
    low, high = np.quantile(gaps, [0.025, 0.975], axis=0)
    clear = (low > 0) | (high < 0)
    means = slates.simulated.mean(axis=0), slates.real.mean(axis=0)
    right = np.sign(means[0][i] - means[0][j]) == np.sign(means[1][i] - means[1][j])
    share = float(right[clear].mean()) if clear.any() else np.nan
    return {"clear pairs": float(clear.sum()), "clear pairs in the right order": share}


def _lifts(means: Floats, zero: int) -> Floats:
    """[..., n] relative lift of each recommender over the base; NaN where the base is 0."""
    base = means[..., zero : zero + 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(base > 0, means / base - 1, np.nan))


def _slope(simulated: Floats, real: Floats) -> Floats:
    """Slope through the origin of simulated on real lifts: 1 is the right size."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((simulated * real).sum(axis=-1) / (real * real).sum(axis=-1))


def _slope_interval(slates: SlateFigures, zero: int, drawn: Floats) -> Interval:
    simulated, real = _lifts(drawn @ slates.simulated, zero), _lifts(drawn @ slates.real, zero)
    value = _slope(
        _lifts(slates.simulated.mean(axis=0), zero), _lifts(slates.real.mean(axis=0), zero)
    )
    return spread(float(value), _slope(simulated, real))


def _regret(simulated: Floats, real: Floats) -> float:
    """Share of the best real outcome that is lost by shipping the simulated winner."""
    return float(1 - real[int(np.argmax(simulated))] / real.max())


def _rows(slates: SlateFigures, zero: int) -> tuple[dict[str, Any], ...]:
    simulated, real = slates.simulated.mean(axis=0), slates.real.mean(axis=0)
    lifts = _lifts(simulated, zero), _lifts(real, zero)
    return tuple(
        {
            "recommender": slates.names[column],
            "simulated": float(simulated[column]),
            "real": float(real[column]),
            "simulated lift": float(lifts[0][column]),
            "real lift": float(lifts[1][column]),
            "offline ndcg": float(slates.offline[column]),
        }
        for column in np.argsort(-real, kind="stable")
    )


def _explain(metrics: dict[str, Any], base: str) -> str:
    low, high = metrics["tau interval"]
    first, last = metrics["slope interval"]
    return (
        f"Over {metrics['recommenders']} recommenders and {metrics['users']} users the simulated "
        f"order agrees with held-out hits with tau {metrics['tau']:.2f} (95% interval "
        f"{low:.2f} to {high:.2f}; offline NDCG {metrics['tau of offline ndcg']:.2f}, a "
        f"popularity-click user {metrics['tau of popularity clicks']:.2f}). Lifts over {base} "
        f"are {metrics['slope']:.2f} times the real ones ({first:.2f} to {last:.2f}). As many "
        f"real users drawn anew would agree with these to {metrics[DRAWN_ANEW]:.2f}."
    )
