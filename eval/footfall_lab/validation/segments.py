"""Groups of the tested users: by profile, and by what they did."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.cluster import KMeans

from footfall.fitting.known import Known
from footfall.fitting.stages import Stage

MOST_COLUMNS, MOST_GROUPS = 6, 8
CLUSTERS = 4
FEWEST = 40
"""With fewer users no clusters are made."""


def groups(stage: Stage, known: Known, profiles: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Rows ``user``, ``column``, ``group``: profile columns with few values, and clusters."""
    mine = profiles[profiles["user"].isin(stage.users)]
    parts: list[pd.DataFrame] = []
    for column in [name for name in mine.columns if name != "user"]:
        values = mine[column].astype(object).where(mine[column].notna(), "unknown").astype(str)
        if 2 <= values.nunique() <= MOST_GROUPS and len(parts) < MOST_COLUMNS:
            parts.append(pd.DataFrame({"user": mine["user"], "column": column, "group": values}))
    if len(stage.users) >= FEWEST:
        parts.append(_clusters(stage, known, seed))
    empty = pd.DataFrame({"user": [], "column": [], "group": []})
    return pd.concat(parts, ignore_index=True) if parts else empty


def _clusters(stage: Stage, known: Known, seed: int) -> pd.DataFrame:
    """K-means on standardised habits; a cluster is named after what stands out in it."""
    habits = _habits(stage, known)
    scale = habits.std(axis=0)
    standard = ((habits - habits.mean(axis=0)) / scale.where(scale > 0, 1.0)).to_numpy(np.float64)
    labels = KMeans(CLUSTERS, n_init=10, random_state=seed).fit_predict(standard)
    names = {
        label: _name(standard[labels == label].mean(axis=0), list(habits.columns))
        for label in np.unique(labels).tolist()
    }
    taken: dict[str, int] = {}
    for label, name in names.items():
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:
            names[label] = f"{name} ({taken[name]})"
    return pd.DataFrame(
        {
            "user": list(stage.users),
            "column": "behaviour",
            "group": [names[int(label)] for label in labels],
        }
    )


def _habits(stage: Stage, known: Known) -> pd.DataFrame:
    """[n_users] what each user is like: events, visits, taste for what is popular, repeats."""
    past, features = known.past, known.features
    n = past.n_users
    count = np.bincount(past.users, minlength=n)
    pairs = pd.DataFrame({"user": past.users, "item": past.items}).drop_duplicates()
    different = np.bincount(pairs["user"], minlength=n)
    popular = np.bincount(
        past.users, weights=features.crowd.popularity[past.items], minlength=n
    ) / np.maximum(1, count)
    columns: dict[str, npt.NDArray[np.float64]] = {
        "events": np.log1p(count),
        "visits": np.log1p(past.visits),
        "popular items": popular,
        "repeats": 1.0 - different / np.maximum(1, count),
        "dear items": features.spending,
    }
    frame = pd.DataFrame(columns, index=list(stage.users))
    return frame.loc[:, frame.std(axis=0) > 0]


def _name(centre: npt.NDArray[np.float64], names: list[str]) -> str:
    """For instance "many visits, few repeats"."""
    order = np.argsort(-np.abs(centre))[:2]
    return ", ".join(f"{'many' if centre[c] > 0 else 'few'} {names[c]}" for c in order)
