"""How often a run ends within the range that a dry run gave for it.

    python benchmarks/estimates.py [--seeds 1,2] [--model none|fake|embedded] [SCENARIO ...]

Each scenario is estimated and then played, one after the other, and one line tells whether the time
of the run lay within the range. What came out without names of scenarios is kept for the documents.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from figures import keep

from footfall.options import Options
from footfall.runs.estimate import estimate
from footfall.runs.run import run
from footfall.scenario.reading import read_scenario

SCENARIOS = ("new-ranker", "promotion-week", "outage", "displays", "training-log")
"""Those whose data come with Footfall."""


def main() -> None:
    """Print a line a run, and the share of runs within their range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--model", default="none")
    parser.add_argument("--users", type=int, help="Play so many users.")
    parser.add_argument("scenarios", nargs="*")
    told = parser.parse_args()
    lines, within = ["| scenario | foreseen | range | taken |", "| --- | ---: | ---: | ---: |"], []
    for name in told.scenarios or SCENARIOS:
        for seed in map(int, told.seeds.split(",")):
            low, likely, high, seconds = one(name, seed, told.model, told.users)
            within.append(low <= seconds <= high)
            numbers = f"{likely:.0f} | {low:.0f} to {high:.0f} | {seconds:.0f}"
            lines.append(f"| {name}, seed {seed} | {numbers} |")
            load = f"load {os.getloadavg()[0]:.0f}"
            print(lines[-1], "" if within[-1] else "OUTSIDE", load, flush=True)
    print(f"within the range: {sum(within)} of {len(within)}")
    if not told.scenarios and told.model == "none":
        found = {"table": "\n" + "\n".join(lines) + "\n", "within": str(sum(within))}
        keep("estimates", "python benchmarks/estimates.py", {**found, "runs": str(len(within))})


def one(name: str, seed: int, model: str, users: int | None) -> tuple[float, float, float, float]:
    """The range and the expectation of a dry run between its ends, and the seconds of the run."""
    changes: dict[str, object] = {"seed": seed, "model": {"name": model}}
    if users:
        changes["population"] = {"users": users}
    scenario = read_scenario(name, changes)
    foreseen = estimate(scenario, Path(), lambda _: None)
    assert foreseen.seconds is not None
    assert foreseen.seconds_low is not None
    assert foreseen.seconds_high is not None
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run(scenario, Options(Path(folder) / "run"))
        seconds = time.perf_counter() - start
    return foreseen.seconds_low, foreseen.seconds, foreseen.seconds_high, seconds


if __name__ == "__main__":
    main()
