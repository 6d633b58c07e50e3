"""What items are called, as coordinates: for predictors that read nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from footfall.behaviour.features import Codes, Numbers, Past
from footfall.datasets.catalogue import Catalogue
from footfall.fitting.baselines.scorers import Lesson, Scaled
from footfall.fitting.known import Known
from footfall.surrogate.texts import TextSpace, item_texts

Floats = npt.NDArray[np.float64]

AXES = 24


@dataclass(frozen=True, eq=False)
class ItemCoordinates:
    """Coordinates of items by title and category (latent semantic analysis)."""

    catalogue: Catalogue
    space: TextSpace
    places: Floats
    """[n_items, d]"""

    @classmethod
    def of(cls, catalogue: Catalogue, seed: int) -> ItemCoordinates:
        """Of at least two items."""
        texts = item_texts(catalogue)
        space = TextSpace.learn(texts, width=AXES, seed=seed)
        return cls(catalogue, space, space.place(space.weigh(texts)))

    def codes(self, items: pd.Series) -> Codes:
        """Codes of item ids."""
        return self.catalogue.codes(items)

    def mean(self, codes: Codes) -> Floats:
        """[d] mean place of some items; 0 of none."""
        return self.places[codes].mean(axis=0) if len(codes) else np.zeros(self.places.shape[1])

    def users(self, past: Past) -> Floats:
        """[n_users, d] mean place of what each user took."""
        users, items = past.users[past.taken], past.items[past.taken]
        sums = np.zeros((past.n_users, self.places.shape[1]))
        np.add.at(sums, users, self.places[items])
        counts = np.bincount(users, minlength=past.n_users)
        return np.asarray(sums / np.maximum(1, counts)[:, None])


def pairs(users: Floats, items: Floats, *, joint: bool) -> Floats:
    """[..., 2 d or 3 d] of h_user and h_item; ``joint`` adds their product, axis by axis."""
    users = np.broadcast_to(users, items.shape)
    parts = [users, items, users * items] if joint else [users, items]
    return np.concatenate(parts, axis=-1)


@dataclass
class TextOpinion:
    """P(chosen) = sigmoid(theta . [h_user; h_item]) for the baselines of choice sets."""

    texts: ItemCoordinates
    joint: bool
    model: Pipeline = field(
        default_factory=lambda: make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=1000, C=0.1)
        )
    )

    def learn(self, *lessons: Lesson) -> None:
        """Fit theta on the shown items of all sets."""
        rows, labels = [], []
        for known, sets in lessons:
            chosen = np.arange(sets.items.shape[1]) == sets.chosen[:, None]
            own = self._rows(self.texts.users(known.past), sets.users, sets.items)
            rows.append(own[sets.shown])
            labels.append(chosen[sets.shown])
        self.model.fit(np.concatenate(rows), np.concatenate(labels))

    def columns(self, known: Known) -> Callable[[Numbers, Codes], Floats]:
        """Log-odds."""
        own = self.texts.users(known.past)

        def numbers(users: Numbers, items: Codes) -> Floats:
            rows = self._rows(own, users, items)
            odds = self.model.decision_function(rows.reshape(-1, rows.shape[2]))
            return np.asarray(odds).reshape(*items.shape, 1)

        return numbers

    def _rows(self, own: Floats, users: Numbers, items: Codes) -> Floats:
        return pairs(own[users][:, None, :], self.texts.places[items], joint=self.joint)


def text_scorers(texts: ItemCoordinates) -> dict[str, Scaled]:
    """The two predictors that read titles only, not fitted yet."""
    return {
        "text": Scaled("text", TextOpinion(texts, joint=False)),
        "text, joint": Scaled("text, joint", TextOpinion(texts, joint=True)),
    }
