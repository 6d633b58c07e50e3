"""How often each item was shown to somebody, small while nobody asks."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence

_NOTHING = (array("i"), array("i"))


class Tally:
    """Counts of item codes.

    Awake it is a dict; asleep, which most users are at any time, two packed arrays: 8 bytes an
    item instead of about 100, so that a million users fit.
    """

    __slots__ = ("_counts", "_packed")

    def __init__(self) -> None:
        self._counts: dict[int, int] | None = None
        self._packed: tuple[array[int], array[int]] = _NOTHING

    def add(self, items: Iterable[int]) -> None:
        """Count each of ``items`` once more."""
        counts = self._awake()
        for item in items:
            counts[item] = counts.get(item, 0) + 1

    def of(self, items: Sequence[int]) -> list[int]:
        """How often each of ``items`` was counted so far."""
        get = self._awake().get
        return [get(item, 0) for item in items]

    def counts(self) -> Mapping[int, int]:
        """Items that were counted at all -> how often; not to be kept."""
        return self._awake()

    def rest(self) -> None:
        """Pack until somebody asks again."""
        if self._counts is not None:
            self._packed = (array("i", list(self._counts)), array("i", list(self._counts.values())))
            self._counts = None

    def _awake(self) -> dict[int, int]:
        if self._counts is None:
            self._counts = dict(zip(*self._packed, strict=True))
            self._packed = _NOTHING
        return self._counts
