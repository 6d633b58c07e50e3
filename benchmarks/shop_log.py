"""A shop's whole log, made up: users and items by a power law, seeded, as Parquet.

    python benchmarks/shop_log.py FOLDER [--events 4_500_000] [--pages]

Writes ``events.parquet`` (about seven bytes an event), ``items.parquet`` and ``shop.yaml``, a
scenario of 1,000 users that can be run at once. With ``--pages`` the log tells what was shown:
pages of ten items with positions and propensities, clicks and purchases; without, it has orders.
Four rows in a thousand are wrong, as in every shop: no user, a time of 1970, money below zero, a
row that is there twice.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

START, DAYS = np.datetime64("2024-01-01", "s"), 180
CHUNK = 2_000_000
SLATE = 10

SCENARIO = """\
name: {name}
data:
  kind: table
  path: events.parquet
  columns: {columns}
{action}  items: {{path: items.parquet, item: sku, title: name, category: kind, price: list_price}}
  currency: EUR
split: {{at: 2024-06-01}}
population: {{users: 1000, min_history: 3}}
model: {{name: none}}
world: {{days: 7, slate: 10}}
arms:
  - {{name: random, recommender: {{kind: random}}}}
  - {{name: popular, recommender: {{kind: popular{positive}}}}}
"""


def write_shop(folder: Path, events: int, *, pages: bool, users: int = 0, items: int = 0) -> int:
    """Write log, catalogue and scenario; returns the rows of the log."""
    folder.mkdir(parents=True, exist_ok=True)
    users = users or max(200, events // 90)
    items = items or max(100, int(20_000 * (events / 4_500_000) ** 0.5))
    rng = np.random.default_rng(20)
    active = np.cumsum((np.arange(users) + 10.0) ** -0.6)  # many come seldom, few come often
    wanted = np.cumsum((np.arange(items) + 5.0) ** -0.9)
    prices = rng.lognormal(2.5, 0.8, items).round(2)
    tastes = rng.integers(0, 8, users)
    make = _pages if pages else _orders
    rows, begun, writer = 0, 0.0, None
    while rows < events:
        share = min(CHUNK, events - rows)
        until = min(1.0, begun + share / events)
        table = make(rng, share, (begun, until), active, wanted, prices, tastes)
        writer = writer or pq.ParquetWriter(
            folder / "events.parquet", table.schema, compression="zstd"
        )
        writer.write_table(table)
        rows, begun = rows + len(table), until
    assert writer is not None
    writer.close()
    codes = np.arange(items)
    pd.DataFrame(
        {
            "sku": codes,
            "name": [f"Article {k}" for k in codes],
            "kind": [f"kind {k % 60}" for k in codes],
            "list_price": prices,
        }
    ).to_parquet(folder / "items.parquet")
    columns = "{user: uid, item: sku, time: ts, value: paid, "
    columns += "page: page, position: slot, propensity: chance}" if pages else "order: basket}"
    action = "  action: {column: event, map: {impression: view, buy: purchase}}\n" if pages else ""
    text = SCENARIO.format(
        name="whole log, page by page" if pages else "whole log of orders",
        columns=columns,
        action=action,
        positive=", positive: {action: purchase}" if pages else "",
    )
    (folder / "shop.yaml").write_text(text, encoding="utf-8")
    return rows


def _drawn(rng: np.random.Generator, weights: np.ndarray, n: int) -> np.ndarray:
    return np.searchsorted(weights, rng.random(n) * weights[-1]).astype(np.int64)


def _times(rng: np.random.Generator, n: int, span: tuple[float, float]) -> np.ndarray:
    seconds = np.sort(rng.uniform(*span, n)) * DAYS * 86_400
    return START + seconds.astype("timedelta64[s]")


def _table(columns: dict[str, np.ndarray], rng: np.random.Generator) -> pa.Table:
    """With what is wrong in every shop: 0.4% of the rows."""
    frame = pd.DataFrame(columns)
    n = len(frame)
    user = frame["uid"].astype("Int64")
    user[rng.integers(0, n, n // 1000)] = pd.NA
    frame["uid"] = user
    frame.loc[rng.integers(0, n, n // 1000), "ts"] = pd.Timestamp("1970-01-01 00:00:01")
    frame.loc[rng.integers(0, n, n // 1000), "paid"] = -1.0
    again = frame.iloc[rng.integers(0, n, n // 1000)]
    frame = pd.concat([frame, again], ignore_index=True)
    frame = frame.astype({"ts": "datetime64[ms]", "paid": float})
    return pa.Table.from_pandas(frame, preserve_index=False)


def _orders(
    rng: np.random.Generator,
    n: int,
    span: tuple[float, float],
    active: np.ndarray,
    wanted: np.ndarray,
    prices: np.ndarray,
    tastes: np.ndarray,
) -> pa.Table:
    """Orders of three items on average."""
    order = np.sort(rng.integers(0, max(1, n // 3), n))
    user = _drawn(rng, active, n // 3 + 1)[order]
    item = _liked(rng, _drawn(rng, wanted, n), tastes[user])
    return _table(
        {
            "uid": user,
            "sku": item,
            "ts": _times(rng, n // 3 + 1, span)[order],
            "paid": prices[item],
            "basket": order + int(span[0] * 1e9),
        },
        rng,
    )


def _liked(rng: np.random.Generator, item: np.ndarray, taste: np.ndarray) -> np.ndarray:
    """Half of what is taken is of the user's own kind."""
    own = rng.random(len(item)) < 0.5
    moved = item - item % 8 + taste
    return np.where(own & (moved < item.max() + 1), moved, item)


def _pages(
    rng: np.random.Generator,
    n: int,
    span: tuple[float, float],
    active: np.ndarray,
    wanted: np.ndarray,
    prices: np.ndarray,
    tastes: np.ndarray,
) -> pa.Table:
    """Pages of ten items, drawn with known chances; clicks, and a third of them bought."""
    pages = max(1, int(n / (SLATE * 1.1)))
    user, time = _drawn(rng, active, pages), _times(rng, pages, span)
    item = _drawn(rng, wanted, pages * SLATE).reshape(pages, SLATE)
    chance = np.diff(wanted, prepend=0.0)[item] / wanted[-1]
    fits = item % 8 == tastes[user][:, None]
    click = rng.random(item.shape) < np.where(fits, 0.25, 0.05) * 0.92 ** np.arange(SLATE)
    buy = click & (rng.random(item.shape) < 0.3)
    number = np.arange(pages) + int(span[0] * 1e9)
    parts = []
    for word, which in (("impression", np.ones_like(click)), ("click", click), ("buy", buy)):
        page, slot = np.nonzero(which)
        parts.append(
            {
                "uid": user[page],
                "sku": item[page, slot],
                "ts": time[page] + (30 if word == "buy" else 5 if word == "click" else 0),
                "event": np.full(len(page), word),
                "paid": np.where(word == "buy", prices[item[page, slot]], np.nan),
                "page": number[page],
                "slot": slot if word == "impression" else np.full(len(page), np.nan),
                "chance": chance[page, slot]
                if word == "impression"
                else np.full(len(page), np.nan),
            }
        )
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(columns["ts"], kind="stable")
    return _table({name: values[order] for name, values in columns.items()}, rng)


def main() -> None:
    """Write it and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=4_500_000)
    parser.add_argument("--pages", action="store_true")
    options = parser.parse_args()
    rows = write_shop(options.folder, options.events, pages=options.pages)
    size = (options.folder / "events.parquet").stat().st_size
    print(f"{rows:,} events, {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
