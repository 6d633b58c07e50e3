"""What a surrogate sees: numbers about a user's newest events, an item, and both together.

The user is what the teacher was shown: the newest remembered events, then what was clicked and
bought in the visit; and how often, over the whole history, the item and its category were taken,
which prompts may tell as well, and how much users alike take it. Every page is computed by itself,
so no number depends on how pages were batched. Pages of one call are grouped by their length, never
padded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.features import relative_prices
from footfall.choice.protocol import Page
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.titles import short
from footfall.surrogate.texts import TextSpace, item_texts
from footfall.users.familiarity import Familiarity, Repeat
from footfall.users.population import Persona

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

NOTHING = -1
"""Code that stands for no event in a window."""

MIN_WINDOW = 3
"""Events of a window at least, so that there are three likest ones."""

MEMORY = 5.0
"""Events over which the weight of an event falls to 1/e in the recent mean."""

AXES = 16
"""Axes of items that are features themselves; likenesses use all of them."""

PAIR = (
    "same item",
    "same name",
    "same name, newest",
    "same category",
    "likest",
    "likest three",
    "mean likeness",
    "recent likeness",
    "likeness to the newest",
    "relative price",
    "letters",
    "words",
    "events",
    "variety",
)
"""Features of a window and an item, besides the axes."""

FAMILIAR = (
    "orders with it",
    "orders since",
    "orders with its category",
    "orders since, its category",
    "orders",
    "affinity",
)
"""Features of the whole history and an item, as logarithms of one more; and of users alike."""


def features_of(axes: int) -> int:
    """How many numbers an item on a page has, where texts lie in so many axes."""
    return len(PAIR) + min(AXES, axes) + len(FAMILIAR)


NEVER = Repeat(0, 10_000)
"""What was never taken: longer ago than any history is long."""


def window(page: Page, events: int, *, visit: bool) -> Codes:
    """[events] codes of what the teacher was told, oldest first, ``NOTHING`` in front."""
    told = page.persona.items[max(0, len(page.persona.items) - events) :].tolist()
    if visit:
        told = [*told, *page.clicked, *page.bought][-events:]
    out = np.full(events, NOTHING, dtype=np.int64)
    if told:
        out[-len(told) :] = told
    return out


@dataclass(frozen=True, eq=False)
class ItemFeatures:
    """What is known of the items of a catalogue; rows are codes."""

    places: Floats
    """[n_items + 1, d] coordinates; the last row, of zeros, is ``NOTHING``."""
    names: Codes
    """[n_items + 1] items with the same short title have the same number; ``NOTHING``: -1."""
    categories: Codes
    """[n_items + 1] likewise."""
    plain: Floats
    """[n_items, 3] relative price, letters and words of the title."""

    @classmethod
    def of(cls, catalogue: Catalogue, space: TextSpace) -> ItemFeatures:
        """Look up every item of a catalogue."""
        places = space.place(space.weigh(item_texts(catalogue)))
        titles = catalogue.titles
        letters = np.array([len(short(title)) for title in titles], dtype=np.float64)
        words = np.array([len(short(title).split()) for title in titles], dtype=np.float64)
        return cls(
            places=np.vstack([places, np.zeros((1, places.shape[1]))]),
            names=_numbered([short(title) for title in titles]),
            categories=_numbered(catalogue.categories),
            plain=np.column_stack([relative_prices(catalogue), letters, words]),
        )

    def familiarity(self, persona: Persona) -> Familiarity:
        """How often somebody has taken each item and category."""
        return Familiarity.of(persona, self.categories[:-1])

    def features(self, windows: Codes, known: Sequence[Familiarity], items: Codes) -> Floats:
        """[n, k, f] of windows [n, events], ``known`` [n] and items [n, k]."""
        counts = [self._familiar(who, own) for who, own in zip(known, items.tolist(), strict=True)]
        familiar = np.log1p(np.stack(counts))
        return np.concatenate([self._paired(windows, items), familiar], axis=2)

    def _familiar(self, known: Familiarity, items: Sequence[int]) -> Floats:
        """[k, len(FAMILIAR)] how well somebody knows each of ``items``, counted."""
        kinds = self.categories[items].tolist()
        rows = [
            (
                *known.items.get(item, NEVER),
                *known.categories.get(kind, NEVER),
                known.orders,
                affinity,
            )
            for item, kind, affinity in zip(items, kinds, known.affinity(items), strict=True)
        ]
        return np.array(rows, dtype=np.float64)

    def _paired(self, windows: Codes, items: Codes) -> Floats:
        """[n, k, f] of windows [n, events] and items [n, k]; f is ``len(PAIR)`` + axes."""
        told = windows != NOTHING
        count = np.maximum(1, told.sum(axis=1, keepdims=True)).astype(np.float64)
        ages = np.arange(windows.shape[1])[::-1]
        fading = np.where(told, np.exp(-ages / MEMORY), 0.0)
        fading = fading / np.maximum(1e-12, fading.sum(axis=1, keepdims=True))
        past = self.places[windows]
        like = np.matmul(self.places[items], past.transpose(0, 2, 1))
        known = told[:, None, :]
        name = (self.names[items][:, :, None] == self.names[windows][:, None, :]) & known
        kind = (self.categories[items][:, :, None] == self.categories[windows][:, None, :]) & known
        best = -np.sort(-np.where(known, like, 0.0), axis=2)[:, :, :3]
        mean = past.sum(axis=1) / count
        shape = items.shape
        pair = [
            ((items[:, :, None] == windows[:, None, :]) & known).sum(axis=2),
            name.sum(axis=2),
            np.where(name, np.exp(-ages / MEMORY), 0.0).max(axis=2, initial=0.0),
            kind.sum(axis=2) / count,
            best[:, :, 0],
            best.mean(axis=2),
            like.sum(axis=2) / count,
            (like * fading[:, None, :]).sum(axis=2),
            like[:, :, -1],
            *self.plain[items].transpose(2, 0, 1),
            np.broadcast_to(told.sum(axis=1, keepdims=True), shape),
            np.broadcast_to(np.linalg.norm(mean, axis=1, keepdims=True), shape),
        ]
        axes = self.places[items][:, :, :AXES]
        return np.concatenate([np.stack(pair, axis=2).astype(np.float64), axes], axis=2)


def _numbered(texts: Sequence[str]) -> Codes:
    codes, _ = pd.factorize(np.asarray(texts, dtype=object))
    return np.append(codes.astype(np.int64), -1)
