"""What texts foretell: how well an item does with everybody, and whose taste it is to.

Both are learned from known items and read off the texts of new ones. A user's taste is a random
coefficient for each principal component of the texts, the chance of taking an item being logistic
in it (Fahrmeir and Tutz, "Multivariate Statistical Modelling Based on Generalized Linear Models",
2001, chapter 7). How tastes differ between users is learned from all of them by
expectation-maximisation; a user with a short history is near the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from footfall.datasets.catalogue import Catalogue
from footfall.fitting.stages import Stage

Floats = npt.NDArray[np.float64]

COMPONENTS = 64
"""Principal components of the texts that tastes hang on."""

ROUNDS = 15
"""Of expectation-maximisation."""

CROWD = 5_000
"""Other users at most, drawn; each takes 32 KiB."""

PRIOR = 5.0
"""Chances and users that a rate is drawn towards the mean by, in expected takings."""

RIDGE = 10.0
"""Penalty of what texts foretell about everybody."""


@dataclass(frozen=True, eq=False)
class Takings:
    """Who could have taken what, and who did; the stage's users first."""

    chances: sp.csr_matrix | None
    """[n_people, n_items] times that it was shown, less at places where little is taken; None: not
    told, so everybody saw everything."""
    taken: sp.csr_matrix
    """[n_people, n_items] 1 where it was taken."""
    mine: int
    """Users of the stage."""

    @classmethod
    def of(cls, stage: Stage, catalogue: Catalogue) -> Takings:
        """Of the stage's memory and of its crowd."""
        rows = pd.concat([stage.memory, stage.crowd], ignore_index=True)
        others = np.random.default_rng(0).permutation(sorted(set(rows["user"]) - set(stage.users)))
        rows = rows[rows["user"].isin({*stage.users, *others[:CROWD]})]
        place = {user: number for number, user in enumerate([*stage.users, *others[:CROWD]])}
        people = rows["user"].map(place).to_numpy(dtype=np.int64)
        codes = catalogue.codes(rows["item"])
        liked = np.asarray(stage.liked(rows))
        viewed = (rows["action"] == "view").to_numpy()
        shape = (len(place), len(catalogue))

        def table(which: npt.NDArray[np.bool_], worth: Floats) -> sp.csr_matrix:
            return sp.csr_matrix((worth[which], (people[which], codes[which])), shape)

        taken = table(liked, np.ones(len(rows)))
        taken.data[:] = 1.0
        # What was taken was there to be taken, whatever the log says.
        looks = looked_at(rows, liked, viewed)
        chances = table(viewed, looks).maximum(taken) if viewed.any() else None
        return cls(chances, taken, len(stage.users))

    def expected(self) -> sp.csr_matrix | tuple[Floats, Floats]:
        """Takings expected of a user's and an item's rates, [n_people, n_items].

        Where everybody saw everything it is one column of users times one row of items.
        """
        of_user, of_item = _sums(self.taken)
        mean = of_item.sum()
        if self.chances is None:
            return of_user, of_item / max(mean, 1.0)
        shown_user, shown_item = _sums(self.chances)
        rate = mean / max(shown_item.sum(), 1.0)
        users = (of_user + PRIOR) / (shown_user * rate + PRIOR)
        items = (of_item + PRIOR) / (shown_item * rate + PRIOR)
        chance = sp.diags(users * rate) @ self.chances.sign() @ sp.diags(items)
        return sp.csr_matrix(chance.minimum(0.9))


def looked_at(
    rows: pd.DataFrame, taken: npt.NDArray[np.bool_], viewed: npt.NDArray[np.bool_]
) -> Floats:
    """[n_rows] what a view counts for: the share taken at its position over the usual share."""
    if "position" not in rows or not taken.any():
        return np.ones(len(rows))
    place = rows["position"].fillna(-1)
    views = pd.Series(viewed).groupby(place.to_numpy()).sum()
    takings = pd.Series(taken).groupby(place.to_numpy()).sum()
    usual = takings.sum() / max(views.sum(), 1)
    worth = (takings + PRIOR) / (views * usual + PRIOR)
    return np.asarray(place.map(worth), dtype=np.float64)


def foreseen(
    stage: Stage, catalogue: Catalogue, texts: Floats, parts: Floats
) -> tuple[Floats, Floats]:
    """[n_items] how well items do with everybody, and [n_users, n_items] with the stage's users.

    Both as log-odds beside what is usual, foretold by the texts alone.

    Args:
        stage: Whose memory and crowd are learned from.
        catalogue: All items, of which the stage does not know some.
        texts: [n_items, width] numbers of their texts, around their mean.
        parts: [n_items, COMPONENTS] their ``components``.
    """
    takings = Takings.of(stage, catalogue)
    return _for_everybody(takings, texts), tastes(takings, parts) @ parts.T


def components(texts: Floats) -> Floats:
    """[n_items, COMPONENTS] places of the texts on their principal components."""
    left, spread, _ = np.linalg.svd(texts, full_matrices=False)
    return np.asarray(left[:, :COMPONENTS] * spread[:COMPONENTS])


def tastes(takings: Takings, parts: Floats) -> Floats:
    """[n_users, width] posterior means of the stage's users' tastes for the components."""
    score, weight = _evidence(takings, parts)
    width = parts.shape[1]
    covariance = np.eye(width)
    means = np.zeros_like(score)
    for _ in range(ROUNDS):
        spread = np.linalg.inv(np.linalg.inv(covariance) + weight)
        means = np.einsum("uij,uj->ui", spread, score)
        covariance = (means.T @ means + spread.sum(axis=0)) / len(means) + 1e-6 * np.eye(width)
    return means[: takings.mine]


def _evidence(takings: Takings, parts: Floats) -> tuple[Floats, Floats]:
    """Score [n_people, w] and information [n_people, w, w] of tastes at none."""
    expected = takings.expected()
    if isinstance(expected, tuple):
        of_user, share = expected
        score = takings.taken @ parts - np.outer(of_user, share @ parts)
        return score, of_user[:, None, None] * (parts.T @ (share[:, None] * parts))
    chances = takings.chances
    assert chances is not None
    score = takings.taken @ parts - chances.multiply(expected) @ parts
    information = sp.csr_matrix(chances.multiply(expected - expected.power(2)))
    weight = np.empty((len(score), parts.shape[1], parts.shape[1]))
    for user in range(len(score)):
        row = slice(*information.indptr[user : user + 2])
        seen = parts[information.indices[row]]
        weight[user] = seen.T @ (information.data[row][:, None] * seen)
    return np.asarray(score), weight


def _for_everybody(takings: Takings, texts: Floats) -> Floats:
    """[n_items] by a weighted ridge of known items' log rates on their texts."""
    from sklearn.linear_model import Ridge  # noqa: PLC0415 - heavy, and start-up counts

    _, took = _sums(takings.taken)
    if takings.chances is None:
        known = took > 0
        worth, weights = np.log1p(took), np.ones(len(took))
    else:
        _, shown = _sums(takings.chances)
        weights = shown * (took.sum() / shown.sum())  # takings, were all items alike
        known, worth = shown > 0, np.log((took + PRIOR) / (weights + PRIOR))
    if not known.any():
        return np.zeros(len(texts))
    ridge = Ridge(alpha=RIDGE * float(weights[known].mean()))
    ridge.fit(texts[known], worth[known], sample_weight=weights[known])
    return np.asarray(ridge.predict(texts), dtype=np.float64)


def _sums(table: sp.csr_matrix) -> tuple[Floats, Floats]:
    """Of each row and of each column."""
    return np.asarray(table.sum(axis=1)).ravel(), np.asarray(table.sum(axis=0)).ravel()
