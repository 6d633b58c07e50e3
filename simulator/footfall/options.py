"""How to run a scenario, as opposed to what it says; kept free of heavy imports."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

Announce = Callable[[str], None]
"""Told one line about each step; goes to stderr, never to stdout."""

StopEarly = Callable[[Path], str]
"""Given the run folder as it is after an epoch: why the run may stop now, or "" to go on."""

OnRound = Callable[[int, int], None]
"""Called after every round of questions with (pages, item decisions)."""


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what to run."""

    out: Path
    """Folder for what the run leaves behind; a string will do, here and below."""
    base: Path = field(default_factory=Path.cwd)
    """Folder that the scenario's relative paths are relative to."""
    workers: int | None = None
    """Processes, or actors with ``ray``; None: one, or as many as the cluster has cores."""
    ray: str | None = None
    """Address of a Ray cluster whose machines share ``out``; "local" starts one here."""
    servers: tuple[str, ...] = ()
    """Model servers that a cluster's users are pinned to; empty: the scenario's, if it has one."""
    store: Path | None = None
    """Store of model answers; ``out/decisions.sqlite`` unless told otherwise."""
    resume: bool = False
    accept_changes: bool = False
    """Resume although code or package versions have changed; what is written again must still
    be the same."""
    overwrite: bool = False
    """Replace a run that is already there; its stored model answers are kept."""

    def __post_init__(self) -> None:
        for name in ("out", "base", "store"):
            value: str | Path | None = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, Path(value))


@dataclass(frozen=True)
class Watch:
    """Who looks on while a run is under way."""

    announce: Announce = lambda _: None
    begin: Callable[[float], OnRound] = lambda _: lambda _pages, _items: None
    """Called with the expected item decisions when simulating starts."""
    patience: Callable[[], AbstractContextManager[Callable[[], bool]]] = lambda: nullcontext(
        lambda: False
    )
    """Entered when simulating starts; asked before every epoch whether the run should stop."""
    enough: StopEarly | None = None
    """Asked after every epoch of a scenario with ``stop_early``; by default the installed one
    (``footfall.stop_early``)."""
