"""How a run's manifest grows: whole while it is small, line by line when it has become large.

A manifest names every part of the log. Written whole after each of 10,000 epochs it would come to
tens of gigabytes. So most epochs only add a line to ``RUN/progress.jsonl``, and the manifest is
written whole each time that it has grown by a twentieth. Reading puts both together.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from footfall.plumbing.files import telling
from footfall.plumbing.json_files import parse_object
from footfall.plumbing.secrets import hidden, values_of
from footfall.run_folder.layout import PROGRESS

FIXED = frozenset({"scenario", "recorded", "dataset", "attempts", "assumptions", "parts"})
"""Keys that do not change while a run is under way, and the parts, of which lines name the new."""


def append(folder: Path, record: Mapping[str, Any], new: Mapping[str, str]) -> None:
    """Write down an epoch whose parts are ``new``; ``record`` has them already.

    Raises:
        RunError: It cannot be written.
    """
    line = {key: value for key, value in record.items() if key not in FIXED}
    line |= {"total": len(record["parts"]), "parts": dict(new)}
    text = hidden(json.dumps(line, default=str), values_of(record.get("scenario")))
    path = folder / PROGRESS
    with telling(path):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o666), "wb") as sink:
            sink.write(text.encode() + b"\n")


def with_progress(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    """A manifest with what was added since it was written whole.

    Lines do not wait for the disk, so a power cut may damage the last ones. From the first damaged
    line on, all are left out: their epochs count as not lived, and a resumed run makes them anew.

    Raises:
        OSError: The lines cannot be read.
    """
    path = folder / PROGRESS
    parts = record.get("parts")
    if not path.exists() or not isinstance(parts, dict):
        return record
    *lines, _torn = path.read_bytes().split(b"\n")
    for line in lines:
        try:
            told = parse_object(line)
        except ValueError:
            break
        total, new = told.pop("total", None), told.pop("parts", None)
        if not isinstance(total, int) or not isinstance(new, dict):
            break
        if total > len(parts):  # else the manifest was written whole after this line
            parts.update(new)
            record.update({key: told[key] for key in told.keys() - FIXED})
    return record
