"""Slates that were computed elsewhere, read from CSV or Parquet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from footfall.datasets.cells import numbers
from footfall.datasets.frames import read_frame
from footfall.datasets.ids import as_id
from footfall.errors import DataError, did_you_mean
from footfall.recommenders.protocol import Materials, Request, Slate
from footfall.recommenders.specs import TableSpec

EVERYONE = "*"
"""The user whose rows answer for users that have none."""

REQUIRED = ("user", "item", "rank")
OPTIONAL = ("score", "propensity")


@dataclass(frozen=True, slots=True)
class _Rows:
    items: tuple[str, ...]
    scores: tuple[float, ...] | None
    propensities: tuple[float, ...] | None

    def pick(self, places: Sequence[int]) -> Slate:
        def at(values: tuple[float, ...] | None) -> tuple[float, ...] | None:
            return None if values is None else tuple(values[place] for place in places)

        items = tuple(self.items[place] for place in places)
        return Slate(items, at(self.scores), at(self.propensities))


class TableRecommender:
    """Shows each user the rows of a table from the lowest rank on, without those shown.

    A request of a user without rows is answered by the rows of user ``*`` and counted in
    ``diagnostics["fallback_requests"]``, unless the table has no other rows; without such rows it
    fails.
    """

    def __init__(self, rows: dict[str, _Rows]) -> None:
        self._rows = rows
        self._personal = any(user != EVERYONE for user in rows)
        self.diagnostics = {"fallback_requests": 0}

    @classmethod
    def read(cls, path: Path) -> TableRecommender:
        """Read a ``.csv`` (also compressed) or ``.parquet`` file.

        Columns: ``user``, ``item``, ``rank`` (whole numbers, 1 or 0 is the top, gaps allowed)
        and optionally ``score`` and ``propensity`` (probability in [0, 1] that the item stood
        at that rank). Other columns are refused.

        Raises:
            DataError: with the file and the first offending row.
        """
        frame = _checked(_load(path), path)
        frame = frame.sort_values(["user", "rank"], kind="stable")
        return cls({str(user): _pack(rows) for user, rows in frame.groupby("user", sort=False)})

    def check(self, arm: str, users: Collection[str], items: Collection[str]) -> None:
        """Hold the table's ids against those of the data set; ``arm`` is whose table it is.

        Raises:
            DataError: It knows none of ``users``, or shows none of ``items``: such a table is of
                other data, or spells ids in another way.
        """
        whom = [user for user in self._rows if user != EVERYONE]
        _refuse_strangers(arm, "user", whom, users)
        shown = {item for rows in self._rows.values() for item in rows.items}
        _refuse_strangers(arm, "item", shown, items)

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """One slate a request."""
        return [self._slate(request) for request in requests]

    def update(self, events: pd.DataFrame) -> None:
        """Do nothing: a table does not learn."""

    def _slate(self, request: Request) -> Slate:
        rows = self._rows.get(request.user)
        if rows is None:
            rows = self._rows.get(EVERYONE)
            if rows is None:
                return Slate((), failure=f'no rows for user "{request.user}" and none for "*"')
            self.diagnostics["fallback_requests"] += self._personal
        barred = request.unavailable.union(request.shown)
        fresh = [place for place, item in enumerate(rows.items) if item not in barred]
        return rows.pick(fresh[: request.k])


def _refuse_strangers(arm: str, word: str, given: Collection[str], known: Collection[str]) -> None:
    if given and not set(known).intersection(given):
        theirs, ours = (", ".join(map(repr, sorted(ids)[:3])) for ids in (given, known))
        raise DataError(
            f'arm "{arm}": the data set has none of the {len(given):,} {word}s of its table '
            f"({theirs}); there they are {ours}. Write {word}s as the data set does"
        )


def _load(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise DataError(f"{path}: no such file; the path is relative to the scenario file")
    frame = read_frame(path).frame
    for column in REQUIRED:
        if column not in frame:
            raise DataError(
                f'{path}: no column "{column}"; {did_you_mean(column, map(str, frame.columns))}'
            )
    for column in frame.columns:
        if column not in REQUIRED + OPTIONAL:
            hint = did_you_mean(str(column), REQUIRED + OPTIONAL)
            raise DataError(f'{path}: unknown column "{column}"; {hint}')
    return frame


def _checked(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    if frame.empty:
        raise DataError(f"{path}: no rows; a table needs at least one slate")
    for column in ("user", "item"):
        try:
            frame[column] = as_id(frame[column])
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
        _refuse(frame[column].isna(), path, f"{column} is empty")
    for column in ("rank", *OPTIONAL):
        if column in frame:
            found = numbers(frame[column]).astype(float)
            _refuse(~pd.Series(np.isfinite(found)), path, f"{column} is not a number")
            frame[column] = found
    _refuse(frame["rank"] % 1 != 0, path, "rank is not a whole number")
    if "propensity" in frame:
        _refuse(~frame["propensity"].between(0, 1), path, "propensity is not in [0, 1]")
    for column in ("rank", "item"):
        twice = frame.duplicated(["user", column])
        _refuse(twice, path, f"the user has this {column} already")
    return frame


def _refuse(bad: pd.Series[bool], path: Path, problem: str) -> None:
    if bad.any():
        first = int(bad.to_numpy().argmax()) + 1
        raise DataError(f"{path}: data row {first}: {problem} ({int(bad.sum())} such rows)")


def _pack(rows: pd.DataFrame) -> _Rows:
    def column(name: str) -> tuple[float, ...] | None:
        return tuple(rows[name].tolist()) if name in rows else None

    return _Rows(tuple(rows["item"]), column("score"), column("propensity"))


def read_table(spec: TableSpec, materials: Materials) -> TableRecommender:
    """Make the recommender of a ``table`` spec; see ``TableRecommender.read``."""
    return TableRecommender.read(materials.base / spec.path)
