"""Pages: what one user was shown at one time, and what became of it.

Rows come in canonical order and leave in it; only ``page``, ``position``, ``propensity`` and
``arm`` change.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.schema import PageNotes

PAGE_COLUMNS = ("page", "position", "propensity", "arm")
"""What a log of impressions has beside its events."""

JOIN_WITHIN = pd.Timedelta(days=1)
"""How long after it was shown an item can have been taken from a page that nobody named."""

Codes = npt.NDArray[np.int64]


def with_pages(
    rows: pd.DataFrame, notes: PageNotes, *, paged: bool = False, orders_apart: bool = False
) -> tuple[pd.DataFrame, PageNotes]:
    """Name the page of every view, and say of every later action where its item was shown.

    A view without a page was on that of its user, order and time. Another action without a page
    joins the last page of the day before that showed the item to the user. Actions then take over
    the position, propensity and arm of the view of the same user, page and item, where they have
    none of their own.

    Args:
        rows: Interactions in canonical order; any of ``PAGE_COLUMNS``.
        notes: What is known so far.
        paged: Other rows of the log are views.
        orders_apart: Other rows show that pages are counted anew in every order.
    """
    viewed = (rows["action"] == "view").to_numpy()
    if not viewed.any() and not paged:
        return rows, notes
    named = rows["page"] if "page" in rows else pd.Series("", index=rows.index, dtype=object)
    page = named.to_numpy(dtype=object, copy=True)
    user = _codes(rows["user"])
    apart = orders_apart or counted_anew(page, viewed, user, rows["order"])
    if apart:
        known = page != ""
        page[known] = rows["order"].to_numpy()[known] + "/" + page[known]
    unnamed = page == ""
    page[viewed & unnamed] = _assumed(rows[viewed & unnamed], user[viewed & unnamed])
    where = _last_view(rows, user, viewed)
    joined = unnamed & ~viewed & (where >= 0)
    page[joined] = page[where[joined]]
    rows = _filled(rows.assign(page=page), user, viewed)
    return rows, dataclasses.replace(
        notes,
        assumed=int((viewed & unnamed).sum()),
        joined=int(joined.sum()),
        orders_apart=apart,
    )


def _codes(column: pd.Series) -> Codes:
    """Numbers that stand for values, by first appearance."""
    return pd.factorize(column)[0].astype(np.int64)


def _pairs(*columns: Codes) -> Codes:
    """One number for each combination of values."""
    joint = columns[0]
    for column in columns[1:]:
        joint = pd.factorize(joint * (int(column.max(initial=0)) + 1) + column)[0].astype(np.int64)
    return joint


def counted_anew(
    page: npt.NDArray[np.object_], viewed: npt.NDArray[np.bool_], user: Codes, order: pd.Series
) -> bool:
    """Whether pages are counted anew in every visit.

    That is so where one user saw pages of the same name in two orders.
    """
    known = page != ""
    if not known.any():
        return False
    seen = viewed & known
    pages, orders = _codes(pd.Series(page)), _codes(order)
    named = _pairs(user, pages)
    return len(np.unique(named[seen])) < len(np.unique(_pairs(named, orders)[seen]))


def _assumed(rows: pd.DataFrame, user: Codes) -> npt.NDArray[np.object_]:
    """Pages numbered within each user, by time: all that was shown in one order at one time."""
    if rows.empty:
        return np.empty(0, dtype=object)
    time = rows["time"].to_numpy().astype(np.int64)
    order = _pairs(user, _codes(rows["order"]))  # whatever orders other users have
    by_user = np.lexsort((order, time, user))
    new_user = np.diff(user[by_user], prepend=-1) != 0
    new = new_user | (np.diff(time[by_user], prepend=-1) != 0)
    new |= np.diff(order[by_user], prepend=-1) != 0
    count = np.cumsum(new)
    starts = count[new_user]
    number = count - np.repeat(starts, np.diff(np.append(np.flatnonzero(new_user), len(rows))))
    names = np.array([f"assumed {place + 1}" for place in range(int(number.max()) + 1)], object)
    page = np.empty(len(rows), dtype=object)
    page[by_user] = names[number]
    return page


def _last_view(rows: pd.DataFrame, user: Codes, viewed: npt.NDArray[np.bool_]) -> Codes:
    """[n_rows] row of the last view of the same user and item, a day back at most; -1 none."""
    if viewed.all():
        return np.full(len(rows), -1, dtype=np.int64)
    pair = _pairs(user, _codes(rows["item"]))
    time = rows["time"].to_numpy().astype("datetime64[ns]")
    by_pair = np.lexsort((~viewed, time, pair))
    place = np.where(viewed[by_pair], np.arange(len(rows)), -1)
    found = np.maximum.accumulate(place)
    last = by_pair[found]
    near = (found >= 0) & (pair[last] == pair[by_pair])
    near &= time[by_pair] - time[last] <= JOIN_WITHIN.to_timedelta64()
    where = np.empty(len(rows), dtype=np.int64)
    where[by_pair] = np.where(near, last, -1)
    return where


def _filled(rows: pd.DataFrame, user: Codes, viewed: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Let actions take over what the view of the same user, page and item says."""
    carried = [column for column in PAGE_COLUMNS[1:] if column in rows]
    if not carried or viewed.all():
        return rows
    key = _pairs(user, _codes(rows["page"]), _codes(rows["item"]))
    first = pd.Series(np.flatnonzero(viewed), index=key[viewed])
    first = first[~first.index.duplicated()]
    source = first.reindex(key).to_numpy(dtype=float)
    there = ~viewed & ~np.isnan(source) & (rows["page"] != "").to_numpy()
    filled = {}
    for column in carried:
        values = rows[column].to_numpy(copy=True)
        empty = values == "" if column == "arm" else np.isnan(values)
        rows_to_fill = there & empty
        values[rows_to_fill] = values[source[rows_to_fill].astype(np.int64)]
        filled[column] = values
    return rows.assign(**filled)


def described(rows: pd.DataFrame, notes: PageNotes) -> dict[str, object]:
    """What a log tells of pages, for people; empty where nothing was shown."""
    if "page" not in rows:
        return {}
    viewed = rows["action"] == "view"
    on_page = rows["page"] != ""
    pages = rows.loc[viewed & on_page].groupby(["user", "page"], sort=False).size()
    found: dict[str, object] = {
        "pages": len(pages),
        "items a page (mean)": round(float(pages.mean()), 2) if len(pages) else None,
        "rows with a page": int(on_page.sum()),
        "pages are": rule(notes, int(viewed.sum())),
    }
    if notes.joined:
        found["clicks and purchases joined to the last page with the item"] = notes.joined
    if "position" in rows and rows["position"].notna().any():
        found["rows with a position"] = int(rows["position"].notna().sum())
        found["positions"] = (
            f"1 (the top; {notes.first_position:g} in the log) to {rows['position'].max():g}"
        )
    if "propensity" in rows:
        found["rows with a propensity"] = int(rows["propensity"].notna().sum())
    if "arm" in rows:
        found["arms"] = rows.loc[rows["arm"] != "", "arm"].value_counts().to_dict()
    return found


def rule(notes: PageNotes, views: int) -> str:
    """How pages were told apart, for people."""
    assumed = "what one user was shown in one order at one time"
    if not notes.assumed:
        return "named by the log"
    if notes.assumed == views:
        return f"assumed: {assumed}"
    return f"named by the log; for {notes.assumed} of {views} views assumed: {assumed}"
