"""How quick a replay steps, and what following a run costs, in a made-up shop.

    python benchmarks/live.py [--users 1000] [--days 30]

The run is started by the API of `footfall view`'s application in this process and followed by one
client. What following costs is the CPU seconds of this process while the run simulates, against
those of the run itself (children). Then every step of some users' replays is loaded once. CPU time
is told beside the clock's, because other work on the machine makes the latter longer.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import yaml
from fastapi.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "worlds"))
import shop  # the made-up shop of the tests
from footfall_live.application import Served, application
from footfall_live.door.guard import LOOPBACK, Guard

ARMS = [
    {"name": "random", "recommender": {"kind": "random"}},
    {"name": "popular", "recommender": {"kind": "popular"}},
]
REPLAYED = 10
"""Users whose steps are loaded."""


def main() -> None:
    """Play, follow, replay; one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--days", type=int, default=30)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop.write_shop(folder, users=told.users * 3 // 2)
        world = {"days": told.days, "epoch_days": 1, "slate": 10, "max_pages": 5, "shards": 2}
        population = {"users": told.users, "min_history": 3}
        text = shop.scenario(population=population, arms=ARMS, world=world)
        (folder / "shop.yaml").write_text(yaml.safe_dump(text))
        guard = Guard(LOOPBACK | {"testserver"})
        with TestClient(application(Served(folder), guard)) as client:
            found = {"users": told.users, "days": told.days, **followed(client)}
            print(json.dumps({**found, **replayed(client)}))


def followed(client: TestClient) -> dict[str, float]:
    """Seconds of CPU: of the run, and of whoever follows it."""
    command = client.post("/v1/runs", json={"scenario": "shop.yaml", "name": "run"}).json()
    while client.get("/v1/runs/run").status_code != 200:
        time.sleep(0.5)
    before, clock = time.process_time(), time.perf_counter()
    events = 0
    with client.stream("GET", "/v1/runs/run/events") as stream:
        for line in stream.iter_lines():
            events += line.startswith("data: ")
    following, seconds = time.process_time() - before, time.perf_counter() - clock
    while client.get(f"/v1/commands/{command['id']}").json()["exit_status"] is None:
        time.sleep(0.1)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "events": events,
        "followed_seconds": round(seconds, 1),
        "run_cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "following_cpu_seconds": round(following, 2),
        "threads": threading.active_count(),
    }


def replayed(client: TestClient) -> dict[str, float]:
    """Milliseconds of a step, and of choosing a user."""
    chosen, steps = [], []
    for user in client.get("/v1/runs/run/users").json()[:REPLAYED]:
        pages = client.get("/v1/runs/run/timeline", params={"user": user}).json()["steps"]
        for step in range(len(pages)):
            clock, used = time.perf_counter(), time.process_time()
            answer = client.get("/runs/run/replay", params={"user": user, "step": step})
            assert answer.status_code == 200
            took = 1000 * (time.perf_counter() - clock), 1000 * (time.process_time() - used)
            (steps if step else chosen).append(took)
    return {
        "steps": len(steps),
        **{f"step_ms_{name}": _at(share, [s[0] for s in steps]) for name, share in _SHARES},
        **{f"step_cpu_ms_{name}": _at(share, [s[1] for s in steps]) for name, share in _SHARES},
    }


_SHARES = (("median", 0.5), ("p95", 0.95), ("max", 1.0))


def _at(share: float, found: list[float]) -> float:
    return round(sorted(found)[int(share * (len(found) - 1))], 1)


if __name__ == "__main__":
    main()
