"""What a crowd takes where only some of it is loaded: the others are counted on disk."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from footfall.behaviour.features import Bools, CrowdView
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset
from footfall.datasets.statistics import LIKED_SHARE
from footfall.datasets.takings import best_rating


def with_others(seen: CrowdView, crowd: Dataset, taken: Bools, catalogue: Catalogue) -> CrowdView:
    """What a crowd finds popular, with those users of a log larger than memory who are not loaded.

    No recommender has seen them either: it learns from loaded users. Of theirs only counts are
    known, so each item's fade as it does among the loaded users.

    Args:
        seen: The crowd as far as it is loaded.
        crowd: Its data set.
        taken: [n_rows] which of its interactions are takings.
        catalogue: The items.
    """
    if crowd.beyond is None:
        return seen
    rows = crowd.interactions
    counts, users = crowd.beyond.takings(LIKED_SHARE * best_rating(rows))
    own = np.bincount(catalogue.codes(rows["item"])[taken], minlength=len(catalogue))
    more = pd.Series(list(catalogue.ids)).map(counts).fillna(0).to_numpy(dtype=np.float64)
    loaded = max(1, rows["user"].nunique())
    faded = np.expm1(seen.popularity) * loaded / 1000.0
    together = faded + more * (faded + 1.0) / (own + 1.0)
    return dataclasses.replace(seen, popularity=np.log1p(together * 1000.0 / (loaded + users)))
