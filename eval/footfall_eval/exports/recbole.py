"""Atomic files of RecBole: what it would read otherwise than it is written is not written so.

RecBole holds numbers as float32, in which Unix times of today are 128 seconds apart: times count
from the first impression. It fills gaps in columns of numbers with their mean: impressions without
an answer are left out, and so are columns that not every row has. It takes tokens such as NA for
missing, and so for one another: they get a _ behind.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from footfall_eval.exports.source import Exported, ordered, store, table

ANSWERED = "answered AND clicked IS NOT NULL"

FLOATS = {
    "bought": "CAST(bought AS TINYINT)",
    "value": 'CASE WHEN bought THEN "value" ELSE 0 END',
    "page": "page",
    "position": "position",
    "price": "price",
    "propensity": "propensity",
    "p_examine": "p_examine",
    "p_click": "p_click",
    "p_buy": "p_buy",
}
"""Further columns of numbers, and how they are told from an impression."""

INTER = """
    SELECT "user" AS "user_id:token", item AS "item_id:token",
           (epoch_ms("time") - {start}) / 1000 AS "timestamp:float",
           CAST(clicked AS TINYINT) AS "label:float", {further}, {arm} AS "arm:token",
           "user" || '/' || session AS "session_id:token"
    FROM shown WHERE {answered}
"""
MISSING = frozenset(
    ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
     "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"]
)  # fmt: skip
"""Cells that pandas, with which RecBole reads, takes for missing."""
ITEMS = """
    SELECT item AS "item_id:token", regexp_replace(title, '\\s+', ' ', 'g') AS "title:token_seq",
           regexp_replace(category, '\\s+', ' ', 'g') AS "category:token"{price}
    FROM goods ORDER BY item
"""
UNANSWERED = "SELECT count(*) FROM shown WHERE NOT ({answered})"
GAPS = """
    SELECT count(*) FROM shown
    WHERE {answered} AND ({column} IS NULL OR isnan(CAST({column} AS DOUBLE)))
"""
UNPRICED = "SELECT count(*) FROM goods WHERE price IS NULL OR isnan(CAST(price AS DOUBLE))"
USERS = 'SELECT "user" AS "user_id:token" FROM people ORDER BY "user"'


_ARM = (
    "CASE WHEN arm IN (" + ", ".join(f"'{word}'" for word in sorted(MISSING)) + ") "
    "THEN arm || '_' ELSE arm END"
)


def write(exported: Exported, folder: Path) -> None:
    """Write ``.inter``, ``.item`` and ``.user``, tab-separated, ``field:type`` in the header."""
    _name_the_missing(exported)
    start = exported.rows('SELECT coalesce(epoch_ms(min("time")), 0) FROM shown')
    left_out = exported.rows(UNANSWERED.format(answered=ANSWERED))
    exported.counts["impressions without an answer, left out"] = left_out
    whole = {
        name: column
        for name, column in FLOATS.items()
        if not exported.rows(GAPS.format(answered=ANSWERED, column=column))
    }
    priced = not exported.rows(UNPRICED)
    absent = [name for name in FLOATS if name not in whole] + ([] if priced else ["price of items"])
    exported.remarks.append(
        f"`timestamp` counts seconds since {pd.Timestamp(start, unit='ms').isoformat()} (UTC)."
    )
    if absent:
        exported.remarks.append(
            f"Left out, because RecBole would fill their gaps with the mean: {', '.join(absent)}."
        )
    further = ", ".join(f'{column} AS "{name}:float"' for name, column in whole.items())
    queries = {
        "inter": ordered(INTER.format(start=start, further=further, answered=ANSWERED, arm=_ARM)),
        "item": ITEMS.format(price=', price AS "price:float"' if priced else ""),
        "user": USERS,
    }
    (folder / exported.name).mkdir()
    for ending, query in queries.items():
        path = folder / exported.name / f"{exported.name}.{ending}"
        table(exported, query, path, separator="\t")


def _name_the_missing(exported: Exported) -> None:
    """Give ids that would be read as missing a name of their own; counted."""
    count = 0
    for name, column in (("goods_named", "item"), ("people_named", "user")):
        frame = exported.frame(f"FROM {name}")
        taken = set(frame[column])
        lost = sorted(taken & MISSING)
        renamed = {}
        for one in lost:
            other = f"{one}_"
            while other in taken:
                other += "_"
            taken.add(other)
            renamed[one] = other
        count += len(lost)
        store(exported.connection, name, frame.assign(**{column: frame[column].replace(renamed)}))
    if count:
        exported.counts["ids that read as missing, written with a _ behind"] = count
