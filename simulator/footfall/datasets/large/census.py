"""What ``footfall data describe`` tells of a log larger than memory: counted on disk."""

from __future__ import annotations

from typing import Any

import pandas as pd

from footfall.datasets.beyond import Beyond
from footfall.datasets.pages import rule
from footfall.datasets.schema import PageNotes


def item_counts(whole: Beyond) -> pd.DataFrame:
    """Events and users of each item."""
    query = (
        "SELECT item::VARCHAR AS item, count(*) AS events, count(DISTINCT user) AS users "
        "FROM events GROUP BY ALL"
    )
    # All rows of a user lie in one part, so that users of parts add up.
    parts = [whole.log.ask(query, part, part + 1) for part in whole.log.filled()]
    return pd.concat(parts).groupby("item").sum()


def census(whole: Beyond, notes: PageNotes) -> dict[str, Any]:
    """Actions, orders, pages, and events of a user."""
    actions = whole.log.ask("SELECT action::VARCHAR AS a, count(*) AS n FROM events GROUP BY ALL")
    orders = whole.log.ask(
        """SELECT count(DISTINCT (user, "order")) AS n FROM events WHERE "order" != ''"""
    )
    middle = whole.log.ask(
        "SELECT median(n) AS n FROM (SELECT count(*) AS n FROM events GROUP BY user)"
    )
    by_count = actions.sort_values(["n", "a"], ascending=[False, True])
    return {
        "actions": dict(zip(by_count["a"], by_count["n"].tolist(), strict=True)),
        "orders": int(orders["n"].iloc[0]),
        "pages": _pages(whole, notes),
        "events a user (median)": float(middle["n"].iloc[0]),
    }


def sides(whole: Beyond, at: pd.Timestamp) -> dict[str, int]:
    """Events before and after a split, and users who have both."""
    own = f"count(*) FILTER (time < TIMESTAMP_NS '{at}') AS b, count(*) AS n"
    users = whole.log.ask(
        "SELECT sum(b) AS before, sum(n - b) AS after, "  # noqa: S608 - no strangers text
        "count(*) FILTER (b > 0 AND b < n) AS both "
        f"FROM (SELECT {own} FROM events GROUP BY user)"
    )
    return {name: int(users[name].iloc[0]) for name in ("before", "after", "both")}


def _pages(whole: Beyond, notes: PageNotes) -> dict[str, object]:
    columns = set(whole.log.ask("SELECT * FROM events LIMIT 1").columns)
    if "page" not in columns:
        return {}
    views = whole.log.ask(
        "SELECT count(*) AS views, count(DISTINCT (user, page)) FILTER (page != '') AS pages "
        "FROM events WHERE action = 'view'"
    ).iloc[0]
    found: dict[str, object] = {
        "pages": int(views["pages"]),
        "pages are": rule(notes, int(views["views"])),
    }
    if views["pages"]:
        found["items a page (mean)"] = round(float(views["views"] / views["pages"]), 2)
    for column in ("position", "propensity"):
        if column in columns:
            known = whole.log.ask(f"SELECT count({column}) AS n FROM events")  # noqa: S608
            found[f"rows with a {column}"] = int(known["n"].iloc[0])
    return found
