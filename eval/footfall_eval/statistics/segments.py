"""For whom is the effect larger? Estimates by segment, drawn together as far as luck explains.

With many small segments the largest raw effect is mostly luck. Partial pooling (empirical
Bayes: normal effects around a common mean, the variance between segments by Paule and
Mandel's method) moves each segment towards the mean by the share of its spread that is noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from footfall_eval.measures.metrics import columns, derive, find_metrics
from footfall_eval.reading.load import COUNTS, Design
from footfall_eval.statistics.effects import effect

MIN_USERS = 20
"""Segments with fewer users are left out and counted."""

MAX_LEVELS = 12
"""Profile columns with more values than this are no segmentation."""


@dataclass(frozen=True)
class SegmentEffect:
    """One segment: its raw effect, and the same after partial pooling."""

    segment: str
    users: int
    raw: float
    raw_low: float
    raw_high: float
    difference: float
    """After pooling."""
    ci_low: float
    ci_high: float


@dataclass(frozen=True)
class Segmentation:
    """All segments of one profile column."""

    column: str
    metric: str
    segments: tuple[SegmentEffect, ...]
    p_value: float
    """That the effect is the same everywhere (Cochran's Q)."""
    left_out: int
    """Users in segments that are too small, or whose value is unknown."""


def segment_effects(
    per_user: pd.DataFrame,
    users: pd.DataFrame,
    column: str,
    *,
    metric: str,
    control: str,
    treatment: str,
    design: Design = "paired",
    level: float = 0.95,
) -> Segmentation:
    """Effects of one treatment by one profile column.

    Args:
        per_user: As ``RunLog.per_user`` gives it.
        users: Users table with ``user`` and ``column``.
        column: Profile column.
        metric: Name of the metric.
        control: Arm to compare with.
        treatment: Arm to compare.
        design: ``paired`` or ``split``.
        level: Confidence level.
    """
    chosen = find_metrics((metric,))[0]
    profile = users.assign(user=users["user"].astype(str)).set_index("user")[column]
    counts = derive(per_user[["arm", "user", *COUNTS]])
    counts = counts.assign(segment=counts["user"].map(profile))
    names, sizes, found = [], [], []
    for name, rows in counts.groupby("segment", sort=True, observed=True):
        base, other = columns(rows, chosen, control), columns(rows, chosen, treatment)
        size = min(len(base.numerator), len(other.numerator))
        one = effect(base, other, design=design, level=level) if size >= MIN_USERS else None
        if one is not None and math.isfinite(one.standard_error) and one.standard_error > 0:
            names.append(str(name))
            sizes.append(one.users)
            found.append(one)
    counted = counts[counts["arm"].isin([control, treatment])]
    everybody = counted["user"].nunique()
    raw = np.array([one.difference for one in found])
    errors = np.array([one.standard_error for one in found])
    pooled, spread, p_value = _pool(raw, errors)
    reach = float(stats.norm.ppf((1 + level) / 2)) * spread
    segments = tuple(
        SegmentEffect(
            segment=name,
            users=size,
            raw=one.difference,
            raw_low=one.ci_low,
            raw_high=one.ci_high,
            difference=float(centre),
            ci_low=float(centre - half),
            ci_high=float(centre + half),
        )
        for name, size, one, centre, half in zip(names, sizes, found, pooled, reach, strict=True)
    )
    return Segmentation(column, metric, segments, p_value, everybody - sum(sizes))


def _pool(raw: np.ndarray, errors: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Shrunken effects, their standard errors, and the p-value of homogeneity."""
    if len(raw) < 2:
        return raw, errors, float("nan")
    meta = combine_effects(raw, errors**2, method_re="iterated")
    between = max(float(meta.tau2), 0.0)
    weights = 1 / (errors**2 + between)
    mean = float(weights @ raw / weights.sum())
    own = between / (errors**2 + between)
    pooled = mean + own * (raw - mean)
    # The common mean is itself estimated; that uncertainty falls on what is borrowed.
    spread = np.sqrt(own * errors**2 + (1 - own) ** 2 / weights.sum())
    fixed = 1 / errors**2
    q = float(fixed @ (raw - fixed @ raw / fixed.sum()) ** 2)
    return pooled, spread, float(stats.chi2.sf(q, len(raw) - 1))


def profile_columns(users: pd.DataFrame) -> tuple[str, ...]:
    """Columns of the users table that can serve as segments: few values, more than one."""
    skipped = {"user", "arm"}
    return tuple(
        str(column)
        for column in users.columns
        if column not in skipped
        and not pd.api.types.is_float_dtype(users[column])
        and 1 < users[column].nunique() <= MAX_LEVELS
    )
