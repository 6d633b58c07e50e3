"""How quick a replay steps, in a made-up shop.

    python benchmarks/live.py [--users 1000] [--days 30] [--run FOLDER]

A run is played by ``footfall run`` (``--run`` keeps it, or takes one that is there), and every step
of some users' replays is loaded from the application of ``footfall view`` in this process: by the
clock, and in core seconds, because other work on the machine makes the clock's longer. "First" is
the first look at all after the server has started, "chosen" the first page of a further user. The
garbage collector's longest pause is told beside. What following a run costs is measured by
``benchmarks/following.py``.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
import time
from pathlib import Path

from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "worlds"))
from figures import keep
from following import played, prepare

from footfall_live.application import Served, application
from footfall_live.door.guard import LOOPBACK, Guard

REPLAYED = 10
"""Users whose steps are loaded."""

_SHARES = (("median", 0.5), ("p95", 0.95), ("max", 1.0))


def main() -> None:
    """Play, replay; one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--keep", action="store_true")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        run = told.run or Path(name) / "run"
        if not (run / "manifest.json").exists():
            run.parent.mkdir(parents=True, exist_ok=True)
            prepare(run.parent, told.users, told.days)
            played(run.parent, run)
        found = replayed(run)
    print(json.dumps({"users": told.users, "days": told.days, **found}, indent=1))
    if told.keep:
        names = ("steps", "step_ms_median", "step_ms_p95", "step_ms_max", "chosen_ms_max")
        figures = {name.replace("_", "-"): f"{found[name]:,.0f}" for name in names}
        keep("replay", "python benchmarks/live.py --keep", figures)


def replayed(run: Path) -> dict[str, float]:
    """Milliseconds of the first look, of choosing a user, and of a step."""
    gc.collect()
    gc.freeze()  # as the server does when it starts
    pauses = _listen()
    chosen, steps = [], []
    with TestClient(application(Served(run.parent), Guard(LOOPBACK | {"testserver"}))) as client:
        address = f"/runs/{run.name}/replay"
        first = _timed(client, address)
        for user in client.get(f"/v1/runs/{run.name}/users").json()[1 : REPLAYED + 1]:
            chosen.append(_timed(client, address, user=user))
            pages = client.get(f"/v1/runs/{run.name}/timeline", params={"user": user}).json()
            numbers = range(1, len(pages["steps"]))
            steps += [_timed(client, address, user=user, step=number) for number in numbers]
    return {
        "first_ms": round(first[0], 1),
        "first_cpu_ms": round(first[1], 1),
        "steps": len(steps),
        **_told("chosen", chosen),
        **_told("step", steps),
        "longest_garbage_collection_ms": round(1000 * max(pauses, default=0.0), 1),
    }


def _timed(client: TestClient, address: str, **asked: str | int) -> tuple[float, float]:
    """Milliseconds by the clock and of this process."""
    clock, used = time.perf_counter(), time.process_time()
    answer = client.get(address, params=asked)
    assert answer.status_code == 200
    return 1000 * (time.perf_counter() - clock), 1000 * (time.process_time() - used)


def _listen() -> list[float]:
    """Seconds of each garbage collection from now on."""
    found: list[float] = []
    begun = [0.0]

    def heard(phase: str, _: object) -> None:
        if phase == "start":
            begun[0] = time.perf_counter()
        else:
            found.append(time.perf_counter() - begun[0])

    gc.callbacks.append(heard)
    return found


def _told(what: str, found: list[tuple[float, float]]) -> dict[str, float]:
    return {
        f"{what}_{kind}_{name}": round(sorted(column)[int(share * (len(column) - 1))], 1)
        for kind, column in zip(("ms", "cpu_ms"), zip(*found, strict=True), strict=True)
        for name, share in _SHARES
    }


if __name__ == "__main__":
    main()
