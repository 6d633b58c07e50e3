"""Tables of what the recommenders did in a run, as it counted them."""

from __future__ import annotations

from typing import Any

from footfall_eval.reading.load import RunLog
from footfall_eval.reporting.view import ReportTable

EXAMPLES = "examples"
"""Key of a manifest's faults that holds samples, not a count."""


def faults_table(log: RunLog) -> ReportTable | None:
    """What the recommenders were asked for and got wrong: a row each, columns of what happened."""
    faults = _faults(log)
    kinds = list(dict.fromkeys(kind for found in faults.values() for kind in found))
    counted = [kind for kind in kinds if kind != EXAMPLES]
    if not counted:
        return None
    happened = [kind for kind in counted if any(found.get(kind) for found in faults.values())]
    never = [_words(kind) for kind in counted if kind not in happened]
    rows = tuple(
        (arm, *(_count(faults.get(arm, {}).get(kind)) for kind in happened)) for arm in log.arms
    )
    note = f"Not once: {', '.join(never)}." if never else ""
    return ReportTable("Counted by the run", ("Recommender", *map(_words, happened)), rows, note)


def fault_examples(log: RunLog) -> ReportTable | None:
    """Samples of what was wrong; None where nothing was."""
    rows = tuple(
        (arm, _words(kind), "; ".join(map(str, samples)))
        for arm in log.arms
        for kind, samples in _samples(_faults(log).get(arm, {})).items()
    )
    head = ("Recommender", "What", "Such as")
    return ReportTable("Examples of what was wrong", head, rows, words=True) if rows else None


def _faults(log: RunLog) -> dict[str, dict[str, Any]]:
    found = log.manifest.get("faults") or {}
    return {str(arm): dict(counts) for arm, counts in found.items()}


def _samples(faults: dict[str, Any]) -> dict[str, Any]:
    found = faults.get(EXAMPLES)
    return found if isinstance(found, dict) else {}


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _count(count: Any) -> str:
    return f"{count:,}" if isinstance(count, int) else "" if count is None else str(count)
