"""How strong a prior must be so that choices which tell nothing end in users who guess."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from footfall.fitting.logit import LogitData, fit_logit, log_likelihoods

Floats = npt.NDArray[np.float64]

STRICTER = (10.0, 100.0, 1e3, 1e6)
"""By what the prior may be made stronger; the last one leaves nothing but the constant."""

ERRORS = 2.0
"""Standard errors over users by which a fit must foretell better than guessing."""


def held_back(
    first: LogitData,
    further: LogitData,
    names: Sequence[str],
    ridge: float,
    vary: Sequence[str],
    assumed: dict[str, str],
) -> tuple[float, Sequence[str]]:
    """The prior's strength, and what may vary: stricter where a fit may foretell no more than luck.

    Judged on users who were not fitted: the weakest prior with which their choices are foretold
    beyond luck better than by guessing. Choices that tell nothing must end in users who guess, not
    in confident nonsense.

    Args:
        first: Slates that are fitted.
        further: Slates of other users, with the same features.
        names: Of the features.
        ridge: The usual strength (``fit_logit``).
        vary: Terms that may differ between users, where the usual strength will do.
        assumed: Gets a line where it will not.
    """

    def foretold(prior: float) -> Floats:
        found = fit_logit(first, names, ridge=prior).coefficients
        return log_likelihoods(further, found)

    guessing = foretold(ridge * STRICTER[-1])
    levels = (ridge, *(ridge * factor for factor in STRICTER[:-1]))
    sure = (one for one in levels if _beyond_luck(foretold(one) - guessing, further.clusters))
    best = next(sure, ridge * STRICTER[-1])
    if best == ridge:
        return ridge, vary
    assumed["little is known"] = (
        "what is fitted foretells the choices of other users no better than guessing might by "
        f"luck, so coefficients are drawn to 0 {best / ridge:,.0f} times as strongly as usual, and "
        "users are taken for alike"
    )
    return best, ()


def _beyond_luck(gains: Floats, owners: npt.NDArray[np.int64] | None) -> bool:
    """Whether slates gain on the whole, by ``ERRORS`` standard errors over users."""
    row = np.arange(len(gains)) if owners is None else np.unique(owners, return_inverse=True)[1]
    mine = np.bincount(row, weights=gains)
    error = float(mine.std(ddof=1)) * np.sqrt(len(mine)) if len(mine) > 1 else np.inf
    return bool(mine.sum() > ERRORS * error)
