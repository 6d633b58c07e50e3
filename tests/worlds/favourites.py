"""A shop for `footfall validate`: weekly trips, favourites of one kind, and what all buy."""

import numpy as np
import pandas as pd

KINDS = ("bread", "milk", "fruit", "tea", "soap", "fish")
A_KIND = 10
DAYS = 120


def write_shop(folder, users=260, seed=0):
    """Weekly trips of three items: four in ten from three favourites, the rest by popularity.

    Item 0 of a kind is the best seller, item 9 the slowest; favourites are of one kind.
    """
    rng = np.random.default_rng(seed)
    n = len(KINDS) * A_KIND
    weight = np.tile(0.5 ** np.arange(A_KIND), len(KINDS))
    items = pd.DataFrame(
        {
            "sku": [f"{kind}-{i}" for kind in KINDS for i in range(A_KIND)],
            "name": [f"{kind.title()} number {i}" for kind in KINDS for i in range(A_KIND)],
            "kind": np.repeat(KINDS, A_KIND),
            "cost": rng.uniform(1, 9, n).round(2),
        }
    )
    rows = []
    for user in range(users):
        kind = user % len(KINDS)
        own = kind * A_KIND + rng.choice(A_KIND, 3, replace=False)
        for week in range(DAYS // 7):
            day = 7 * week + user % 7
            when = pd.Timestamp("2024-01-01") + pd.Timedelta(days=day, hours=9 + user % 8)
            crowd = rng.choice(n, 3, p=weight / weight.sum())
            for item in set(np.where(rng.random(3) < 0.4, rng.permutation(own), crowd).tolist()):
                price = items["cost"][item]
                rows.append((f"c{user}", items["sku"][item], when.isoformat(), price, f"{day}"))
    sales = pd.DataFrame(rows, columns=["customer", "sku", "at", "paid", "day"])
    sales["basket"] = sales["customer"] + "/" + sales.pop("day")
    profile = [f"{20 + 10 * (user % 3)}" for user in range(users)]
    folder.mkdir(parents=True, exist_ok=True)
    items.to_csv(folder / "items.csv", index=False)
    sales.assign(age=sales["customer"].str[1:].astype(int).map(dict(enumerate(profile)))).to_csv(
        folder / "sales.csv", index=False
    )


def scenario(**changes):
    plain = {
        "name": "planted",
        "data": {
            "kind": "table",
            "path": "sales.csv",
            "columns": {
                "user": "customer",
                "item": "sku",
                "time": "at",
                "value": "paid",
                "order": "basket",
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
        "split": {"at": "2024-04-01"},
        "population": {"users": 24, "min_history": 3},
        "model": {"name": "fake"},
        "world": {"days": 6, "slate": 5, "max_pages": 3},
        "arms": [
            {"name": "random", "recommender": {"kind": "random"}},
            {"name": "knn", "recommender": {"kind": "item-knn"}},
        ],
        "seed": 3,
    }
    return {**plain, **changes}
