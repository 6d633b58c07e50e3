"""Simulated users for recommender systems.

>>> from footfall import Options, read_scenario, simulate
>>> print(simulate(read_scenario("demo"), Options("runs/demo")))  # doctest: +SKIP

What a run leaves behind is read by ``footfall_eval``.
"""

from typing import TYPE_CHECKING

from footfall.plumbing.lazily import lazily

if TYPE_CHECKING:
    from footfall.datasets.catalogue import Catalogue
    from footfall.errors import FootfallError, RunError, UserError
    from footfall.options import Options, Watch
    from footfall.runs.result import Simulated, simulate
    from footfall.scenario.reading import read_scenario
    from footfall.scenario.scenario import Scenario, parse_scenario
else:
    __getattr__, __dir__ = lazily(
        __name__,
        {
            "Catalogue": "footfall.datasets.catalogue",
            "FootfallError": "footfall.errors",
            "Options": "footfall.options",
            "RunError": "footfall.errors",
            "Scenario": "footfall.scenario.scenario",
            "UserError": "footfall.errors",
            "Watch": "footfall.options",
            "parse_scenario": "footfall.scenario.scenario",
            "read_scenario": "footfall.scenario.reading",
            "Simulated": "footfall.runs.result",
            "simulate": "footfall.runs.result",
        },
    )

__all__ = [
    "Catalogue",
    "FootfallError",
    "Options",
    "RunError",
    "Scenario",
    "Simulated",
    "UserError",
    "Watch",
    "parse_scenario",
    "read_scenario",
    "simulate",
]
