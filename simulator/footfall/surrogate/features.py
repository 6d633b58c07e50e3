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
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.features import relative_prices
from footfall.choice.protocol import Page
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.titles import short
from footfall.surrogate.taken import Taken, familiar
from footfall.surrogate.texts import TextSpace, item_texts
from footfall.users.familiarity import Familiarity
from footfall.users.population import Persona

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]

NOTHING = -1
"""Code that stands for no event in a window."""

MIN_WINDOW = 3
"""Events of a window at least, so that there are three likest ones."""

MEMORY = 5.0
"""Events over which the weight of an event falls to 1/e in the recent mean."""

AXES = 16
"""Axes of items that are features themselves; likenesses use all of them."""

BOTH, ITEM, USER = "user and item", "item", "user"
"""What a number is about: it need be found once for each, and no more."""

PAIR = {
    "same item": BOTH,
    "same name": BOTH,
    "same name, newest": BOTH,
    "same category": BOTH,
    "likest": BOTH,
    "likest three": BOTH,
    "mean likeness": BOTH,
    "recent likeness": BOTH,
    "likeness to the newest": BOTH,
    "relative price": ITEM,
    "letters": ITEM,
    "words": ITEM,
    "events": USER,
    "variety": USER,
}
"""Features of a window and an item, besides the axes; what each is about."""

FAMILIAR = {
    "orders with it": BOTH,
    "orders since": BOTH,
    "orders with its category": BOTH,
    "orders since, its category": BOTH,
    "orders": USER,
    "affinity": BOTH,
}
"""Features of the whole history and an item, as logarithms of one more; and of users alike."""


def features_of(axes: int) -> int:
    """How many numbers an item on a page has, where texts lie in so many axes."""
    return len(PAIR) + min(AXES, axes) + len(FAMILIAR)


def columns_about(what: str, axes: int) -> list[int]:
    """Which of these numbers are about ``BOTH``, the ``ITEM`` or the ``USER``, rising."""
    order = [*PAIR.values(), *[ITEM] * min(AXES, axes), *FAMILIAR.values()]
    return [number for number, about in enumerate(order) if about == what]


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
    names: npt.NDArray[np.int32]
    """[n_items + 1] items with the same short title have the same number; ``NOTHING``: -1."""
    categories: npt.NDArray[np.int32]
    """[n_items + 1] likewise."""
    alone: Floats
    """[n_items, a] what is about the ``ITEM``: relative price, letters, words, the first axes."""

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
            alone=np.column_stack([relative_prices(catalogue), letters, words, places[:, :AXES]]),
        )

    def taken(self, persona: Persona) -> Taken:
        """How often somebody has taken each item and category."""
        return Taken.of(Familiarity.of(persona, self.categories[:-1]), len(self.alone))

    def features(self, windows: Codes, taken: Sequence[Taken], items: Codes) -> Floats:
        """[n, k, f] of windows [n, events], ``taken`` [n] and items [n, k]."""
        axes = self.places.shape[1]
        both, user = self.of_pages(windows, taken, items)
        out = np.empty((*items.shape, features_of(axes)))
        out[:, :, columns_about(BOTH, axes)] = np.stack(both, axis=2)
        out[:, :, columns_about(ITEM, axes)] = self.alone[items]
        out[:, :, columns_about(USER, axes)] = np.column_stack(user)[:, None, :]
        return out

    def of_pages(
        self, windows: Codes, taken: Sequence[Taken], items: Codes
    ) -> tuple[tuple[Numbers, ...], tuple[Numbers, ...]]:
        """What is about ``BOTH``, [n, k] each, and the ``USER``, [n] each; see ``features``."""
        known, told = windows != NOTHING, self.places.take(windows, axis=0)
        count = known.sum(axis=1)
        some = np.maximum(1, count)[:, None]
        both = (
            *self._same(windows, some, items),
            *self._likenesses(told, known, some, items),
            *familiar(taken, items, self.categories[items], len(self.alone)),
        )
        variety = np.linalg.norm(told.sum(axis=1) / some, axis=1)
        return both, (count, variety, np.array([one.orders for one in taken]))

    def _same(self, windows: Codes, some: Codes, items: Codes) -> tuple[Numbers, ...]:
        """How often the same was taken; when last; and the share of its category."""
        # Events come first: adding up whole pages is quicker than adding up their rows.
        events = np.ascontiguousarray(windows.T)
        item = items == events[:, :, None]
        name = self.names[items] == self.names[events][:, :, None]
        kind = self.categories[items] == self.categories[events][:, :, None]
        newest = np.where(name, _recency(len(events))[:, None, None], 0.0).max(axis=0)
        return item.sum(axis=0), name.sum(axis=0), newest, kind.sum(axis=0) / some

    def _likenesses(
        self, told: Floats, known: Bools, some: Codes, items: Codes
    ) -> tuple[Floats, ...]:
        """Of items and events that lie at ``told`` [n, events, d], where ``known`` [n, events]."""
        fading = np.where(known, _recency(known.shape[1]), 0.0)
        fading = fading / np.maximum(1e-12, fading.sum(axis=1, keepdims=True))
        like = np.matmul(self.places.take(items, axis=0), told.transpose(0, 2, 1))
        third, second, first = np.sort(like, axis=2)[:, :, -3:].transpose(2, 0, 1)
        return (
            first,
            (first + second + third) / 3,
            like.sum(axis=2) / some,
            (like * fading[:, None, :]).sum(axis=2),
            like[:, :, -1],
        )


def _recency(events: int) -> Floats:
    """[events] weights of events, oldest first."""
    return np.asarray(np.exp(-np.arange(events)[::-1] / MEMORY))


def _numbered(texts: Sequence[str]) -> npt.NDArray[np.int32]:
    codes, _ = pd.factorize(np.asarray(texts, dtype=object), use_na_sentinel=False)
    return np.append(codes, -1).astype(np.int32)
