"""The parts of a run's log, checked before they are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from footfall.errors import LogError
from footfall.run_folder.log import DAMAGES, IMPRESSIONS, SESSIONS, unfit


def parts_of(folder: Path, manifest: dict[str, Any]) -> dict[str, list[Path]]:
    """The files of both tables, checked: present in pairs, listed, readable, of the schema."""
    listed = list(manifest.get("parts") or ())
    for name in listed:
        if not (folder / name).exists():
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


def _check_schema(files: Sequence[Path], schema: pa.Schema) -> None:
    for file in files:
        try:
            wrong = unfit(pq.read_schema(file), schema)
        except DAMAGES as problem:
            raise LogError(
                f"{file}: damaged, not a readable Parquet file ({first_line(problem)}); "
                "delete it and run again with --resume"
            ) from None
        if wrong:
            raise LogError(
                f"{file}: {wrong}; another version of Footfall wrote it, run again with --overwrite"
            )


def first_line(problem: BaseException) -> str:
    """What an error says, short enough for a line."""
    return (str(problem).splitlines() or [type(problem).__name__])[0][:200]
