"""How far a run may be believed: read what ``footfall validate`` found."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from footfall.errors import LogError
from footfall.plumbing.json_files import read_object
from footfall.run_folder.layout import VALIDITY
from footfall_eval.reading.block import Block, BlockStatus
from footfall_eval.reading.load import RunLog

Verdict = Literal["validated", "direction only", "not validated"]


@dataclass(frozen=True)
class Validity:
    """The verdict on the simulated users, repeated beside every result."""

    status: Verdict = "not validated"
    reasons: tuple[str, ...] = ("footfall validate was not run",)
    blocks: dict[str, Block] = field(default_factory=dict)
    """By letter, A to I."""
    predictions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Task -> ``about``, ``constant accuracy`` and ``rows``, or ``not run``: why."""
    kinds: tuple[str, ...] = ()
    """A sentence for each kind of change that past tests were retold of."""
    recorded: str = ""
    """When and how the verdict was reached, where it came with Footfall; "": it is of this run."""

    def sentence(self) -> str:
        """For instance "Not validated: footfall validate was not run."."""
        why = f": {'; '.join(self.reasons)}" if self.reasons else ""
        said = [f"{self.status[0].upper()}{self.status[1:]}{why}.", self.recorded, *self.kinds]
        return " ".join(part for part in said if part)


def read_validity(log: RunLog) -> Validity:
    """From ``validity.json`` in the run folder, else from the manifest, else "not validated".

    Raises:
        LogError: ``validity.json`` is not readable JSON.
    """
    found: Any = log.manifest.get("validity")
    file = log.path / VALIDITY
    if file.exists():
        try:
            found = read_object(file)
        except (OSError, ValueError) as problem:
            raise LogError(f"{file}: not readable JSON ({problem}); validate again") from None
    if isinstance(found, str):
        found = {"verdict": found}
    of_run = _mapping(log.manifest.get("kinds"))
    if not isinstance(found, dict):
        return replace(Validity(), kinds=_kinds(of_run))
    return _parse({**found, "kinds": {**of_run, **_mapping(found.get("kinds"))}})


def _mapping(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _kinds(found: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(kind["sentence"]) for kind in found.values() if "sentence" in _mapping(kind))


def _parse(found: dict[str, Any]) -> Validity:
    verdict = str(found.get("verdict") or "").strip().lower()
    reasons = found.get("reasons") or ()
    listed = (reasons,) if isinstance(reasons, str) else tuple(str(reason) for reason in reasons)
    blocks = found.get("blocks") or {}
    status: Verdict = "not validated"
    if verdict.startswith("validated"):
        status = "validated"
    elif verdict.startswith("direction only"):
        status = "direction only"
    elif verdict and not verdict.startswith("not validated"):
        listed = (*listed, f"the verdict {verdict!r} is not known")
    if not listed and ":" in verdict:
        listed = (verdict.split(":", 1)[1].strip(" ."),)
    if not listed and status == "not validated" and not verdict:
        listed = ("footfall validate was not run",)
    return Validity(
        status,
        listed,
        {str(key): _block(str(key), value) for key, value in blocks.items()},
        {str(task): dict(told) for task, told in (found.get("prediction") or {}).items()},
        _kinds(found["kinds"]),
        _recorded(_mapping(found.get("recorded"))),
    )


def _recorded(found: dict[str, Any]) -> str:
    if not found:
        return ""
    return (
        f"Recorded on {found['date']} with `{found['command']}`, for just this scenario, data, "
        "prompts and model."
    )


def _block(letter: str, found: dict[str, Any]) -> Block:
    status: Any = found.get("status") or "not run"
    explanation = str(found.get("explanation") or found.get("reason") or "")
    if status not in get_args(BlockStatus):
        explanation = f"the status {status!r} is not known. {explanation}".rstrip()
        status = "not run"
    return Block(
        letter,
        status,
        explanation,
        metrics=dict(found.get("metrics") or {}),
        table=tuple(found.get("table") or ()),
        plots=dict(found.get("plots") or {}),
        segments=tuple(found.get("segments") or ()),
    )
