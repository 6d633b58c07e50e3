"""Ratings by an ordered logit: who rates, what is rated, and whether it is to the rater's taste.

    P(rating <= level j) = logistic(cut_j - (leniency*l_u + quality*q_i + approval*a_ui))

``l_u`` is how far above others' the user's remembered ratings lie, ``q_i`` how far above their
raters' means the ratings of the item lie, ``a_ui`` the user's approval of its genres (the last
two from ``footfall.behaviour.features``); all in standard deviations of ratings, all shrunk to 0.
Cuts and coefficients come from ratings later than those that the three are computed from, so the
distribution of ratings is right by construction and not by hope.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.features import FEATURES, RATING_PRIOR, PairFeatures, Past, Tags, view_crowd
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.takings import best_rating, taken
from footfall.errors import DataError

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

FEWEST = 200
"""Ratings needed to fit cuts and coefficients."""

TOO_FEW = (
    f"ratings: {{}} remembered ratings are too few to fit (at least {FEWEST}); give "
    "actions.rate.levels and actions.rate.cuts, or leave actions.rate out"
)

MOST = 20_000
"""Ratings that are fitted at most, drawn evenly over time."""

MOST_LEVELS = 11
"""More different ratings than a scale of stars has (0 to 5 in halves) are no scale."""


@dataclass(frozen=True)
class RatingModel:
    """Cuts between the levels, and what moves a rating."""

    levels: Floats
    """[n_levels] ratings that can be given, rising."""
    cuts: Floats
    """[n_levels - 1]"""
    leniency: float = 0.0
    quality: float = 0.0
    approval: float = 0.0
    fitted_to: int = 0
    """Ratings behind the numbers; 0: they are assumed."""

    def chances(self, leniency: Floats, quality: Floats, approval: Floats) -> Floats:
        """[..., n_levels] probabilities of the levels."""
        lean = self.leniency * leniency + self.quality * quality + self.approval * approval
        below = 0.5 * (1.0 + np.tanh(0.5 * (self.cuts - lean[..., None])))
        ends = np.concatenate([np.zeros((*lean.shape, 1)), below, np.ones((*lean.shape, 1))], -1)
        return np.asarray(np.diff(ends, axis=-1))

    def draw(self, leniency: Floats, quality: Floats, approval: Floats, uniform: Floats) -> Floats:
        """[...] ratings from uniform draws of the same shape."""
        below = np.cumsum(self.chances(leniency, quality, approval), axis=-1)[..., :-1]
        return np.asarray(self.levels[(uniform[..., None] > below).sum(axis=-1)])


def leniencies(past: Past, features: PairFeatures, middle: float) -> Floats:
    """[n_users] how far above what the items let expect each user rates, shrunk to 0.

    Args:
        past: Remembered events; users without a rating get 0.
        features: Knows the items' quality.
        middle: Mean rating of the crowd.
    """
    rated = np.isfinite(past.ratings)
    users, items = past.users[rated], past.items[rated]
    spread = features.crowd.rating_spread
    above = (past.ratings[rated] - middle) / spread - features.crowd.quality[items]
    sums = np.bincount(users, weights=above, minlength=past.n_users)
    counts = np.bincount(users, minlength=past.n_users)
    return np.asarray(sums / (counts + RATING_PRIOR))


def fit_ratings(
    targets: pd.DataFrame,
    past: Past,
    features: PairFeatures,
    users: list[str],
    catalogue: Catalogue,
) -> RatingModel:
    """Fit to ratings that come after everything that ``past`` and ``features`` know.

    Args:
        targets: Interactions ``rate`` of ``users``.
        past: What the users rated before.
        features: Of the users, numbered as in ``users``.
        users: Ids.
        catalogue: Knows the items.

    Raises:
        DataError: There are too few ratings, or they are no scale of stars.
    """
    from statsmodels.miscmodels.ordinal_model import OrderedModel  # noqa: PLC0415 - slow
    from statsmodels.tools.sm_exceptions import ConvergenceWarning  # noqa: PLC0415 - likewise

    rows = targets[targets["action"] == "rate"]
    if len(rows) < FEWEST:
        raise DataError(TOO_FEW.format(len(rows)))
    levels = np.unique(rows["value"])
    if not 2 <= len(levels) <= MOST_LEVELS:
        raise DataError(
            f"ratings: {len(levels)} different values are no scale of stars, which has 2 to "
            f"{MOST_LEVELS}; round the ratings in the data"
        )
    rows = rows.iloc[np.linspace(0, len(rows) - 1, min(len(rows), MOST)).astype(np.int64)]
    numbers = {user: place for place, user in enumerate(users)}
    owner = np.asarray(rows["user"].map(numbers), dtype=np.int64)
    design = rating_features(past, features, owner, catalogue.codes(rows["item"])[:, None])
    flat = design[:, 0][:, design[:, 0].std(axis=0) > 0]
    names = [name for name, sd in zip(RATED_BY, design[:, 0].std(axis=0), strict=True) if sd > 0]
    model = OrderedModel(np.searchsorted(levels, rows["value"]), flat, distr="logit")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = model.fit(method="bfgs", disp=False, maxiter=200)
    cuts = model.transform_threshold_params(found.params)[1:-1]
    weights = dict(zip(names, found.params[: len(names)].tolist(), strict=True))
    return RatingModel(levels.astype(np.float64), cuts, **weights, fitted_to=len(rows))


RATED_BY = ("leniency", "quality", "approval")
"""Columns of ``rating_features``."""


def rating_features(
    past: Past, features: PairFeatures, users: npt.NDArray[np.int64], items: Codes
) -> Floats:
    """[n, k, 3] of ``users`` [n] and ``items`` [n, k]: what ``RatingModel`` reads."""
    known = features.of(users, items)
    rated = past.ratings[np.isfinite(past.ratings)]
    middle = float(rated.mean()) if len(rated) else 0.0
    lean = np.broadcast_to(leniencies(past, features, middle)[users][:, None], items.shape)
    quality, approval = (known[:, :, FEATURES.index(name)] for name in ("quality", "approval"))
    return np.stack([lean, quality, approval], axis=2)


def fit_remembered(
    rows: pd.DataFrame, items: pd.DataFrame, catalogue: Catalogue, share: float = 0.6
) -> RatingModel:
    """Fit within remembered ratings: the first ``share`` of each user's tells, the rest is told.

    Args:
        rows: Remembered interactions of users who are not played.
        items: The catalogue's frame (genres).
        catalogue: Knows the items.
        share: Of each user's ratings, oldest first.
    """
    rated = rows[rows["action"] == "rate"].reset_index(drop=True)
    place = (rated.groupby("user").cumcount() + 0.5) / rated.groupby("user")["user"].transform(
        "size"
    )
    early, late = rated[place < share], rated[place >= share]
    users = sorted(rated["user"].unique())
    if len(late) < FEWEST:
        raise DataError(TOO_FEW.format(len(late)))
    tags = Tags.of_items(items)
    liked = taken(early, best_rating(rated))
    view = view_crowd(early, catalogue, tags, liked)
    past = Past.of_rows(early, users, catalogue, rated["time"].max(), liked)
    features = PairFeatures.build(past, view, tags, catalogue)
    return fit_ratings(late, past, features, users, catalogue)
