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
from footfall.surrogate.features import Codes, ItemFeatures, window
from footfall.surrogate.texts import TextSpace, item_texts, nearest
from footfall.surrogate.trees import Trees
from footfall.users.familiarity import Familiarity
from footfall.users.population import Persona

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

KNOWN = 5_000
"""Users whose counts are kept at hand; counting them anew takes a fraction of a millisecond."""


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

    def at(self, catalogue: Catalogue) -> Reader:
        """Get ready for the items of a catalogue."""
        return Reader(self, catalogue)


class Reader:
    """A student that knows a catalogue's items by heart."""

    def __init__(self, student: Student, catalogue: Catalogue) -> None:
        self.student = student
        self.table = ItemFeatures.of(catalogue, student.space)
        self._catalogue = catalogue
        self._known: dict[tuple[str, int], Familiarity] = {}
        self._far: dict[tuple[str, int], bool] = {}

    def _familiarity(self, persona: Persona) -> Familiarity:
        key = persona.user, len(persona.items)
        if key not in self._known:
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[key] = self.table.familiarity(persona)
        return self._known[key]

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

    def windows(self, pages: Sequence[Page]) -> Codes:
        """[n, events] what each page's user has done, this visit included if it counts."""
        told = [window(page, self.student.events, visit=self.student.visit) for page in pages]
        return np.stack(told)

    def far_users(self, pages: Sequence[Page]) -> Bools:
        """[n] whose memory is unlike those that were learned from."""
        return np.array([self._is_far(page) for page in pages], dtype=bool)

    def _is_far(self, page: Page) -> bool:
        """Asked once of a memory: it grows between two runs at the most."""
        key = page.persona.user, len(page.persona.items)
        if key not in self._far:
            if len(self._far) >= KNOWN:
                self._far.clear()
            # One by one: the rounding of a matrix product may depend on its number of rows.
            told = window(page, self.student.events, visit=False)[None]
            self._far[key] = bool(self.student.bounds.far_users(self.traits(told))[0])
        return self._far[key]

    def traits(self, windows: Codes) -> Floats:
        """[n, q] what users with these windows are measured by."""
        return user_traits(windows, self.table, self.distances)

    def utilities(self, pages: Sequence[Page]) -> list[Floats]:
        """[k] of each page, near or far."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for row, page in enumerate(pages):
            by_length[len(page.items)].append(row)
        out: list[Floats] = [np.empty(0)] * len(pages)
        for length, rows in by_length.items():
            if not length:
                continue
            items = np.array([pages[row].items for row in rows], dtype=np.int64)
            asked = [pages[row] for row in rows]
            known = [self._familiarity(page.persona) for page in asked]
            numbers = self.table.features(self.windows(asked), known, items)
            numbers = np.concatenate([numbers, self._liking[items][:, :, None]], axis=2)
            found = self.student.trees.predict(numbers.reshape(-1, numbers.shape[2]))
            for row, values in zip(rows, found.reshape(items.shape), strict=True):
                out[row] = values
        return out
