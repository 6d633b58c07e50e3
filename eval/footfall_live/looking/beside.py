"""What a log holds beside impressions: reasons in words, searches, carts, reviews, summaries."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from footfall.run_folder.layout import Log
from footfall_eval.reading.load import RunLog

PageKey = tuple[str, int, int]
"""Arm, number of the visit, number of the page."""


@dataclass(frozen=True)
class WrittenReason:
    """What the model wrote about a page when the page was over: it decided nothing."""

    words: str
    """"" where there is no answer."""
    wanted: dict[str, int]
    """Item -> how much it is wanted, from 1 to 5."""
    missing: str
    """Why there is no answer; "" where there is one."""


@dataclass(frozen=True)
class Beside:
    """Something that happened on a page or behind it."""

    action: str
    item: str
    """"" where it concerns none."""
    value: float | None
    text: str


def reasons(log: RunLog, user: str) -> dict[PageKey, WrittenReason]:
    """Reasons that were written for a user's pages."""
    found = _rows(log, "reasons", "arm, session, page, items, wanted, reason, missing", user)
    return {
        _key(row): WrittenReason(
            words=row["reason"] or "",
            wanted={}
            if row["wanted"] is None
            else dict(zip(row["items"], map(int, row["wanted"]), strict=False)),
            missing=row["missing"] or "",
        )
        for row in found
    }


def happenings(log: RunLog, user: str) -> dict[PageKey, tuple[Beside, ...]]:
    """What else happened at each of a user's pages, in the order of time."""
    found = _rows(
        log, "events", 'arm, session, page, action, item, "value", "text"', user, order='"time"'
    )
    pages: dict[PageKey, list[Beside]] = defaultdict(list)
    for row in found:
        value = None if pd.isna(row["value"]) else float(row["value"])
        pages[_key(row)].append(
            Beside(str(row["action"]), row["item"] or "", value, row["text"] or "")
        )
    return {page: tuple(there) for page, there in pages.items()}


def by_seen_page(
    seen: Iterable[PageKey], happened: Mapping[PageKey, tuple[Beside, ...]]
) -> dict[PageKey, tuple[Beside, ...]]:
    """What happened, by the page that the user had seen last: a search comes behind the last page.

    Args:
        seen: The user's pages.
        happened: By the page at which it happened, whether or not that one was seen.
    """
    found: dict[PageKey, tuple[Beside, ...]] = {}
    pages = sorted(seen)
    for key in sorted(happened):
        own = [page for page in pages if page[0] == key[0]]
        last = bisect_right(own, key)
        if own:
            at = own[max(0, last - 1)]
            found[at] = found.get(at, ()) + happened[key]
    return found


def _rows(
    log: RunLog, table: Log, columns: str, user: str, order: str = "arm"
) -> list[dict[Any, Any]]:
    """A user's rows of a table that few runs have."""
    parts = [name for name in log.manifest.get("parts") or () if name.startswith(f"{table}/")]
    if not parts:
        return []
    files = [str(log.path / name) for name in sorted(parts)]
    found = log.execute(
        f'SELECT {columns} FROM read_parquet(?) WHERE "user" = ? ORDER BY {order}',  # noqa: S608 - our own names
        [files, user],
    )
    return list(found.df().astype(object).to_dict("records"))


def _key(row: dict[Any, Any]) -> PageKey:
    return str(row["arm"]), int(row["session"]), int(row["page"])
