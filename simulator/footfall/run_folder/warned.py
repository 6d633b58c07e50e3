"""What a run warns its readers of: a kind for programs, and a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

Kind = Literal["circular", "surrogate", "texts", "images", "data", "unnamed"]
"""``circular``: users who taught the model are played; ``surrogate``: one answered in the model's
place; ``texts``: titles read like words to a model; ``images``: some items have none; ``data``: the
log may mean something else; ``unnamed``: of a version that named no kinds."""

_OLDER: dict[str, Kind] = {"a surrogate answered in place of": "surrogate"}
"""How sentences of manifests without kinds begin."""


@dataclass(frozen=True)
class Warned:
    """One thing that a reader must know before believing a result."""

    kind: Kind
    text: str

    def kept(self) -> dict[str, str]:
        """How a manifest has it."""
        return asdict(self)


def warned(manifest: Mapping[str, Any]) -> tuple[Warned, ...]:
    """The warnings of a checked manifest; older ones have sentences alone."""
    return tuple(map(_read, manifest.get("warnings") or ()))


def _read(entry: str | Mapping[str, str]) -> Warned:
    if isinstance(entry, str):
        kinds = (kind for start, kind in _OLDER.items() if entry.startswith(start))
        return Warned(next(kinds, "unnamed"), entry)
    known: tuple[Kind, ...] = get_args(Kind)
    return Warned(next((kind for kind in known if kind == entry["kind"]), "unnamed"), entry["text"])
