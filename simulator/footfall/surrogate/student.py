"""A surrogate that has learned: what it answers about pages, and what it refuses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from footfall.choice.protocol import Page
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.titles import short
from footfall.surrogate.bounds import Bounds, user_traits
from footfall.surrogate.features import (
    BOTH,
    ITEM,
    USER,
    Codes,
    ItemFeatures,
    columns_about,
    features_of,
    window,
)
from footfall.surrogate.leaves import Leaves, Words
from footfall.surrogate.taken import Taken
from footfall.surrogate.texts import TextSpace, item_texts, nearest
from footfall.surrogate.trees import Trees

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

KNOWN = 20_000
"""Users whose counts are kept at hand, 2 KB each; counting anew takes as long as deciding pages."""

_ROWS_AT_ONCE = 512
"""Items on pages; so that what is worked on stays in the cache of a core."""


@dataclass(frozen=True, eq=False)
class Student:
    """Everything that is learned, and nothing about a particular catalogue or population."""

    space: TextSpace
    learned: tuple[str, ...]
    """Texts of the learned items."""
    names: tuple[str, ...]
    """Short titles of the learned items."""
    liking: Floats
    """[n_names] what the teacher thought of each, whoever was asked, less the mean of all."""
    trees: Trees
    bounds: Bounds
    events: int
    """Newest events of a user that are looked at."""
    visit: bool
    """Whether what happens during the visit counts."""

    @cached_property
    def leaves(self) -> Leaves:
        """The trees, ready to be asked.

        Raises:
            ValueError: They are none; see ``Leaves.of``.
        """
        return Leaves.of(self.trees)

    def at(self, catalogue: Catalogue) -> Reader:
        """Get ready for the items of a catalogue."""
        return Reader(self, catalogue)


@dataclass(slots=True)
class KnownUser:
    """What is known of a user before the visit."""

    told: Codes
    """[events] see ``footfall.surrogate.features.window``."""
    taken: Taken
    far: bool | None = None
    """Whether the memory is unlike those that were learned from; None: not looked at."""


class Reader:
    """A student that knows a catalogue's items by heart."""

    def __init__(self, student: Student, catalogue: Catalogue) -> None:
        self.student = student
        self.table = ItemFeatures.of(catalogue, student.space)
        self._catalogue = catalogue
        self._users: dict[tuple[str, int], KnownUser] = {}
        axes = self.table.places.shape[1]
        self._about = {what: columns_about(what, axes) for what in (BOTH, ITEM, USER)}

    def _of(self, page: Page) -> KnownUser:
        """What is known of a page's user; counted once, as a memory grows between runs only."""
        key = page.persona.user, len(page.persona.items)
        found = self._users.get(key)
        if found is None:
            if len(self._users) >= KNOWN:
                self._users.clear()
            told = window(page, self.student.events, visit=False)
            found = self._users[key] = KnownUser(told, self.table.taken(page.persona))
        return found

    @cached_property
    def _liking(self) -> Floats:
        """[n_items] ``Student.liking`` of every item; 0 for a name that was not learned."""
        known = dict(zip(self.student.names, self.student.liking.tolist(), strict=True))
        return np.array([known.get(short(title), 0.0) for title in self._catalogue.titles])

    @cached_property
    def distances(self) -> Floats:
        """[n_items] from each item to the nearest learned one."""
        space = self.student.space
        own = space.weigh(item_texts(self._catalogue))
        return nearest(own, space.weigh(self.student.learned))

    @cached_property
    def far_items(self) -> Bools:
        """[n_items] which items are refused."""
        return self.student.bounds.far_items(self.distances)

    def known(self, pages: Sequence[Page]) -> list[KnownUser]:
        """What is known of each page's user before the visit."""
        return [self._of(page) for page in pages]

    def far_users(self, known: Sequence[KnownUser]) -> Bools:
        """[n] whose memory is unlike those that were learned from."""
        return np.array([self._is_far(one) for one in known], dtype=bool)

    def _is_far(self, known: KnownUser) -> bool:
        if known.far is None:
            # One by one: the rounding of a matrix product may depend on its number of rows.
            traits = self.traits(known.told[None])
            known.far = bool(self.student.bounds.far_users(traits)[0])
        return known.far

    def traits(self, windows: Codes) -> Floats:
        """[n, q] what users with these windows are measured by."""
        return user_traits(windows, self.table, self.distances)

    def utilities(self, pages: Sequence[Page], known: Sequence[KnownUser]) -> list[Floats]:
        """[k] of each page, near or far."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for row, page in enumerate(pages):
            by_length[len(page.items)].append(row)
        out: list[Floats] = [np.empty(0)] * len(pages)
        for length in by_length.keys() - {0}:
            rows, step = by_length[length], max(1, _ROWS_AT_ONCE // length)
            for first in range(0, len(rows), step):
                part = rows[first : first + step]
                found = self._weigh([pages[row] for row in part], [known[row] for row in part])
                for row, values in zip(part, found, strict=True):
                    out[row] = values
        return out

    def _weigh(self, pages: Sequence[Page], known: Sequence[KnownUser]) -> Floats:
        """[n, k] of pages of one length."""
        items = np.array([page.items for page in pages], dtype=np.int64)
        told = [self._told(*pair) for pair in zip(pages, known, strict=True)]
        windows = np.concatenate(told).reshape(len(pages), -1)
        both, user = self.table.of_pages(windows, [one.taken for one in known], items)
        leaves, k = self.student.leaves, items.shape[1]
        words = leaves.words(self._about[BOTH], [column.ravel() for column in both])
        words &= leaves.words(self._about[USER], user).repeat(k, axis=0)
        words &= self._item_words.take(items.ravel(), axis=0)
        return leaves.sums(words).reshape(items.shape)

    def _told(self, page: Page, known: KnownUser) -> Codes:
        """[events] what a page's user has done, this visit included if it counts."""
        if self.student.visit and (page.clicked or page.bought):
            return window(page, self.student.events, visit=True)
        return known.told

    @cached_property
    def _item_words(self) -> Words:
        """[n_items, t] the leaves that what is about the item alone leaves."""
        numbers = np.column_stack([self.table.alone, self._liking])
        columns = [*self._about[ITEM], features_of(self.table.places.shape[1])]
        parts = np.array_split(numbers, max(1, len(numbers) // _ROWS_AT_ONCE))
        return np.concatenate([self.student.leaves.words(columns, [*part.T]) for part in parts])
