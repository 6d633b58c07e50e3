"""The files of a table: one, or a folder of parts as Spark, DuckDB and others write them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from footfall.datasets.schema import Cleaning
from footfall.errors import DataError

PARQUET = b"PAR1"

ENDINGS = frozenset([".parquet", ".parq", ".pq"])
"""How the names of Parquet files end, in lower case."""

LAKES = {
    "_delta_log": "a Delta table",
    ".hoodie": "a Hudi table",
    "metadata": "an Iceberg table",
    "_versions": "a Lance table",
}
"""Folders of tables whose files also hold removed rows; only their log says which count."""

ABOUT_PARTS = ("_metadata", "_common_metadata")
"""Files that tell of the other parts and hold no rows."""

TABLES = frozenset(
    [".parquet", ".parq", ".pq", ".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".feather", ".arrow",
     ".orc", ".avro", ".gz", ".zst", ".bz2", ".xz"]
)  # fmt: skip
"""Endings of files that hold rows, in lower case."""

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Part:
    """One file, and what the names of its folders say of all its rows."""

    path: Path
    keys: dict[str, str | None] = field(default_factory=dict)
    """Columns out of folders such as day=2024-01-31."""


def parts_of(path: Path) -> tuple[list[Part], list[Cleaning]]:
    """The files of a table, sorted, and what was left out of its folder.

    Names that begin with "_" or "." are how programs hide what is no data, or not yet. Where a
    folder holds Parquet, files of other kinds are no parts of it.

    Raises:
        DataError: There is no file, it is a pipe, which would be waited for, or the folder is a
            table of Delta, Iceberg, Hudi or Lance.
    """
    if not path.is_dir():
        if path.exists() and not path.is_file():
            raise DataError(f"{path}: is no file of its own (a pipe or a device); save it as one")
        return [Part(path)], []
    _refuse_lakes(path)
    there = sorted(path.rglob("*"))
    empty = [file for file in there if file.is_file() and not file.stat().st_size]
    files = [file for file in there if file.is_file() and file.stat().st_size]
    hidden = [file for file in files if _is_hidden(file.relative_to(path))]
    seen = [file for file in files if file not in set(hidden)]
    parquet = [file for file in seen if is_parquet(file)]
    kept = parquet or [file for file in seen if file.suffix.lower() in TABLES]
    if not kept:
        named = ", ".join(file.name for file in files[:8]) or "nothing"
        raise DataError(f"{path}: a folder without tables (.parquet, .csv, .jsonl); found {named}")
    lost = [file for file in hidden if _holds_rows(file)]
    notes = [
        _left_out("file with a hidden name", path, lost),
        _left_out("file of another kind", path, [file for file in seen if file not in set(kept)]),
        _left_out("empty file", path, [file for file in empty if _should_hold(file, path)]),
        _left_out("pipe or dead link", path, [f for f in there if not f.is_file() | f.is_dir()]),
    ]
    parts = [Part(file, dict(_keys(file.relative_to(path)))) for file in kept]
    return parts, [note for note in notes if note.count]


def is_parquet(path: Path) -> bool:
    """Whether a file begins as Parquet does, or is called so."""
    if path.suffix.lower() in ENDINGS:
        return True
    with path.open("rb") as file:
        return file.read(4) == PARQUET


def _refuse_lakes(path: Path) -> None:
    for folder in [path, *path.iterdir()]:
        for name, kind in LAKES.items():
            log = folder / name
            if log.is_dir() and (name != "metadata" or any(log.glob("*.metadata.json"))):
                raise DataError(
                    f"{folder}: is {kind}, whose files also hold removed rows; export what it "
                    "holds now to a Parquet file"
                )


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith(("_", ".")) and "=" not in part for part in relative.parts)


def _should_hold(empty: Path, folder: Path) -> bool:
    return not _is_hidden(empty.relative_to(folder)) and empty.suffix.lower() in TABLES


def _holds_rows(path: Path) -> bool:
    if path.name in ABOUT_PARTS or path.suffix == ".crc":
        return False
    return path.suffix.lower() in TABLES or is_parquet(path)


def _left_out(problem: str, folder: Path, files: list[Path]) -> Cleaning:
    sample = str(files[0].relative_to(folder)) if files else ""
    return Cleaning(f"{problem} in {folder.name}", "left out", len(files), sample)


def _keys(relative: Path) -> Iterator[tuple[str, str | None]]:
    for folder in relative.parts[:-1]:
        name, sign, value = folder.partition("=")
        if sign:
            yield unquote(name), None if value == NO_VALUE else unquote(value)
