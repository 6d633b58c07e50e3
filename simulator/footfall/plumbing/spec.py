"""How Footfall checks what is written for it: scenarios, behaviours, orders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from footfall.errors import did_you_mean

T = TypeVar("T")


class Spec(BaseModel):
    """Something that a person writes: unknown keys are mistakes, and so are endless numbers."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )


class _Operational:
    """Marks a field that says how to run and not what comes out."""


Operational = Annotated[T, _Operational()]
"""Type of such a field: ``budget: Operational[BudgetSpec]``. A resumed run may change it."""


def newer(default: T) -> T:
    """Default of a field that came later, which is left out of what is written.

    Written as ``images: bool = newer(False)``. Where such a field says nothing, a scenario is
    written as it was before the field came, and its hashes stay what they were.
    """
    field: T = Field(default=default, exclude_if=lambda value: value == default)
    return field


def operational(model: type[BaseModel]) -> Iterator[str]:
    """Names of the ``Operational`` fields, and those of its parts ("model.server")."""
    for name, field in model.model_fields.items():
        if _is_operational(field):
            yield name
        for part in _models_in(field.annotation):
            marked = (own for own, inner in part.model_fields.items() if _is_operational(inner))
            yield from (f"{name}.{own}" for own in marked)


def _is_operational(field: FieldInfo) -> bool:
    return any(isinstance(mark, _Operational) for mark in field.metadata)


def fault(error: ValidationError) -> str:
    """The first thing that is wrong with what was read: where, and what."""
    wrong = error.errors()[0]
    return f'"{".".join(map(str, wrong["loc"]))}": {wrong["msg"]}'


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with what a person wrote."""

    place: tuple[str, ...]
    """Keys and numbers that lead there, from the outermost."""
    words: str
    """What is wrong, where, and what to do: one line."""


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """The first thing that is wrong, as one line that says where and what to do."""
    return faults(error, model)[0].words


def faults(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """Everything that is wrong, a line a place; what is likely the cause of the rest is first."""
    # An unknown key is usually the cause of whatever else is reported missing.
    details = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    found: dict[tuple[str, ...], Fault] = {}
    for detail in details:
        place = tuple(_as_written(model, map(str, detail["loc"])))
        if place not in found:
            found[place] = Fault(place, _words(detail, place, details, model))
    return list(found.values())


def _words(detail: Any, place: tuple[str, ...], details: list[Any], model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        known = _keys_at(model, [str(part) for part in detail["loc"][:-1]])
        return f'unknown key "{".".join(place)}"; {did_you_mean(place[-1], known)}'
    # Each side of a union has its complaint; the side that lists words says what may be written.
    same = [e for e in details if tuple(_as_written(model, map(str, e["loc"]))) == place]
    worded = next((e for e in same if e["type"] == "literal_error"), None)
    if worded is not None and isinstance(worded["input"], str):
        words = re.findall(r"'([^']*)'", worded["ctx"]["expected"])
        wrong = worded["input"]
        return f'"{".".join(place)}": "{wrong:.60}" is no choice; {did_you_mean(wrong, words)}'
    message: str = detail["msg"].removeprefix("Value error, ")
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
