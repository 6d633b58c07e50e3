"""The simulated users under judgement: coefficients, and the probabilities that follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.behaviour import Terms
from footfall.fitting.choice_sets import ChoiceSets
from footfall.fitting.features import FEATURES, PairFeatures
from footfall.fitting.logit import LogitData, LogitFit, fit_logit, flat_features, probabilities

Floats = npt.NDArray[np.float64]

RIDGE = 1.0
"""Standard-normal prior on each standardised coefficient: nothing where data are plenty."""


@dataclass(frozen=True)
class Fitted:
    """Coefficients by name, without the language model."""

    coefficients: dict[str, float]
    errors: dict[str, float]
    slates: int

    def terms(self, llm: float = 0.0, scale: float = 1.0) -> Terms:
        """As the behaviour of a run; what could not be fitted keeps the default."""
        values = {name: scale * value for name, value in self.coefficients.items()}
        unfitted = {"position": 0.0, "fatigue": Terms().fatigue}
        plain = dict.fromkeys(FEATURES, 0.0)
        return Terms(**{**unfitted, **plain, "none": Terms().none, **values, "llm": llm})


def design(
    sets: ChoiceSets, features: PairFeatures, names: Sequence[str]
) -> tuple[LogitData, tuple[str, ...]]:
    """The named features of the sets' items (and a constant where nothing can be chosen)."""
    columns = [FEATURES.index(name) for name in names]
    numbers = features.of(sets.users, sets.items)[:, :, columns]
    named = tuple(names)
    if sets.outside:
        numbers = np.concatenate([np.ones((*numbers.shape[:2], 1)), numbers], axis=2)
        named = ("none", *named)
    return (
        LogitData(numbers, sets.shown, sets.chosen, sets.outside, sets.log_rate, sets.users),
        named,
    )


def fit(parts: Sequence[tuple[ChoiceSets, PairFeatures]]) -> Fitted:
    """Fit one set of coefficients on real choices of one or several protocols.

    Features that say nothing in any of them stay 0. Protocols with and without an outside
    option are not mixed: only the first kind is used where both are there.
    """
    outside = parts[0][0].outside
    used = [(sets, features) for sets, features in parts if sets.outside == outside]
    made = [design(sets, features, FEATURES) for sets, features in used]
    named = made[0][1]
    data = _stack([one for one, _ in made])
    silent = set(flat_features(data, named))
    keep = [column for column, name in enumerate(named) if name not in silent]
    left = tuple(named[column] for column in keep)
    if not left:
        return Fitted({}, {}, len(data.chosen))
    found = fit_logit(replace(data, design=data.design[:, :, keep]), left, ridge=RIDGE)
    return Fitted(
        dict(zip(left, found.coefficients.tolist(), strict=True)),
        dict(zip(left, found.standard_errors.tolist(), strict=True)),
        len(data.chosen),
    )


def _stack(parts: Sequence[LogitData]) -> LogitData:
    """One data set of several with the same features; slates are padded to one width."""
    width = max(part.shown.shape[1] for part in parts)

    def wide(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        missing = width - array.shape[1]
        return np.pad(array, [(0, 0), (0, missing), *[(0, 0)] * (array.ndim - 2)])

    return LogitData(
        design=np.concatenate([wide(part.design) for part in parts]),
        shown=np.concatenate([wide(part.shown) for part in parts]),
        chosen=np.concatenate([part.chosen for part in parts]),
        outside=parts[0].outside,
        offset=np.concatenate([_filled(part.offset, len(part.chosen)) for part in parts]),
        clusters=np.concatenate([_filled(part.clusters, len(part.chosen)) for part in parts]),
    )


def _filled(array: npt.NDArray[Any] | None, n: int) -> npt.NDArray[Any]:
    return np.zeros(n) if array is None else array


def utilities(
    terms: Terms,
    features: PairFeatures,
    users: npt.NDArray[np.int64],
    items: npt.NDArray[np.int32],
    llm: Floats | None = None,
) -> Floats:
    """[n, k] utility against "none of these"; position and fatigue are 0 here."""
    weights = np.array([getattr(terms, name) for name in FEATURES])
    total = terms.none + features.of(users, items) @ weights
    return np.asarray(total if llm is None or terms.llm == 0 else total + terms.llm * llm)


def chances(sets: ChoiceSets, utility: Floats) -> Floats:
    """[n, k + 1] probabilities of the items and, last, of choosing nothing."""
    offset = sets.log_rate[:, None] if sets.outside else 0.0
    inside = probabilities(utility + offset, sets.shown, outside=sets.outside)
    return np.column_stack([inside, np.maximum(0.0, 1.0 - inside.sum(axis=1))])


@dataclass(frozen=True)
class Voice:
    """How loud the language model may speak beside everything else."""

    weight: float
    """Coefficient by maximum likelihood, per unit of the model's utility."""
    error: float
    """Its standard error, clustered by user."""
    shrunk: float
    """What the blend uses: ``weight`` drawn to 0 by as much as luck explains (positive-part
    James-Stein), so a voice that says nothing falls silent. Never below 0: a model whose
    advice is better turned round does not understand the question."""
    slates: int


def hear(sets: ChoiceSets, utility: Floats, llm: Floats) -> Voice:
    """Fit the model's weight on real choices, beside the utility of all other terms.

    Args:
        sets: Choices of the fit stage that the model was asked about.
        utility: [n, k] of the blend without the model, whose scale is fitted along.
        llm: [n, k] the model's utilities; NaN only where padded.
    """
    filled = np.where(sets.shown, llm, 0.0)
    columns = [np.where(sets.shown, utility, 0.0), filled]
    data = LogitData(
        np.stack(columns, axis=2), sets.shown, sets.chosen, sets.outside, sets.log_rate, sets.users
    )
    names = ("rest", "llm")
    if "llm" in flat_features(data, names):
        return Voice(0.0, 0.0, 0.0, len(sets))
    found: LogitFit = fit_logit(data, names, ridge=RIDGE)
    weight, error = found["llm"], float(found.standard_errors[1])
    trust = max(0.0, 1.0 - (error / weight) ** 2) if weight else 0.0
    return Voice(weight, error, max(0.0, weight * trust), len(sets))
