"""Make probabilities mean what they say, and let several models speak with one voice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.optimize
from sklearn.isotonic import IsotonicRegression

from footfall.behaviour.pooling import Pooling, pooled
from footfall.errors import DataError
from footfall.fitting.logit import LogitData, fit_logit, log_scores, probabilities

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

BINS = 15


@dataclass(frozen=True)
class Temperature:
    """Utilities become ``shift + scale * utility``; the order within a slate stays."""

    scale: float
    """1 over the temperature."""
    shift: float
    """Against the outside option; 0 without one."""

    def apply(self, utilities: Floats) -> Floats:
        """Calibrated utilities, of any shape."""
        return self.shift + self.scale * utilities


def fit_temperature(
    utilities: Floats,
    shown: Bools,
    chosen: Numbers,
    *,
    outside: bool,
    offset: Floats | None = None,
) -> Temperature:
    """Scale and shift with the best likelihood on the choices of a calibration stage.

    Args:
        utilities: [n, k] without ``offset``.
        shown: [n, k]
        chosen: [n] column, -1 for the outside option.
        outside: Whether there is an outside option.
        offset: [n] ``ChoiceSets.log_rate``.

    Raises:
        DataError: All items of every slate have the same utility.
    """
    column = np.where(shown, utilities, 0.0)[:, :, None]
    design = np.concatenate([np.ones_like(column), column], axis=2) if outside else column
    names = ["shift", "scale"] if outside else ["scale"]
    fit = fit_logit(LogitData(design, shown, chosen, outside, offset), names)
    return Temperature(fit["scale"], fit["shift"] if outside else 0.0)


@dataclass(frozen=True)
class Isotonic:
    """A rising step function from stated to observed probabilities."""

    model: IsotonicRegression

    def apply(self, stated: Floats) -> Floats:
        """Calibrated probabilities, of the shape of ``stated``."""
        return np.asarray(self.model.predict(stated.ravel())).reshape(stated.shape)


def fit_isotonic(stated: Floats, happened: Bools, weights: Floats | None = None) -> Isotonic:
    """Fit to item-wise probabilities [n] and outcomes [n] of a calibration stage.

    Raises:
        DataError: There is nothing to fit.
    """
    if not len(stated):
        raise DataError("isotonic calibration: there are no probabilities to calibrate")
    model = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
    model.fit(stated, happened.astype(np.float64), sample_weight=weights)
    return Isotonic(model)


def brier(stated: Floats, happened: Bools, weights: Floats | None = None) -> float:
    """Mean squared error of probabilities; 0 is best."""
    return float(np.average((stated - happened) ** 2, weights=weights))


def calibration_error(
    stated: Floats, happened: Bools, weights: Floats | None = None, bins: int = BINS
) -> float:
    """ECE: mean distance of stated and observed rates over bins of equal mass."""
    weight = np.ones(len(stated)) if weights is None else weights
    order = np.argsort(stated, kind="stable")
    place = np.cumsum(weight[order]) / weight.sum()
    which = np.minimum((place * bins - 1e-9).astype(int), bins - 1)
    mass = np.bincount(which, weights=weight[order], minlength=bins)
    gap = np.bincount(which, weights=(weight * (stated - happened))[order], minlength=bins)
    return float(np.abs(gap).sum() / mass.sum())


def pool(
    utilities: Sequence[Floats],
    shown: Bools,
    how: Pooling,
    *,
    outside: bool,
    weights: Floats | None = None,
) -> Floats:
    """[n, k] P(chosen) of several models together; see ``footfall.behaviour.pooling.pooled``."""
    chances = [probabilities(u, shown, outside=outside) for u in utilities]
    return pooled(chances, how, outside=outside, weights=weights)


def fit_weights(
    utilities: Sequence[Floats], shown: Bools, chosen: Numbers, *, outside: bool
) -> Floats:
    """[models] weights (not below 0, sum 1) of the mean with the best likelihood."""
    scores = np.stack([np.exp(log_scores(u, shown, chosen, outside=outside)) for u in utilities])

    def loss(raw: Floats) -> float:
        share = np.exp(raw - raw.max())
        return -float(np.log(share / share.sum() @ scores + 1e-300).mean())

    found = scipy.optimize.minimize(loss, np.zeros(len(scores)), method="L-BFGS-B")
    share = np.exp(found.x - found.x.max())
    return np.asarray(share / share.sum())
