"""What is found in a run's folder before a run begins in it: nothing, or something to go on with.

A resumed run simulates again from the beginning, because users are processes and cannot be put
to disk; stored answers make that quick. Parts that are finished and intact are its yardstick:
what it writes again has to have their hashes. What is damaged or does not belong there is set
aside, never deleted, and made anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from footfall.errors import LogError, RunError, UserError
from footfall.options import Announce, Options
from footfall.plumbing.files import PARTIAL, file_hash
from footfall.plumbing.spec import operational
from footfall.run_folder import manifest
from footfall.run_folder.layout import (
    ASIDE,
    ASKED,
    DRAWS,
    LOGS,
    MANIFEST,
    PEOPLE,
    REPORT,
    SPENT,
    VALIDITY,
    epochs_of,
)
from footfall.scenario.scenario import Scenario

OPERATIONAL = frozenset(operational(Scenario))
"""Keys of a scenario that say how to run and not what comes out: a resumed run may change them."""

_NOTHING = "(nothing)"
_SHOWN = 6
_LONGEST = 60


@dataclass(frozen=True)
class PartsCheck:
    """The parts of a run against what its manifest says about them."""

    intact: dict[str, str] = field(default_factory=dict)
    """Name to SHA-256."""
    changed: tuple[str, ...] = ()
    """Truncated, or overwritten with something else."""
    missing: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    """Files among the parts that the manifest does not list; a kill leaves such behind, too."""

    @property
    def sound(self) -> bool:
        """Whether every listed part is there as it was written, and nothing else."""
        return not (self.changed or self.missing or self.foreign)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: how many files are intact, and which are not."""
        return {**vars(self), "intact": len(self.intact)}


@dataclass(frozen=True)
class Earlier:
    """An earlier run in the same folder, as far as it came; all empty where there is none."""

    record: dict[str, Any] = field(default_factory=dict)
    """Its manifest."""
    intact: dict[str, str] = field(default_factory=dict)
    """Finished files that are as they were written: name to SHA-256."""

    @property
    def parts(self) -> dict[str, str]:
        """All parts that were ever finished; written again, they have to have these hashes."""
        return dict(self.record.get("parts", {}))

    @property
    def epochs(self) -> int:
        """Epochs that were finished."""
        return epochs_of(self.parts)


def claim(options: Options, scenario: Scenario, announce: Announce) -> Earlier:
    """Make sure that the folder is ours to write to, and tidy it up.

    Raises:
        UserError: It holds a run, and that is neither resumed nor replaced; or it is to be
            resumed with another scenario.
    """
    exists = (options.out / MANIFEST).exists()
    if not options.resume:
        if exists and not options.overwrite and not _never_began(options.out):
            raise UserError(
                f"{options.out} already holds a run; choose another --out, "
                "or pass --overwrite or --resume"
            )
        _clear(options.out)
        return Earlier()
    earlier = manifest.read(options.out) if exists else {}
    if earlier:
        was, now = _as_today(earlier["scenario"]), _as_today(scenario.model_dump(mode="json"))
        _refuse(
            options.out,
            "scenario",
            list(differences(was, now)),
            "choose another --out, or undo the change",
        )
    found = inspect(options.out, earlier)
    set_aside(options.out, found, announce)
    return Earlier(earlier, found.intact)


def _as_today(scenario: dict[str, Any]) -> dict[str, Any]:
    """A scenario as a manifest has it, with the defaults of keys that did not exist then.

    One that was written down and read again: 2017-11-01 and 2017-11-01T00:00 are the same moment.
    """
    try:
        return Scenario.model_validate(scenario).model_dump(mode="json")
    except ValidationError:
        return scenario


def _never_began(folder: Path) -> bool:
    """Whether a run failed in this folder before anything was simulated: nothing would be lost."""
    record = manifest.read(folder)
    return record.get("status") == "failed" and not record.get("parts")


def begin(options: Options, earlier: Earlier, record: dict[str, Any]) -> None:
    """Make ``record``, the manifest of a run that starts, go on from the earlier one's.

    Raises:
        UserError: Data, model, prompts, code or versions differ, so that the rest of the log
            would not fit what is there.
    """
    if not earlier.record:
        return
    before, now = _made_of(earlier.record), _made_of(record)
    decisive = [name for name in ("data", "model", "prompts") if before[name] != now[name]]
    # What an older manifest did not tell of is no change.
    told = {name: {key: now[name].get(key) for key in before[name]} for name in decisive}
    changes = [line for name in decisive for line in differences(before[name], told[name], name)]
    _refuse(options.out, "data, model or prompts", changes, "bring the old ones back")
    passing = list(differences(before["code"], now["code"]))
    if not options.accept_changes:
        _refuse(options.out, "code or versions", passing, "--accept-changes goes on nevertheless")
    attempt = {"after_epochs": earlier.epochs, "status": earlier.record["status"]}
    attempts = earlier.record.get("attempts", [])
    record["attempts"] = [*attempts, {**attempt, "accepted": passing}]
    # Listed from the start, damaged ones too: a kill on the way must not make forgotten what they
    # have to come out as.
    record["parts"] = earlier.parts


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Field by field what differs ("world.days: 6 -> 90"); ``OPERATIONAL`` ones left out."""
    for key in sorted(old.keys() | new.keys()):
        place = f"{prefix}.{key}" if prefix else key
        first, second = old.get(key, _NOTHING), new.get(key, _NOTHING)
        if first == second or place in OPERATIONAL:
            continue
        if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
            first, second = ({str(n): v for n, v in enumerate(row)} for row in (first, second))
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            yield from differences(first, second, place)
        else:
            yield f"{place}: {_short(first)} -> {_short(second)}"


def inspect(folder: Path, record: Mapping[str, Any]) -> PartsCheck:
    """Hold the files of a run against its manifest."""
    listed: dict[str, str] = {**record.get("parts", {}), **record.get("tables", {})}
    states: dict[str, list[str]] = {"intact": [], "changed": [], "missing": []}
    for name, digest in listed.items():
        path = folder / name
        state = "missing" if not path.is_file() else "intact"
        if state == "intact" and file_hash(path) != digest:
            state = "changed"
        states[state].append(name)
    there = (path for log in LOGS for path in sorted((folder / log).rglob("*")) if path.is_file())
    names = (path.relative_to(folder).as_posix() for path in there)
    foreign = tuple(name for name in names if name not in listed)
    for name in foreign:  # will be moved, and links may lead anywhere
        manifest.inside(folder, name)
    return PartsCheck(
        {name: listed[name] for name in states["intact"]},
        tuple(states["changed"]),
        tuple(states["missing"]),
        foreign,
    )


def set_aside(folder: Path, found: PartsCheck, announce: Announce) -> None:
    """Move what is damaged or foreign out of the log's way; half-written files just go."""
    moved = []
    for name in (*found.changed, *found.foreign):
        if name.endswith(PARTIAL):
            (folder / name).unlink()
            continue
        # No name of a part any more, so that nobody takes it for one.
        target = folder / ASIDE / f"{name}.aside"
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / name).replace(target)
        moved.append(name)
    if moved:
        announce(
            f"{len(moved)} unfinished, damaged or foreign parts are now in {folder / ASIDE} "
            f"and will be made anew: {_list(moved)}"
        )


def verify(folder: Path) -> PartsCheck:
    """Check every part of a run against the manifest's hashes.

    Raises:
        LogError: There is no run, or a part is missing, was changed, or is foreign.
    """
    found = inspect(folder, manifest.read(folder))
    if not found.sound:
        told = {
            "changed since written": found.changed,
            "missing": found.missing,
            "not the manifest's": found.foreign,
        }
        wrong = "; ".join(f"{len(n)} {what} ({_list(n)})" for what, n in told.items() if n)
        raise LogError(f"{folder}: {wrong}; run again with --resume")
    return found


def compare(parts: Mapping[str, str], earlier: Earlier) -> None:
    """A resumed run must write the very parts that it wrote before; ``RunError`` if not."""
    known = earlier.parts
    for name, digest in parts.items():
        if known.get(name, digest) != digest:
            raise RunError(
                f"{name} came out different from the run that is being resumed: the store of "
                "answers is not the same, or a recommender answers otherwise; start anew with "
                "--overwrite"
            )


def _clear(folder: Path) -> None:
    for name in (*LOGS, ASIDE, ASKED):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (MANIFEST, REPORT, VALIDITY, SPENT, PEOPLE, DRAWS):
        (folder / name).unlink(missing_ok=True)


def _refuse(folder: Path, what: str, changes: list[str], advice: str) -> None:
    if changes:
        raise UserError(f"{folder} was begun with another {what}: {_list(changes)}; {advice}")


def _made_of(record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    recorded = record["recorded"]
    hashes = recorded["hashes"]
    model = dict(record["model"] or {})
    silent = model.get("name") == "none"  # then no prompt is ever read
    return {
        "data": {"sha256": hashes["data"], **record["dataset"]},
        "model": model,
        "prompts": {} if silent else {"sha256": hashes["prompts"]},
        "code": {"code": hashes["code"], "versions": recorded["versions"]},
    }


def _list(lines: list[str] | tuple[str, ...]) -> str:
    more = f", and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    return ", ".join(lines[:_SHOWN]) + more


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:12]}..."
