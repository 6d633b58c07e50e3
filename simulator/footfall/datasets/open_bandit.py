"""Open Bandit: what ZOZOTOWN recommended by lot and by a bandit, with the chance of each item."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from footfall.datasets.base import Source, resolve
from footfall.datasets.cleaning import finish
from footfall.datasets.draft import Draft
from footfall.datasets.ids import as_id
from footfall.datasets.published import PublishedTable, add_notes, find, read_columns
from footfall.datasets.schema import Dataset
from footfall.datasets.wide import unfold
from footfall.errors import DataError, did_you_mean

ABOUT = (
    "Open Bandit Dataset (Saito et al., arXiv 2008.07146): fashion items shown on ZOZOTOWN in "
    "November 2019, three side by side, and what was clicked; the policy was chosen by lot. The "
    "log names neither users nor pages. {users} A row is a page of its own, with the place where "
    "its item stood: which three were shown together is not recorded. Items have no names."
)
USERS = {
    "features": "A user here is everybody with the same four features: a crowd, not a person.",
    "round": "A user here is one row, seen once, without a past.",
}
LICENCE = "CC BY 4.0"

FEATURES = tuple(f"user_feature_{number}" for number in range(4))
NEEDED = ("timestamp", "item_id", "position", "click", "propensity_score")
AFFINITIES = tuple(f"user-item_affinity_{number}" for number in range(80))
"""Earlier clicks of the user on each item, known to the policy; not read."""
NUMBER = "Unnamed: 0"
"""How a column without a name is called once read: the numbers of the rows."""
LOGGED = (NUMBER, *NEEDED, *FEATURES, *AFFINITIES)
DESCRIBED = (NUMBER, "item_id", *(f"item_feature_{number}" for number in range(4)))


class OpenBanditSource(Source):
    """The Open Bandit Dataset, unpacked, in the layout of zr-obp."""

    kind: Literal["open-bandit"] = "open-bandit"
    path: Path
    """Folder with ``random`` and ``bts``, each with a folder a campaign."""
    campaign: Literal["all", "men", "women"] = "all"
    """Which page of the shop."""
    policy: Literal["random", "bts", "both"] = "both"
    """Whose log; ``random`` is what was shown by lot. It is the ``arm`` of each row."""
    user: Literal["features", "round"] = "features"
    """Who is a user: everybody with the same features, or each row."""


def read(source: OpenBanditSource, base: Path) -> Dataset:
    """Load rows as views, with their position and propensity, and clicks beside them.

    Raises:
        DataError: A file is missing, or not in the published layout.
    """
    folder = resolve(source.path, base)
    wanted = ("random", "bts") if source.policy == "both" else (source.policy,)
    places = {policy: _place(folder, policy, source.campaign) for policy in wanted}
    logs = {
        policy: read_columns(
            find(place, [f"{source.campaign}.csv"], "Open Bandit")[0], LOGGED, NEEDED
        )
        for policy, place in places.items()
    }
    rows = pd.concat([_rows(log, policy) for policy, log in logs.items()], ignore_index=True)
    rows["user"] = _who(rows) if source.user == "features" else rows["page"]
    items = [
        read_columns(find(place, ["item_context.csv"], "Open Bandit")[0], DESCRIBED, ("item_id",))
        for place in places.values()
    ]
    draft = Draft(
        name="open-bandit",
        interactions=rows.drop(columns=["click", *FEATURES]),
        items=_items(items),
        users=_profiles(rows),
        about=ABOUT.format(users=USERS[source.user]),
        licence=LICENCE,
    )
    add_notes(draft, *logs.values(), *items)
    unfold(draft, {"click": rows["click"]})
    return finish(draft)


def _place(folder: Path, policy: str, campaign: str) -> Path:
    place = folder / policy / campaign
    if place.is_dir():
        return place
    there = [entry.name for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []
    hint = did_you_mean(policy, there)
    raise DataError(f"{place}: no such folder of Open Bandit; {hint}")


def _rows(log: PublishedTable, policy: str) -> pd.DataFrame:
    """One row an item shown, numbered as the page it is."""
    frame = log.frame
    time = pd.to_datetime(frame["timestamp"], format="ISO8601", errors="coerce", utc=True)
    number = pd.Series(np.arange(len(frame)), index=frame.index).astype(str)
    return pd.DataFrame(
        {
            "item": as_id(frame["item_id"]),
            "time": time.dt.tz_localize(None),
            "action": "view",
            "page": f"{policy} " + number,
            "position": frame["position"],
            "propensity": frame["propensity_score"],
            "arm": policy,
            "click": frame["click"],
            **{feature: frame.get(feature, "") for feature in FEATURES},
        }
    )


def _who(rows: pd.DataFrame) -> pd.Series:
    """Name everybody with the same features by the number of their combination, in its order."""
    number = rows.fillna(dict.fromkeys(FEATURES, "")).groupby(list(FEATURES)).ngroup() + 1
    return number.astype(str)


def _profiles(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop_duplicates("user")[["user", *FEATURES]]


def _items(tables: list[PublishedTable]) -> pd.DataFrame:
    """Items with their features; the names were taken out of the data."""
    frame = pd.concat([table.frame for table in tables], ignore_index=True)
    items = frame.assign(item=as_id(frame["item_id"])).drop_duplicates("item")
    kept = [name for name in DESCRIBED[2:] if name in items]
    return items.assign(title="Item " + items["item"].astype(str))[["item", "title", *kept]]
