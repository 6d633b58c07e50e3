"""What happened, as Parquet: the schema and the writer of the event log.

    RUN/impressions/epoch=0000-shard=0000.parquet    one row an item shown
    RUN/sessions/epoch=0000-shard=0000.parquet       one row a visit
    RUN/events/epoch=0000-shard=0000.parquet         what else happened, where a scenario has it

A part exists or it does not: it is written under a temporary name and renamed. It does not wait for
the disk: the manifest has its hash, and a part that a power cut took is made anew from that.
Rows are ordered by (arm, user, session, page, position), and nothing in a part depends on
how the work was batched, so the same seed gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from footfall.datasets.arrow_columns import as_frame
from footfall.errors import LogError, one_line
from footfall.plumbing.files import file_hash, replacing

DAMAGES = (OSError, ValueError, pa.ArrowException)
"""What readers of Parquet raise at broken files; ValueError at names that are no UTF-8."""

IMPRESSIONS = pa.schema(
    [
        ("arm", pa.string()),
        ("user", pa.string()),
        ("session", pa.int32()),  # visit of this user in this arm, from 0
        ("page", pa.int16()),  # from 0 within the visit
        ("position", pa.int16()),  # from 0, top of the page
        ("item", pa.string()),
        ("time", pa.timestamp("ms")),  # simulated, when the page was shown
        ("price", pa.float64()),  # unit price shown; null where there is none
        ("score", pa.float64()),  # the recommender's own; null where it gives none
        ("propensity", pa.float64()),  # P(item at this position), null where unknown
        ("llm", pa.float64()),  # the language model's utility; null where not asked or no answer
        ("utility", pa.float64()),  # of the choice model, against 0 for "none of these"
        ("p_examine", pa.float64()),  # P(the user reads down to this position)
        ("p_click", pa.float64()),  # P(clicked | page shown), examination included
        ("p_buy", pa.float64()),  # P(bought | clicked)
        ("answered", pa.bool_()),  # false: the model gave no answer, so nobody decided
        ("examined", pa.bool_()),  # null where not answered
        ("clicked", pa.bool_()),  # null where not answered
        ("bought", pa.bool_()),  # null where not answered
        ("value", pa.float64()),  # money spent on this item here; 0 if not bought
        ("team", pa.string()),  # interleaved pages: whose item it is; null otherwise
    ]
)
"""One row an item shown."""

SESSIONS = pa.schema(
    [
        ("arm", pa.string()),
        ("user", pa.string()),
        ("session", pa.int32()),
        ("start", pa.timestamp("ms")),
        ("end", pa.timestamp("ms")),
        ("pages", pa.int16()),
        ("impressions", pa.int32()),
        ("clicks", pa.int32()),
        ("purchases", pa.int32()),
        ("value", pa.float64()),
        ("ended", pa.string()),  # one of ENDINGS
    ]
)
"""One row a visit."""

EVENTS = pa.schema(
    [
        ("arm", pa.string()),
        ("user", pa.string()),
        ("session", pa.int32()),
        ("page", pa.int16()),
        ("time", pa.timestamp("ms")),
        ("action", pa.string()),  # one of HAPPENINGS
        ("item", pa.string()),  # null where it concerns none
        ("quantity", pa.float64()),
        ("value", pa.float64()),  # money, or a rating; null where there is none
        ("text", pa.string()),  # a summary, a query, a review, a reason; "" where there is none
    ]
)
"""One row a happening beside impressions, where a scenario has such things; see docs/agents.md."""

REASONS = pa.schema(
    [
        ("arm", pa.string()),
        ("user", pa.string()),
        ("session", pa.int32()),
        ("page", pa.int16()),
        ("items", pa.list_(pa.string())),  # in the order of the page
        ("wanted", pa.list_(pa.int8())),  # 1 to 5, aligned with items; null: no answer
        ("reason", pa.string()),  # the model's words; null: no answer
        ("missing", pa.string()),  # why there is no answer; "" where there is one
    ]
)
"""One row a page that the model was asked about; ordered by (arm, user, session, page)."""

_DECIDED = ("llm", "utility", "p_examine", "p_click", "p_buy", "examined", "clicked", "bought")
_TOLD = ("price", "score", "propensity", "item", "value", "team")
ALWAYS = frozenset((*IMPRESSIONS.names, *SESSIONS.names, "action")) - {*_DECIDED, *_TOLD}
"""Columns that have no empty cells in any table."""

HAPPENINGS = (
    "reflect",  # text: what the user likes, as the model sums it up
    "search",  # text: the query; quantity: items found
    "similar",  # item: to which; quantity: items found
    "click",  # on a page of search ("search") or of similar items ("similar")
    "cart",  # quantity, value: unit price
    "purchase",  # quantity, value: money; text: kind of the page, "" where a recommended one
    "over budget",  # value: unit price of what was wanted and not affordable
    "rate",  # value: stars
    "like",
    "dislike",
    "review",  # text, value: stars
    "leave",  # text: why
)
"""Kinds of rows in the log of events."""

ENDINGS = ("left", "satisfied", "page limit", "empty page", "gave up waiting", "no answer")
"""Why a visit ended. A visit with no click at all counts as abandoned, whatever ended it."""


def read_part(
    path: Path, schema: pa.Schema, columns: Sequence[str] | None = None, filters: Any = None
) -> pd.DataFrame:
    """A part of a log, or some columns and rows of it.

    Args:
        path: The part.
        schema: ``IMPRESSIONS``, ``SESSIONS``, ``EVENTS`` or ``REASONS``.
        columns: Those to read; all by default.
        filters: Which rows; see ``pyarrow.parquet.read_table``.

    Raises:
        LogError: It is damaged, or no such part.
    """
    names = schema.names if columns is None else list(columns)
    try:
        wrong = unfit(pq.read_schema(path), schema)
        if not wrong:
            table = pq.read_table(path, columns=names, filters=filters)
            if not any(table[name].null_count for name in names if name in ALWAYS):
                return as_frame(table)
            wrong = "empty cells where there can be none"
    except DAMAGES as error:
        wrong = one_line(error, 200)
    raise LogError(
        f"{path}: damaged, not a readable part of a log ({wrong}); run again with --resume"
    )


def unfit(found: pa.Schema, schema: pa.Schema) -> str:
    """Why a file with these columns is no part of a log; "" if nothing speaks against it."""
    for field in schema:
        if field.name not in found.names:
            return f"has no column {field.name!r}"
        if found.field(field.name).type != field.type:
            return f"{field.name!r} is {found.field(field.name).type}, not {field.type}"
    return ""


def write_part(table: pa.Table, path: Path) -> str:
    """Write ``table`` to ``path`` atomically and return the SHA-256 of its bytes.

    Raises:
        RunError: It cannot be written, for instance because the disk is full.
    """
    with replacing(path, durable=False) as sink:
        pq.write_table(table, sink, compression="zstd", version="2.6")
    return file_hash(path)


def write_frame(frame: pd.DataFrame, path: Path) -> str:
    """Like ``write_part``, for the tables beside the log."""
    with replacing(path, durable=False) as sink:
        frame.to_parquet(sink, index=False)
    return file_hash(path)
