"""Classical predictors of what is clicked on a page, learned from the pages before the split."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset
from footfall.fitting.pages.log import PageLog, read_pages
from footfall.serving.logged import LoggedPages

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

LESSON = 0.3
"""Share of the pages, the newest ones, that the learned predictors are fitted on; what is known of
users and items comes from the pages before."""

PRIOR_ITEM, PRIOR_USER, PRIOR_CATEGORY = 10.0, 3.0, 2.0
"""Clicks' worth of the usual rate that are mixed into an item's, a user's and a category's."""

POPULARITY = "popularity and position"


@dataclass(frozen=True, eq=False)
class _Rows:
    """Impressions, [n] each."""

    users: Numbers
    """-1: unknown before."""
    items: Numbers
    places: Numbers

    @classmethod
    def of_log(cls, log: PageLog, rows: npt.NDArray[np.bool_]) -> _Rows:
        return cls(log.users[rows], log.items[rows], np.maximum(log.positions[rows], 0))


@dataclass(frozen=True, eq=False)
class _Rates:
    """What some pages tell: click rates against what the place alone lets expect."""

    curve: Floats
    """[k] click rate by place."""
    item: Floats
    user: Floats
    category: Floats
    """[n_users, n_categories]"""
    of: Numbers
    """[n_items] category."""
    pairs: pd.DataFrame
    """Views and clicks by (user, item)."""

    @classmethod
    def learn(
        cls, rows: _Rows, clicked: npt.NDArray[np.bool_], shape: tuple[int, int, int], of: Numbers
    ) -> _Rates:
        n_users, n_items, k = shape
        hit = clicked.astype(np.float64)
        shown = np.bincount(rows.places, minlength=k)
        rate = float(hit.mean())
        curve = (np.bincount(rows.places, hit, k) + 20 * rate) / (shown + 20)
        expected = curve[rows.places]

        def relative(codes: Numbers, size: int, base: Floats, prior: float) -> Floats:
            above = np.bincount(codes, hit, size) + prior
            return np.asarray(above / (np.bincount(codes, base, size) + prior))

        item = relative(rows.items, n_items, expected, PRIOR_ITEM)
        user = relative(rows.users, n_users, expected * item[rows.items], PRIOR_USER)
        base = expected * item[rows.items] * user[rows.users]
        n_kinds = int(of.max(initial=0)) + 1
        cell = rows.users * n_kinds + of[rows.items]
        category = relative(cell, n_users * n_kinds, base, PRIOR_CATEGORY).reshape(n_users, n_kinds)
        pairs = pd.DataFrame({"pair": rows.users * n_items + rows.items, "clicks": hit})
        met = pairs.groupby("pair")["clicks"].agg(["size", "sum"])
        return cls(curve, item, user, category, of, met)

    def features(self, rows: _Rows) -> Floats:
        """[n, 6] logarithms of what is known of each impression."""
        known = rows.users >= 0
        who = np.where(known, rows.users, 0)
        place = np.minimum(rows.places, len(self.curve) - 1)
        met = self.pairs.reindex(rows.users * len(self.item) + rows.items).fillna(0.0)
        return np.column_stack(
            [
                np.log(self.curve[place]),
                np.log(self.item[rows.items]),
                np.where(known, np.log(self.user[who]), 0.0),
                np.where(known, np.log(self.category[who, self.of[rows.items]]), 0.0),
                np.log1p(met["size"].to_numpy()) * known,
                np.log1p(met["sum"].to_numpy()) * known,
            ]
        )


def foresee(
    remembered: Dataset, catalogue: Catalogue, pages: LoggedPages, seed: int
) -> tuple[dict[str, Floats], Floats]:
    """What classical predictors expect of logged pages, given the pages before the split.

    Returns:
        Predictor -> [n_rows] chance of a click at each shown place, and [n_items] click rates of
        the items over what their places let expect.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415 - heavy
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    users = sorted(remembered.interactions["user"].unique())
    log = read_pages(remembered.interactions, users, catalogue.ids)
    late = log.days >= np.quantile(log.days, 1 - LESSON)
    of = pd.factorize(np.asarray(catalogue.categories, dtype=object))[0].astype(np.int64)
    k = max(int(log.positions.max(initial=0)) + 1, pages.items.shape[1])
    shape = (len(users), len(catalogue), k)
    every = np.ones(len(log), dtype=bool)
    before = _Rates.learn(_Rows.of_log(log, ~late), log.clicked[~late], shape, of)
    now = _Rates.learn(_Rows.of_log(log, every), log.clicked, shape, of)
    lesson, asked = before.features(_Rows.of_log(log, late)), now.features(_of(pages, users))
    constant = float(log.clicked.mean())
    found = {
        "uniform": np.full(len(asked), constant),
        "position": np.exp(asked[:, 0]),
        POPULARITY: np.exp(asked[:, :2].sum(axis=1)),
        "activity, popularity and position": np.exp(asked[:, :3].sum(axis=1)),
    }
    trees = HistGradientBoostingClassifier(
        max_iter=80, learning_rate=0.08, max_leaf_nodes=12, min_samples_leaf=40, random_state=seed
    )
    models = {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(C=1.0)),
        "boosted trees": trees,
    }
    if log.clicked[late].any():
        for name, model in models.items():
            model.fit(lesson, log.clicked[late])
            found[name] = model.predict_proba(asked)[:, 1]
    return {name: np.clip(p, 1e-6, 1 - 1e-6) for name, p in found.items()}, now.item


def _of(pages: LoggedPages, users: list[str]) -> _Rows:
    page, place = np.nonzero(pages.shown)
    who = pd.Index(users).get_indexer(pd.Index(pages.users))
    return _Rows(
        who[page].astype(np.int64),
        pages.items[page, place].astype(np.int64),
        place.astype(np.int64),
    )
