"""Every source of histories that a scenario can name, and the one way to load them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from footfall.datasets import complete_journey, movielens, table
from footfall.datasets.base import Source
from footfall.datasets.complete_journey import CompleteJourneySource
from footfall.datasets.movielens import MovieLensSource
from footfall.datasets.schema import Dataset
from footfall.datasets.table import TableSource

DataSource = Annotated[
    CompleteJourneySource | MovieLensSource | TableSource, Field(discriminator="kind")
]
"""What a scenario may write under ``data``; ``kind`` tells which one."""

READERS: dict[type[Source], Callable[[Any, Path], Dataset]] = {
    CompleteJourneySource: complete_journey.read,
    MovieLensSource: movielens.read,
    TableSource: table.read,
}
"""A further source is one module with its options and ``read``, and one line here and above."""


def load(source: Source, base: Path) -> Dataset:
    """Read, clean and check a source; relative paths are relative to the folder ``base``.

    Raises:
        DataError: The data is missing or cannot be used; one line.
    """
    return READERS[type(source)](source, base)
