"""What a scenario reaches beyond its text: code, addresses, keys, models, files elsewhere.

A scenario that comes over the network must not be able to do more than the files that already lie
in the served folder. So each thing that it reaches is compared with what the file of the same name
reaches; what is new is refused. Whoever owns the folder adds such things with an editor of their
own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from footfall.llm.nobody import NOBODY
from footfall.plumbing.spec import Fault

FREE_MODELS = frozenset({"embedded", "fake", NOBODY})
"""Models that are on this machine, or nobody at all."""

TOGETHER = frozenset(
    {"target", "options", "url", "update_url", "server", "api_key_env", "headers_env"}
)
"""Keys of code, addresses and secrets. Those of one mapping count as one: a key that was meant for
one address is not to be sent to another."""

FETCHED = frozenset({"tokenizer", "model"})
"""Keys whose text may be fetched from a hub, as the ``name`` of a model may."""


class Reach:
    """What a scenario in ``base`` reaches, where everything below ``root`` is free."""

    def __init__(self, raw: dict[str, Any], base: Path, root: Path) -> None:
        self._base, self._root = base, root.resolve()
        self._found = dict(self._walk(raw, ()))

    def beyond(self, known: Reach | None) -> list[Fault]:
        """What ``known`` does not reach, as faults; None: nothing is known."""
        before = set() if known is None else {what for what, _ in known._found.values()}  # noqa: SLF001 - of its own class
        return [
            Fault(place, f'"{".".join(place)}": {words}; {_ADVICE}')
            for place, (what, words) in self._found.items()
            if what not in before
        ]

    def _walk(
        self, value: Any, place: tuple[str, ...]
    ) -> Iterator[tuple[tuple[str, ...], tuple[str, str]]]:
        if isinstance(value, dict):
            # A grid names keys by their whole path: "arms.new.recommender.target".
            parts = {key: tuple(str(key).split(".")) for key in value}
            yield from _together(value, parts, place)
            for key, inner in value.items():
                yield from self._walk(inner, (*place, *parts[key]))
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                yield from self._walk(inner, (*place, str(number)))
        elif isinstance(value, str):
            words = self._leaves(value, _without_numbers(place))
            if words:
                yield place, (_told(place, value), words)

    def _leaves(self, value: str, place: tuple[str, ...]) -> str:
        """Why a text may stand for something beyond the folder; "" where it does not."""
        if place[-1:] == ("about",):
            return ""
        if self._is_outside(value):
            return "names a place outside the served folder"
        fetched = place[-2:] == ("model", "name") or place[-1] in FETCHED
        if fetched and value not in FREE_MODELS and not self._is_here(value):
            return "names a model that is not in the served folder and may have to be fetched"
        return ""

    def _is_outside(self, value: str) -> bool:
        if value.startswith("~"):
            return True
        try:
            return not (self._base / value).resolve().is_relative_to(self._root)
        except (OSError, ValueError, RuntimeError):  # no name that a file can have
            return "/" in value or "\0" in value

    def _is_here(self, value: str) -> bool:
        try:
            return (self._root / value).exists() or (self._base / value).exists()
        except (OSError, ValueError):
            return False


_ADVICE = "write it into the file with an editor, here it can only be kept or removed"


def _together(
    value: dict[Any, Any], parts: dict[Any, tuple[str, ...]], place: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], tuple[str, str]]]:
    """Code, addresses and secrets of one mapping, as one thing."""
    flagged = {key: inner for key, inner in value.items() if TOGETHER & set(parts[key])}
    if any(inner for inner in flagged.values()):
        first = next(iter(flagged))
        words = "names code, an address or a key that the file does not name"
        yield (*place, *parts[first]), (_told(place, flagged), words)


def _told(place: tuple[str, ...], value: Any) -> str:
    """The same thing at the same key, whatever its number in a list."""
    return repr((_without_numbers(place), value))


def _without_numbers(place: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for part in place if not part.isdecimal())
