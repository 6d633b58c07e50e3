"""The pages of a planted shop as an engineer's log: one row an event."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from planted.living import Pages, World

PAGE_SECONDS = 75
"""Seconds from one page of a visit to the next; a page's acts lie within them."""


def as_frame(
    pages: Sequence[Pages], world: World, start: pd.Timestamp, rng: np.random.Generator
) -> pd.DataFrame:
    """The log, in the order of time.

    Columns: ``customer_id``, ``sku``, ``event`` (view, click, purchase), ``ts`` (UTC), ``paid``
    (EUR, purchases only), ``visit_id``, ``page_id``, ``slot`` (from 1), ``shown_with`` (the chance
    that the old policy put this item at this slot, given what the visit had shown before),
    ``title``, ``category``. Rows of clicks and purchases repeat what their view row says.
    """
    days = max((page.day for page in pages), default=0) + 1
    minutes = rng.integers(7 * 60, 23 * 60, size=(days, len(world.people.activity)))
    views = pd.concat([_views(page, minutes[page.day], start) for page in pages])
    clicks = views[views["clicked"]].assign(event="click")
    clicks["ts"] += pd.to_timedelta(8, unit="s")
    buys = views[views["bought"]].assign(event="purchase")
    buys["ts"] += pd.to_timedelta(40, unit="s")
    goods = world.goods.table
    rows = pd.concat([views.assign(event="view"), clicks, buys], ignore_index=True)
    of = rows["item"].to_numpy()
    rows["customer_id"] = world.people.table["customer_id"].to_numpy()[rows["user"]]
    for column in ("sku", "title", "category"):
        rows[column] = goods[column].to_numpy()[of]
    paid = goods["list_price"].to_numpy()[of]
    rows["paid"] = np.where(rows["event"] == "purchase", paid, np.nan)
    order = ["customer_id", "sku", "event", "ts", "paid", "visit_id", "page_id", "slot"]
    order += ["shown_with", "title", "category"]
    return rows.sort_values(["ts", "customer_id", "slot"], kind="stable", ignore_index=True)[order]


def _views(page: Pages, minutes: np.ndarray, start: pd.Timestamp) -> pd.DataFrame:
    """One row an item shown, with what became of it."""
    n, slate = page.items.shape
    users = page.lives.repeat(slate)
    seconds = page.day * 86_400 + minutes[users] * 60 + page.depth * PAGE_SECONDS
    visits = [f"v{page.day:03d}-{user:05d}" for user in page.lives]
    return pd.DataFrame(
        {
            "user": users,
            "item": page.items.ravel(),
            "ts": start + pd.to_timedelta(seconds, unit="s"),
            "visit_id": np.repeat(visits, slate),
            "page_id": np.repeat([f"{visit}-{page.depth + 1}" for visit in visits], slate),
            "slot": np.tile(np.arange(1, slate + 1), n),
            "shown_with": page.propensity.ravel(),
            "clicked": page.clicked.ravel(),
            "bought": page.bought.ravel(),
        }
    )
