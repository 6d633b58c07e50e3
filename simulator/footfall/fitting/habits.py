"""How often and when users come, and how much they take: from logs where they speak."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.specs import Habits
from footfall.errors import DataError

Floats = npt.NDArray[np.float64]

LONGEST_LOOK = 300.0
"""Seconds; longer pauses between two events of a visit are breaks, not reading."""

FEWEST = 30
"""Observations needed before a habit is read from the log."""


@dataclass(frozen=True)
class FittedHabits:
    """What the logs tell about coming and going."""

    habits: Habits
    """Ready for a scenario."""
    gap_days: dict[str, float]
    """User -> mean days between visits, shrunk towards everybody's."""
    hours: Floats
    """[24] share of visits that begin in each hour, UTC."""
    items_a_visit: float
    quantity: float
    """Units of an item, mean over purchases; NaN without purchases."""
    fitted: dict[str, str] = field(default_factory=dict)
    """Habit -> value and what it was read from."""
    assumed: dict[str, str] = field(default_factory=dict)
    """Habit -> default, and why nothing else."""


def fit_habits(rows: pd.DataFrame, at: pd.Timestamp, *, page: int = 10) -> FittedHabits:
    """Read habits from interactions before ``at``.

    Args:
        rows: Canonical interactions, all before ``at``.
        at: End of the observation.
        page: Items of a page, to turn views of a visit into pages.

    Raises:
        DataError: There are no rows, or some are not before ``at``.
    """
    if rows.empty:
        raise DataError("habits: nothing was taken before the split; move the split")
    if (rows["time"] >= at).any():
        raise DataError(f"habits: leak: interactions at or after {at}; cut them first")
    visits = _visits(rows)
    gaps, mean_gap = shrunk_gaps(visits, at)
    fitted = {"gap_days": f"{mean_gap:.2f}, from {len(visits)} visits of {len(gaps)} users"}
    habits: dict[str, float] = {"gap_days": mean_gap}
    _visit_lengths(visits, page, habits, fitted)
    _dwell(rows, habits, fitted)
    bought = rows.loc[rows["action"] == "purchase", "quantity"]
    defaults = Habits()
    names = ("examination", "go_on", "go_on_after_click", "look_seconds", "dwell_seconds")
    assumed = {
        name: f"{getattr(defaults, name)}: the log does not tell"
        for name in names
        if name not in habits
    }
    hours = np.bincount(visits["time"].dt.hour, minlength=24).astype(np.float64)
    return FittedHabits(
        habits=defaults.model_copy(update=habits),
        gap_days=gaps,
        hours=hours / hours.sum(),
        items_a_visit=float(visits["items"].mean()),
        quantity=float(bought.mean()) if len(bought) else float("nan"),
        fitted=fitted,
        assumed=assumed,
    )


def shrunk_gaps(visits: pd.DataFrame, at: pd.Timestamp) -> tuple[dict[str, float], float]:
    """Mean days between visits of each user, and of a user about whom nothing is known.

    Visits are taken for a Poisson process whose rate differs between users by a gamma
    distribution (fitted by moments); a user's rate is then its posterior mean
    (visits - 1 + shape) / (days since the first visit + scale).

    Args:
        visits: One row a visit: ``user``, ``time``.
        at: End of the observation.
    """
    grouped = visits.groupby("user")["time"].agg(["size", "min"])
    # The first visit starts the clock, so it is not counted by it.
    counts = (grouped["size"] - 1).to_numpy(dtype=np.float64)
    days = np.maximum(1.0, (at - grouped["min"]).dt.total_seconds().to_numpy() / 86_400)
    rate = max(1e-6, float(counts.sum() / days.sum()))
    # Var(count) = rate*days + variance*days^2, summed over users.
    extra = float(((counts - rate * days) ** 2 - rate * days).sum() / (days**2).sum())
    variance = max(extra, 1e-4 * rate**2)
    shape, scale = rate**2 / variance, rate / variance
    gaps = (days + scale) / (counts + shape)
    return dict(zip(grouped.index.astype(str), gaps.tolist(), strict=True)), 1.0 / rate


def _visits(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a visit: ``user``, ``time``, ``views``, ``clicks``, ``items``."""
    day = rows["time"].dt.floor("D").astype(str)
    tagged = rows.assign(
        visit=rows["order"].where(rows["order"] != "", day),
        views=rows["action"] == "view",
        clicks=rows["action"] == "click",
    )
    return tagged.groupby(["user", "visit"], as_index=False).agg(
        time=("time", "min"),
        views=("views", "sum"),
        clicks=("clicks", "sum"),
        items=("item", "nunique"),
    )


def _visit_lengths(
    visits: pd.DataFrame, page: int, habits: dict[str, float], fitted: dict[str, str]
) -> None:
    """Log-odds of another page, apart for visits with and without clicks."""
    odds = {}
    for name, part in (
        ("without", visits[(visits["views"] > 0) & (visits["clicks"] == 0)]),
        ("with", visits[(visits["views"] > 0) & (visits["clicks"] > 0)]),
    ):
        if len(part) < FEWEST:
            return
        pages = float(np.ceil(part["views"] / page).sum())
        # Geometric: of all pages, those that are not a visit's last one were gone on from.
        odds[name] = float(np.log((pages - len(part) + 0.5) / (len(part) + 0.5)))
    habits["go_on"] = odds["without"]
    habits["go_on_after_click"] = odds["with"] - odds["without"]
    text = f"from views a visit, in pages of {page}"
    fitted["go_on"] = f"{odds['without']:.2f}, {text}"
    fitted["go_on_after_click"] = f"{habits['go_on_after_click']:.2f}, {text}"


def dwelling(rows: pd.DataFrame) -> dict[str, float]:
    """``dwell_seconds``, where clicks tell it; empty otherwise."""
    found: dict[str, float] = {}
    _dwell(rows, found, {})
    return found


def _dwell(rows: pd.DataFrame, habits: dict[str, float], fitted: dict[str, str]) -> None:
    """Median seconds from a click to the next event of the same visit."""
    known = rows[rows["order"] != ""].sort_values(["user", "order", "time"], kind="stable")
    pause = known.groupby(["user", "order"])["time"].diff(-1).dt.total_seconds().abs()
    after = pause[(known["action"] == "click") & (pause > 0) & (pause <= LONGEST_LOOK)]
    if len(after) >= FEWEST:
        habits["dwell_seconds"] = float(after.median())
        fitted["dwell_seconds"] = f"{habits['dwell_seconds']:.0f}, median of {len(after)} clicks"
