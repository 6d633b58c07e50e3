"""How often a run ends within the range that a dry run gave for it.

    python benchmarks/estimates.py [SCENARIO ...]

Each scenario is estimated and then played without a language model, one after the other, and one
line tells whether the time of the run lay within the range.
"""

import sys
import tempfile
import time
from pathlib import Path

from footfall.options import Options
from footfall.runs.estimate import estimate
from footfall.runs.run import run
from footfall.scenario.reading import read_scenario

SCENARIOS = ("new-ranker", "promotion-week", "outage", "cold-start", "popularity-bias")
SEEDS = (1, 2)


def main(names: list[str]) -> None:
    """Print a line a run, and the share of runs within their range."""
    within = []
    for name in names:
        for seed in SEEDS:
            scenario = read_scenario(name, {"seed": seed, "model": {"name": "none"}})
            foreseen = estimate(scenario, Path(), lambda _: None)
            assert foreseen.seconds_low is not None
            assert foreseen.seconds_high is not None
            with tempfile.TemporaryDirectory() as folder:
                start = time.perf_counter()
                run(scenario, Options(Path(folder) / "run"))
                seconds = time.perf_counter() - start
            within.append(foreseen.seconds_low <= seconds <= foreseen.seconds_high)
            span = f"({foreseen.seconds_low:.0f} to {foreseen.seconds_high:.0f})"
            print(
                f"{name:16} seed {seed}: {foreseen.seconds:5.0f} s foreseen {span}, "
                f"{seconds:5.0f} s taken",
                flush=True,
            )
    print(f"within the range: {sum(within)} of {len(within)}")


if __name__ == "__main__":
    main(sys.argv[1:] or list(SCENARIOS))
