"""What a run loses when somebody follows it: pairs of equal runs, followed in a browser and alone.

    taskset -c 1 python benchmarks/following.py [--users 1000] [--days 60] [--pairs 2] [--raw FILE]

Each pair plays one scenario twice, by ``footfall run``, in turns first followed and first alone.
Followed means: ``footfall view`` serves the folder, and the page of the run is open from the run's
first second, with ``--browser`` in headless Chromium. On one core (``taskset``) server and browser
take their time from the run, which is the worst case. A browser is the looker's, and takes far more
than the server: without ``--browser`` curl asks for the page, and for the events that its script
follows. Either may be elsewhere: ``--elsewhere "taskset -c 0"`` is put before its command. What the
server takes is told in core seconds as well, because two equal runs on a busy machine differ by
more than that. ``--raw`` adds the pairs to those of earlier calls, and all are told together.
``--keep`` writes the figures for the documents.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "worlds"))
from figures import keep

import shop  # the made-up shop of the tests

FOOTFALL = [sys.executable, "-c", "from footfall.cli.main import main; main()"]
TICKS = os.sysconf("SC_CLK_TCK")
ARMS = [
    {"name": "random", "recommender": {"kind": "random"}},
    {"name": "popular", "recommender": {"kind": "popular"}},
]


def main() -> None:
    """Play pairs; one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--raw", type=Path)
    parser.add_argument("--browser", action="store_true")
    parser.add_argument("--elsewhere", default="")
    parser.add_argument("--keep", action="store_true")
    told = parser.parse_args()
    earlier = told.raw.read_text().splitlines() if told.raw and told.raw.exists() else []
    pairs = [json.loads(line) for line in earlier]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, told.users, told.days)
        for _ in range(told.pairs):
            pairs.append(pair(folder, len(pairs), told.elsewhere.split(), told.browser))
            if told.raw:
                told.raw.write_text("\n".join(map(json.dumps, pairs)) + "\n")
    found = summary(pairs)
    print(json.dumps({"users": told.users, "days": told.days, **found}, indent=1))
    if told.keep:
        figures = {"pairs": str(found["pairs"]), "core": f"{found['core']:.0f}"}
        for name in ("server", "core", "clock"):
            low, high = found[f"{name}_percent_interval"]
            figures[f"{name}-percent"] = f"{found[f'{name}_percent']:.1f}"
            figures[f"{name}-interval"] = f"{low:.1f} to {high:.1f}"
        keep("following", "taskset -c 1 python benchmarks/following.py --keep", figures)


def prepare(folder: Path, users: int, days: int) -> None:
    """A shop and its scenario."""
    shop.write_shop(folder, users=users * 3 // 2)
    world = {"days": days, "epoch_days": 1, "slate": 10, "max_pages": 5, "shards": 2}
    text = shop.scenario(population={"users": users, "min_history": 3}, arms=ARMS, world=world)
    (folder / "shop.yaml").write_text(yaml.safe_dump(text))


def pair(
    folder: Path, number: int, elsewhere: list[str], browser: bool
) -> dict[str, dict[str, float]]:
    """Both runs of a pair; which is first changes from pair to pair."""
    found = {}
    for way in ("alone", "followed") if number % 2 else ("followed", "alone"):
        run = folder / f"run-{number}-{way}"
        if way == "alone":
            found[way] = played(folder, run)
        else:
            with followed(folder, run.name, elsewhere, browser) as cost:
                found[way] = played(folder, run)
            found[way] |= cost
    return found


def played(folder: Path, run: Path) -> dict[str, float]:
    """Seconds by the clock and of the core that ``footfall run`` takes."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*FOOTFALL, "run", "shop.yaml", "--out", run.name],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, "the run failed"
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "core": used.ru_utime + used.ru_stime}


@contextmanager
def followed(
    folder: Path, run: str, elsewhere: list[str], browser: bool
) -> Iterator[dict[str, float]]:
    """While inside, the run's page is open in a browser as soon as there is such a run."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (folder / f"{run}.log").open("w+")
    view = subprocess.Popen(
        [*FOOTFALL, "view", str(folder), "--port", str(port), "--verbose"], stdout=log, stderr=log
    )
    address, over = f"http://127.0.0.1:{port}/runs/{run}", threading.Event()
    lookers: list[subprocess.Popen[bytes]] = []
    profile = tempfile.TemporaryDirectory()

    def look() -> None:
        while not (folder / run / "manifest.json").exists() and not over.wait(0.2):
            pass
        chromium = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--remote-debugging-port=0", f"--user-data-dir={profile.name}", address,
        ]  # fmt: skip
        events = f"http://127.0.0.1:{port}/v1/runs/{run}/events"
        command = chromium if browser else ["curl", "-sN", address, events]
        lookers.append(
            subprocess.Popen(
                [*elsewhere, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
        )

    while not answers(port):
        assert view.poll() is None, "the server does not start"
        time.sleep(0.1)
    before, cost = core_of(view.pid), dict[str, float]()
    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield cost
        cost["server_core"] = core_of(view.pid) - before
    finally:
        over.set()
        looking.join()
        for one in lookers:
            one.terminate()
            one.wait()
        view.terminate()
        view.wait()
        profile.cleanup()
    assert f"/v1/runs/{run}/events" in (folder / f"{run}.log").read_text(), "nobody followed"
    log.close()


def answers(port: int) -> bool:
    """Whether somebody listens."""
    with socket.socket() as door:
        return door.connect_ex(("127.0.0.1", port)) == 0


def core_of(process: int) -> float:
    """Core seconds that a process has used so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def summary(pairs: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Mean ratios, with 95% intervals over the pairs (t, of logarithms)."""
    found: dict[str, Any] = {
        "pairs": len(pairs),
        "seconds": round(float(np.mean([one["alone"]["seconds"] for one in pairs])), 1),
        "core": round(float(np.mean([one["alone"]["core"] for one in pairs])), 1),
    }
    taken = [1 + one["followed"]["server_core"] / one["followed"]["core"] for one in pairs]
    for name, ratios in (
        ("server", taken),
        ("core", [one["followed"]["core"] / one["alone"]["core"] for one in pairs]),
        ("clock", [one["followed"]["seconds"] / one["alone"]["seconds"] for one in pairs]),
    ):
        low, middle, high = between(ratios)
        found[f"{name}_percent"] = middle
        found[f"{name}_percent_interval"] = [low, high]
    return found


def between(ratios: list[float]) -> tuple[float, float, float]:
    """Percent above 1: the lower end, the geometric mean, and the upper end."""
    logs = np.log(ratios)
    wide = float("nan")
    if len(logs) > 1:
        wide = float(scipy.stats.t.ppf(0.975, len(logs) - 1) * scipy.stats.sem(logs))
    low, middle, high = (
        round(float(100 * np.expm1(logs.mean() + by)), 2) for by in (-wide, 0.0, wide)
    )
    return low, middle, high


if __name__ == "__main__":
    main()
