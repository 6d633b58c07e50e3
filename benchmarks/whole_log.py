"""A shop's whole log, read, fitted and run for 1,000 users: time and memory.

    python benchmarks/whole_log.py FOLDER [--events 4_500_000] [--pages] [--only describe,run]

FOLDER holds what ``shop_log.py`` has written, or gets it. Each command is a process of its own, as
users start it; the first reads the log, the others take what it left in a cache inside FOLDER.
Prints core seconds (user and system, with all its processes), the core seconds that all other
programs of the machine took meanwhile, seconds by the clock, the largest process's peak memory, and
the most that all its processes held at one time (proportional set sizes, looked at each second: a
page of memory that two share counts once). ``--keep NAME`` writes them to benchmarks/results.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import psutil
from figures import keep, when
from memory import MemoryOfAll
from shop_log import write_shop

FOOTFALL = (sys.executable, "-c", "from footfall.cli.main import main; main()")

COMMANDS = {
    "describe": ("data", "describe", "shop.yaml"),
    "again": ("data", "describe", "shop.yaml"),
    "fit": ("fit", "shop.yaml", "--out", "behaviour.yaml"),
    "run": ("run", "fitted.yaml", "--out", "run", "--overwrite"),
}


def name_the_fit(folder: Path) -> None:
    """``fitted.yaml``: the scenario with the users that ``fit`` has written."""
    text = (folder / "shop.yaml").read_text(encoding="utf-8")
    (folder / "fitted.yaml").write_text(f"{text}behaviour: behaviour.yaml\n", encoding="utf-8")


def measure(folder: Path, command: tuple[str, ...]) -> dict[str, float]:
    """Run a command of Footfall; core seconds (its own, of others), seconds and GiB."""
    began, before, machine = time.perf_counter(), _own_core_seconds(), _core_seconds_of_all()
    process = subprocess.Popen(
        [*FOOTFALL, *command],
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder.resolve() / "cache")},
        stdout=subprocess.DEVNULL,
    )
    with MemoryOfAll(process.pid) as memory:
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"footfall {' '.join(command)}: status {status}")
    core = _own_core_seconds() - before
    return {
        "core": core,
        "others": max(0.0, _core_seconds_of_all() - machine - core),
        "clock": time.perf_counter() - began,
        "gib": used.ru_maxrss / 2**20,
        "gib-all": memory.peak / 2**30,
    }


def _own_core_seconds() -> float:
    """Of the processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _core_seconds_of_all() -> float:
    """Of every program of this machine since it started."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=4_500_000)
    parser.add_argument("--pages", action="store_true")
    parser.add_argument("--only", default=",".join(COMMANDS))
    parser.add_argument("--keep", choices=("whole-log", "whole-log-18", "whole-log-100"))
    options = parser.parse_args()
    if not (options.folder / "events.parquet").exists():
        write_shop(options.folder, options.events, pages=options.pages)
    name_the_fit(options.folder)
    figures = {"load-before": f"{os.getloadavg()[0]:.0f}"}
    total = {"core": 0.0, "others": 0.0, "clock": 0.0}  # of what a user needs, each once
    for name in options.only.split(","):
        found = measure(options.folder, COMMANDS[name])
        told = f"{found['core']:>8.1f} core s{found['others']:>8.1f} of others"
        told += f"{found['clock']:>8.1f} s{found['gib']:>7.2f} GiB{found['gib-all']:>7.2f} in all"
        print(f"{name:<10}{told}", flush=True)
        figures |= {f"{name}-{what}": f"{value:.3g}" for what, value in found.items()}
        for what in ("core", "others", "clock"):
            total[what] += found[what] if name != "again" else 0.0
    figures |= {f"total-{what}": f"{value:,.0f}" for what, value in total.items()}
    figures["total-minutes"] = f"{total['clock'] / 60:.1f}"
    if options.keep:
        pages = " --pages" if options.pages else ""
        figures["when"] = when()
        how = f"--events {options.events}{pages} --only {options.only} --keep {options.keep}"
        keep(options.keep, f"python benchmarks/whole_log.py LOG {how}", figures)


if __name__ == "__main__":
    main()
