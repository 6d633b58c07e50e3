"""Tables of how an arm presents items: another title, another price."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.base import resolve
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.cells import numbers
from footfall.datasets.frames import read_frame, read_names
from footfall.errors import DataError, did_you_mean

COLUMNS = ("item", "title", "price")


@dataclass(frozen=True, eq=False)
class Presentation:
    """Other titles and prices of some items; arrays are aligned with ``codes``."""

    codes: npt.NDArray[np.int32]
    """Catalogue codes, each once."""
    titles: tuple[str, ...]
    """The title as it is where the table gives none."""
    prices: npt.NDArray[np.float64]
    """Unit prices; NaN: as it is."""


def read_presentation(path: Path, base: Path, catalogue: Catalogue) -> Presentation:
    """Read ``item`` and ``title``, ``price`` or both; empty cells leave an item as it is.

    Raises:
        DataError: A column is missing or strange, an item is unknown or twice there, a price is
            not above 0, or of an item without one.
    """
    file = resolve(path, base)
    known = read_names(file)
    for column in known:
        if column not in COLUMNS:
            raise DataError(f'{path}: unknown column "{column}"; {did_you_mean(column, COLUMNS)}')
    if "item" not in known or len(known) < 2:
        raise DataError(f"{path}: needs the columns item, and title or price or both")
    rows = read_frame(file, known).frame
    items = rows["item"].fillna("").astype(str)
    _check_items(path, items, catalogue)
    codes = catalogue.codes(items)
    titles = rows["title"] if "title" in rows else pd.Series("", index=rows.index)
    titles = titles.fillna("").astype(str).str.strip()
    shown = [new or catalogue.titles[code] for new, code in zip(titles, codes, strict=True)]
    return Presentation(codes, tuple(shown), _prices(path, rows, codes, catalogue))


def _check_items(path: Path, items: pd.Series, catalogue: Catalogue) -> None:
    for item in items:
        if catalogue.code(item) is None:
            hint = did_you_mean(item, catalogue.ids) if len(catalogue) <= 20 else "look at its ids"
            raise DataError(f'{path}: the catalogue has no item "{item}"; {hint}')
    twice = items[items.duplicated()]
    if len(twice):
        raise DataError(f'{path}: item "{twice.iloc[0]}" is there twice; keep one of its rows')


def _prices(
    path: Path, rows: pd.DataFrame, codes: npt.NDArray[np.int32], catalogue: Catalogue
) -> npt.NDArray[np.float64]:
    """[n] prices, NaN where the table has none."""
    if "price" not in rows:
        return np.full(len(codes), np.nan)
    given = rows["price"].notna().to_numpy() & (rows["price"].astype(str) != "").to_numpy()
    prices = numbers(rows["price"]).to_numpy(dtype=np.float64)
    usual = catalogue.prices[codes]
    wrong = given & ~((prices > 0) & (usual > 0))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f'{path}: item "{catalogue.ids[codes[row]]}" cannot cost {rows["price"].iloc[row]}: '
            f"its price before the run is {usual[row]:g}, and both must be above 0"
        )
    return np.where(given, prices, np.nan)
