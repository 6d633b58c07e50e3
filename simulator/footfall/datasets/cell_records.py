"""Cells that hold whole records of JSON, as exports of trackers have them, made into columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import pandas as pd

from footfall.datasets.records import LONGEST_LINE, flat, whole_number
from footfall.errors import DataError


def unpacked(frame: pd.DataFrame, names: Sequence[str], wanted: Iterable[str] = ()) -> pd.DataFrame:
    """A table in which each entry of the records of some columns is a column: properties.price.

    Args:
        frame: The table; cells that are no record have no entries.
        names: Columns whose cells are records.
        wanted: Columns that must be there then.

    Raises:
        DataError: One of them is not.
    """
    for name in names:
        rows = [_entries(cell) for cell in frame[name]]
        keys = dict.fromkeys(key for row in rows for key in row)
        made = {f"{name}.{key}": [row.get(key) for row in rows] for key in keys}
        more = pd.DataFrame(made, index=frame.index, dtype=object)
        frame = pd.concat([frame.drop(columns=name), more], axis=1)
    absent = [name for name in wanted if name not in frame]
    if absent:
        raise DataError(
            f'no record of {", ".join(names)} has "{absent[0].rpartition(".")[2]}"; columns: '
            f"{', '.join(map(str, frame.columns))}"
        )
    return frame


def _entries(cell: object) -> dict[str, object]:
    if not isinstance(cell, str) or len(cell) > LONGEST_LINE:
        return {}
    try:
        record = json.loads(cell, parse_float=whole_number, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return {}
    return dict(flat(record)) if isinstance(record, dict) else {}
