"""Linear worth of a reader's numbers, learned on differences inside tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from footfall_lab.appeal.lessons import TitlePairs

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def fit_worth(rows: Any, lessons: TitlePairs, learn: Bools, penalty: float) -> Floats:
    """[width] worth of each number of the reader, by weighted ridge without an intercept.

    Args:
        rows: [n_titles, width] of ``lessons.titles``, dense or sparse.
        lessons: Where the pairs come from.
        learn: [n_pairs] those to learn from.
        penalty: On squared worths; numbers of dense readers are first divided by their spread
            times the root of the width, so that a row has length about 1, as sparse ones have.
    """
    from sklearn.linear_model import Ridge  # noqa: PLC0415 - heavy, and start-up counts

    sparse = sp.issparse(rows)
    scale = np.ones(rows.shape[1]) if sparse else _scale(rows)
    first, second = lessons.first[learn], lessons.second[learn]
    apart = rows[first] - rows[second]
    ridge = Ridge(
        alpha=penalty,
        fit_intercept=False,
        solver="sparse_cg" if sparse else "cholesky",
        tol=1e-6,
    )
    scaled = apart if sparse else apart / scale
    ridge.fit(scaled, lessons.pairs.difference[learn], sample_weight=lessons.weights[learn])
    return np.asarray(ridge.coef_ / scale, dtype=np.float64)


def _scale(rows: Floats) -> Floats:
    spread = np.asarray(rows, dtype=np.float64).std(axis=0)
    return np.asarray(np.where(spread > 0, spread, 1.0) * np.sqrt(rows.shape[1]))
