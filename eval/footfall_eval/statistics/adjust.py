"""Narrower intervals from what was known of users before the test (CUPED).

Deng, Xu, Kohavi and Walker (2013), "Improving the sensitivity of online controlled
experiments by utilizing pre-experiment data", WSDM; as a regression: Lin (2013), "Agnostic
notes on regression adjustments to experimental data", Annals of Applied Statistics 7(1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from footfall.errors import UserError
from footfall_eval.measures.metrics import Array, columns, derive, find_metrics
from footfall_eval.reading.load import Design

if TYPE_CHECKING:
    from statsmodels.regression.linear_model import RegressionResults


@dataclass(frozen=True)
class Adjusted:
    """One effect after adjustment."""

    metric: str
    control: str
    treatment: str
    difference: float
    ci_low: float
    ci_high: float
    p_value: float
    variance_reduction: float
    """Share of the unadjusted variance that went away."""
    covariates: tuple[str, ...]
    left_out: tuple[str, ...]
    """Columns that could not serve: missing values, or the same value for everybody."""


def covariate_columns(users: pd.DataFrame) -> tuple[str, ...]:
    """Numeric columns of the users table about the time before: those named ``before_...``."""
    return tuple(
        str(column)
        for column in users.columns
        if str(column).startswith("before_") and pd.api.types.is_numeric_dtype(users[column])
    )


def usable_covariates(users: pd.DataFrame, names: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the columns that are complete and not the same for everybody."""
    return tuple(
        name
        for name in names
        if bool(users[name].notna().all()) and bool(users[name].min() < users[name].max())
    )


def cuped(
    per_user: pd.DataFrame,
    users: pd.DataFrame,
    *,
    metric: str,
    control: str,
    treatment: str,
    covariates: tuple[str, ...] | None = None,
    design: Design = "paired",
    level: float = 0.95,
) -> Adjusted:
    """Adjust one effect for pre-period covariates, with HC3 standard errors.

    Paired: least squares of each user's difference on the centred covariates; the intercept
    is the effect. It equals the plain difference, since every user is in both arms, and its
    interval speaks of *these* users, whose covariates are given. Split: least squares of the
    metric on arm, centred covariates and their products (Lin); here the estimate moves too.

    Args:
        per_user: As ``RunLog.per_user`` gives it.
        users: Users table with ``user`` and the covariates.
        metric: Name of a metric; ratios go by their linearised terms.
        control: Arm to compare with.
        treatment: Arm to compare.
        covariates: Columns of ``users``; by default ``covariate_columns(users)``.
        design: ``paired`` or ``split``.
        level: Confidence level.

    Raises:
        UserError: No covariate can be used.
    """
    wanted = covariate_columns(users) if covariates is None else covariates
    table = users.assign(user=users["user"].astype(str)).set_index("user")
    usable = usable_covariates(users, wanted)
    if not usable:
        raise UserError(
            "no covariate to adjust for: the users table needs numeric columns, complete and "
            "not all equal, named before_..."
        )
    chosen = find_metrics((metric,))[0]
    counts = derive(per_user)
    base = columns(counts, chosen, control).linearised()
    other = columns(counts, chosen, treatment).linearised()
    names = [counts.loc[counts["arm"] == arm, "user"] for arm in (control, treatment)]
    before, after = (table.loc[list(who), list(usable)].to_numpy(dtype=np.float64) for who in names)
    fit, plain = (
        lin(base, other, before, after) if design == "split" else _paired(other - base, before)
    )
    place = 1 if design == "split" else 0
    low, high = fit.conf_int(alpha=1 - level)[place]
    return Adjusted(
        metric=metric,
        control=control,
        treatment=treatment,
        difference=float(fit.params[place]),
        ci_low=float(low),
        ci_high=float(high),
        p_value=float(fit.pvalues[place]),
        variance_reduction=1 - float(fit.bse[place]) ** 2 / plain if plain else 0.0,
        covariates=usable,
        left_out=tuple(name for name in wanted if name not in usable),
    )


def _paired(gaps: Array, covariates: Array) -> tuple[RegressionResults, float]:
    centred = covariates - covariates.mean(axis=0)
    fit = _ols(gaps, np.hstack([np.ones((len(gaps), 1)), centred]))
    return fit, float(gaps.var(ddof=1) / len(gaps))


def lin(base: Array, other: Array, before: Array, after: Array) -> tuple[RegressionResults, float]:
    """Lin's regression of two independent arms, and the unadjusted variance of the effect.

    The effect is the parameter number 1. ``base`` [n] and ``other`` [m] are outcomes,
    ``before`` [n, k] and ``after`` [m, k] the covariates of the same users.
    """
    stacked = np.vstack([before, after])
    centred = stacked - stacked.mean(axis=0)
    arm = np.repeat([0.0, 1.0], [len(base), len(other)])[:, None]
    design = np.hstack([np.ones_like(arm), arm, centred, arm * centred])
    fit = _ols(np.concatenate([base, other]), design)
    plain = base.var(ddof=1) / len(base) + other.var(ddof=1) / len(other)
    return fit, float(plain)


def _ols(outcomes: Array, design: Array) -> RegressionResults:
    """Ordinary least squares, its standard errors robust to unequal variances (HC3)."""
    from statsmodels.regression.linear_model import OLS  # noqa: PLC0415 - slow to import

    return OLS(outcomes, design).fit(cov_type="HC3", use_t=True)
