"""The images of items: a column of a table, as paths or as bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from footfall.datasets.schema import Dataset
from footfall.errors import DataError
from footfall.plumbing.images import ImageFile, UnfitImageError

COLUMN = "image"
"""Of a dataset's items: SHA-256 of the item's image, "" where it has none."""


def with_images(dataset: Dataset, column: pd.Series, folder: Path) -> Dataset:
    """Add images to a dataset's items.

    Args:
        dataset: Its items get a column of hashes, ``images`` what they name.
        column: By item id: a path below ``folder``, bytes, or nothing.
        folder: Where the table of items lies. What a path leads to beyond it is refused: a table
            of somebody else must not have files of this machine shown to a model.

    Raises:
        DataError: An image is missing, too large, of another format, damaged, or elsewhere.
    """
    found: dict[str, ImageFile] = {}
    hashes = []
    for item in dataset.items["item"]:
        cell = column.get(item)
        if cell is None or cell is pd.NA or (isinstance(cell, (float, str)) and not _text(cell)):
            hashes.append("")
            continue
        image = _read(item, cell, folder)
        found.setdefault(image.digest, image)
        hashes.append(image.digest)
    items = dataset.items.assign(**{COLUMN: pd.Series(hashes, dataset.items.index, dtype=object)})
    return replace(dataset, items=items, images=found)


def bytes_of(path: Path, column: str) -> list[bytes | None] | None:
    """The cells of a column of bytes in a Parquet file; None: there is no such column."""
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        if stream.read(4) != b"PAR1":
            return None
    with pq.ParquetFile(path) as file:
        place = file.schema_arrow.get_field_index(column)
        if place < 0 or not _holds_bytes(file.schema_arrow.field(place).type):
            return None
        found: list[bytes | None] = file.read([column]).column(0).to_pylist()
        return found


def _holds_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _text(cell: object) -> str:
    return cell.strip() if isinstance(cell, str) else ""


def _read(item: str, cell: Any, folder: Path) -> ImageFile:
    if isinstance(cell, (bytes, bytearray)):
        source: Path | bytes = bytes(cell)
        named = f'the image of item "{item}"'
    else:
        source = (folder / str(cell)).resolve()
        named = f'the image of item "{item}", {cell}'
        if not source.is_relative_to(folder.resolve()):
            raise DataError(f"{named}: lies outside of {folder}; put images below it")
    try:
        return ImageFile.read(source)
    except UnfitImageError as error:
        raise DataError(f"{named}: {error}") from None
