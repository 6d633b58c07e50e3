"""Single events of a log in words, as they were read: whoever knows the shop sees what is wrong.

Reasons for a guess are read by few, and a wrong unit or zone looks right in a table of columns.
"On Tuesday at 14:28 user 600000 bought 3 of 8000 for 3.40 EUR" is compared with the file at a
glance.
"""

from __future__ import annotations

import pandas as pd

from footfall.datasets.schema import ACTIONS, Dataset

VERBS = {
    "view": "was shown",
    "click": "clicked",
    "cart": "put into the cart",
    "purchase": "bought",
    "rate": "rated",
}
LONGEST_NAME = 40


def as_read(dataset: Dataset, timezone: str) -> tuple[str, ...]:
    """One event of each action, in words, from the middle of the log.

    Args:
        dataset: A log, as it was read.
        timezone: IANA name of the zone in which times are told, as they stand in the file.
    """
    events = dataset.interactions
    times = events["time"].dt.tz_localize("UTC").dt.tz_convert(timezone)
    clock = "" if (times == times.dt.normalize()).all() else " %H:%M:%S"
    titles = dict(zip(dataset.items["item"], dataset.items["title"], strict=True))
    told = []
    for action in ACTIONS:
        row = _telling(events[events["action"] == action])
        if row is not None:
            at = times[row.name].strftime(f"%A %Y-%m-%d{clock}")
            thing = _thing(row["item"], titles.get(row["item"], ""))
            told.append(f"{at}: {row['user']} {VERBS[action]} {_beside(row, thing, dataset)}")
    return tuple(told)


def _telling(events: pd.DataFrame) -> pd.Series | None:
    """The event in the middle of those that tell most: with money, and of several pieces."""
    if events.empty:
        return None
    for telling in (events["value"].notna() & (events["quantity"] != 1), events["value"].notna()):
        if telling.any():
            events = events[telling]
            break
    return events.iloc[len(events) // 2]


def _thing(item: str, title: str) -> str:
    short = title if len(title) <= LONGEST_NAME else f"{title[: LONGEST_NAME - 1]}…"
    return item if title in (item, "") else f'{item} "{short}"'


def _beside(event: pd.Series, thing: str, dataset: Dataset) -> str:
    """What an event names beside who, what and when."""
    if event["action"] == "rate":
        return f"{thing} {event['value']:g}" if pd.notna(event["value"]) else thing
    parts = [thing if event["quantity"] == 1 else f"{event['quantity']:g} of {thing}"]
    if event["action"] == "purchase" and pd.notna(event["value"]):
        parts[0] += f" for {event['value']:,.2f} {dataset.currency}".rstrip()
    parts += [f"order {event['order']}"] if event["order"] else []
    parts += [f"page {event['page']}"] if event.get("page") else []
    if pd.notna(event.get("position")):
        parts.append(f"place {event['position']:g}")
    if pd.notna(event.get("propensity")):
        parts.append(f"shown with a chance of {event['propensity']:.3g}")
    return ", ".join(parts)
