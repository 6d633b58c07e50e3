"""Simulated users for recommender systems.

>>> from footfall import Options, read_scenario, simulate
>>> manifest = simulate(read_scenario("demo"), Options("runs/demo"))  # doctest: +SKIP

What a run leaves behind is read by ``footfall_eval``.
"""

from typing import Any

from footfall.catalogue import Catalogue
from footfall.errors import FootfallError, RunError, UserError
from footfall.options import Options, Watch
from footfall.scenario import Scenario, parse_scenario, read_scenario

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

    See ``footfall.run.run``, which is loaded at the first call because it brings torch along.
    """
    from footfall.run import run  # noqa: PLC0415

    return run(scenario, options, watch)
