"""What this and other packages add by name: entry points, loaded when they are asked for."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from pydantic import BaseModel, ValidationError

from footfall.errors import FootfallError, UserError, one_line
from footfall.plumbing.extras import missing
from footfall.plumbing.spec import explain


def entries(group: str) -> dict[str, metadata.EntryPoint]:
    """Entry points of a group by name, in the order of the alphabet.

    Where two packages claim a name, the one that Python finds first has it.
    """
    found: dict[str, metadata.EntryPoint] = {}
    for entry in metadata.entry_points(group=group):
        found.setdefault(entry.name, entry)
    return {name: found[name] for name in sorted(found)}


def load(group: str, name: str) -> Any:
    """Import what the entry point ``name`` of a group stands for.

    Raises:
        UserError: Its package is broken: it cannot be imported, or has nothing of that name.
    """
    entry = entries(group)[name]
    try:
        return entry.load()
    except FootfallError:
        raise
    except ModuleNotFoundError as error:
        told = missing(error)
        if told is None:
            raise _broken(group, name, entry, error) from error
        raise UserError(f'"{name}": {told}') from None
    except Exception as error:
        raise _broken(group, name, entry, error) from error


def _broken(group: str, name: str, entry: metadata.EntryPoint, error: Exception) -> UserError:
    package = "its package" if entry.dist is None else f'the package "{entry.dist.name}"'
    return UserError(
        f'"{name}" ({group}) does not load: {type(error).__name__}: {one_line(error, 200)}; '
        f"install {package} again, or remove it"
    )


def parsed(group: str, raw: Mapping[str, Any]) -> BaseModel:
    """Options for a function of another package, checked.

    Args:
        group: Entry points whose functions take their options as the first parameter; its
            annotation is the model of the options.
        raw: The options, with ``kind``, the name of the entry point.

    Raises:
        UserError: The package is broken.
        ValueError: The options are not those of the model; one line, for a validator.
    """
    name = str(raw["kind"])
    model = _options(load(group, name))
    if model is None:
        raise UserError(
            f'"{name}" ({group}): the first parameter of its function must be annotated with the '
            "pydantic model of its options"
        )
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ValueError(explain(error, model)) from None


def _options(function: Any) -> type[BaseModel] | None:
    first = next(iter(inspect.signature(function).parameters), "")
    found = typing.get_type_hints(function).get(first)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None
