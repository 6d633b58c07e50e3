"""What displays, leaflets and coupons of Complete Journey are worth, as log odds ratios of buying.

python benchmarks/displays.py

Displays and leaflets: baskets with an item, between stores in the same week (Mantel and Haenszel,
1959; strata are item and week) and, beside it, between weeks in the same store. Coupons: purchases
of the campaign's items during it over as long before, of households that were sent it over the
others. Everything before 2017-10-18; intervals resample items.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from footfall.datasets.complete_journey import CompleteJourneySource, coupons, promotions, read
from footfall.datasets.schema import Dataset

BEFORE = pd.Timestamp("2017-10-18")
FEWEST = 20
"""Baskets of a store and week, below which it is left out."""


def cells(dataset: Dataset) -> pd.DataFrame:
    """One row an item, store and week: baskets ``n``, ``x`` of them with it, and both flags."""
    rows = dataset.interactions[dataset.interactions["time"] < BEFORE]
    found = promotions(dataset, dataset.items["item"], range(1, int(rows["week"].max()) + 1))
    found = found.assign(display=found["display"] != "0", mailer=found["mailer"] != "0")
    keys = ["item", "store", "week"]
    shown = found.groupby(keys)[["display", "mailer"]].max().reset_index()
    baskets = rows.groupby(["store", "week"])["order"].nunique().rename("n").reset_index()
    known = baskets["store"].isin(found["store"].unique()) & (baskets["n"] >= FEWEST)
    taken = rows.drop_duplicates(["order", "item"]).groupby(keys).size().rename("x").reset_index()
    grid = baskets[known].merge(dataset.items[["item"]], how="cross")
    grid = grid.merge(taken, "left", keys).merge(shown, "left", keys)
    grid = grid.assign(
        x=grid["x"].fillna(0.0),
        display=grid["display"].eq(True),
        mailer=grid["mailer"].eq(True),
    )
    return grid[grid.groupby(["item", "store"])["x"].transform("sum") > 0]


def mantel_haenszel(grid: pd.DataFrame, strata: list[str], exposure: str) -> np.ndarray:
    """Log odds ratio and its 95% interval."""
    on, x, rest = grid[exposure], grid["x"], grid["n"] - grid["x"]
    table = pd.DataFrame(
        {"a": x.where(on, 0), "b": rest.where(on, 0), "c": x.mask(on, 0), "d": rest.mask(on, 0)}
    )
    table = table.groupby([grid[name] for name in strata]).sum()
    total = table.sum(axis=1)
    parts = pd.DataFrame({"up": table["a"] * table["d"] / total,
                          "down": table["b"] * table["c"] / total})  # fmt: skip
    items = parts.groupby(level="item").sum().to_numpy()
    luck = np.random.default_rng(0)
    drawn = [items[luck.integers(0, len(items), len(items))].sum(axis=0) for _ in range(500)]
    ratios = np.log([one / other for one, other in [items.sum(axis=0), *drawn]])
    return np.array([ratios[0], *np.percentile(ratios[1:], [2.5, 97.5])])


def campaigns(dataset: Dataset) -> float:
    """Log odds ratio of buying with a coupon: a difference in differences over all campaigns."""
    sent, offered = coupons(dataset)
    rows = dataset.interactions.drop_duplicates(["order", "item"])
    first, up, down = rows["time"].min(), 0.0, 0.0
    for campaign, part in offered.groupby("campaign"):
        start, end = part["start"].iloc[0], part["end"].iloc[0]
        if end > BEFORE or start - (end - start) < first:
            continue
        mine = rows[rows["item"].isin(part["item"])]
        theirs = mine["user"].isin(sent.loc[sent["campaign"] == campaign, "user"])
        during = mine["time"].between(start, end, inclusive="left")
        before = mine["time"].between(start - (end - start), start, inclusive="left")
        total = float((during | before).sum())
        up += float((theirs & during).sum()) * float((~theirs & before).sum()) / total
        down += float((theirs & before).sum()) * float((~theirs & during).sum()) / total
    return float(np.log(up / down))


def main() -> None:
    """Measure and print."""
    dataset = read(CompleteJourneySource(min_purchases=200))
    grid = cells(dataset)
    for exposure in ("display", "mailer"):
        for name, strata in (("between stores", ["item", "week"]),
                             ("between weeks", ["item", "store"])):  # fmt: skip
            middle, low, high = mantel_haenszel(grid, strata, exposure)
            print(f"{exposure}, {name}: {middle:.2f} ({low:.2f} to {high:.2f})")
    print(f"coupon: {campaigns(dataset):+.2f}")


if __name__ == "__main__":
    main()
