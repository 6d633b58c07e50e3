"""The folder in which a reader of the documents would stand: every file that a command names.

What takes long in reality is small here: the scenario has few users and the fake model, and
scenarios that come with Footfall are replaced by it.
"""

import shutil
from pathlib import Path

import pandas as pd
import yaml

import shop
from console import footfall
from headline_worlds import headlines
from planted import plant, write

SAME = {
    "demo": "shop.yaml", "outage": "shop.yaml", "training-log": "shop.yaml", "my.yaml": "shop.yaml",
    "movies": "shop.yaml", "long-memory": "remembering.yaml", "RUN": "runs/shop",
}  # fmt: skip
"""Scenario or run of a document -> the small one that stands for it."""


def build(folder: Path) -> None:
    """Write all files; two of them are runs."""
    shop.write_shop(folder, users=400, days=90)
    arms = [
        {"name": "popular", "recommender": {"kind": "popular"}},
        {"name": "knn", "recommender": {"kind": "item-knn"}},
    ]
    small = shop.scenario(
        population={"users": 150, "min_history": 3},
        split={"fraction": 0.75},
        choice={"mode": "yes-no"},
        arms=arms,
    )
    (folder / "shop.yaml").write_text(yaml.safe_dump(small))
    (folder / "shop.py").write_text(f"def scenario():\n    return {small!r}\n")
    kept = {"recent": 5, "retrieved": 5, "similarity": "words"}
    memory = {"choice": {"mode": "yes-no", "memory": kept}}
    (folder / "remembering.yaml").write_text(yaml.safe_dump(small | memory))
    _pages(folder)
    tests = headlines(60).arms
    for name in ("tests.csv", "my-tests.csv"):
        tests.to_csv(folder / name, index=False)
    tests[["title"]].head(3).to_csv(folder / "new.csv", index=False)
    _done(folder, "learn-appeal", "tests.csv", "--out", "appeal", "--model", "none")
    _done(folder, "run", "shop.yaml", "--out", "runs/shop")
    shutil.copytree(folder / "runs" / "shop", folder / "runs" / "demo")
    _done(folder, "run", "shop.yaml", "--out", "runs/seeds", "--seeds", "1,2")


def somebody(run: Path) -> str:
    """The user of a run who came most often to its first arm."""
    visits = pd.read_parquet(run / "sessions")
    first = visits[visits["arm"] == "popular"]
    return str(first["user"].value_counts().idxmax())


def _pages(folder: Path) -> None:
    """A log of pages with propensities, its orders alone, its goods, and who its customers are."""
    planted = plant("grocery", 3, users=60, items=40, days=21, later_days=3, slate=5)
    write(planted, folder / "planted")
    log = pd.read_parquet(folder / "planted" / "events.parquet")
    log.to_csv(folder / "events.csv", index=False)
    log.to_parquet(folder / "events.parquet")
    orders = log[log["event"] == "purchase"].rename(columns={"customer_id": "customer"})
    orders[["customer", "sku", "ts", "paid"]].to_csv(folder / "orders.csv", index=False)
    goods = pd.read_parquet(folder / "planted" / "items.parquet")
    goods.to_csv(folder / "products.csv", index=False)
    people = pd.read_parquet(folder / "planted" / "users.parquet")
    people.to_csv(folder / "customers.csv", index=False)


def _done(folder: Path, *words: str) -> None:
    done = footfall(*words, cwd=folder)
    assert done.returncode == 0, done.stderr
