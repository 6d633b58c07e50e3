"""Verdicts that come with Footfall, for runs of exactly what they were reached on.

Validating asks a model more than a demo may take. So the findings of a validation can be shipped,
with the hashes of the scenario, the data, the prompts and the model that they hold for; a run that
differs in any of them gets none. ``benchmarks/record_verdict.py`` writes them.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from footfall.plumbing.files import write_json
from footfall.run_folder.layout import VALIDITY

FOLDER = "verdicts"
"""Within the package."""

SAME = ("scenario", "data", "prompts")
"""Hashes of a run that must be those of the validation; so must the model's."""


def key_of(record: dict[str, Any]) -> dict[str, str]:
    """What a verdict holds for: hashes of what a run is made of.

    Args:
        record: Manifest of the run.
    """
    hashes = record["recorded"]["hashes"]
    model = record.get("model") or {}
    return {**{name: hashes[name] for name in SAME}, "model": str(model.get("fingerprint", ""))}


def recorded(record: dict[str, Any]) -> dict[str, Any] | None:
    """Findings that were shipped for a run of just this scenario, data, prompts and model."""
    wanted = key_of(record)
    folder = files("footfall") / FOLDER
    entries = folder.iterdir() if folder.is_dir() else ()
    for entry in sorted(entries, key=lambda one: one.name):
        found: dict[str, Any] = json.loads(entry.read_text(encoding="utf-8"))
        if found["recorded"]["holds for"] == wanted:
            return found
    return None


def leave_recorded(out: Path, record: dict[str, Any]) -> None:
    """Put a shipped verdict into the folder of a finished run that it holds for.

    A validation that was pointed at the folder itself stays.
    """
    found = recorded(record)
    if found is not None and not (out / VALIDITY).exists():
        write_json(out / VALIDITY, found)
