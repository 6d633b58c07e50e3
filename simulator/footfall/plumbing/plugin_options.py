"""Options of what other packages add, checked by the model that their function asks for."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from footfall.errors import UserError
from footfall.plumbing.plugins import load
from footfall.plumbing.spec import explain


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
