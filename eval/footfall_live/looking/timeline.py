"""One user's days in all arms, as steps that can be walked through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import pandas as pd

from footfall.errors import UserError, did_you_mean
from footfall.world.design import INTERLEAVED
from footfall_eval.reading.load import RunLog
from footfall_live.looking.beside import (
    Beside,
    PageKey,
    WrittenReason,
    by_seen_page,
    happenings,
    reasons,
)

Titles = dict[str, tuple[str, str]]
"""Item -> title and category."""

SUGGESTED = 200
"""Ids that a mistyped one is compared with."""


@dataclass(frozen=True)
class ShownItem:
    """An item on a page: what the user was shown, and what became of it."""

    position: int
    """From 1, top of the page."""
    item: str
    title: str
    category: str
    price: float | None
    llm: float | None
    """The language model's utility; None where it was not asked or gave no answer."""
    utility: float | None
    """Of the choice model, against 0 for "none of these"."""
    p_examine: float | None
    p_click: float | None
    p_buy: float | None
    """P(bought | clicked)."""
    outcome: str
    """"bought", "clicked", "read", "not reached", or "no answer"."""


@dataclass(frozen=True)
class SeenPage:
    """A page that the user saw in one arm."""

    arm: str
    session: int
    page: int
    time: pd.Timestamp
    items: tuple[ShownItem, ...]
    then: str
    """How the visit ended, where this was its last page; "" where it went on."""
    beside: tuple[Beside, ...] = ()
    """What else happened: searches, carts, reviews."""
    reason: WrittenReason | None = None
    """Written about the page when it was over; None: nobody asked for it."""


@dataclass(frozen=True)
class Timeline:
    """Every page of a user in all arms, by simulated time."""

    user: str
    arms: tuple[str, ...]
    steps: tuple[SeenPage, ...]

    def at(self, step: int) -> dict[str, SeenPage | None]:
        """Arm -> the page that the user saw last at this step; None: nothing yet."""
        found: dict[str, SeenPage | None] = dict.fromkeys(self.arms)
        for page in self.steps[: step + 1]:
            found[page.arm] = page
        return found


def timeline(log: RunLog, user: str, named: Titles | None = None) -> Timeline:
    """Read one user's pages.

    Args:
        log: An opened run.
        user: Id, as in the log.
        named: The run's ``titles``, where they were read already.

    Raises:
        UserError: The run has no such user.
    """
    known = titles(log) if named is None else named
    rows = log.execute(
        'SELECT arm, session, page, position, item, "time", price, llm, utility, p_examine,'
        " p_click, p_buy, answered, examined, clicked, bought FROM impressions"
        ' WHERE "user" = ? ORDER BY "time", arm, session, page, position',
        [user],
    ).df()
    visits = log.execute(
        'SELECT arm, session, pages, ended FROM sessions WHERE "user" = ?', [user]
    ).df()
    if rows.empty and visits.empty:
        others = users(log, most=SUGGESTED)
        raise UserError(f'no user "{user}" in this run; {did_you_mean(user, others)}')
    ends = {
        (str(row["arm"]), int(row["session"])): (int(row["pages"]), str(row["ended"]))
        for row in visits.to_dict("records")
    }
    # Plain rows: a frame a page would take ten times as long as the query.
    plain = rows.to_dict("records")
    shared = log.design == "interleaved"
    pages = {
        (INTERLEAVED if shared else str(row["arm"]), int(row["session"]), int(row["page"]))
        for row in plain
    }
    there = _Beside(shared, reasons(log, user), by_seen_page(pages, happenings(log, user)))
    steps = [
        _page(tuple(part), known, ends, there)
        for _, part in groupby(plain, itemgetter("time", "arm", "session", "page"))
    ]
    return Timeline(user, log.arms, tuple(steps))


def users(log: RunLog, *, like: str = "", most: int = 50) -> list[str]:
    """Ids of users who came, those that hold ``like``, in order, at most ``most``."""
    found = log.execute(
        'SELECT DISTINCT "user" FROM sessions WHERE contains("user", ?) ORDER BY "user" LIMIT ?',
        [like, most],
    ).fetchall()
    return [str(row[0]) for row in found]


def titles(log: RunLog) -> Titles:
    """Item -> title and category; empty where the run keeps no table of items."""
    table = log.table("items")
    if table is None:
        return {}
    return {
        str(row.item): (str(row.title), str(row.category)) for row in table.itertuples(index=False)
    }


@dataclass(frozen=True)
class _Beside:
    """What the log holds beside a user's impressions."""

    one_page: bool
    """Whether the arms share their pages, which then are of neither."""
    reasons: dict[PageKey, WrittenReason]
    happenings: dict[PageKey, tuple[Beside, ...]]

    def key(self, arm: str, session: int, page: int) -> PageKey:
        """Where the log has what belongs to a page."""
        return INTERLEAVED if self.one_page else arm, session, page


def _page(
    rows: Sequence[dict[Any, Any]],
    named: Titles,
    ends: dict[tuple[str, int], tuple[int, str]],
    there: _Beside,
) -> SeenPage:
    first = rows[0]
    arm, session, page = str(first["arm"]), int(first["session"]), int(first["page"])
    pages, ended = ends.get((arm, session), (0, ""))
    return SeenPage(
        arm=arm,
        session=session,
        page=page,
        time=first["time"],
        items=tuple(_item(row, named) for row in rows),
        then=ended if page == pages - 1 else "",
        beside=there.happenings.get(there.key(arm, session, page), ()),
        reason=there.reasons.get(there.key(arm, session, page)),
    )


def _item(row: dict[Any, Any], named: Titles) -> ShownItem:
    item = str(row["item"])
    title, category = named.get(item, (item, ""))
    return ShownItem(
        position=int(row["position"]) + 1,
        item=item,
        title=title,
        category=category,
        **{name: _known(row[name]) for name in _CHANCES},
        outcome=_outcome(row),
    )


_CHANCES = ("price", "llm", "utility", "p_examine", "p_click", "p_buy")


def _known(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _outcome(row: dict[Any, Any]) -> str:
    if not row["answered"]:
        return "no answer"
    steps: Sequence[tuple[str, str]] = (
        ("bought", "bought"),
        ("clicked", "clicked"),
        ("examined", "read"),
    )
    for column, word in steps:
        if not pd.isna(row[column]) and bool(row[column]):
            return word
    return "not reached"
