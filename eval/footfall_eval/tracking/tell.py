"""From a run folder to what a tracker is told: parameters, metrics, verdict, files."""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from footfall.errors import FootfallError, RunError, one_line
from footfall.plumbing.files import write_text
from footfall.plumbing.foreign import foreign_code
from footfall.run_folder.trackers import TrackedRun, open_tracker
from footfall_eval.comparing.compare import compare
from footfall_eval.comparing.comparison import Comparison
from footfall_eval.reading.load import RunLog
from footfall_eval.reporting.report import render

EFFECT = (
    "difference",
    "ci_low",
    "ci_high",
    "p_value",
    "p_adjusted",
    "lift",
    "lift_low",
    "lift_high",
)
"""Fields of a contrast that are told."""


def tell(named: str, log: RunLog, result: Comparison | None = None) -> str:
    """Tell a tracker of a run.

    Args:
        named: "NAME" or "NAME:TARGET".
        log: The run.
        result: Its arms compared; None: as ``compare`` does by itself.

    Returns:
        Where it is kept, in the tracker's words.

    Raises:
        UserError: There is no such tracker.
        RunError: The tracker failed; the run is as it was.
    """
    with tempfile.TemporaryDirectory(prefix="footfall-track-") as folder:
        run = tracked(log, result or compare(log), Path(folder))
        try:
            with foreign_code():
                return str(open_tracker(named).record(run))
        except FootfallError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {one_line(error, 300)}"
            raise RunError(f'the tracker "{named}" failed: {why}') from error


def tracked(log: RunLog, result: Comparison, folder: Path) -> TrackedRun:
    """What is told of a run; files are written into ``folder``."""
    manifest, scenario = log.manifest, log.scenario
    recorded = manifest.get("recorded") or {}
    name = str(scenario.get("name") or "")
    return TrackedRun(
        key=_key(log),
        name=f"{name} ({log.path.name})" if name else log.path.name,
        status=str(manifest.get("status") or "unknown"),
        parameters={key: _word(value) for key, value in flat(scenario)},
        metrics=dict(_finite({**_of_arms(result), **_of_effects(result), **_costs(manifest)})),
        words={
            "verdict": result.verdict,
            "validity": result.validity.status,
            "primary": result.primary,
            "no_verdict": " ".join(result.no_verdict),
            "cautions": " ".join(result.cautions),
            **{key: _word(value) for key, value in flat(recorded)},
        },
        artefacts=_files(log, result, folder),
    )


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Nested keys joined with dots; members of a list go by their name, or number."""
    for key, value in values.items():
        below = _members(value)
        if below is None:
            yield f"{above}{key}", value
        else:
            yield from flat(below, f"{above}{key}.")


def _members(value: Any) -> Mapping[str, Any] | None:
    """What lies within a value, by name; None: it is a value of its own."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        return {str(one.get("name", number)): one for number, one in enumerate(value)}
    return None


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _key(log: RunLog) -> str:
    """Of this folder with this content."""
    recorded = log.manifest.get("recorded") or {}
    told = json.dumps([str(log.path.resolve()), recorded.get("hashes")], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _of_arms(result: Comparison) -> dict[str, float]:
    return {
        f"{metric}.{arm.name}": value
        for arm in result.arms
        for metric, value in arm.metrics.items()
    }


def _of_effects(result: Comparison) -> dict[str, float]:
    return {
        f"{one.metric}.{one.treatment}.{field}": getattr(one, field)
        for one in result.contrasts
        for field in EFFECT
    }


def _costs(manifest: Mapping[str, Any]) -> dict[str, float]:
    """What the run took: seconds by part, questions, tokens and money."""
    choice = manifest.get("choice") or {}
    counted = ("questions", "from_store", "prompt_tokens", "pages", "unanswered_pages")
    return {
        **{f"seconds.{name}": value for name, value in (manifest.get("timings") or {}).items()},
        **{f"spent.{name}": value for name, value in (manifest.get("spent") or {}).items()},
        **{f"model.{name}": choice[name] for name in counted if name in choice},
    }


def _finite(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        if isinstance(value, (int, float)) and math.isfinite(value):
            yield name, float(value)


def _files(log: RunLog, result: Comparison, folder: Path) -> tuple[Path, ...]:
    contents = {
        "report.html": render(log, result),
        "scenario.yaml": yaml.safe_dump(log.scenario, sort_keys=False, allow_unicode=True),
        "comparison.json": result.to_json(),
    }
    for name, text in contents.items():
        write_text(folder / name, text)
    return tuple(folder / name for name in contents)
