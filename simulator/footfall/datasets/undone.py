"""Rows of orders: cells that speak once for a whole order, and rows that came to nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.datasets.cells import amounts
from footfall.datasets.wide import NO


def told_once(raw: pd.DataFrame, order: str | None, once: list[str]) -> pd.DataFrame:
    """A table in which what an order says on one of its rows stands on all of them.

    Args:
        raw: The log; missing cells are None.
        order: The column that names the order.
        once: Columns with one filled cell an order.
    """
    if order is None or not once:
        return raw
    orders = raw[order]
    filled = {
        name: raw[name].where(raw[name].notna() | orders.isna(), _first(raw[name], orders))
        for name in once
    }
    return raw.assign(**filled)


def _first(cells: pd.Series, orders: pd.Series) -> pd.Series:
    both = pd.DataFrame({"order": orders, "cell": cells}).dropna().drop_duplicates("order")
    return orders.map(both.set_index("order")["cell"])


def came_to_nothing(cells: pd.Series) -> npt.NDArray[np.bool_]:
    """Whether a cell such as the time or the sum of a refund says that something was undone.

    Empty cells, 0 and words for no say that it was not.
    """
    texts = cells.astype(object).where(cells.notna(), "").astype(str).str.strip()
    no = texts.eq("") | texts.str.lower().isin(NO)
    zero = (amounts(texts, ".", "") == 0) | (amounts(texts, ",", "") == 0)
    said: npt.NDArray[np.bool_] = ~(no | zero).to_numpy(dtype=bool)
    return said
