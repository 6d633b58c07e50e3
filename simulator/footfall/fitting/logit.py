"""The conditional (multinomial) logit with an outside option, by maximum likelihood.

    P(i | slate) = exp(x_i b + o) / (1 + sum of exp(x_j b + o) over the slate)

Without an outside option the 1 is not there. ``o`` is a known offset of a slate, 0 unless
sampling has to be undone. The log-likelihood is concave and the number of coefficients small,
so a trust region with the exact Hessian needs a handful of passes over the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
import scipy.optimize
import scipy.special

from footfall.errors import DataError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

STIFF = 1e8
"""Precision that stands for "no difference between segments"."""

FLAT = 1e-9
"""A column that varies less than this within slates says nothing."""


@dataclass(frozen=True)
class LogitData:
    """Slates as numbers."""

    design: Floats
    """[n, k, f] features; what is not ``shown`` is ignored."""
    shown: Bools
    """[n, k]"""
    chosen: Numbers
    """[n] column, or -1 for the outside option."""
    outside: bool
    offset: Floats | None = None
    """[n] added to the utility of every shown item; None: 0."""
    clusters: Numbers | None = None
    """[n] the user of each slate, for standard errors; None: slates are independent."""

    def take(self, rows: Bools | Numbers) -> LogitData:
        """Some of the slates."""
        return LogitData(
            self.design[rows],
            self.shown[rows],
            self.chosen[rows],
            self.outside,
            None if self.offset is None else self.offset[rows],
            None if self.clusters is None else self.clusters[rows],
        )

    def joined(self, other: LogitData) -> LogitData:
        """These slates and those of other users, whose numbers go on after these users'.

        Both have the same features and an offset and users, or neither has; fewer columns are
        padded.
        """
        width = max(self.shown.shape[1], other.shown.shape[1])
        parts = [self, other]
        offsets = [part.offset for part in parts if part.offset is not None]
        owners = [part.clusters for part in parts if part.clusters is not None]
        if len(owners) == len(parts):
            owners[1] = owners[1] + owners[0].max(initial=-1) + 1

        def padded(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
            room = [(0, 0), (0, width - array.shape[1]), *[(0, 0)] * (array.ndim - 2)]
            return np.pad(array, room)

        return LogitData(
            np.concatenate([padded(part.design) for part in parts]),
            np.concatenate([padded(part.shown) for part in parts]),
            np.concatenate([part.chosen for part in parts]),
            self.outside,
            np.concatenate(offsets) if len(offsets) == len(parts) else None,
            np.concatenate(owners) if len(owners) == len(parts) else None,
        )


@dataclass(frozen=True)
class SegmentFit:
    """Coefficients of one segment, shrunk towards the pooled ones."""

    coefficients: Floats
    standard_errors: Floats
    slates: int


@dataclass(frozen=True)
class LogitFit:
    """Estimates of a conditional logit."""

    names: tuple[str, ...]
    coefficients: Floats
    """[f]"""
    standard_errors: Floats
    """[f] robust, clustered by user where clusters were given."""
    covariance: Floats
    """[f, f] robust."""
    log_likelihood: float
    """Total, without the penalty, in nats."""
    null_log_likelihood: float
    """Of coefficients that are all 0 (offsets kept)."""
    slates: int
    converged: bool
    segments: dict[str, SegmentFit] = field(default_factory=dict)
    spread: Floats | None = None
    """[f] standard deviation between segments that the shrinkage found; None without segments."""

    def __getitem__(self, name: str) -> float:
        return float(self.coefficients[self.names.index(name)])


def fit_logit(
    data: LogitData,
    names: Sequence[str],
    *,
    ridge: float = 0.0,
    segments: Sequence[str] | npt.NDArray[np.object_] | None = None,
) -> LogitFit:
    """Fit a conditional logit.

    Args:
        data: Slates; slates without a shown item are refused.
        names: [f] names of the features.
        ridge: Penalty on each coefficient in units of the feature's standard deviation within
            the data: ``ridge / 2 * (b * sd)**2``. The first call for sparse or collinear data.
        segments: [n] segment of each slate; then every segment gets coefficients of its own,
            shrunk towards the pooled ones as strongly as the segments turn out alike
            (empirical Bayes with a variance by moments; DerSimonian and Laird, 1986).

    Raises:
        DataError: A feature never varies within a slate, or the data is not usable.
    """
    _check(data, names)
    penalty = ridge * _spread_within(data) ** 2
    pooled = np.zeros(len(names))
    fit = _maximise(data, pooled, penalty)
    cover = _sandwich(data, fit.x, penalty)
    result = LogitFit(
        names=tuple(names),
        coefficients=fit.x,
        standard_errors=np.sqrt(np.diag(cover)),
        covariance=cover,
        log_likelihood=float(log_likelihoods(data, fit.x).sum()),
        null_log_likelihood=float(log_likelihoods(data, pooled).sum()),
        slates=len(data.chosen),
        converged=bool(fit.success),
    )
    return result if segments is None else _with_segments(result, data, np.asarray(segments))


def probabilities(utilities: Floats, shown: Bools, *, outside: bool) -> Floats:
    """[n, k] P(chosen) of each item; with an outside option rows sum to less than 1."""
    masked = np.where(shown, utilities, -np.inf)
    scale = masked.max(axis=1, keepdims=True, initial=0.0 if outside else -np.inf)
    weights = np.exp(masked - scale)
    total = weights.sum(axis=1, keepdims=True) + (np.exp(-scale) if outside else 0.0)
    return np.asarray(weights / total)


def log_scores(utilities: Floats, shown: Bools, chosen: Numbers, *, outside: bool) -> Floats:
    """[n] log-probability of what was chosen."""
    masked = np.where(shown, utilities, -np.inf)
    if outside:
        masked = np.column_stack([masked, np.zeros(len(masked))])
    rows = np.arange(len(masked))
    return np.asarray(masked[rows, chosen] - scipy.special.logsumexp(masked, axis=1))


def utilities_of(data: LogitData, coefficients: Floats) -> Floats:
    """[n, k] utilities, offsets included."""
    utilities = data.design @ coefficients
    return utilities if data.offset is None else utilities + data.offset[:, None]


def log_likelihoods(data: LogitData, coefficients: Floats) -> Floats:
    """[n] log-likelihood of each slate in nats."""
    utilities = utilities_of(data, coefficients)
    return log_scores(utilities, data.shown, data.chosen, outside=data.outside)


@dataclass
class _Objective:
    """Minus the penalised log-likelihood with both derivatives, computed once a point."""

    data: LogitData
    penalty: Floats
    centre: Floats
    _at: Floats | None = None
    _chances: Floats | None = None

    def __post_init__(self) -> None:
        self.design = np.where(self.data.shown[:, :, None], self.data.design, 0.0)
        rows = np.arange(len(self.data.chosen))
        taken = self.design[rows, self.data.chosen] * (self.data.chosen >= 0)[:, None]
        self.taken = taken.sum(axis=0)

    def chances(self, b: Floats) -> Floats:
        if self._at is None or self._chances is None or not np.array_equal(b, self._at):
            utilities = utilities_of(self.data, b)
            self._chances = probabilities(utilities, self.data.shown, outside=self.data.outside)
            self._at = b.copy()
        return self._chances

    def value(self, b: Floats) -> float:
        gap = b - self.centre
        return float(0.5 * self.penalty @ gap**2 - log_likelihoods(self.data, b).sum())

    def gradient(self, b: Floats) -> Floats:
        expected = np.tensordot(self.chances(b), self.design, axes=2)
        return np.asarray(self.penalty * (b - self.centre) + expected - self.taken)

    def hessian(self, b: Floats) -> Floats:
        p = self.chances(b)
        flat = self.design.reshape(-1, self.design.shape[2])
        mean = np.einsum("nk,nkf->nf", p, self.design)
        spread = flat.T @ (flat * p.reshape(-1, 1)) - mean.T @ mean
        return np.asarray(spread + np.diag(self.penalty))


def _maximise(data: LogitData, start: Floats, penalty: Floats) -> scipy.optimize.OptimizeResult:
    """Best coefficients; the penalty pulls towards ``start``."""
    objective = _Objective(data, penalty, start)
    # In units of each feature's spread, so that the trust region is a ball.
    unit = np.sqrt(np.maximum(np.diag(objective.hessian(start)), 1e-12))
    found = scipy.optimize.minimize(
        lambda z: objective.value(z / unit),
        start * unit,
        method="trust-exact",
        jac=lambda z: objective.gradient(z / unit) / unit,
        hess=lambda z: objective.hessian(z / unit) / np.outer(unit, unit),
        options={"gtol": 1e-6 * np.sqrt(len(data.chosen))},
    )
    found.x = found.x / unit
    return found


def _sandwich(data: LogitData, b: Floats, penalty: Floats) -> Floats:
    """Robust covariance: scores summed within a user before they are squared."""
    objective = _Objective(data, penalty, b)
    bread = scipy.linalg.pinvh(objective.hessian(b))
    rows = np.arange(len(data.chosen))
    taken = objective.design[rows, data.chosen] * (data.chosen >= 0)[:, None]
    scores = taken - np.einsum("nk,nkf->nf", objective.chances(b), objective.design)
    if data.clusters is not None:
        _, cluster = np.unique(data.clusters, return_inverse=True)
        sums = np.zeros((int(cluster.max()) + 1, scores.shape[1]))
        np.add.at(sums, cluster, scores)
        scores = sums
    few = len(scores) / max(1, len(scores) - 1)
    return np.asarray(few * bread @ (scores.T @ scores) @ bread)


def _with_segments(
    pooled: LogitFit, data: LogitData, segments: npt.NDArray[np.object_]
) -> LogitFit:
    names = sorted(set(segments.tolist()))
    weak = 1e-6 * _spread_within(data) ** 2 * len(data.chosen)
    parts = {name: data.take(segments == name) for name in names}
    alone = {n: _maximise(part, pooled.coefficients, weak) for n, part in parts.items()}
    noise = {n: np.diag(_sandwich(parts[n], alone[n].x, weak)) for n in names}
    gaps = np.stack([(alone[n].x - pooled.coefficients) ** 2 - noise[n] for n in names])
    sure = np.stack([1.0 / np.maximum(noise[n], 1e-12) for n in names])
    spread = np.maximum(0.0, (gaps * sure).sum(axis=0) / sure.sum(axis=0))
    penalty = np.minimum(1.0 / np.maximum(spread, 1.0 / STIFF), STIFF)
    fits = {}
    for name, part in parts.items():
        found = _maximise(part, pooled.coefficients, penalty)
        hessian = _Objective(part, penalty, pooled.coefficients).hessian(found.x)
        errors = np.sqrt(np.diag(scipy.linalg.pinvh(hessian)))
        fits[str(name)] = SegmentFit(found.x, errors, len(part.chosen))
    return LogitFit(
        **{**vars(pooled), "segments": fits, "spread": np.sqrt(spread)},
    )


def _spread_within(data: LogitData) -> Floats:
    """[f] standard deviation of the features among the shown items."""
    return np.asarray(data.design[data.shown].std(axis=0))


def _check(data: LogitData, names: Sequence[str]) -> None:
    n, k, f = data.design.shape
    if data.shown.shape != (n, k) or data.chosen.shape != (n,) or len(names) != f:
        raise DataError(
            f"logit: shapes do not fit: design {data.design.shape}, shown {data.shown.shape}, "
            f"chosen {data.chosen.shape}, {len(names)} names"
        )
    if not n:
        raise DataError("logit: there are no slates to fit")
    if not np.isfinite(data.design[data.shown]).all():
        bad = ~np.isfinite(data.design[data.shown]).all(axis=0)
        raise DataError(f'logit: feature "{names[int(np.argmax(bad))]}" has missing values')
    inside = data.chosen >= 0
    rows = np.arange(n)
    if (data.chosen >= k).any() or not data.shown[rows[inside], data.chosen[inside]].all():
        raise DataError("logit: a chosen item is not on its slate")
    if not data.outside and not inside.all():
        raise DataError("logit: slates without a choice need `outside`")
    for name in flat_features(data, names):
        raise DataError(
            f'logit: feature "{name}" never varies within a slate, so choices cannot tell its '
            "coefficient; leave it out"
        )


def flat_features(data: LogitData, names: Sequence[str]) -> list[str]:
    """Features that no choice can tell anything about."""
    top = np.where(data.shown[:, :, None], data.design, -np.inf).max(axis=1)
    low = np.where(data.shown[:, :, None], data.design, np.inf).min(axis=1)
    if data.outside:
        top, low = np.maximum(top, 0.0), np.minimum(low, 0.0)
    varies = ((top - low) > FLAT).any(axis=0)
    return [name for name, moving in zip(names, varies, strict=True) if not moving]
