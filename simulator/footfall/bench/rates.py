"""What this machine has measured of itself, kept for estimates.

``footfall bench`` leaves its rates in the user's cache folder; ``footfall run --dry-run`` and
``footfall plan`` take them from there. They decide nothing in a simulation.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs
from pydantic import Field, ValidationError

from footfall.bench.results import Measured
from footfall.llm.devices import for_cuda
from footfall.plumbing.busy import NOTICED, cores
from footfall.plumbing.files import write_json
from footfall.plumbing.json_files import read_object
from footfall.plumbing.spec import Spec

_FILE = "rates.json"


class Rates(Spec):
    """Rates of one model on one device of this machine, as if it had nothing else to do."""

    tokens_per_second: dict[str, float]
    """Computed prompt tokens a second, by mode, everything around the engine included."""
    slowest: dict[str, float] = Field(default={})
    """Of a single measurement, likewise; a mode that is not here was measured without spread."""
    fastest: dict[str, float] = Field(default={})
    date: str
    """Day of the measurement, ISO 8601."""
    machine: str
    """For instance "cpu, 2 cores, vllm 0.32.0"."""
    busy: float = Field(default=1.0, ge=1)
    """How many times as long as alone the measurement took: other programs ran beside it, and the
    rates are those of what it computed."""

    def quieter(self, other: Rates) -> bool:
        """Whether these tell more than others of the same machine, because it was less busy."""
        return self.machine == other.machine and self.busy * NOTICED < other.busy

    def told(self) -> str:
        """Where they are from."""
        told = f"footfall bench, {self.date}: {self.machine}"
        return f"{told}; {_while_busy(self.busy)}" if self.busy >= NOTICED else told


def keep(measured: Measured, folder: Path | None = None) -> str:
    """Keep the rates of a measurement; a line that says what is known now.

    What was measured while other programs ran does not replace what was measured without them.
    """
    machine, speeds = measured.machine, measured.speeds()
    found = Rates(
        tokens_per_second={mode: speed.tokens_per_second for mode, speed in speeds.items()},
        slowest={mode: speed.slowest for mode, speed in speeds.items()},
        fastest={mode: speed.fastest for mode, speed in speeds.items()},
        date=machine["date"],
        machine=f"{machine['device']}, {machine['cores']} cores, vllm {machine['vllm']}",
        busy=measured.busy(),
    )
    known = recall(measured.model, folder)
    if known is not None and known.quieter(found):
        return (
            f"the rates of {known.date} stay: this machine was less busy then "
            f"({known.busy:.1f} times as long as alone, now {found.busy:.1f})"
        )
    remember(measured.model, found, folder)
    kept = "the rates are kept: footfall run --dry-run and footfall plan tell times from them"
    if found.busy < NOTICED:
        return kept
    return f"{kept}. {_while_busy(found.busy).capitalize()}; measure again when it is quiet"


def _while_busy(times: float) -> str:
    return (
        f"this machine was busy when measured ({times:.1f} times as long as alone), so the rates "
        "are those of what was computed, and less sure"
    )


def remember(model: str, rates: Rates, folder: Path | None = None) -> None:
    """Keep rates, replacing older ones of the same model and device."""
    path = _path(folder)
    known = _read(path)
    known[_key(model)] = rates
    write_json(path, {key: value.model_dump() for key, value in known.items()})


def recall(model: str, folder: Path | None = None) -> Rates | None:
    """Rates of a model on this machine's device, or None if nobody measured them."""
    return _read(_path(folder)).get(_key(model))


def _key(model: str) -> str:
    return f"{model} on {'cuda' if for_cuda() else f'cpu with {cores()} cores'}"


def _path(folder: Path | None) -> Path:
    return (folder or platformdirs.user_cache_path("footfall")) / _FILE


def _read(path: Path) -> dict[str, Rates]:
    """What is kept; a file that cannot be read is as good as none: it is only a cache."""
    try:
        found = read_object(path)
        return {str(key): Rates.model_validate(value) for key, value in found.items()}
    except (OSError, ValueError, ValidationError):
        return {}
