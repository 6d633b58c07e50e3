"""A planted shop in a folder, exactly as an engineer's shop would have it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from planted.shop import Shop

COLUMNS = {
    "user": "customer_id",
    "item": "sku",
    "time": "ts",
    "value": "paid",
    "order": "visit_id",
    "page": "page_id",
    "position": "slot",
    "propensity": "shown_with",
}
"""What Footfall calls them -> the columns of ``events.parquet``."""


def write(shop: Shop, folder: Path, arms: Sequence[dict[str, Any]] | None = None) -> Path:
    """Write tables and scenario into ``folder``; returns the path of ``scenario.yaml``.

    Args:
        shop: A planted shop.
        folder: Made if need be.
        arms: The scenario's recommenders, the control first; by default popular and random.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shop.log.to_parquet(folder / "events.parquet", index=False)
    shop.world.goods.table.to_parquet(folder / "items.parquet", index=False)
    shop.world.people.table.to_parquet(folder / "users.parquet", index=False)
    path = folder / "scenario.yaml"
    path.write_text(yaml.safe_dump(scenario(shop, arms), sort_keys=False), encoding="utf-8")
    return path


def scenario(shop: Shop, arms: Sequence[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The scenario as a mapping: all who came before the split play the later days."""
    clicks = {"positive": {"action": "click"}}
    default = [
        {"name": "popular", "recommender": {"kind": "popular", **clicks}},
        {"name": "random", "recommender": {"kind": "random"}},
    ]
    past = shop.log[shop.log["ts"] < shop.split]
    return {
        "name": f"planted {shop.kind.name} {shop.seed}",
        "data": {
            "kind": "table",
            "path": "events.parquet",
            "columns": dict(COLUMNS),
            "action": {"column": "event"},
            "currency": "EUR",
            "items": {
                "path": "items.parquet",
                "item": "sku",
                "title": "title",
                "category": "category",
                "price": "list_price",
            },
            "users": {
                "path": "users.parquet",
                "user": "customer_id",
                "profile": ["age", "town", "device", "member"],
            },
        },
        "split": {"at": str(shop.split.date())},
        "population": {"users": int(past["customer_id"].nunique())},
        "model": {"name": "none"},
        "arms": list(arms or default),
        "world": {
            "days": shop.later_days,
            "slate": shop.world.slate,
            "max_pages": shop.kind.max_pages,
        },
        "seed": 1,
    }
