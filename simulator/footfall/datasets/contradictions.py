"""Several rows of one user or item: what most of them say, whatever their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from footfall.datasets.ids import HIDDEN
from footfall.datasets.schema import Cleaning
from footfall.errors import one_line

WHITE = " \t\r\n\v\f\u00a0"


@dataclass
class OneEach:
    """A table with one row for each key, and where its rows contradicted each other."""

    frame: pd.DataFrame
    notes: list[Cleaning] = field(default_factory=list)


def one_each(frame: pd.DataFrame, key: str, *, repeated: bool = False) -> OneEach:
    """One row for each key: of every column by itself the most frequent value that is not blank.

    Of values that are as frequent, the first in their order is taken.

    Args:
        frame: A table whose keys are all there.
        key: Its column of ids.
        repeated: Rows of one key are to be expected, as in a log.
    """
    again = frame[key].duplicated(keep=False).to_numpy()
    if not again.any():
        return OneEach(frame.reset_index(drop=True))
    rows = frame[again]
    merged = frame[~frame[key].duplicated()].set_index(key)
    extra = int(frame[key].duplicated().sum())
    problem, notes = f"second row for one {key}", []
    if not repeated:
        notes.append(Cleaning(problem, "dropped", extra))
    several = merged.index.isin(rows[key])
    for column in frame.columns.drop(key):
        values, differing = _most_frequent(rows[key], rows[column])
        chosen = merged[column].astype(object).mask(several, values.reindex(merged.index))
        merged[column] = chosen.astype(frame[column].dtype)
        if len(differing):
            said = f"{key} of which several rows tell another {column}"
            notes.append(Cleaning(said, "the most frequent taken", len(differing), differing[0]))
    return OneEach(merged.reset_index()[list(frame.columns)], notes)


def _most_frequent(keys: pd.Series, values: pd.Series) -> tuple[pd.Series, list[str]]:
    """For each key its most frequent value that is not blank, and the keys that have several."""
    value_codes, uniques = pd.factorize(_comparable(values))
    blank = pd.Series(uniques).astype(str).str.strip(HIDDEN + WHITE).to_numpy() == ""
    told = value_codes >= 0
    told[told] = ~blank[value_codes[told]]
    key_codes, key_names = pd.factorize(keys[told])
    value_codes = value_codes[told]
    pairs, counts = np.unique(
        key_codes.astype(np.int64) * (len(uniques) + 1) + value_codes, return_counts=True
    )
    owner, value = np.divmod(pairs, len(uniques) + 1)
    rank = pd.Series(uniques).astype(str).rank(method="first").to_numpy()
    if pd.api.types.is_numeric_dtype(pd.Series(uniques).dtype):
        rank = pd.Series(uniques).rank(method="first").to_numpy()
    order = np.lexsort((rank[value], -counts, owner))
    first = order[np.diff(owner[order], prepend=-1) != 0]
    best = pd.Series(np.asarray(uniques, dtype=object)[value[first]], index=key_names[owner[first]])
    several = key_names[np.flatnonzero(np.bincount(owner) > 1)]
    return best, [one_line(name, 40) for name in sorted(several)]


def _comparable(values: pd.Series) -> pd.Series:
    """Lists cannot be counted; what they hold can, as text."""
    if values.dtype != object or pd.api.types.infer_dtype(values, skipna=True) == "string":
        return values
    return values.map(lambda value: as_text(value) if isinstance(value, list | dict) else value)


def as_text(value: object) -> str:
    """A list or a record as people read it."""
    return ", ".join(_parts(value))


def _parts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        value = [f"{name}: {part}" for name, part in value.items()]
    for part in value if isinstance(value, list | tuple) else [value]:
        if part is not None:
            yield as_text(part) if isinstance(part, list | tuple | dict) else str(part)
