"""1,000 simulated users at once against a recommender service and a model server.

    python benchmarks/load.py [--users 1700] [--at-once 1000]

Of 1,700 users about 1,090 come within the three days, which are one epoch: all of them at once.
Every user's page is a request of its own to the service, and its items one request to the model
server; up to ``--at-once`` of them are under way together. Both servers are real ones on this
machine; the service answers one request in twenty with 503. Prints what was lost (nothing may be)
and how long answers took, as the run's manifest has it. Exit status 1 if anything was lost.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import stand_ins

from footfall.options import Options
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario


def load(base: Path, users: int, at_once: int) -> dict[str, Any]:
    """The manifest of a day with that many users, and what was lost on it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ExitStack() as stack:
        shop = stack.enter_context(stand_ins.shop())
        model = stack.enter_context(stand_ins.Model())
        stand_ins.write_shop(base, users + 100)
        raw = stand_ins.scenario(model.url, shop, users=users, days=3)
        raw["model"] |= {"window": at_once, "prompts_per_request": 5}
        raw["world"]["epoch_days"] = 3
        raw["arms"][0]["recommender"] |= {"batch": 1, "concurrency": at_once, "timeout": 60}
        record = run(parse_scenario(raw), Options(base / "load", base=base))
    shown = pd.read_parquet(base / "load" / "impressions")
    visits = pd.read_parquet(base / "load" / "sessions")
    pages = shown[["arm", "user", "session", "page"]].drop_duplicates()
    return {
        **record,
        "pages": len(pages),
        "pages of the service": int((pages["arm"] == "service").sum()),
        "users_seen": int(visits["user"].nunique()),
        "lost": int((~shown["answered"]).sum())
        + int(visits["ended"].isin(["empty page", "no answer"]).sum())
        + record["faults"]["service"]["failed"],
    }


def main() -> int:
    """Run it and print one line a figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--users", type=int, default=1700)
    parser.add_argument("--at-once", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = load(Path(name), options.users, options.at_once)
    print(f"users who came            {found['users_seen']:>10,}")
    print(f"pages                     {found['pages']:>10,}")
    print(f"lost                      {found['lost']:>10,}")
    print(f"seconds simulating        {found['timings']['simulating']:>10.1f}")
    for who, row in found["latencies"].items():
        print(
            f"{who:10} {row['requests']:>8,} answers   p50 {row['p50'] * 1e3:8,.0f} ms   "
            f"p95 {row['p95'] * 1e3:8,.0f} ms   p99 {row['p99'] * 1e3:8,.0f} ms"
        )
    return 1 if found["lost"] else 0


if __name__ == "__main__":
    sys.exit(main())
