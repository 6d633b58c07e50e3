"""How Footfall checks what is written for it: scenarios, behaviours, orders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from footfall.errors import did_you_mean

SPEC = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)
"""Unknown keys are mistakes, and an endless coefficient makes every utility none."""


def fault(error: ValidationError) -> str:
    """The first thing that is wrong with what was read: where, and what."""
    wrong = error.errors()[0]
    return f'"{".".join(map(str, wrong["loc"]))}": {wrong["msg"]}'


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that is wrong, as one line that says where and what to do."""
    # An unknown key is usually the cause of whatever else is reported missing.
    details = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    detail = details[0]
    loc = [str(part) for part in detail["loc"]]
    place = _as_written(model, loc)
    if detail["type"] == "extra_forbidden":
        known = _keys_at(model, loc[:-1])
        return f'unknown key "{".".join(place)}"; {did_you_mean(place[-1], known)}'
    # Each side of a union has its complaint; the side that lists words says what may be written.
    same = [e for e in details if _as_written(model, map(str, e["loc"])) == place]
    worded = next((e for e in same if e["type"] == "literal_error"), None)
    if worded is not None and isinstance(worded["input"], str):
        words = re.findall(r"'([^']*)'", worded["ctx"]["expected"])
        wrong = worded["input"]
        return f'"{".".join(place)}": "{wrong:.60}" is no choice; {did_you_mean(wrong, words)}'
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        return f'"{".".join(place)}" is missing; add it'
    return f'"{".".join(place)}": {message}' if place else message


def _as_written(model: type[BaseModel], loc: Iterable[str]) -> list[str]:
    """The keys of a place as its author wrote them, without the names of the sides of unions."""
    place: list[str] = []
    candidates: list[type[BaseModel]] = [model]
    for part in loc:
        fields = [c.model_fields[part] for c in candidates if part in c.model_fields]
        if fields:
            place.append(part)
            candidates = [m for field in fields for m in _models_in(field.annotation)]
        elif part.isdigit() or not (_side(part, candidates) or "[" in part):
            place.append(part)
    return place


def _side(part: str, candidates: list[type[BaseModel]]) -> bool:
    """Whether a step names one side of a union: a model, or the kind that chooses it."""
    return any(part == c.__name__ or part in _kinds(c) for c in candidates)


def _keys_at(model: type[BaseModel], place: Iterable[str]) -> list[str]:
    """Keys that are known at a place, walking through nested models."""
    candidates = [model]
    for part in place:
        if part.isdigit():
            continue
        nested: list[type[BaseModel]] = []
        for candidate in candidates:
            if part in candidate.model_fields:
                nested += _models_in(candidate.model_fields[part].annotation)
            elif part in _kinds(candidate):
                nested.append(candidate)
        candidates = nested or candidates
    return sorted({name for candidate in candidates for name in candidate.model_fields})


def _kinds(model: type[BaseModel]) -> tuple[str, ...]:
    """Values of ``kind`` that choose this model from a union."""
    field = model.model_fields.get("kind")
    return tuple(getattr(field.annotation, "__args__", ())) if field else ()


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for arg in getattr(annotation, "__args__", ()) for model in _models_in(arg)]
