"""Every source of histories that a scenario can name, and the one way to load them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

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
from footfall.datasets.mind import MindSource
from footfall.datasets.movielens import MovieLensSource
from footfall.datasets.open_bandit import OpenBanditSource
from footfall.datasets.schema import Dataset
from footfall.datasets.steam import SteamSource
from footfall.datasets.table_source import TableSource

DataSource = Annotated[
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
"""What a scenario may write under ``data``; ``kind`` tells which one."""

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
"""A further source is one module with its options and ``read``, and one line here and above."""


def load(source: Source, base: Path) -> Dataset:
    """Read, clean and check a source; relative paths are relative to the folder ``base``.

    Raises:
        DataError: The data is missing or cannot be used; one line.
    """
    return READERS[type(source)](source, base)
