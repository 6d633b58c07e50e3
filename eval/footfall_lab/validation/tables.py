"""From probabilities to the tables that ``footfall_eval.blocks`` read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.features import FEATURES, PairFeatures, relative_prices
from footfall.datasets.catalogue import Catalogue
from footfall.fitting.choice_sets import OUTSIDE, ChoiceSets

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def predictions(sets: ChoiceSets, catalogue: Catalogue, chances: dict[str, Floats]) -> pd.DataFrame:
    """The predictions of several models on the same sets.

    Args:
        sets: Real choices.
        catalogue: Names the items.
        chances: Model -> [n, k + 1] probabilities, the last column "none of these".
    """
    n, k = sets.items.shape
    width = k + 1 if sets.outside else k
    option = np.tile(np.append(np.arange(k), OUTSIDE)[:width], (n, 1))
    items = np.column_stack([sets.items, np.full(n, OUTSIDE)])[:, :width]
    keep = (items >= 0) | (option == OUTSIDE)
    ids = np.asarray((*catalogue.ids, ""), dtype=object)
    names = np.asarray(sets.names, dtype=object)
    frame = pd.DataFrame(
        {
            "set": np.repeat(np.arange(n), width).reshape(n, width)[keep],
            "user": np.repeat(names[sets.users][:, None], width, axis=1)[keep],
            "option": option[keep],
            "item": ids[items[keep]],
            "position": option[keep],
            "chosen": (option == sets.chosen[:, None])[keep],
            "protocol": sets.protocol,
        }
    )
    parts = [
        frame.assign(model=model, p=found[:, :width][keep]) for model, found in chances.items()
    ]
    return pd.concat(parts, ignore_index=True)


def traits(sets: ChoiceSets, features: PairFeatures, catalogue: Catalogue) -> pd.DataFrame:
    """What taken items are like, for comparing users: ``set``, ``option`` and the traits."""
    known = features.of(sets.users, sets.items)
    n, k = sets.items.shape
    keep = sets.shown
    columns = {
        "popularity": known[:, :, FEATURES.index("popularity")],
        "taken before": (known[:, :, FEATURES.index("repeat")] > 0) * 1.0,
        "own category": known[:, :, FEATURES.index("category")],
    }
    if np.isfinite(catalogue.prices).any():
        columns["relative price"] = relative_prices(catalogue)[sets.items]
    return pd.DataFrame(
        {
            "set": np.repeat(np.arange(n), k).reshape(n, k)[keep],
            "option": np.tile(np.arange(k), (n, 1))[keep],
            **{name: values[keep] for name, values in columns.items()},
        }
    )


def deciles(popularity: Floats) -> npt.NDArray[np.int64]:
    """[n_items] popularity decile, 1 for the least popular tenth of the items."""
    order = np.argsort(np.argsort(popularity, kind="stable"), kind="stable")
    return np.asarray(1 + order * 10 // max(1, len(popularity)))


def takes(sets: ChoiceSets, took: Bools, values: npt.NDArray[np.object_]) -> pd.DataFrame:
    """Who took what kind of item: rows ``user``, ``value``, ``weight`` (how many).

    Args:
        sets: The choice sets.
        took: [n, k] what was taken in each.
        values: [n_items] the kind of each item.
    """
    keep = sets.shown & took
    names = np.asarray(sets.names, dtype=object)
    frame = pd.DataFrame(
        {
            "user": np.repeat(names[sets.users][:, None], sets.items.shape[1], axis=1)[keep],
            "value": values[sets.items[keep]],
            "weight": 1.0,
        }
    )
    return frame.groupby(["user", "value"], sort=True)[["weight"]].sum().reset_index()


def really(sets: ChoiceSets) -> Bools:
    """[n, k] whether the item was really chosen."""
    return np.asarray(np.arange(sets.items.shape[1]) == sets.chosen[:, None])


def drawn(chances: Floats, seed: int) -> Bools:
    """[n, k] one draw from [n, k + 1] chances, the last of them "none of these".

    Drawn, because expected takings would carry less noise than real ones and look nearer.
    """
    ends = np.cumsum(chances, axis=1)
    lots = np.random.default_rng(seed).random((len(chances), 1)) * ends[:, -1:]
    column = (lots >= ends).sum(axis=1)
    return np.asarray(np.arange(chances.shape[1] - 1) == column[:, None])
