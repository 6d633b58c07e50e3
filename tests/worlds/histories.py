"""Small histories whose answers can be seen by eye."""

from __future__ import annotations

import pandas as pd

from footfall.datasets.cleaning import finish
from footfall.datasets.draft import Draft
from footfall.datasets.schema import Dataset


def draft(rows: list[dict[str, object]], **changes: object) -> Draft:
    """A draft of ``rows``; users and items are made from them unless given."""
    frame = pd.DataFrame(rows)
    if "action" not in frame:
        frame["action"] = "purchase"
    frame["time"] = pd.to_datetime(frame["time"], format="ISO8601")
    ids = frame["item"].dropna().astype(str).unique()
    parts: dict[str, object] = {
        "name": "toy",
        "interactions": frame,
        "items": pd.DataFrame({"item": ids, "title": [f"Item {i}" for i in ids]}),
        "users": pd.DataFrame({"user": pd.Series(dtype=object)}),
        "currency": "EUR",
    }
    return Draft(**{**parts, **changes})  # type: ignore[arg-type]


def dataset(rows: list[dict[str, object]], **changes: object) -> Dataset:
    return finish(draft(rows, **changes))


def week(
    user: str, days: list[int], items: list[str], value: float = 2.0
) -> list[dict[str, object]]:
    """One basket of ``items`` on each day of January 2024."""
    return [
        {
            "user": user,
            "item": item,
            "time": f"2024-01-{day:02d} 18:30",
            "quantity": 1.0,
            "value": value,
            "order": f"{user}/{day}",
        }
        for day in days
        for item in items
    ]
