"""What a few users were shown in each arm, side by side, and what they did with it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from footfall_eval.reading.load import RunLog


@dataclass(frozen=True)
class Shown:
    """One item on one page."""

    position: int
    """From 1, top of the page."""
    title: str
    category: str
    price: float
    outcome: str
    """bought, clicked, seen, not reached, or no answer."""
    llm: float
    """The language model's utility, NaN where it was not asked or did not answer."""
    utility: float
    """All terms together, against 0 for "none of these"."""
    p_examine: float
    p_click: float
    p_buy: float


@dataclass(frozen=True)
class PageShown:
    """One page: arm, visit and page number (from 1), time, items."""

    arm: str
    visit: int
    page: int
    time: str
    items: tuple[Shown, ...]


@dataclass(frozen=True)
class DoneBefore:
    """Something that a user did before the run."""

    title: str
    action: str
    day: str


@dataclass(frozen=True)
class UserSlates:
    """One user: profile, history, and the pages of the first visits in every arm."""

    user: str
    profile: dict[str, str]
    pages: dict[str, tuple[PageShown, ...]]
    """Arm -> pages; empty where the user did not come."""
    history: tuple[DoneBefore, ...] = ()
    """The newest events before the run, newest first; empty where the run kept none."""


def sample_slates(log: RunLog, *, users: int = 20, pages: int = 2) -> tuple[UserSlates, ...]:
    """Pages of a few users, the same ones in every arm and at every call.

    Users are picked by a hash of their name among those with the most arms visited, so that
    nobody picks the flattering ones; their first ``pages`` pages are shown.
    """
    picked = log.execute(
        'SELECT "user" FROM sessions GROUP BY "user" '
        'ORDER BY count(DISTINCT arm) DESC, md5("user") LIMIT ?',
        [users],
    ).fetchall()
    names = [str(row[0]) for row in picked]
    rows = log.execute(
        """
        SELECT * FROM (
            SELECT *, dense_rank() OVER (PARTITION BY arm, "user" ORDER BY session, page) AS nth
            FROM impressions WHERE list_contains(?, "user")
        ) WHERE nth <= ? ORDER BY arm, "user", session, page, position
        """,
        [names, pages],
    ).df()
    items = log.table("items")
    rows = _named(rows, items)
    before = _histories(log.table("remembered"), names, items)
    profiles = _profiles(log.table("users_table"), names)
    found = []
    for name in sorted(names):
        own = rows[rows["user"] == name]
        by_arm = {arm: _pages(own[own["arm"] == arm]) for arm in log.arms}
        past = before.get(name, ())
        found.append(UserSlates(name, profiles.get(name, {}), by_arm, past))
    return tuple(found)


def _named(rows: pd.DataFrame, items: pd.DataFrame | None) -> pd.DataFrame:
    if items is None:
        return rows.assign(title=rows["item"], category="")
    titles = items.assign(item=items["item"].astype(str))[["item", "title", "category"]]
    named = rows.merge(titles, on="item", how="left")
    return named.assign(
        title=named["title"].fillna(named["item"]), category=named["category"].fillna("")
    )


def _histories(
    remembered: pd.DataFrame | None, names: list[str], items: pd.DataFrame | None
) -> dict[str, tuple[DoneBefore, ...]]:
    if remembered is None:
        return {}
    rows = _named(remembered[remembered["user"].isin(names)], items)
    return {
        str(user): tuple(
            DoneBefore(str(row["title"]), str(row["action"]), f"{row['time']:%Y-%m-%d}")
            for row in own.to_dict("records")
        )
        for user, own in rows.groupby("user", sort=False)
    }


def _profiles(users: pd.DataFrame | None, names: list[str]) -> dict[str, dict[str, str]]:
    if users is None:
        return {}
    some = users[users["user"].astype(str).isin(names)]
    return {
        str(row["user"]): {
            str(key): _plain(value)
            for key, value in row.items()
            if key not in {"user", "arm"} and bool(pd.notna(value)) and value != ""
        }
        for row in some.to_dict("records")
    }


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _pages(rows: pd.DataFrame) -> tuple[PageShown, ...]:
    return tuple(
        PageShown(
            arm=str(page["arm"].iloc[0]),
            visit=int(page["session"].iloc[0]) + 1,
            page=int(page["page"].iloc[0]) + 1,
            time=f"{page['time'].iloc[0]:%Y-%m-%d %H:%M}",
            items=tuple(_shown(row) for row in page.to_dict("records")),
        )
        for _, page in rows.groupby(["session", "page"], sort=True)
    )


def _shown(row: dict[object, object]) -> Shown:
    def figure(name: str) -> float:
        value = row[name]
        return float(value) if isinstance(value, (int, float)) else float("nan")

    return Shown(
        position=int(figure("position")) + 1,
        title=str(row["title"]),
        category=str(row["category"]),
        price=figure("price"),
        outcome=_outcome(row),
        llm=figure("llm"),
        utility=figure("utility"),
        p_examine=figure("p_examine"),
        p_click=figure("p_click"),
        p_buy=figure("p_buy"),
    )


def _outcome(row: dict[object, object]) -> str:
    if row["answered"] is not True:
        return "no answer"
    for column, word in (("bought", "bought"), ("clicked", "clicked"), ("examined", "seen")):
        if row[column] is True:
            return word
    return "not reached"
