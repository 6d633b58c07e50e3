"""What ``footfall.simulate`` returns: a run that is over, in a form that prints well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from footfall.options import Options, Watch
from footfall.runs.levels import run_scenario
from footfall.scenario.scenario import Scenario


@dataclass(frozen=True)
class Simulated:
    """A run, and where it lies; ``footfall_eval.RunLog.open(result.folder)`` reads it."""

    folder: Path
    record: Mapping[str, Any] = field(repr=False)
    """The manifest: everything that was recorded of the run."""

    @property
    def status(self) -> str:
        """``finished`` or ``stopped early``."""
        return str(self.record["status"])

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms."""
        return tuple(arm["name"] for arm in self.record["scenario"]["arms"])

    @property
    def faults(self) -> Mapping[str, Mapping[str, Any]]:
        """Arm -> what its recommender did wrong, counted."""
        found: Mapping[str, Mapping[str, Any]] = self.record["faults"]
        return found

    @property
    def seconds(self) -> float:
        """Wall time of the whole run."""
        return float(self.record["timings"]["total"])

    def __str__(self) -> str:
        """Say in a few lines what was done and how to go on."""
        asked = self.record.get("choice") or {}
        model = self.record["model"]["name"]
        lines = [
            f"{self.record['scenario']['name']}: {self.status} in {self.seconds:.0f} s",
            f"  arms:   {', '.join(self.arms)}",
            f"  users:  {self.record['scenario']['population']['users']:,}",
            f"  model:  {model}, {asked.get('questions', 0):,} questions",
            f"  folder: {self.folder}",
        ]
        return "\n".join(lines)

    __repr__ = __str__


def simulate(scenario: Scenario, options: Options, watch: Watch | None = None) -> Simulated:
    """Simulate ``scenario`` into ``options.out``.

    Raises:
        UserError: The scenario, its data or the folder cannot be used.
        RunError: Something failed on the way; the run can be resumed.
    """
    return Simulated(options.out, run_scenario(scenario, options, watch))
