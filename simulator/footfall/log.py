"""What happened, as Parquet: the schema and the writer of the event log.

    RUN/impressions/epoch=0000-shard=0000.parquet    one row an item shown
    RUN/sessions/epoch=0000-shard=0000.parquet       one row a visit

A part exists or it does not: it is written under a temporary name, synced and renamed.
Rows are ordered by (arm, user, session, page, position), and nothing in a part depends on
how the work was batched, so the same seed gives the same bytes.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

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

ENDINGS = ("left", "satisfied", "page limit", "empty page", "no answer")
"""Why a visit ended. A visit with no click at all counts as abandoned, whatever ended it."""


def write_part(table: pa.Table, path: Path) -> str:
    """Write ``table`` to ``path`` atomically and return the SHA-256 of its bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    with temporary.open("wb") as sink:
        pq.write_table(table, sink, compression="zstd", version="2.6")
        sink.flush()
        os.fsync(sink.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)
    return file_hash(path)


def file_hash(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make a rename durable: the folder's own entry has to reach the disk as well."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
