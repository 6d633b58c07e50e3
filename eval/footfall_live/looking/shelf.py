"""The runs that lie in a folder: what each says about itself, without reading its log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from footfall.errors import FootfallError, UserError, did_you_mean
from footfall.run_folder import manifest
from footfall.run_folder.layout import MANIFEST, epochs_of

DEEPEST = 3
"""Folders below the given one in which runs are looked for; grids lie one deeper than runs."""

MOST = 1_000
"""Runs listed at most; the page says when there are more."""


@dataclass(frozen=True)
class RunEntry:
    """One run, as its manifest describes it."""

    name: str
    """Path below the folder that is looked at, with "/"; its own name for the folder itself."""
    status: str
    scenario: str
    arms: tuple[str, ...]
    users: int | None
    seed: int | None
    epochs: int
    """Epochs whose parts are written."""
    days: float | None
    """Simulated days that the scenario asks for."""
    epoch_days: float
    questions: int
    """Put to the language model so far, by mode an item or a page each; stored answers too."""
    unanswered: int
    seconds: float | None
    """Wall-clock seconds so far."""
    engine_seconds: float | None
    stored: int = 0
    """Questions that were answered from the store."""
    progress: float = 0.0
    """Share of the simulated days that is written, from 0 to 1."""
    simulating_seconds: float | None = None
    """Wall-clock seconds since the first user came, without starting the engine."""
    tokens: int = 0
    """Prompt tokens that were sent."""
    cost: float = 0.0
    """Money, where the scenario names a price."""
    reason: str = ""
    """Why it stopped or failed; "" where it did not."""
    trouble: str = ""
    """Why the manifest cannot be read; "" where it can."""

    @property
    def engine_share(self) -> float | None:
        """Share of the simulating time that the model's engine took; None: not known yet."""
        if not self.simulating_seconds or self.engine_seconds is None:
            return None
        return min(1.0, self.engine_seconds / self.simulating_seconds)

    @property
    def stored_share(self) -> float | None:
        """Share of the questions that were answered from the store; None: none was asked."""
        return self.stored / self.questions if self.questions else None


@dataclass(frozen=True)
class Shelf:
    """A folder whose runs are looked at."""

    folder: Path

    def entries(self) -> list[RunEntry]:
        """All runs, newest manifest first; those that cannot be read say why."""
        found = sorted(self._folders(), key=_written, reverse=True)
        return [_read(self._name(path), path) for path in found[:MOST]]

    def count(self) -> int:
        """Runs in the folder, those that are not listed included."""
        return len(self._folders())

    def entry(self, name: str) -> RunEntry:
        """What the run called ``name`` says about itself."""
        try:
            path = self.path(name)
        except UserError as error:
            return _unreadable(name, str(error))
        return _read(name, path)

    def path(self, name: str) -> Path:
        """The folder of a run.

        Raises:
            UserError: There is no run of that name in the folder that is looked at.
        """
        known = {self._name(path): path for path in self._folders()}
        if name not in known:
            raise UserError(f'no run "{name}"; {did_you_mean(name, sorted(known))}')
        return known[name]

    def _name(self, path: Path) -> str:
        if path == self.folder:
            return self.folder.resolve().name  # "." would be lost in an address
        return path.relative_to(self.folder).as_posix()

    def _folders(self) -> list[Path]:
        patterns = ["/".join([*["*"] * depth, MANIFEST]) for depth in range(DEEPEST + 1)]
        found = {path.parent for pattern in patterns for path in self.folder.glob(pattern)}
        # A link may lead out of the folder: what is looked at stays inside.
        root = self.folder.resolve()
        return [path for path in found if path.resolve().is_relative_to(root)]


def _written(path: Path) -> float:
    try:
        return (path / MANIFEST).stat().st_mtime
    except OSError:  # moved away since it was found
        return 0.0


def _read(name: str, path: Path) -> RunEntry:
    try:
        return _entry(name, manifest.read(path, needed=()))
    except FootfallError as error:
        return _unreadable(name, str(error))


def _unreadable(name: str, trouble: str) -> RunEntry:
    return RunEntry(
        name=name, status="unreadable", scenario="", arms=(), users=None, seed=None, epochs=0,
        days=None, epoch_days=1.0, questions=0, unanswered=0, seconds=None, engine_seconds=None,
        trouble=trouble,
    )  # fmt: skip


def _entry(name: str, record: dict[str, Any]) -> RunEntry:
    scenario = as_mapping(record.get("scenario"))
    world, population = as_mapping(scenario.get("world")), as_mapping(scenario.get("population"))
    choice, timings = as_mapping(record.get("choice")), as_mapping(record.get("timings"))
    spent, arms = as_mapping(record.get("spent")), scenario.get("arms")
    epochs, days = epochs_of(record.get("parts") or {}), _number(world.get("days"))
    epoch_days = _number(world.get("epoch_days")) or 1.0
    simulating, starting = _number(timings.get("simulating")), _number(timings.get("engine_start"))
    named = [as_mapping(arm).get("name") for arm in arms] if isinstance(arms, list) else []
    return RunEntry(
        name=name,
        status=str(record.get("status") or "unknown"),
        scenario=str(scenario.get("name") or ""),
        arms=tuple(str(arm) for arm in named if arm is not None),
        users=_whole(population.get("users")),
        seed=_whole(scenario.get("seed")),
        epochs=epochs,
        days=days,
        epoch_days=epoch_days,
        questions=_whole(choice.get("questions")) or 0,
        unanswered=_whole(choice.get("unanswered_pages")) or 0,
        seconds=_number(timings.get("total")),
        engine_seconds=_number(timings.get("engine")),
        stored=_whole(choice.get("from_store")) or 0,
        progress=min(1.0, epochs * epoch_days / days) if days else 0.0,
        simulating_seconds=None if simulating is None else max(0.0, simulating - (starting or 0.0)),
        tokens=_whole(spent.get("tokens")) or 0,
        cost=_number(spent.get("cost")) or 0.0,
        reason=str(record.get("reason") or ""),
    )


def as_mapping(value: object) -> dict[str, Any]:
    """A part of a manifest, which may be damaged or a stranger's; empty where it is no mapping."""
    return value if isinstance(value, dict) else {}


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    ok = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if ok else None  # type: ignore[arg-type]
