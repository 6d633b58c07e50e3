"""How often a run ends within the range that a dry run gave for it.

    python benchmarks/estimates.py [--seed 1] [--keep estimates] [SCENARIO[:USERS] ...]

Each scenario is estimated and then played, one after the other, by its own model with an empty
store, and one line tells whether the time of the run lay within the range. Those that come with
Footfall are taken unless others are named; ``--keep`` writes the table to benchmarks/results. On a
machine that has never measured itself (`footfall bench`) the ranges of those with a model are wide.
"""

import argparse
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path

from figures import keep, when

from footfall.options import Options
from footfall.runs.estimate import estimate
from footfall.runs.run import run
from footfall.scenario.reading import read_scenario

SCENARIOS = (
    "new-ranker", "promotion-week", "outage", "displays", "training-log", "feedback-loop",
    "new-ranker:800", "promotion-week:60", "demo:20", "demo:40", "demo:80", "long-memory:8",
)  # fmt: skip
"""Whose data come with Footfall or with `make model`."""


def main() -> None:
    """Print a line a run, and the share of runs within their range."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", choices=("estimates", "estimates-busy"))
    parser.add_argument("scenarios", nargs="*")
    told = parser.parse_args()
    lines, within, loads = ["| scenario | foreseen | range | taken |"], [], []
    lines.append("| --- | ---: | ---: | ---: |")
    for named in told.scenarios or SCENARIOS:
        name, _, users = named.partition(":")
        low, likely, high, seconds = one(name, told.seed, int(users) if users else None)
        within.append(low <= seconds <= high)
        loads.append(os.getloadavg()[1])
        numbers = f"{likely:.0f} | {low:.0f} to {high:.0f} | {seconds:.0f}"
        many = f", {users} users" if users else ""
        lines.append(f"| {name}{many} | {numbers} |")
        print(lines[-1], "" if within[-1] else "OUTSIDE", flush=True)
    print(f"within the range: {sum(within)} of {len(within)}")
    if told.keep:
        found = {"table": "\n" + "\n".join(lines) + "\n", "within": str(sum(within))}
        found |= {"runs": str(len(within)), "when": when(), "seed": str(told.seed)}
        found |= {"loads": f"{min(loads):.0f} to {max(loads):.0f}"}
        keep(told.keep, shlex.join(["python", "benchmarks/estimates.py", *sys.argv[1:]]), found)


def one(name: str, seed: int, users: int | None) -> tuple[float, float, float, float]:
    """The range and the expectation of a dry run between its ends, and the seconds of the run."""
    scenario = read_scenario(name, {"seed": seed})
    if users:
        people = scenario.population.model_copy(update={"users": users})
        scenario = scenario.model_copy(update={"population": people})
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
