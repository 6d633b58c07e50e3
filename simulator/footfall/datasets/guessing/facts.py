"""What the cells of a column look like."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.cells import amounts, chances
from footfall.datasets.guessing.words import Meanings, understand
from footfall.datasets.wide import NO, YES

SAMPLE = 50_000
"""Rows that are looked at."""


@dataclass(frozen=True, eq=False)
class Column:
    """One column of a sample."""

    name: str
    meanings: Meanings
    """What the header says; see ``words.understand``."""
    cells: pd.Series
    """As read; text in text tables."""
    texts: pd.Series
    """Those that are not missing, as text without blanks around."""

    @property
    def distinct(self) -> int:
        """How many values there are."""
        return int(self.texts.nunique())

    @property
    def filled(self) -> float:
        """Share of cells that are not missing."""
        return len(self.texts) / max(1, len(self.cells))

    @property
    def record(self) -> str:
        """What a column of nested records lies in: "properties" of "properties.price"."""
        return self.name.rpartition(".")[0]

    def says(self, *meanings: str) -> bool:
        """Whether the header says any of these."""
        return not self.meanings.isdisjoint(meanings)

    def values(self, decimal: str = "", thousands: str = "") -> npt.NDArray[np.float64]:
        """[n filled] numbers; NaN where there is none.

        Args:
            decimal: Sign before the fraction; "" takes the one that this column has.
            thousands: Sign between thousands.
        """
        decimal = decimal or self.decimal
        read = chances if self.says("propensity") else amounts
        found: npt.NDArray[np.float64] = read(self.texts, decimal, thousands).to_numpy(float)
        return found

    @property
    def decimal(self) -> str:
        """Sign before the fraction: a comma where cells such as 3,5 are all that has a sign."""
        texts = self.texts.head(1000)
        if (
            pd.api.types.is_numeric_dtype(self.cells.dtype)
            or texts.str.contains(".", regex=False).any()
        ):
            return "."
        signed = texts[texts.str.contains(",", regex=False)]
        if self.says("propensity"):  # nothing has thousands of them
            return "," if len(signed) else "."
        comma = len(signed) and signed.str.fullmatch(r"-?\d+,(\d{1,2}|\d{4,})").all()
        return "," if comma else "."

    @property
    def numeric(self) -> bool:
        """Whether nearly all filled cells are plain numbers."""
        values = self.values()
        return bool(len(values)) and bool(np.isfinite(values).mean() > 0.98)

    @property
    def lettered(self) -> pd.Series:
        """Filled cells that begin with a letter, as "v3" does: names, or money with a currency."""
        return self.texts.str.match(r"[^\W\d_]").astype(bool)

    @property
    def whole(self) -> bool:
        """Whether nearly all filled cells are whole numbers."""
        values = self.values()
        return self.numeric and bool((np.nan_to_num(values, nan=0.5) % 1 == 0).mean() > 0.98)

    @property
    def flags(self) -> bool:
        """Whether every filled cell says yes or no, and both occur."""
        words = set(self.texts.str.lower().unique())
        return len(words) == 2 and words <= YES | NO

    def example(self, count: int = 3) -> str:
        """Some values, for a message."""
        return ", ".join(self.texts.drop_duplicates().head(count))


@dataclass(frozen=True)
class SampledTable:
    """A sample of a table, column by column."""

    path: Path
    columns: tuple[Column, ...]
    languages: tuple[str, ...]
    rows: int

    def __getitem__(self, name: str) -> Column:
        """Return the column with that header."""
        return next(column for column in self.columns if column.name == name)


def table_of(frame: pd.DataFrame, path: Path) -> SampledTable:
    """Look at a sample of a table."""
    headers = understand(map(str, frame.columns))
    columns = []
    for name in frame.columns:
        frame = frame.assign(**{str(name): _as_cells(frame[name])})
        filled = frame[name].dropna()
        texts = filled.astype(str).str.strip()
        meanings = headers.meanings[str(name)]
        columns.append(Column(str(name), meanings, frame[name], texts[texts != ""]))
    return SampledTable(path, tuple(columns), headers.languages, len(frame))


def _as_cells(column: pd.Series) -> pd.Series:
    """Lists as texts of JSON, which can be compared and counted."""
    if column.dtype != object or not column.map(lambda c: isinstance(c, (list, np.ndarray))).any():
        return column
    return column.map(
        lambda c: json.dumps(list(c), default=str) if isinstance(c, (list, np.ndarray)) else c
    )
