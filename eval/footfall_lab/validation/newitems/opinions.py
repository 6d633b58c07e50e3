"""What is thought of new items before users: by category and price, by texts, by a model asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from footfall.appeal.kept import encode_kept
from footfall.behaviour.features import FEATURES
from footfall.datasets.catalogue import Catalogue
from footfall.fitting.ground import Ground
from footfall.fitting.known import Known
from footfall.llm.encoders import Encoder
from footfall_lab.validation.asking import Interviewer
from footfall_lab.validation.newitems.hiding import NewItemSlates
from footfall_lab.validation.newitems.tastes import components, foreseen

Floats = npt.NDArray[np.float64]
Tell = Callable[[str], None]

CLASSICAL = ("price", "category", "approval", "spending", "era")
"""Terms of the choice model that need no count of the item itself."""

NEAREST = 3
"""Items of a user's history that a new one is most like, averaged."""


@dataclass(frozen=True)
class ItemEmbeddings:
    """A way of reading items, and the numbers of all of them."""

    name: str
    rows: Floats
    """[n_items, width] of length 1, around their mean."""

    @cached_property
    def components(self) -> Floats:
        """[n_items, c] their places on the texts' principal components."""
        return components(self.rows)

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
    """[n, k, 1 or 4] what texts foretell about this user; further columns where no log of views is.

    The user's foretold taste (``tastes``); mean likeness to all that the user took, and to the
    nearest of it; and what texts foretell about everybody. The last three know nothing of what was
    shown and turned down, and are left out where that is known.
    """
    stage, catalogue = slates.stage, ground.catalogue
    everybody, theirs = foreseen(stage, catalogue, texts.rows, texts.components)
    taste = theirs[slates.users[:, None], slates.items]
    if (stage.memory["action"] == "view").any():
        return taste[:, :, None]
    return np.stack([taste, *_likeness(slates, ground, texts), everybody[slates.items]], axis=2)


def _likeness(
    slates: NewItemSlates, ground: Ground, texts: ItemEmbeddings
) -> tuple[Floats, Floats]:
    """Twice [n, k]: to all that the user took, and to the nearest of it."""
    stage, catalogue = slates.stage, ground.catalogue
    liked = stage.memory[stage.liked(stage.memory)]
    own = {
        stage.number(str(user)): np.unique(catalogue.codes(items))
        for user, items in liked.groupby("user")["item"]
    }
    mean, near = np.zeros(slates.items.shape), np.zeros(slates.items.shape)
    for row, user in enumerate(slates.users):
        past = own.get(int(user))
        if past is not None:
            alike = texts.rows[slates.items[row]] @ texts.rows[past].T
            mean[row] = alike.mean(axis=1)
            near[row] = np.sort(alike, axis=1)[:, -NEAREST:].mean(axis=1)
    return mean, near


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
