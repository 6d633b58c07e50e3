"""What is thought of new items before users: by category and price, by texts, by a model asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from footfall.appeal.kept import encode_kept
from footfall.behaviour.features import FEATURES
from footfall.datasets.catalogue import Catalogue
from footfall.fitting.ground import Ground
from footfall.fitting.known import Known
from footfall.llm.encoders import Encoder
from footfall_lab.validation.asking import Interviewer
from footfall_lab.validation.newitems.hiding import NewItemSlates

Floats = npt.NDArray[np.float64]
Tell = Callable[[str], None]

CLASSICAL = ("price", "category", "approval", "spending", "era")
"""Terms of the choice model that need no count of the item itself."""

NEAREST = 3
"""Items of a user's history that a new one is most like, averaged."""

RIDGE = 10.0
"""Penalty of what a text tells of how popular an item will be, and to whose taste."""

FACTORS = 16
"""Places of users and items among the crowd's tastes."""


@dataclass(frozen=True)
class ItemEmbeddings:
    """A way of reading items, and the numbers of all of them."""

    name: str
    rows: Floats
    """[n_items, width] of length 1, around their mean."""

    @classmethod
    def read(
        cls, name: str, encoder: Encoder, catalogue: Catalogue, folder: Path, tell: Tell
    ) -> ItemEmbeddings:
        """Read titles with their categories; each text once, kept in ``folder``."""
        texts = [
            f"{title} ({category})" if category else title
            for title, category in zip(catalogue.titles, catalogue.categories, strict=True)
        ]

        def told(done: int, whole: int) -> None:
            tell(f"{name}: {done:,} of {whole:,} items read")

        rows = encode_kept(encoder, texts, folder, told).astype(np.float64)
        rows -= rows.mean(axis=0)
        spread = rows.std(axis=0)
        rows /= np.where(spread > 0, spread, 1.0)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return cls(name, rows / np.where(norms > 0, norms, 1.0))


def classical(slates: NewItemSlates, ground: Ground) -> Floats:
    """[n, k, 6] what category and price tell, and how much of the category is taken at all."""
    known = Known.of_stage(slates.stage, ground.catalogue, ground.split.remembered.items)
    found = known.features.of(slates.users, slates.items)
    columns = [found[:, :, FEATURES.index(name)] for name in CLASSICAL]
    shares = np.log(known.features.crowd.tag_shares)[None, :]
    nobody = np.zeros(len(slates.users), dtype=np.int64)
    columns.append(known.features.tags.mean(shares, nobody, slates.items))
    return np.stack(columns, axis=2)


def textual(slates: NewItemSlates, ground: Ground, texts: ItemEmbeddings) -> Floats:
    """[n, k, 4] likeness to what the user took, and what texts foretell.

    Mean likeness to all that the user took and to the nearest of it; foreseen popularity; foreseen
    taste: the item's place among the crowd's tastes, foretold by its text, times the user's.
    """
    stage, catalogue = slates.stage, ground.catalogue
    liked = stage.memory[stage.liked(stage.memory)]
    own = {
        stage.number(str(user)): np.unique(catalogue.codes(items))
        for user, items in liked.groupby("user")["item"]
    }
    popular = _foreseen_popularity(slates, ground, texts)
    people, places = _foreseen_tastes(slates, ground, texts)
    found = np.zeros((*slates.items.shape, 4))
    for row, user in enumerate(slates.users):
        found[row, :, 3] = places[slates.items[row]] @ people[user]
        past = own.get(int(user))
        found[row, :, 2] = popular[slates.items[row]]
        if past is None:
            continue
        alike = texts.rows[slates.items[row]] @ texts.rows[past].T
        found[row, :, 0] = alike.mean(axis=1)
        found[row, :, 1] = np.sort(alike, axis=1)[:, -NEAREST:].mean(axis=1)
    return found


def _foreseen_popularity(slates: NewItemSlates, ground: Ground, texts: ItemEmbeddings) -> Floats:
    """[n_items] by ridge of known items' popularity on their texts."""
    from sklearn.linear_model import Ridge  # noqa: PLC0415 - heavy, and start-up counts

    stage, catalogue = slates.stage, ground.catalogue
    crowd = stage.crowd[stage.liked(stage.crowd)]
    counts = np.bincount(catalogue.codes(crowd["item"]), minlength=len(catalogue))
    seen = counts > 0
    if not seen.any():
        return np.zeros(len(catalogue))
    ridge = Ridge(alpha=RIDGE).fit(texts.rows[seen], np.log1p(counts[seen]))
    return np.asarray(ridge.predict(texts.rows), dtype=np.float64)


def _foreseen_tastes(
    slates: NewItemSlates, ground: Ground, texts: ItemEmbeddings
) -> tuple[Floats, Floats]:
    """[n_users, f] places of the stage's users, and [n_items, f] of items as texts foretell them.

    A truncated singular value decomposition of who took what, and a ridge from texts to the places
    of known items (Gantner et al., "Learning Attribute-to-Feature Mappings", ICDM 2010).
    """
    from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415 - heavy, start-up counts
    from sklearn.linear_model import Ridge  # noqa: PLC0415 - likewise

    stage, catalogue = slates.stage, ground.catalogue
    rows = pd.concat([stage.memory, stage.crowd], ignore_index=True)
    rows = rows[stage.liked(rows)]
    mine = {user: number for number, user in enumerate(stage.users)}
    others = sorted(set(rows["user"]) - set(mine))
    number = mine | {user: len(mine) + n for n, user in enumerate(others)}
    people = rows["user"].map(number).to_numpy(dtype=np.int64)
    codes = catalogue.codes(rows["item"])
    taken = sp.csr_matrix((np.ones(len(rows)), (people, codes)), (len(number), len(catalogue)))
    taken.data = np.log1p(taken.data)
    svd = TruncatedSVD(min(FACTORS, min(taken.shape) - 1), random_state=0)
    users = svd.fit_transform(taken)[: len(mine)]
    seen = np.asarray(taken.sum(axis=0)).ravel() > 0
    ridge = Ridge(alpha=RIDGE).fit(texts.rows[seen], svd.components_.T[seen])
    return np.asarray(users), np.asarray(ridge.predict(texts.rows))


def asked(slates: NewItemSlates, ground: Ground, interviewer: Interviewer) -> Floats:
    """[n, k, 1] the language model's utilities in the scenario's own words; NaN: no answer.

    Its personas remember nothing of the hidden items.
    """
    users = [slates.stage.users[user] for user in slates.users]
    asked_ones = tuple(sorted(set(users)))
    mine = slates.stage.memory[slates.stage.memory["user"].isin(asked_ones)]
    population = ground.population(
        replace(slates.stage, users=asked_ones, memory=mine.reset_index(drop=True), _numbers={})
    )
    found = interviewer.opinions(population, users, slates.items, list(range(len(users))))
    return found[:, :, None]
