"""A source of histories as a YAML file writes it, alone or in a scenario."""

from __future__ import annotations

from importlib.resources import files
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from footfall.datasets.base import Source
from footfall.datasets.sources import GROUP, KINDS, kinds
from footfall.datasets.split import SplitSpec
from footfall.errors import ScenarioError, did_you_mean
from footfall.plumbing import plugin_options
from footfall.plumbing.spec import explain
from footfall.plumbing.yaml_files import find_text, parse_mapping

SCENARIOS = "footfall.scenarios"
"""The package of the scenarios that come with Footfall."""

_Model = TypeVar("_Model", bound=BaseModel)


def read_source(name: str) -> tuple[Source, SplitSpec | None]:
    """The source and the split of a scenario, or of a YAML file that is a source itself.

    Args:
        name: A YAML file, or the name of a scenario that comes with Footfall.

    Raises:
        ScenarioError: The file cannot be read, or its source is wrong.
    """
    text, where = find_text(name, files(SCENARIOS))
    raw = parse_mapping(text, where, "data (a scenario) or kind (a source)")
    if "data" not in raw:
        return parse_source(raw, where), None
    spec = raw.get("split")
    cut = None if spec is None else _checked(SplitSpec, spec, f"{where}: split")
    return parse_source(raw["data"], where), cut


def parse_source(raw: object, where: str) -> Source:
    """Check a source given as a mapping; ``where`` opens the message of an error."""
    if not isinstance(raw, dict):
        raise ScenarioError(f"{where}: neither a scenario (with `data`) nor a source (with `kind`)")
    kind = str(raw.get("kind"))
    if kind in KINDS:
        return _checked(KINDS[kind], raw, where)
    if kind not in kinds():
        raise ScenarioError(f'{where}: no kind of data "{kind}"; {did_you_mean(kind, kinds())}')
    try:
        return cast("Source", plugin_options.parsed(GROUP, raw))
    except ValueError as error:
        raise ScenarioError(f"{where}: {error}") from None


def _checked(model: type[_Model], raw: Any, where: str) -> _Model:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise ScenarioError(f"{where}: {explain(error, model)}") from None
