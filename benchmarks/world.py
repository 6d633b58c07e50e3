"""How fast the world turns without a language model, and where the time goes.

    python benchmarks/world.py [--users 2000] [--days 14] [--workers 1] [--events 20]
    python benchmarks/world.py --users 500000 --days 7 --events 5 --design split --no-profile
    python benchmarks/world.py --distil FOLDER
    python benchmarks/world.py --surrogate FOLDER/small

A planted shop of 500 items; recommenders ``random`` and ``popular``; ``model: none``, or the fake
model, which answers at once, or a surrogate: ``--distil`` makes one of the fake model's answers and
ends. All else is the real thing: SimPy, draws, behaviour, prompts where there is a model, the
audited recommenders and the Parquet log. Prints item decisions a second, the peak memory of the
main process, of its largest worker and of all at once, and the profile's top five. ``--keep NAME``
writes the figures to benchmarks/results.
"""

from __future__ import annotations

import argparse
import cProfile
import hashlib
import os
import pstats
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from figures import keep, when
from memory import MemoryOfAll

from footfall.options import OnRound, Options, Watch
from footfall.runs.run import run
from footfall.scenario.scenario import Scenario, parse_scenario

ITEMS = 500


def write_shop(folder: Path, users: int, events: int = 20) -> None:
    """Random purchases of ``users`` over thirty days, ``events`` each on average."""
    rng = np.random.default_rng(0)
    n = users * events
    sales = pd.DataFrame(
        {
            "user": rng.integers(0, users, n),
            "item": rng.zipf(1.3, n) % ITEMS,
            "time": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.uniform(0, 30, n), unit="D"),
            "paid": rng.uniform(1, 9, n).round(2),
        }
    )
    sales.to_parquet(folder / "sales.parquet")


def scenario(
    users: int,
    days: float,
    model: str = "fake",
    surrogate: Path | None = None,
    design: str = "paired",
) -> Scenario:
    """Two arms, ten items a page."""
    asking = {} if surrogate is None else {"mode": "surrogate", "path": str(surrogate.resolve())}
    columns = {"user": "user", "item": "item", "time": "time", "value": "paid"}
    return parse_scenario(
        {
            "name": "world benchmark",
            "data": {
                "kind": "table",
                "path": "sales.parquet",
                "columns": columns,
                "most_events": 1_000_000_000,  # all users play
            },
            "split": {"fraction": 0.9},
            "population": {"users": users, "min_history": 2},
            "model": {"name": model},
            "design": design,
            "choice": asking or {"visit_events": False},
            # Shards are simulated and written one after the other, so small ones save memory.
            "world": {"days": days, "slate": 10, "shards": max(2, users // 20_000)},
            "arms": [
                {"name": "random", "recommender": {"kind": "random"}},
                {"name": "popular", "recommender": {"kind": "popular"}},
            ],
        }
    )


def distil(folder: Path, options: argparse.Namespace) -> None:
    """A surrogate of the fake model, for as many users, as ``FOLDER/small``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_shop(folder, options.users + max(200, options.users // 5), options.events)
    plan = scenario(options.users, options.days)
    text = yaml.safe_dump(plan.model_dump(mode="json", exclude_unset=True))
    (folder / "world.yaml").write_text(text, encoding="utf-8")
    footfall = str(Path(sys.executable).with_name("footfall"))
    subprocess.run([footfall, "distill", "world.yaml", "--out", "small"], cwd=folder, check=True)


def _told(options: argparse.Namespace) -> list[str]:
    """The arguments as anybody may give them."""
    where = str(options.surrogate)
    return ["FOLDER/small" if word == where else word for word in sys.argv[1:]]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--days", type=float, default=14)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--events", type=int, default=20, help="of a user's history")
    parser.add_argument("--model", choices=["none", "fake"], default="none")
    parser.add_argument("--design", choices=["paired", "split"], default="paired")
    parser.add_argument("--surrogate", type=Path, help="who answers, instead of a model")
    parser.add_argument("--distil", type=Path, help="write a surrogate to this folder, and end")
    parser.add_argument("--no-profile", action="store_true")
    parser.add_argument("--keep", choices=("world", "world-surrogate", "world-week"))
    return parser.parse_args()


def main() -> None:
    """Run it once for the clock and once for the profile."""
    options = _options()
    if options.distil is not None:
        distil(options.distil, options)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_shop(folder, options.users + max(200, options.users // 5), options.events)
        plan = scenario(
            options.users, options.days, options.model, options.surrogate, options.design
        )
        figures = timed(plan, folder, options.workers)
        if options.keep:
            command = shlex.join(["python", "benchmarks/world.py", *_told(options)])
            keep(options.keep, command, figures)
        if options.no_profile:
            return
        profile = cProfile.Profile()
        profile.runcall(run, plan, Options(folder / "profiled", base=folder))
        print("profile, top five by own time:")
        pstats.Stats(profile).sort_stats("tottime").print_stats(5)


def timed(plan: Scenario, folder: Path, workers: int) -> dict[str, str]:
    """Run it and print what it took; the figures that documents show."""
    load = os.getloadavg()[0]
    started, core = time.perf_counter(), time.process_time()
    begun: list[float] = []

    def begin(_expected: float) -> OnRound:
        begun.append(time.process_time())
        return lambda _pages, _items: None

    with MemoryOfAll(os.getpid()) as memory:
        how = Options(folder / "timed", base=folder, workers=workers)
        record = run(plan, how, Watch(begin=begin))
    busy, clock = time.process_time() - begun[0], time.perf_counter() - started
    shown = sum(
        len(pd.read_parquet(part, columns=["item"]))
        for part in (folder / "timed" / "impressions").iterdir()
    )
    seconds = record["timings"]["simulating"]
    digest = hashlib.sha256("".join(sorted(record["parts"].values())).encode()).hexdigest()
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    every = sum(one.ru_utime + one.ru_stime for one in used)
    largest = [one.ru_maxrss / 2**20 for one in used]
    print(f"hash of the log            {digest[:12]:>12}")
    print(f"item decisions             {shown:>12,}")
    print(f"seconds simulating         {seconds:>12.2f}")
    print(f"item decisions a second    {shown / seconds:>12,.0f}")
    print(f"decisions a core second    {shown / busy:>12,.0f}  (one process only)")
    print(f"seconds of the whole run   {clock:>12.2f}")
    print(f"core seconds, this process {time.process_time() - core:>12.2f}")
    print(f"core seconds, all          {every:>12.2f}")
    print(f"peak memory, main process  {largest[0]:>12.2f} GiB")
    print(f"peak memory, worker        {largest[1]:>12.2f} GiB")
    print(f"peak memory, all at once   {memory.peak / 2**30:>12.2f} GiB")
    return {
        "decisions": f"{shown:,}",
        "a-core-second": f"{shown / busy:,.0f}",
        "core": f"{every:,.0f}",
        "clock": f"{clock:,.0f}",
        "gib": f"{largest[0]:.2f}",
        "gib-worker": f"{largest[1]:.2f}",
        "gib-all": f"{memory.peak / 2**30:.2f}",
        "load-before": f"{load:.0f}",
        "when": when(),
    }


if __name__ == "__main__":
    main()
