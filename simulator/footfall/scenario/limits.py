"""Numbers that no scenario means: they end in endless utilities, or in waiting for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from footfall.plumbing.spec import Fault

LARGEST = 1e9
"""Of any number with a point; seconds, days and money of a scenario are far smaller."""

STEEPEST = 1e3
"""Of a coefficient or its spread between users; e**1000 is beyond every computer's numbers."""

_COEFFICIENTS = ("click", "buy", "spread", "segments")
_FREE = ("options", "budget")
"""Keys under which others give numbers a meaning, and amounts of tokens or money."""


def beyond(scenario: dict[str, Any]) -> Fault | None:
    """The first number that is too large, where, and what would do; None where all will do."""
    for place, number in _numbers(scenario, ()):
        most = STEEPEST if _is_coefficient(place) else LARGEST
        if abs(number) > most:
            words = f'"{".".join(place)}": {number:g} is beyond {most:g}; that is a mistake'
            return Fault(place, words)
    return None


def _is_coefficient(place: tuple[str, ...]) -> bool:
    return place[:1] == ("behaviour",) and place[1:2] != () and place[1] in _COEFFICIENTS


def _numbers(found: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
    if isinstance(found, float):
        yield place, found
    elif isinstance(found, dict):
        for key, value in found.items():
            if key not in _FREE:
                yield from _numbers(value, (*place, str(key)))
    elif isinstance(found, list):
        for number, value in enumerate(found):
            yield from _numbers(value, (*place, str(number)))
