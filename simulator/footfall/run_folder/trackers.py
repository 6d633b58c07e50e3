"""Who else is told of a run: trackers of experiments, through an entry point.

A package names a function ``(target: str) -> Tracker`` in the entry point group
``footfall.trackers``; ``mlflow`` is built in. ``--track NAME:TARGET`` and ``track: [NAME:TARGET]``
of a scenario choose some.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from footfall.errors import UserError, did_you_mean
from footfall.plumbing import plugins

GROUP = "footfall.trackers"


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of a run."""

    key: str
    """The same whenever this run is told of; another one once it was replaced."""
    name: str
    """Scenario and folder."""
    status: str
    """``finished`` or ``stopped early``."""
    parameters: dict[str, str]
    """Key of the scenario -> value, ``arms.knn.recommender.kind`` and the like."""
    metrics: dict[str, float]
    """Arms' metrics, effects with their intervals, and what the run took; no NaN."""
    words: dict[str, str]
    """The verdict, cautions, hashes, versions."""
    artefacts: tuple[Path, ...]
    """Files: the report, the scenario, the comparison as JSON. Gone when ``record`` returns."""


class Tracker(Protocol):
    """Keeps what it is told of runs."""

    def record(self, run: TrackedRun) -> str:
        """Keep a run, or what is new of one that is kept already; say where, in a few words.

        Whatever it raises is told, and the run stays as it is.
        """


def known(named: Iterable[str]) -> None:
    """Check that trackers can be had, before a run that takes hours.

    Args:
        named: Each "NAME" or "NAME:TARGET".

    Raises:
        UserError: There is no such tracker, or its package does not load.
    """
    for one in named:
        _load(one)


def open_tracker(named: str) -> Tracker:
    """The tracker of "NAME" or "NAME:TARGET"; the target is "" where there is none.

    Raises:
        UserError: There is no such tracker, or its package does not load.
    """
    return _load(named)(named.partition(":")[2])


def _load(named: str) -> Callable[[str], Tracker]:
    name, found = named.partition(":")[0], plugins.entries(GROUP)
    if name not in found:
        raise UserError(f'no tracker "{name}"; {did_you_mean(name, found)}')
    loaded: Callable[[str], Tracker] = plugins.load(GROUP, name)
    return loaded
