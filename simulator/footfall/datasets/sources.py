"""Every source of histories that a scenario can name, and the one way to load them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from footfall.datasets import complete_journey
from footfall.datasets.complete_journey import CompleteJourneySource
from footfall.datasets.schema import Dataset

DataSource = CompleteJourneySource  # more kinds follow

READERS: dict[type, Callable[[Any, Path], Dataset]] = {
    CompleteJourneySource: complete_journey.read,
}


def load(source: DataSource, base: Path) -> Dataset:
    """Read, clean and check a source; relative paths are relative to the folder ``base``.

    Raises:
        DataError: The data is missing or cannot be used; one line.
    """
    return READERS[type(source)](source, base)
