"""Every source of histories that a scenario can name, and the one way to load them.

A further source of Footfall's own is one module with its options and ``read``, and one line in each
of the two lists below. A source of another package is an entry point of ``GROUP`` under its kind:
its ``read(source: MySource, base: Path) -> Dataset``, where ``MySource`` is a ``Source``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import Field, SerializeAsAny, ValidatorFunctionWrapHandler, WrapValidator

from footfall.datasets import (
    amazon,
    complete_journey,
    kuairec,
    mind,
    movielens,
    open_bandit,
    steam,
    table,
)
from footfall.datasets.amazon import AmazonSource
from footfall.datasets.base import Source
from footfall.datasets.complete_journey import CompleteJourneySource
from footfall.datasets.kuairec import KuaiRandSource, KuaiRecSource
from footfall.datasets.large import reading
from footfall.datasets.mind import MindSource
from footfall.datasets.movielens import MovieLensSource
from footfall.datasets.open_bandit import OpenBanditSource
from footfall.datasets.schema import Dataset
from footfall.datasets.steam import SteamSource
from footfall.datasets.table_source import TableSource
from footfall.errors import did_you_mean
from footfall.options import Announce
from footfall.plumbing import plugin_options, plugins

GROUP = "footfall.datasets"
"""Entry points by kind: the readers of other packages."""

_Own = Annotated[
    AmazonSource
    | CompleteJourneySource
    | KuaiRandSource
    | KuaiRecSource
    | MindSource
    | MovieLensSource
    | OpenBanditSource
    | SteamSource
    | TableSource,
    Field(discriminator="kind"),
]

READERS: dict[type[Source], Callable[[Any, Path], Dataset]] = {
    AmazonSource: amazon.read,
    CompleteJourneySource: complete_journey.read,
    KuaiRandSource: kuairec.read_rand,
    KuaiRecSource: kuairec.read_rec,
    MindSource: mind.read,
    MovieLensSource: movielens.read,
    OpenBanditSource: open_bandit.read,
    SteamSource: steam.read,
    TableSource: table.read,
}

KINDS: dict[str, type[Source]] = {model.model_fields["kind"].default: model for model in READERS}
"""Footfall's own sources by the name that a scenario uses."""


def kinds() -> list[str]:
    """Every kind of source that can be read here, those of other packages included."""
    return sorted({*KINDS, *plugins.entries(GROUP)})


def _helpful(raw: object, check: ValidatorFunctionWrapHandler) -> Any:
    """Find the kinds of other packages, and refuse unknown ones with a hint."""
    kind = raw.get("kind") if isinstance(raw, Mapping) else None
    if not isinstance(raw, Mapping) or kind is None or kind in KINDS:
        return check(raw)
    if kind not in kinds():
        raise ValueError(f'no kind of data "{kind}"; {did_you_mean(str(kind), kinds())}')
    return plugin_options.parsed(GROUP, raw)


DataSource = Annotated[SerializeAsAny[_Own], WrapValidator(_helpful)]
"""What a scenario may write under ``data``; ``kind`` tells which one."""


def load(source: Source, base: Path, announce: Announce = lambda _: None) -> Dataset:
    """Read, clean and check a source.

    Args:
        source: What to read.
        base: Folder that relative paths are relative to.
        announce: Told about the steps, where they take long.

    Raises:
        DataError: The data is missing or cannot be used; one line.
    """
    if isinstance(source, TableSource):
        return reading.read(source, base, announce)
    read = READERS.get(type(source)) or plugins.load(GROUP, getattr(source, "kind", ""))
    return cast("Dataset", read(source, base))
