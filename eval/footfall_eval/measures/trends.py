"""What an arm shows and what is taken, period by period: is a loop closing?

A recommender that learns from what it has shown may show ever fewer items to ever more alike
users (Chaney, Stewart and Engelhardt, RecSys 2018). A single figure over the whole run hides
that; here every figure is of one week (or day, for short runs) of one arm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall_eval.measures.metrics import gini, mean_diversity
from footfall_eval.reading.load import RunLog

WEEK = 7.0

LONG = 21.0
"""Days from which on a run is looked at in weeks; shorter ones in days."""

HEAD = 0.1
"""Share of the catalogue, the most taken before the run, that counts as popular."""


@dataclass(frozen=True)
class Period:
    """One arm in one week or day; NaN where nothing was shown."""

    arm: str
    number: int
    """From 0."""
    gini: float
    """Of impressions over the catalogue: 0 even, 1 all on one item."""
    coverage: float
    """Share of the catalogue that was shown."""
    diversity: float
    """Share of pairs of items of a page that are of different categories."""
    head: float
    """Share of impressions that go to the tenth of items most popular before the run."""
    clicks: float
    """Per visit."""


@dataclass(frozen=True)
class Trends:
    """All periods of a run."""

    unit: str
    """"week" or "day"."""
    periods: tuple[Period, ...]

    @property
    def length(self) -> int:
        """Periods of an arm."""
        return 1 + max((one.number for one in self.periods), default=-1)

    def of(self, arm: str) -> tuple[Period, ...]:
        """An arm's periods in the order of time."""
        return tuple(one for one in self.periods if one.arm == arm)

    def to_frame(self) -> pd.DataFrame:
        """One row an arm and period."""
        return pd.DataFrame([vars(one) for one in self.periods])


def trends(log: RunLog) -> Trends | None:
    """Exposure by week, or by day for runs of less than three; None without an items table.

    A last week of less than three days and a half is left out: fewer pages cover fewer items.
    """
    items = log.table("items")
    days, start = log.length("days"), log.start
    if items is None or days is None or start is None:
        return None
    length = WEEK if days >= LONG else 1.0
    number = max(1, math.floor(days / length + 0.5))
    shown, paged, visits = _counted(log, start, length, items)
    popular = _head(items)
    ids = items["item"].astype(str).to_numpy()
    found = []
    for arm in log.arms:
        for period in range(number):
            key = (arm, period)
            counts = shown.get(key, pd.Series(dtype=float)).reindex(ids).fillna(0.0).to_numpy()
            total = counts.sum()
            found.append(
                Period(
                    arm=arm,
                    number=period,
                    gini=gini(counts),
                    coverage=float((counts > 0).mean()) if total else math.nan,
                    diversity=paged.get(key, math.nan),
                    head=float(counts[popular].sum() / total) if total else math.nan,
                    clicks=visits.get(key, math.nan),
                )
            )
    return Trends("week" if length == WEEK else "day", tuple(found))


_Key = tuple[str, int]


def _counted(
    log: RunLog, start: pd.Timestamp, length: float, items: pd.DataFrame
) -> tuple[dict[_Key, pd.Series], dict[_Key, float], dict[_Key, float]]:
    """Impressions by item, diversity of pages, and clicks a visit, of each arm and period."""
    since = f"TIMESTAMP '{start.isoformat()}'"
    period = f"floor(epoch({{column}} - {since}) / {86_400 * length})::INT AS period"
    run = log.connection.execute
    shown = run(
        f"SELECT arm, {period.format(column='time')}, item, count(*) AS n "  # noqa: S608 - ours
        "FROM impressions GROUP BY ALL"
    ).df()
    codes, _ = pd.factorize(items["category"].astype(str))
    lookup = pd.DataFrame({"item": items["item"].astype(str), "category": codes})
    log.connection.register("kind_of", lookup)
    pages = run(
        f"""
        WITH counted AS (
            SELECT arm, {period.format(column="time")}, hash("user", session, page) AS page,
                   category, count(*) AS n
            FROM impressions JOIN kind_of USING (item) GROUP BY ALL
        ), paged AS (
            SELECT arm, period, page, sum(n) AS k, sum(n * (n - 1)) AS same
            FROM counted GROUP BY ALL
        )
        SELECT arm, period, k, same, count(*) AS pages FROM paged WHERE k > 1 GROUP BY ALL
        """  # noqa: S608 - likewise
    ).df()
    log.connection.unregister("kind_of")
    visits = run(
        f"SELECT arm, {period.format(column='start')}, avg(clicks) "  # noqa: S608 - likewise
        "FROM sessions GROUP BY ALL"
    ).fetchall()
    by_item = {
        (str(arm), int(number)): rows.set_index("item")["n"]
        for (arm, number), rows in shown.groupby(["arm", "period"])
    }
    paged = {
        (str(arm), int(number)): mean_diversity(rows)
        for (arm, number), rows in pages.groupby(["arm", "period"])
    }
    clicks = {(str(arm), int(number)): float(value) for arm, number, value in visits}
    return by_item, paged, clicks


def _head(items: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """[n_items] True for the most popular tenth before the run; ties by the items' order."""
    popularity = items["popularity"].to_numpy(dtype=np.float64)
    chosen = np.zeros(len(items), dtype=np.bool_)
    count = max(1, round(HEAD * len(items)))
    chosen[np.argsort(-popularity, kind="stable")[:count]] = True
    return chosen
