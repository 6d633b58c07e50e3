"""One self-contained page: the verdict first, then everything that it rests on.

Nothing is fetched: styles, scripts and Plotly are inside the file, and a content security
policy allows exactly these scripts (by hash) and no network at all.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from footfall.errors import UserError
from footfall.plumbing.files import write_text
from footfall.run_folder.layout import REPORT
from footfall_eval.comparing.compare import compare
from footfall_eval.comparing.comparison import Comparison
from footfall_eval.comparing.figures import amount, number
from footfall_eval.comparing.pool import PooledComparison, pool_runs
from footfall_eval.comparing.verdict import claim, leading
from footfall_eval.measures.metrics import METRICS
from footfall_eval.measures.signal import model_signal
from footfall_eval.measures.slates import sample_slates
from footfall_eval.measures.trends import trends
from footfall_eval.reading.block import BLOCKS
from footfall_eval.reading.load import RunLog
from footfall_eval.reporting import plots, view
from footfall_eval.reporting.figure_files import write_figure
from footfall_eval.reporting.notes import notes
from footfall_eval.reporting.plots import Figure
from footfall_eval.reporting.prose import prose
from footfall_eval.reporting.recommender_tables import fault_examples, faults_table
from footfall_eval.reporting.validity_plots import records, validity_figures
from footfall_eval.statistics.segments import profile_columns, segment_effects
from footfall_eval.statistics.sequence import effect_over_days

NO_MODEL = "none"
"""How a manifest names that no language model was asked."""

MAX_SEGMENTATIONS = 4
"""Profile columns shown; more would invite picking the one that looks best."""


def write_report(
    run: Path | str,
    out: Path | None = None,
    *,
    primary: str | None = None,
    others: Sequence[Path | str] = (),
) -> Path:
    """Compare the arms of a run, write its report, and return the file; see ``make_report``."""
    return make_report(run, out, primary=primary, others=others).path


@dataclass(frozen=True)
class Report:
    """A report that was written."""

    path: Path
    no_verdict: tuple[str, ...]
    """Why it names no winner, in sentences; empty where it does."""


def make_report(
    run: Path | str,
    out: Path | None = None,
    *,
    primary: str | None = None,
    others: Sequence[Path | str] = (),
) -> Report:
    """Compare the arms of a run and write its report.

    Args:
        run: Run folder.
        out: File to write; ``RUN/report.html`` by default.
        primary: Metric of the verdict; by default the scenario's, else purchases or clicks.
        others: Further runs of the same arms; simulation and model error are then shown apart.
    """
    log = RunLog.open(run)
    target = out or log.path / REPORT
    result = compare(log, primary=primary)
    pooled = None
    if others:
        logs = [log, *(RunLog.open(other) for other in others)]
        pooled = pool_runs(logs, primary=result.primary, control=result.control)
    write_text(target, render(log, result, pooled))
    return Report(target, pooled.no_verdict if pooled else result.no_verdict)


def render(log: RunLog, result: Comparison, pooled: PooledComparison | None = None) -> str:
    """The page as HTML."""
    environment = Environment(
        loader=PackageLoader("footfall_eval.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = number
    environment.filters["prose"] = prose
    environment.filters["share"] = lambda value: amount(value, "share")
    environment.filters["chance"] = lambda value: f"{value:.0%}"
    scripts = {"plotly": get_plotlyjs(), "page": _resource("report.js")}
    return environment.get_template("report.html.j2").render(
        **_content(log, result),
        pooled=pooled,
        pooled_table=view.pooled_table(pooled) if pooled else None,
        css=Markup(_resource("report.css")),  # noqa: S704 (our own file)
        scripts={name: Markup(text) for name, text in scripts.items()},  # noqa: S704 (our own)
        policy=_policy(scripts),
    )


def _resource(name: str) -> str:
    return files("footfall_eval.reporting").joinpath(name).read_text(encoding="utf-8")


def _policy(scripts: dict[str, str]) -> str:
    """Nothing may load; only these very scripts may run. Plotly sets styles inline."""
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in scripts.values()
    ]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _content(log: RunLog, result: Comparison) -> dict[str, Any]:
    manifest = log.manifest
    dataset = dict(manifest.get("dataset") or {})
    currency = str(dataset.get("currency") or "")
    figures = _figures(log, result)
    return {
        "name": str(log.scenario.get("name") or log.path.name),
        "about": str(log.scenario.get("about") or ""),
        "result": result,
        "claim": claim(result),
        "headline": view.headline(result),
        "cost": view.cost(manifest),
        "arms_table": view.arms_table(result, currency),
        "notes": notes(log, result),
        "contrast_tables": view.contrast_tables(result, currency),
        "evidence_tables": view.evidence_tables(result),
        "definitions": [(view.label(m.name, currency), m.about) for m in METRICS]
        + [(label, about) for label, _, about in view.EXPOSURE.values()],
        "figures": figures,
        "specs": {figure.id: figure.spec() for figure in all_figures(figures)},
        "asked": (manifest.get("model") or {}).get("name") != NO_MODEL,
        "slates": sample_slates(log),
        "currency": currency,
        "arms": log.arms,
        "answered": view.answers_table(result),
        "faults": faults_table(log),
        "fault_examples": fault_examples(log),
        "endings": view.endings_table(log),
        "quality": view.quality_table(log),
        "blocks": BLOCKS,
        "pairs": view.pairs,
        "records": records,
        **_provenance(log, dataset),
    }


def write_figures(run: Path, folder: Path, *, primary: str | None = None) -> list[Path]:
    """Write every figure of a run's report as SVG, PDF, PNG and CSV; the files.

    Raises:
        UserError: There is no run, matplotlib is not installed, or a file cannot be written.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise UserError("figures need matplotlib: pip install 'footfall[figures]'")
    log = RunLog.open(run)
    figures = all_figures(_figures(log, compare(log, primary=primary)))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [path for figure in figures for path in write_figure(figure, folder)]
    except OSError as error:
        raise UserError(f"cannot write figures to {folder}: {error.strerror}") from error


def all_figures(figures: dict[str, Any]) -> list[Figure]:
    """The figures of a report, in its order."""
    found = [figures["forest"], *figures["time"], *figures["trends"], *figures["segments"]]
    found.append(figures["signal"])
    found += [figure for part in figures["validity"].values() for figure in part]
    return [figure for figure in found if figure]


def _figures(log: RunLog, result: Comparison) -> dict[str, Any]:
    signal = model_signal(log)
    best = leading(result)
    found_trends = trends(log)
    days = []
    main = [contrast for contrast in result.contrasts if contrast.metric == result.primary]
    for number_, contrast in enumerate(main):
        if math.isfinite(contrast.difference):
            found = effect_over_days(
                log, result.primary, result.control, contrast.treatment, level=result.level
            )
            days.append(plots.over_time(found, result, contrast.treatment, number_))
    return {
        "forest": plots.forest(result),
        "time": [figure for figure in days if figure],
        "trends": [] if found_trends is None else plots.trend_plots(found_trends, log.arms),
        "trend_unit": "" if found_trends is None else found_trends.unit,
        "segments": [] if best is None else _segment_figures(log, result, best.treatment),
        "segment_treatment": "" if best is None else best.treatment,
        "signal": plots.signal_plot(signal) if signal else None,
        "signal_numbers": signal,
        "validity": validity_figures(result.validity.blocks),
    }


def _segment_figures(log: RunLog, result: Comparison, treatment: str) -> list[Figure]:
    users = log.table("users_table")
    if users is None:
        return []
    per_user = log.per_user()
    found = []
    for number_, column in enumerate(profile_columns(users)[:MAX_SEGMENTATIONS]):
        segmentation = segment_effects(
            per_user,
            users,
            column,
            metric=result.primary,
            control=result.control,
            treatment=treatment,
            design=result.design,
            level=result.level,
        )
        found.append(plots.segment_plot(segmentation, result, number_))
    return [figure for figure in found if figure]


def _provenance(log: RunLog, dataset: dict[str, Any]) -> dict[str, Any]:
    manifest = log.manifest
    cleaning = dataset.pop("cleaning", None) or []
    about, licence = dataset.pop("about", ""), dataset.pop("licence", "")
    recorded = manifest.get("recorded") or {}
    made = {
        "footfall": manifest.get("footfall"),
        "status": manifest.get("status"),
        "model": manifest.get("model"),
        "seed": log.scenario.get("seed"),
        **recorded,
    }
    return {
        "dataset": view.pairs("The histories that the users were made of", dataset),
        "dataset_about": str(about),
        "licence": str(licence),
        "cleaning": [str(line) for line in cleaning],
        "assumed": view.assumptions_table(manifest),
        "voice": dict(manifest.get("coefficients") or {}).get("llm"),
        "coefficients": view.pairs(
            "Coefficients of the choice model", dict(manifest.get("coefficients") or {})
        ),
        "answers": view.pairs("The model's answers", dict(manifest.get("choice") or {})),
        "texts": view.pairs("Titles on their way to the model", dict(manifest.get("texts") or {})),
        "made": view.pairs("What made this result", made),
        "timings": view.pairs("Seconds", dict(manifest.get("timings") or {})),
        "scenario": view.pairs("The scenario as resolved", log.scenario),
    }
