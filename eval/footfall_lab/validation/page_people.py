"""Block E on logged pages: are users different from each other, and do they need their own memory?

Of each page with a click it is asked which of its items the click went to.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from footfall.behaviour.features import relative_prices
from footfall.behaviour.in_visit import in_visit
from footfall.datasets.catalogue import Catalogue
from footfall.runs.foresight import Foresight
from footfall.serving.logged import LoggedPages
from footfall_eval.blocks.grading import not_run
from footfall_eval.blocks.individuality import SWAPPED, individuality
from footfall_eval.blocks.predictions import BLEND
from footfall_eval.reading.block import Block

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

PAGES = 3000
"""Pages with a click at most, drawn."""


def page_individuality(
    users: Foresight,
    pages: LoggedPages,
    numbers: Numbers,
    catalogue: Catalogue,
    item_rates: Floats,
    seed: int,
) -> Block:
    """Judge the users on the pages of the judged days.

    Args:
        users: Who is judged.
        pages: Of the judged days.
        numbers: [n_pages] of the pages' users, within the population.
        catalogue: Names and prices of the items.
        item_rates: [n_items] clicks before the split over what their places let expect.
        seed: Of the drawn pages, clicks and swaps.
    """
    rng = np.random.default_rng(seed)
    rows = np.flatnonzero(pages.clicked.any(axis=1) & (pages.shown.sum(axis=1) > 1))
    rows = np.sort(rng.permutation(rows)[:PAGES])
    if len(np.unique(numbers[rows])) < 3:
        return not_run("E", "fewer than 3 users clicked on anything on the judged days")
    some = pages.take(np.isin(np.arange(len(numbers)), rows))
    own = numbers[rows]
    visit = in_visit(some.depths, some.earlier)
    parts = {
        BLEND: users.of(own, some.items, some.times, visit)[0],
        SWAPPED: users.of(_another(own, rng), some.items, some.times, visit)[0],
    }
    if not all(np.isfinite(chances[some.shown]).all() for chances in parts.values()):
        return not_run("E", "the users' chances are not known without asking a language model")
    table = _predictions(some, parts, catalogue, rng)
    return individuality(
        table[table["model"] == BLEND], _traits(some, catalogue, item_rates), table, seed=seed
    )


def _another(own: Numbers, rng: np.random.Generator) -> Numbers:
    """[n] another user of the same pages for each; nobody keeps his or her own."""
    everybody = rng.permutation(np.unique(own))
    other = dict(zip(everybody.tolist(), np.roll(everybody, 1).tolist(), strict=True))
    return np.array([other[user] for user in own.tolist()], dtype=np.int64)


def _predictions(
    pages: LoggedPages,
    parts: Mapping[str, Floats],
    catalogue: Catalogue,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """As ``footfall_eval.blocks.predictions`` reads it; of several clicks one is drawn."""
    lot = np.where(pages.clicked, rng.random(pages.clicked.shape), -1.0)
    taken = np.arange(lot.shape[1]) == lot.argmax(axis=1)[:, None]
    page, place = np.nonzero(pages.shown)
    frame = pd.DataFrame(
        {
            "set": page,
            "user": np.asarray(pages.users, dtype=object)[page],
            "option": place,
            "item": np.asarray(catalogue.ids, dtype=object)[pages.items[page, place]],
            "position": place,
            "chosen": taken[page, place],
            "protocol": "pages",
        }
    )
    found = []
    for model, chances in parts.items():
        known = np.where(pages.shown, np.maximum(chances, 1e-12), 0.0)
        share = known / known.sum(axis=1, keepdims=True)
        found.append(frame.assign(model=model, p=share[page, place]))
    return pd.concat(found, ignore_index=True)


def _traits(pages: LoggedPages, catalogue: Catalogue, item_rates: Floats) -> pd.DataFrame:
    page, place = np.nonzero(pages.shown)
    items = pages.items[page, place]
    columns = {"popularity": np.log(np.maximum(item_rates[items], 1e-6)), "place": place}
    if np.isfinite(catalogue.prices).any():
        columns["relative price"] = relative_prices(catalogue)[items]
    return pd.DataFrame({"set": page, "option": place, **columns})
