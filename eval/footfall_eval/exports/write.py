"""Write an export: the files of a format, a data card, and ``export.json``; all or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from footfall.errors import UserError, did_you_mean
from footfall.plumbing.files import file_hash, filling, write_json, write_text
from footfall_eval.exports.card import card
from footfall_eval.exports.formats import FORMATS
from footfall_eval.exports.source import Exported, ExportTerms, escape_names, prepare
from footfall_eval.reading.load import RunLog

CARD, RECORD = "README.md", "export.json"


def export(
    run: Path | str,
    format_name: str,
    out: Path | str,
    *,
    terms: ExportTerms | None = None,
    own_key: bool = False,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Export a run's log and return what ``export.json`` says.

    Args:
        run: Folder of the run.
        format_name: One of ``FORMATS``.
        out: Folder to make; it appears complete or not at all.
        terms: What may leave the house; pseudonymous by default.
        own_key: The key of the pseudonyms came from the user, so that the card does not call it
            forgotten.
        overwrite: Replace an earlier export there.

    Raises:
        UserError: An unknown format or arm, a folder that is taken, or a log without what the
            format needs.
        LogError: The run is damaged.
    """
    spec = FORMATS.get(format_name)
    if spec is None:
        raise UserError(f'no format "{format_name}"; {did_you_mean(format_name, FORMATS)}')
    target = Path(out)
    _refuse_taken(target, overwrite)
    log = RunLog.open(run)
    exported = prepare(log, terms or ExportTerms())
    if spec.spreadsheet:
        escape_names(exported)
    with filling(target) as folder:
        spec.write(exported, folder)
        write_text(folder / CARD, card(log, exported, format_name, spec, own_key=own_key))
        record = _record(exported, format_name, folder)
        write_json(folder / RECORD, record)
    return record


def _refuse_taken(target: Path, overwrite: bool) -> None:
    """Never delete what is not an export of ours."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not (target / RECORD).is_file():
        raise UserError(f"{target} exists and is no export; choose another --out")
    if not overwrite:
        raise UserError(f"{target} already holds an export; choose another --out, or --overwrite")


def _record(exported: Exported, name: str, folder: Path) -> dict[str, Any]:
    terms = exported.terms
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != RECORD)
    return {
        "format": name,
        "arms": list(exported.arms),
        "ids": "kept" if terms.keep_ids else "keyed hashes",
        "profiles": terms.profiles,
        "k": terms.anonymity,
        "counts": exported.counts,
        "remarks": exported.remarks,
        "files": {str(path.relative_to(folder)): file_hash(path) for path in files},
    }
