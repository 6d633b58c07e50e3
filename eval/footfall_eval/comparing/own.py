"""Metrics of one's own: a line of SQL over a user's impressions, compared like all others."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import duckdb
import numpy as np
import pandas as pd

from footfall.errors import UserError, one_line
from footfall_eval.measures.metrics import Columns
from footfall_eval.reading.load import RunLog
from footfall_eval.statistics.effects import Effect, effect


@dataclass(frozen=True)
class OwnMetric:
    """A figure of an arm: the mean over users of ``value``, or sum of it over sum of ``per``."""

    name: str
    value: str
    """SQL aggregate over the impressions of one user in one arm, for instance
    ``count(*) FILTER (bought AND price > 20)``. Columns are those of ``RUN/impressions``."""
    per: str | None = None
    """SQL aggregate that it is divided by; None: a mean over users, 0 for who never came."""


@dataclass(frozen=True)
class OwnComparison:
    """One own metric in all arms, and its differences from the control."""

    metric: OwnMetric
    control: str
    values: dict[str, float]
    """Arm -> its figure."""
    effects: dict[str, Effect]
    """Treatment -> its difference from the control."""

    def to_frame(self) -> pd.DataFrame:
        """One row a treatment."""
        frame = pd.DataFrame([asdict(found) for found in self.effects.values()])
        frame.insert(0, "metric", self.metric.name)
        frame.insert(1, "treatment", list(self.effects))
        frame.insert(2, "control_value", self.values[self.control])
        frame.insert(3, "treatment_value", [self.values[arm] for arm in self.effects])
        return frame


def compare_own(
    log: RunLog, metric: OwnMetric, *, control: str | None = None, level: float = 0.95
) -> OwnComparison:
    """Compare the arms of a run in a metric of one's own, over the same users as ``compare``.

    Raises:
        UserError: The SQL is wrong, or there is no such arm.
    """
    base = control or log.control
    if base not in log.arms:
        raise UserError(f'no arm "{base}"; the arms: {", ".join(log.arms)}')
    counted = _counted(log, metric)
    columns = {arm: _columns(counted, arm, metric.per is not None) for arm in log.arms}
    effects = {
        arm: effect(columns[base], columns[arm], design=log.design, level=level)
        for arm in log.arms
        if arm != base
    }
    return OwnComparison(metric, base, {arm: c.value for arm, c in columns.items()}, effects)


def _counted(log: RunLog, metric: OwnMetric) -> pd.DataFrame:
    """One row for every (arm, user) that could have come, with ``value`` and ``per``."""
    below = "NULL" if metric.per is None else metric.per
    query = f"""
        SELECT arm, "user", ({metric.value})::DOUBLE AS value, ({below})::DOUBLE AS per
        FROM impressions GROUP BY arm, "user"
    """  # noqa: S608 - a metric is code of its author, over a connection that only reads a log
    try:
        found: pd.DataFrame = log.execute(query).df()
    except duckdb.Error as error:
        raise UserError(f'metric "{metric.name}": {one_line(error, 200)}') from None
    whole = log.per_user()[["arm", "user"]].merge(found, on=["arm", "user"], how="left")
    return whole.fillna({"value": 0.0, "per": 0.0})


def _columns(counted: pd.DataFrame, arm: str, ratio: bool) -> Columns:
    rows = counted[counted["arm"] == arm]
    values = rows["value"].to_numpy(np.float64)
    assert all(map(math.isfinite, values)), "missing ones are 0"
    return Columns(values, rows["per"].to_numpy(np.float64) if ratio else None)
