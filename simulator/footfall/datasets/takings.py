"""Which interactions are takings: what was bought, clicked or liked, as the source records it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.statistics import LIKED_SHARE


def taken(rows: pd.DataFrame, best: float) -> npt.NDArray[np.bool_]:
    """[n_rows] purchases, or, where the data has ratings (``best``), those that say "liked"."""
    if np.isnan(best):
        return np.asarray(rows["action"] == "purchase")
    return np.asarray((rows["action"] == "rate") & (rows["value"] >= LIKED_SHARE * best))


def best_rating(rows: pd.DataFrame) -> float:
    """Highest rating; NaN where there are purchases (which then count) or no ratings."""
    if (rows["action"] == "purchase").any():
        return float("nan")
    return float(rows.loc[rows["action"] == "rate", "value"].max())
