"""What this machine has measured of itself, kept for estimates.

``footfall bench`` leaves its rates in the user's cache folder; ``footfall run --dry-run`` and
``footfall plan`` take them from there. Wall-clock rates decide nothing in a simulation.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
from pydantic import ValidationError

from footfall.bench.results import Measured
from footfall.llm.devices import for_cuda
from footfall.plumbing.files import write_json
from footfall.plumbing.json_files import read_object
from footfall.plumbing.spec import Spec

_FILE = "rates.json"


class Rates(Spec):
    """Rates of one model on one device of this machine."""

    tokens_per_second: dict[str, float]
    """Computed prompt tokens a second, by mode, everything around the engine included."""
    date: str
    """Day of the measurement, ISO 8601."""
    machine: str
    """For instance "cpu, 2 cores, vllm 0.32.0"."""


QUIET = 1.0
"""Load (processes that want a core) before a measurement up to which its rates are kept."""


def keep(measured: Measured, folder: Path | None = None) -> str:
    """Keep the rates of a measurement, unless the machine was busy; a line that says which."""
    machine = measured.machine
    if machine["load_before"] > QUIET:
        load = f"the load was {machine['load_before']:g} before it began"
        return f"the rates are not kept for estimates: {load}, so they are too low"
    where = f"{machine['device']}, {machine['cores']} cores, vllm {machine['vllm']}"
    found = measured.tokens_per_second()
    remember(
        measured.model, Rates(tokens_per_second=found, date=machine["date"], machine=where), folder
    )
    return "the rates are kept: footfall run --dry-run and footfall plan tell times from them"


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
    cores = len(os.sched_getaffinity(0))
    return f"{model} on {'cuda' if for_cuda() else f'cpu with {cores} cores'}"


def _path(folder: Path | None) -> Path:
    return (folder or platformdirs.user_cache_path("footfall")) / _FILE


def _read(path: Path) -> dict[str, Rates]:
    """What is kept; a file that cannot be read is as good as none: it is only a cache."""
    try:
        found = read_object(path)
        return {str(key): Rates.model_validate(value) for key, value in found.items()}
    except (OSError, ValueError, ValidationError):
        return {}
