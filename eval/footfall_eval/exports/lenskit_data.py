"""A native LensKit data set: what was shown, clicked and bought as three kinds of interaction."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from lenskit.data import DatasetBuilder

from footfall_eval.exports.source import Exported, ordered

KINDS = {"impression": "true", "click": "clicked", "purchase": "bought"}
"""Interaction class -> which rows of ``shown`` belong to it."""

ROWS = """
    SELECT "user" AS user_id, item AS item_id, "time" AS "timestamp", arm, session, page, position,
           price, propensity, p_examine, p_click, p_buy
    FROM shown WHERE {condition}
"""


def write(exported: Exported, folder: Path) -> None:
    """Save the data set to ``folder / "dataset"``; ``lenskit.data.Dataset.load`` reads it.

    Clicks are the default interactions. A class that has no rows is left out.
    """
    builder = DatasetBuilder(exported.name)
    people = exported.connection.sql("FROM people").arrow().read_all()
    goods = exported.connection.sql("FROM goods").arrow().read_all()
    builder.add_entities("user", people["user"].combine_chunks())
    builder.add_entities("item", goods["item"].combine_chunks())
    for column in ("title", "category"):
        builder.add_scalar_attribute("item", column, goods["item"], goods[column])
    for kind, condition in KINDS.items():
        rows = _rows(exported, condition)
        if rows.num_rows:
            builder.add_interactions(
                kind,
                rows,
                entities=["user", "item"],
                missing="error",
                allow_repeats=True,
                default=kind == "click",
            )
    builder.save(folder / "dataset")


def _rows(exported: Exported, condition: str) -> pa.Table:
    return exported.connection.sql(ordered(ROWS.format(condition=condition))).arrow().read_all()
