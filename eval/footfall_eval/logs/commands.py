"""``footfall logs``: is a run's log fit to train on, and fit to be shared?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from footfall.datasets.schema import Dataset
from footfall.datasets.sources import load
from footfall.datasets.written import parse_source, read_source
from footfall.errors import UserError
from footfall.plumbing.files import write_text
from footfall.plumbing.yaml_files import folder_of
from footfall_eval.logs.examine import examine_logs
from footfall_eval.logs.privacy import private_counts
from footfall_eval.logs.real import read_real, simulated_takings
from footfall_eval.logs.words import as_markdown
from footfall_eval.reading.load import RunLog


def logs(
    run: Annotated[Path, typer.Argument(help="Folder that a run left behind.")],
    against: Annotated[
        str | None,
        typer.Option(help="Scenario or source YAML of the real data; by default the run's own."),
    ] = None,
    arm: Annotated[
        list[str] | None, typer.Option(help="Arms whose rows are taken together; all by default.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for card.md, logs.json (and counts.csv).")
    ] = None,
    epsilon: Annotated[
        float | None,
        typer.Option(min=0.01, max=100, help="Write differentially private counts to --out."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of draws and intervals.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Hold a run's log against real histories: training, novelty, privacy.

    Examples:
        footfall logs runs/shop
        footfall logs runs/shop --against shop.yaml --out runs/card --epsilon 1
    """
    if epsilon is not None and out is None:
        raise UserError("--epsilon writes counts.csv to a folder; name it with --out")
    log = RunLog.open(run)
    real = read_real(log, _dataset(log, against))
    report = examine_logs(log, real, arms=tuple(arm or ()), seed=seed)
    card = as_markdown(report, str(log.scenario.get("name") or run.name))
    document = json.dumps(report.as_dict(), indent=1)
    if out is not None:
        write_text(out / "card.md", card)
        write_text(out / "logs.json", document)
        if epsilon is not None:
            rows = simulated_takings(log, report.arms, real, seed)
            counts = private_counts(rows, real.items["item"], epsilon=epsilon)
            write_text(out / "counts.csv", counts.to_csv(index=False))
    typer.echo(document if as_json else card)


def _dataset(log: RunLog, against: str | None) -> Dataset:
    if against is not None:
        source, _ = read_source(against)
        return load(source, folder_of(against))
    if not log.scenario:
        raise UserError(f"{log.path}: the manifest has no scenario; name the data with --against")
    # A path in it is relative to where the scenario was; from elsewhere --against is needed.
    return load(parse_source(log.scenario.get("data"), str(log.path)), Path.cwd())
