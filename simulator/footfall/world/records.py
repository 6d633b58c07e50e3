"""What happened in an epoch, from arrays of pages to tables of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from footfall.behaviour.decisions import Decisions
from footfall.run_folder.log import EVENTS, IMPRESSIONS, SESSIONS
from footfall.world.actions.funnel import Acts
from footfall.world.pages import FilledPage, Happening, PageOutcome, PageRequest
from footfall.world.shopper import Visit


@dataclass(frozen=True)
class Names:
    """Numbers to names, for the log."""

    arms: tuple[str, ...]
    teams: tuple[str, ...]
    """Recommenders, where they share pages; equal to ``arms`` otherwise."""
    users: tuple[str, ...]
    items: tuple[str, ...]
    start: pd.Timestamp
    """Simulated second 0."""


@dataclass(frozen=True)
class PageBlock:
    """Pages decided together; arrays are [n_pages, k], padded with code -1."""

    requests: list[PageRequest]
    pages: list[FilledPage]
    items: npt.NDArray[np.int32]
    llm: npt.NDArray[np.float64]
    prices: npt.NDArray[np.float64]
    """Unit prices shown, NaN where there is none."""
    decisions: Decisions
    acts: Acts | None = None
    """What followed, where users do more than click and buy."""

    @property
    def impressions(self) -> int:
        """Items shown on recommended pages, unanswered ones included."""
        return int((self.items[self._recommended] >= 0).sum())

    @cached_property
    def _recommended(self) -> npt.NDArray[np.bool_]:
        """[n_pages] whether an arm's recommender filled the page."""
        return np.array([not request.kind for request in self.requests], dtype=np.bool_)

    @cached_property
    def _pieces(self) -> npt.NDArray[np.float64]:
        """[n_pages, k] how many of each item were bought."""
        if self.acts is not None:
            return self.acts.quantity
        return self.decisions.bought.astype(np.float64)

    def outcomes(self) -> list[PageOutcome]:
        """What each page's user is told; an item without a price costs nothing."""
        done, items = self.decisions, self.items.tolist()
        spent = np.where(done.bought, np.nan_to_num(self.prices * self._pieces), 0.0).sum(axis=1)
        clicked, bought = _picked(items, done.clicked), _picked(items, done.bought)
        seconds, go_on = done.seconds.tolist(), done.go_on.tolist()
        return [
            PageOutcome(
                tuple(row[: len(page.items)]),
                clicked.get(n, ()),
                bought.get(n, ()),
                value,
                seconds[n],
                go_on[n],
                answered,
                summary=page.summary,
                # Most pages sell nothing: no dictionary for each of them.
                **(self._more(n) if n in bought or self.acts is not None else _NO_MORE),
            )
            for n, (row, page, value, answered) in enumerate(
                zip(items, self.pages, spent.tolist(), done.answered.tolist(), strict=True)
            )
        ]

    def _more(self, n: int) -> dict[str, Any]:
        """What a diary is told of page ``n`` beside clicks and purchases."""
        took = self.decisions.bought[n]
        told: dict[str, Any] = {}
        if took.any():
            pieces = self._pieces[n][took]
            told = {
                "paid": tuple((pieces * self.prices[n][took]).tolist()),
                "pieces": tuple(pieces.tolist()),
            }
        if self.acts is not None:
            told |= {
                "happenings": tuple(self.acts.happenings[n]),
                "then": self.acts.then[n],
                "reason": self.acts.reasons[n],
            }
        return told

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The impressions of these pages as columns, [n_pages, k] or [n_pages] each.

        Arms, users and items are numbers; ``shown`` says which places of which pages count.
        """
        done, k = self.decisions, self.items.shape[1]
        keys = np.array(
            [(r.arm, r.user, r.session, r.page) for r in self.requests], dtype=np.int64
        ).reshape(-1, 4)
        return {
            **dict(zip(_KEYS, keys.T, strict=True)),
            "shown": (self.items >= 0) & self._recommended[:, None],
            "item": self.items,
            "time": np.array([r.time for r in self.requests]),
            "price": self.prices,
            "score": _optional([page.scores for page in self.pages], k),
            "propensity": _optional([page.propensities for page in self.pages], k),
            "team": _optional([page.teams for page in self.pages], k),
            "llm": self.llm,
            "utility": done.utility,
            "p_examine": done.p_examine,
            "p_click": done.p_click,
            "p_buy": done.p_buy,
            "answered": done.answered,
            "examined": done.examined,
            "clicked": done.clicked,
            "bought": done.bought,
            "value": np.where(done.bought, np.nan_to_num(self.prices * self._pieces), 0.0),
            "pieces": self._pieces,
        }


_NO_MORE: dict[str, Any] = {}

_KEYS = ("arm", "user", "session", "page")


@dataclass(frozen=True)
class EpochRecords:
    """Everything that some users did in one epoch."""

    blocks: list[PageBlock]
    visits: list[tuple[int, int, list[Visit]]]
    """(arm, user, visits that ended in this epoch)."""
    happenings: list[tuple[int, int, list[Happening]]] = field(default_factory=list)
    """(arm, user, what else happened in this epoch), where anything did."""

    @classmethod
    def merge(cls, records: Sequence[EpochRecords]) -> EpochRecords:
        """The records of several workers, in any order, as one."""
        return cls(
            blocks=[block for part in records for block in part.blocks],
            visits=[visit for part in records for visit in part.visits],
            happenings=[row for part in records for row in part.happenings],
        )

    @cached_property
    def impressions(self) -> dict[str, npt.NDArray[Any]]:
        """Columns of all pages, ordered by (arm, user, session, page, position)."""
        parts = [block.columns() for block in self.blocks if block.impressions]
        if not parts:
            return {}
        pages = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        order = np.lexsort([pages[name] for name in reversed(_KEYS)])
        shown = pages.pop("shown")[order]
        page, position = np.nonzero(shown)
        columns = {
            name: column[order][shown] if column.ndim == 2 else column[order][page]
            for name, column in pages.items()
        }
        return {**columns, "position": position}


def impression_table(columns: dict[str, npt.NDArray[Any]], names: Names) -> pa.Table:
    """Columns with numbers (``EpochRecords.impressions``) to a table of the log's schema."""
    if not columns:
        return IMPRESSIONS.empty_table()
    undecided = ~columns["answered"].astype(np.bool_)
    arrays = [
        _array(field, columns[field.name], names, undecided if field.name in _DECIDED else None)
        for field in IMPRESSIONS
    ]
    return pa.Table.from_arrays(arrays, schema=IMPRESSIONS)


_DECIDED = frozenset({"utility", "p_click", "p_buy", "examined", "clicked", "bought"})
"""Columns that say nothing where the model gave no answer."""


def _array(
    field: pa.Field,
    column: npt.NDArray[np.generic],
    names: Names,
    void: npt.NDArray[np.bool_] | None,
) -> pa.Array:
    lookup = {"arm": names.arms, "user": names.users, "item": names.items}.get(field.name)
    if lookup is not None:
        return pa.DictionaryArray.from_arrays(column.astype(np.int32), pa.array(lookup)).cast(
            field.type
        )
    if field.name == "team":
        absent = np.isnan(column)
        numbers = np.where(absent, 0, column).astype(np.int32)
        coded = pa.DictionaryArray.from_arrays(pa.array(numbers, mask=absent), list(names.teams))
        return coded.cast(field.type)
    if field.name == "time":
        column = np.datetime64(names.start, "ms") + _milliseconds(column)
    mask = void
    if pa.types.is_floating(field.type):
        mask = np.isnan(column) if mask is None else mask | np.isnan(column)
    return pa.array(column, mask=mask).cast(field.type)


def session_table(visits: Sequence[tuple[int, int, list[Visit]]], names: Names) -> pa.Table:
    """Finished visits to a table of the log's schema, ordered by (arm, user, session)."""
    rows = [
        (names.arms[arm], names.users[user], visit)
        for arm, user, visits_of_user in sorted(visits, key=lambda row: row[:2])
        for visit in visits_of_user
    ]
    columns: dict[str, Any] = {
        field.name: [getattr(visit, field.name) for _, _, visit in rows]
        for field in SESSIONS
        if field.name not in {"arm", "user"}
    }
    columns["arm"] = [arm for arm, _, _ in rows]
    columns["user"] = [user for _, user, _ in rows]
    for name in ("start", "end"):
        seconds = np.array(columns[name], dtype=np.float64)
        columns[name] = np.datetime64(names.start, "ms") + _milliseconds(seconds)
    return pa.Table.from_pydict(columns, schema=SESSIONS)


def event_table(happenings: Sequence[tuple[int, int, list[Happening]]], names: Names) -> pa.Table:
    """What else happened to a table of the log's schema, ordered by (arm, user, time)."""
    rows = [
        {
            "arm": names.arms[arm],
            "user": names.users[user],
            "session": one.session,
            "page": one.page,
            "time": names.start + pd.Timedelta(round(one.seconds * 1000), "ms"),
            "action": one.action,
            "item": None if one.item < 0 else names.items[one.item],
            "quantity": None if np.isnan(one.quantity) else one.quantity,
            "value": None if np.isnan(one.value) else one.value,
            "text": one.text,
        }
        for arm, user, of_user in sorted(happenings, key=lambda row: row[:2])
        for one in of_user
    ]
    return pa.Table.from_pylist(rows, schema=EVENTS)


def interactions(columns: dict[str, npt.NDArray[Any]], arm: int, names: Names) -> pd.DataFrame:
    """Clicks and purchases of one arm as canonical interactions."""
    frames = [
        _taken(
            columns, columns[flag] & columns["answered"] & (columns["arm"] == arm), names
        ).assign(action=action)
        for action, flag in (("click", "clicked"), ("purchase", "bought"))
        if columns
    ]
    empty = pd.DataFrame(columns=["user", "item", "time", "quantity", "value", "order", "action"])
    return pd.concat(frames, ignore_index=True) if frames else empty


def _taken(
    columns: dict[str, npt.NDArray[Any]], rows: npt.NDArray[np.bool_], names: Names
) -> pd.DataFrame:
    users = np.asarray(names.users, dtype=object)[columns["user"][rows]]
    return pd.DataFrame(
        {
            "user": users,
            "item": np.asarray(names.items, dtype=object)[columns["item"][rows]],
            "time": np.datetime64(names.start, "ns") + _milliseconds(columns["time"][rows]),
            "quantity": np.maximum(1.0, columns["pieces"][rows]),
            "value": columns["price"][rows] * np.maximum(1.0, columns["pieces"][rows]),
            "order": [f"{u}/{s}" for u, s in zip(users, columns["session"][rows], strict=True)],
        }
    )


def _picked(items: list[list[int]], which: npt.NDArray[np.bool_]) -> dict[int, tuple[int, ...]]:
    """Number of a page -> those of its ``items`` that ``which`` marks, where there are any."""
    found: dict[int, tuple[int, ...]] = {}
    for page, place in zip(*(part.tolist() for part in np.nonzero(which)), strict=True):
        found[page] = (*found.get(page, ()), items[page][place])
    return found


def _optional(rows: list[npt.NDArray[np.float64] | None], width: int) -> npt.NDArray[np.float64]:
    """[n, width] of rows that may be missing; NaN where they are."""
    out = np.full((len(rows), width), np.nan)
    for number, row in enumerate(rows):
        if row is not None:
            out[number, : len(row)] = row
    return out


def _milliseconds(seconds: npt.NDArray[np.generic]) -> npt.NDArray[np.timedelta64]:
    return np.rint(seconds.astype(np.float64) * 1000).astype("timedelta64[ms]")
