"""Simulated users for recommender systems.

>>> from footfall import Options, read_scenario, simulate
>>> manifest = simulate(read_scenario("demo"), Options("runs/demo"))  # doctest: +SKIP

What a run leaves behind is read by ``footfall_eval``.
"""

from typing import Any

from footfall.datasets.catalogue import Catalogue
from footfall.errors import FootfallError, RunError, UserError
from footfall.options import Options, Watch
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import Scenario, parse_scenario

__all__ = [
    "Catalogue",
    "FootfallError",
    "Options",
    "RunError",
    "Scenario",
    "UserError",
    "Watch",
    "parse_scenario",
    "read_scenario",
    "simulate",
]


def simulate(scenario: Scenario, options: Options, watch: Watch | None = None) -> dict[str, Any]:
    """Simulate ``scenario`` into ``options.out`` and return the manifest.

    See ``footfall.runs.run.run``, which is loaded at the first call because it brings torch along.
    """
    from footfall.runs.run import run  # noqa: PLC0415

    return run(scenario, options, watch)
