"""Small tables that tests write, and the reader of a history of one's own."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from footfall.datasets.schema import Dataset
from footfall.datasets.sources import DataSource, load

PLAIN = {"user": "u", "item": "i", "time": "t"}


def read(folder: Path, path: str = "log.csv", columns: dict[str, str] | None = None,
         **keys: object) -> Dataset:  # fmt: skip
    """Read a table whose users, items and times stand in u, i and t."""
    named = {**PLAIN, **(columns or {})}
    raw = {"kind": "table", "path": path, "columns": named, "action": "purchase", **keys}
    return load(TypeAdapter(DataSource).validate_python(raw), folder)


def read_text(folder: Path, text: str | bytes, **keys: object) -> Dataset:
    """Read a CSV of these contents."""
    (folder / "log.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return read(folder, **keys)  # type: ignore[arg-type]


def write_parquet(path: Path, **columns: object) -> Path:
    """Write a Parquet file whose columns are lists or arrays; u, i and t are filled in."""
    made = {name: value if isinstance(value, pa.Array) else pa.array(value)
            for name, value in columns.items()}  # fmt: skip
    rows = len(next(iter(made.values())))
    usual = {"u": [f"u{n}" for n in range(rows)], "i": [f"i{n}" for n in range(rows)],
             "t": [f"2024-01-{n + 1:02d}" for n in range(rows)]}  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**usual, **made}), path)
    return path


def noted(data: Dataset) -> dict[str, tuple[int, str]]:
    """What was cleaned: problem -> count and sample."""
    return {note.problem: (note.count, note.sample) for note in data.cleaning}
