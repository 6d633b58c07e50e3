"""Your own Python code as a recommender: ``target: "module:name"``.

Three forms are understood:

- a function whose first parameter is called ``requests``: ``f(requests, **options)`` returns,
  for each request, a ``Slate`` or a list (array, Series) of item ids;
- a class or any other function: called once with ``options`` and those of ``split``,
  ``catalogue`` and ``seed`` that it has parameters for, and must return a ``Recommender``;
- an object that already is a ``Recommender``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from footfall.errors import ScenarioError, did_you_mean
from footfall.plumbing.foreign import foreign_code
from footfall.plumbing.own_modules import NameTakenError, own_module
from footfall.recommenders.foreign_slates import as_slates
from footfall.recommenders.protocol import Materials, Recommender, Request, Slate
from footfall.recommenders.specs import CallableSpec


class FunctionRecommender:
    """A plain function behind the Protocol; it does not learn."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        self._function = function
        self._options = options

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """Call the function once for all requests."""
        return as_slates(self._function(requests, **self._options))

    def update(self, events: pd.DataFrame) -> None:
        """Do nothing: a function does not learn."""


def load_callable(spec: CallableSpec, materials: Materials) -> Recommender:
    """Import ``spec.target`` (also from ``materials.base``) and make a recommender of it.

    Raises:
        ScenarioError: if it cannot be imported, or does not fit its options or the Protocol.
    """
    target = find_target(spec.target, materials.base)
    if not inspect.isclass(target) and isinstance(target, Recommender):
        if spec.options:
            raise ScenarioError(
                f"{spec.target}: is an object, not a class or function, so it takes no options"
            )
        return target
    if not callable(target):
        raise ScenarioError(f"{spec.target}: is a {type(target).__name__}, not callable")
    if _answers_requests(target):
        _check_options(spec, target, [()], {})
        return FunctionRecommender(target, spec.options)
    offered = {name: getattr(materials, name) for name in ("split", "catalogue", "seed")}
    wanted = inspect.signature(target).parameters
    extra = {name: value for name, value in offered.items() if name in wanted}
    _check_options(spec, target, [], extra)
    try:
        with foreign_code():
            made = target(**extra, **spec.options)
    except Exception as error:
        raise ScenarioError(
            f"{spec.target}: making it failed: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(made, Recommender):
        raise ScenarioError(
            f"{spec.target}: made a {type(made).__name__}, which lacks recommend(requests) or "
            "update(events); a plain function must call its first parameter requests"
        )
    return made


def learns_from_split(spec: CallableSpec, base: Path) -> bool:
    """Whether the code is trained anew on whatever split it is given."""
    target = find_target(spec.target, base)
    if not callable(target) or _answers_requests(target):
        return False
    return "split" in inspect.signature(target).parameters


def find_target(target: str, base: Path) -> Any:
    """Import ``module:name``, also from ``base``.

    Raises:
        ScenarioError: There is no such module or name.
    """
    module_name, _, path = target.partition(":")
    try:
        with foreign_code():
            found: Any = own_module(module_name, base)
    except ModuleNotFoundError as error:
        raise ScenarioError(
            f'{target}: no module "{error.name}"; put it beside the scenario file or install it'
        ) from None
    except NameTakenError as error:
        raise ScenarioError(f"{target}: {error}") from None
    except Exception as error:
        raise ScenarioError(
            f"{target}: importing it failed: {type(error).__name__}: {error}"
        ) from error
    for name in path.split("."):
        if not hasattr(found, name):
            public = [known for known in dir(found) if not known.startswith("_")]
            raise ScenarioError(f'{target}: no "{name}" there; {did_you_mean(name, public)}')
        found = getattr(found, name)
    return found


def _answers_requests(target: Callable[..., Any]) -> bool:
    if inspect.isclass(target):
        return False
    return next(iter(inspect.signature(target).parameters), "") == "requests"


def _check_options(
    spec: CallableSpec, target: Callable[..., Any], given: list[Any], extra: dict[str, Any]
) -> None:
    """Refuse options that the code does not take before the run starts."""
    for name in sorted(spec.options.keys() & extra.keys()):
        raise ScenarioError(f'{spec.target}: option "{name}" is filled in by Footfall')
    try:
        inspect.signature(target).bind(*given, **extra, **spec.options)
    except TypeError as error:
        taken = [name for name in inspect.signature(target).parameters if name != "requests"]
        raise ScenarioError(
            f"{spec.target}: options do not fit: {error}. It takes: {', '.join(taken) or 'none'}"
        ) from None
