"""How Footfall checks what is written for it: scenarios, behaviours, orders."""

from __future__ import annotations

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
    place = [str(part) for part in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        known = _keys_at(model, place[:-1])
        return f'unknown key "{".".join(place)}"; {did_you_mean(place[-1], known)}'
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        return f'"{".".join(place)}" is missing; add it'
    return f'"{".".join(place)}": {message}' if place else message


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
