"""A run folder as files: the manifest read, and the parts of the log checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from footfall.errors import LogError, UserError
from footfall.log import IMPRESSIONS, SESSIONS

_SHAPES: dict[str, type] = {
    **dict.fromkeys(("scenario", "dataset", "choice", "faults", "timings", "recorded"), dict),
    **dict.fromkeys(("warnings", "assumptions"), list),
}
"""What the keys of a manifest must be, where it has them."""

DAMAGES = (OSError, ValueError, pa.ArrowException)
"""What readers of Parquet raise at broken files; ValueError at names that are no UTF-8."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run.

    Raises:
        UserError: There is no run.
        LogError: The manifest is damaged.
    """
    if not folder.is_dir():
        raise UserError(f"{folder}: no such run folder; give the --out folder of footfall run")
    file = folder / "manifest.json"
    if not file.exists():
        raise UserError(f"{folder}: not a run folder, it has no manifest.json")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise LogError(f"{file}: not readable JSON ({first_line(problem)})") from None
    if not isinstance(manifest, dict):
        raise LogError(f"{file}: must hold one JSON object")
    for key, shape in _SHAPES.items():
        if not isinstance(manifest.get(key) or shape(), shape):
            raise LogError(f'{file}: "{key}" must be a {shape.__name__}; the file was changed')
    return manifest


def parts_of(folder: Path, manifest: dict[str, Any]) -> dict[str, list[Path]]:
    """The files of both tables, checked: present in pairs, listed, readable, of the schema."""
    listed = [str(name) for name in manifest.get("parts") or ()]
    for name in listed:
        if not inside(folder, name).exists():
            raise LogError(
                f"{folder / name}: this part is missing although the manifest lists it; "
                "run again with --resume"
            )
    # What a killed run wrote after its last manifest is not part of the log yet.
    found = {
        table: sorted(folder / name for name in listed if name.startswith(f"{table}/"))
        if listed
        else sorted((folder / table).glob("*.parquet"))
        for table in ("impressions", "sessions")
    }
    for table, other in (("impressions", "sessions"), ("sessions", "impressions")):
        lonely = {file.name for file in found[table]} - {file.name for file in found[other]}
        if lonely:
            raise LogError(
                f"{folder / other / min(lonely)}: this part is missing although {table}/ has it; "
                "run again with --resume"
            )
    if not found["sessions"]:
        raise LogError(f"{folder}: the run holds no events yet (no sessions/*.parquet)")
    _check_schema(found["impressions"], IMPRESSIONS)
    _check_schema(found["sessions"], SESSIONS)
    return found


def inside(folder: Path, name: str) -> Path:
    """A file that a manifest names; a run folder from elsewhere may not point at other files."""
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()):
        raise LogError(f'{folder / "manifest.json"}: names a file outside the run, "{name}"')
    return file


def _check_schema(files: Sequence[Path], schema: pa.Schema) -> None:
    for file in files:
        try:
            names = pq.read_schema(file).names
        except DAMAGES as problem:
            raise LogError(
                f"{file}: damaged, not a readable Parquet file ({first_line(problem)}); "
                "delete it and run again with --resume"
            ) from None
        missing = [name for name in schema.names if name not in names]
        if missing:
            raise LogError(
                f"{file}: has no column {missing[0]!r}; another version of Footfall wrote it, "
                "run again with --overwrite"
            )


def first_line(problem: BaseException) -> str:
    """What an error says, short enough for a line."""
    return (str(problem).splitlines() or [type(problem).__name__])[0][:200]
