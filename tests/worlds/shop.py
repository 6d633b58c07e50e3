"""A small shop with two clubs of customers: bakers buy baking things, anglers fishing things.

Whoever recommends within a club must win. Written as CSV, read back through the table reader,
so that the tests go the way of a user's own data.
"""

import numpy as np
import pandas as pd

CLUBS = ("baking", "fishing")
ITEMS_A_CLUB = 30


def write_shop(folder, users=80, days=60, seed=0):
    """Write items.csv and sales.csv; nine purchases in ten are within the user's club."""
    rng = np.random.default_rng(seed)
    items = pd.DataFrame(
        {
            "sku": [f"{club}-{n}" for club in CLUBS for n in range(ITEMS_A_CLUB)],
            "name": [f"{club.title()} thing {n}" for club in CLUBS for n in range(ITEMS_A_CLUB)],
            "kind": np.repeat(CLUBS, ITEMS_A_CLUB),
            "cost": rng.uniform(1, 9, len(CLUBS) * ITEMS_A_CLUB).round(2),
        }
    )
    rows = []
    for user in range(users):
        favourites = rng.choice(ITEMS_A_CLUB, 6, replace=False)
        for day in np.sort(rng.choice(days, 12, replace=False)):
            club = user % 2 if rng.random() < 0.9 else 1 - user % 2
            item = items.iloc[club * ITEMS_A_CLUB + rng.choice(favourites)]
            when = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(day), hours=int(8 + user % 9))
            rows.append((f"c{user}", item["sku"], when.isoformat(), 1, item["cost"]))
    sales = pd.DataFrame(rows, columns=["customer", "sku", "at", "units", "paid"])
    folder.mkdir(parents=True, exist_ok=True)
    items.to_csv(folder / "items.csv", index=False)
    sales.to_csv(folder / "sales.csv", index=False)


def scenario(**changes):
    """The scenario over ``write_shop``'s files as a mapping; top-level keys are replaced."""
    plain = {
        "name": "two clubs",
        "data": {
            "kind": "table",
            "path": "sales.csv",
            "columns": {
                "user": "customer",
                "item": "sku",
                "time": "at",
                "quantity": "units",
                "value": "paid",
            },
            "items": {
                "path": "items.csv",
                "item": "sku",
                "title": "name",
                "category": "kind",
                "price": "cost",
            },
            "currency": "EUR",
        },
        "split": {"fraction": 0.8},
        "population": {"users": 24, "min_history": 3},
        "model": {"name": "fake"},
        "world": {"days": 6, "epoch_days": 2, "slate": 5, "max_pages": 3, "shards": 2},
        "arms": [
            {"name": "random", "recommender": {"kind": "random"}},
            {"name": "knn", "recommender": {"kind": "item-knn"}},
        ],
        "seed": 3,
    }
    return {**plain, **changes}
