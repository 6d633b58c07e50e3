"""JSON objects in files and answers, which may be a stranger's or damaged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DEEPEST = 100
"""Lists and objects within each other; what walks through them may be recursive."""


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object that a file holds.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds something else.
    """
    return parse_object(path.read_text(encoding="utf-8"))


def parse_object(text: str | bytes) -> dict[str, Any]:
    """The JSON object that a text is; ``ValueError`` if it is something else."""
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError(f"nested more than {DEEPEST} deep") from None
    if not isinstance(found, dict):
        raise ValueError("must hold one JSON object")  # noqa: TRY004 - one kind for all damages
    _check_depth(found)
    return found


def _check_depth(found: dict[str, Any]) -> None:
    level: list[Any] = [found]
    for _ in range(DEEPEST):
        level = [inner for one in level for inner in _within(one) if isinstance(inner, dict | list)]
        if not level:
            return
    raise ValueError(f"nested more than {DEEPEST} deep")


def _within(one: dict[str, Any] | list[Any]) -> list[Any]:
    return one if isinstance(one, list) else list(one.values())
