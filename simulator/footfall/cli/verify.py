"""``footfall verify``: is a run's log what was written?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from footfall.run_folder import manifest
from footfall.runs import resuming


def verify(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Check that a run's log is what was written: every part, by its hash.

    Examples:
        footfall verify runs/shop
        footfall verify runs/shop --json
    """
    record = manifest.read(run)
    if as_json:
        print(json.dumps({"status": record["status"], **resuming.inspect(run, record).as_dict()}))  # noqa: T201
    parts = len(resuming.verify(run).intact)
    if not as_json:
        typer.echo(f"{run}: {parts} files are as they were written; the run: {record['status']}")
