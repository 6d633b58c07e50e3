"""Chances of several models, put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from footfall.errors import DataError

Floats = npt.NDArray[np.float64]

Pooling = Literal["mean", "log-mean", "weighted", "vote"]


def pooled(
    chances: Sequence[Floats], how: Pooling, *, outside: bool, weights: Floats | None = None
) -> Floats:
    """[n, k] P(chosen) of several models (or prompts) together.

    ``mean``: of probabilities. ``log-mean``: of log-probabilities, outside option included,
    renormalised. ``weighted``: mean of probabilities with ``weights`` [models]. ``vote``: share
    of models whose favourite it is; votes for the outside option are the rest.

    Args:
        chances: Of each model [n, k]; rows sum to 1, or to less with an outside option.
        how: One of the four.
        outside: Whether nothing may be chosen.
        weights: [models], for ``weighted``.

    Raises:
        DataError: There are not as many weights as models.
    """
    stacked = np.stack([_with_rest(chance, outside=outside) for chance in chances])
    if how == "weighted":
        if weights is None or len(weights) != len(stacked):
            raise DataError(f"ensemble: give one weight for each of the {len(stacked)} models")
        found = np.tensordot(weights / weights.sum(), stacked, axes=1)
    elif how == "mean":
        found = stacked.mean(axis=0)
    elif how == "log-mean":
        with np.errstate(divide="ignore"):
            mixed = np.exp(np.log(stacked).mean(axis=0))
        found = mixed / mixed.sum(axis=1, keepdims=True)
    else:
        favourite = stacked.argmax(axis=2)
        found = (favourite[:, :, None] == np.arange(stacked.shape[2])).mean(axis=0)
    return np.asarray(found[:, : chances[0].shape[1]])


def _with_rest(chances: Floats, *, outside: bool) -> Floats:
    if not outside:
        return chances
    return np.column_stack([chances, np.maximum(0.0, 1.0 - chances.sum(axis=1))])
