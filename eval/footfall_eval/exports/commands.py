"""``footfall export``: a run's log for other tools."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from footfall.errors import UserError
from footfall.plumbing.stderr import stderr
from footfall_eval.exports.formats import FORMATS
from footfall_eval.exports.source import KEY_BYTES, ExportTerms
from footfall_eval.exports.write import export as write_export

FEWEST_KEY_BYTES = 16


def export(
    run: Annotated[Path, typer.Argument(help="Folder that a run left behind.")],
    format_name: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")],
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    arm: Annotated[
        list[str] | None, typer.Option(help="Arm to export; several times for several.")
    ] = None,
    keep_ids: Annotated[
        bool, typer.Option("--keep-ids", help="Keep the ids of the real histories.")
    ] = False,
    profiles: Annotated[
        bool, typer.Option("--profiles", help="Export profile columns and habits as well.")
    ] = False,
    k_anonymity: Annotated[
        int, typer.Option(min=1, help="Merge items that fewer users were shown or clicked.")
    ] = 1,
    key: Annotated[
        Path | None,
        typer.Option(help="File whose bytes key the pseudonyms, to link several exports."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an export.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Write a run's log for other tools; every impression, with its chances.

    Examples:
        footfall export runs/shop --format recbole --out exports/recbole
        footfall export runs/shop --format open-bandit --out exports/bandit --arm popular
    """
    terms = ExportTerms(tuple(arm or ()), keep_ids, profiles, k_anonymity)
    if key is not None:
        terms = ExportTerms(terms.arms, keep_ids, profiles, k_anonymity, _read_key(key))
    record = write_export(
        run, format_name, out, terms=terms, own_key=key is not None, overwrite=overwrite
    )
    if as_json:
        typer.echo(json.dumps(record))
        return
    for what, count in record["counts"].items():
        stderr.say(f"{count:>12,} {what}", event="counted", what=what, count=count)
    typer.echo(out)


def _read_key(path: Path) -> bytes:
    try:
        found = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if len(found) < FEWEST_KEY_BYTES:
        raise UserError(
            f"{path}: {len(found)} bytes are too short for a key; make one with "
            f"`head -c {KEY_BYTES} /dev/urandom > {path.name}`"
        )
    return found
