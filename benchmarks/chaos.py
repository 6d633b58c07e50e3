"""Kill a run and its model server at random moments; the log must not show it.

    python benchmarks/chaos.py [--kills 20] [--server-kills 5] [--seed 1] [--engine]

A scenario (``stand_ins.py``) runs once undisturbed. Then it runs in another folder: ``SIGKILL`` at
a random moment, ``--resume``, and so on; meanwhile the model server is killed and started again. In
the end it is let finish, and its log is compared with the undisturbed one, byte for byte.

With ``--engine`` the answers come from vLLM and the embedded model in the run's own process. Its
arithmetic depends on how questions are batched, so there the undisturbed run comes last, with a
copy of the disturbed run's store of answers: what is compared is the resuming. Exit status 1 if
anything differs.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import stand_ins
import yaml

from footfall.plumbing.files import file_hash
from footfall.run_folder import manifest
from footfall.run_folder.layout import LOGS, MANIFEST
from footfall.runs.resuming import verify

SCENARIO = "chaos.yaml"
ACTIONS = {"search": {"share": 0.3}, "cart": {}}
"""So that there is a log of events, and pages that the log of impressions does not have."""


@dataclass
class Report:
    """What was done, and what came of it."""

    seconds: float = 0.0
    """Wall time of the undisturbed run."""
    kills: list[int] = field(default_factory=list)
    """Epochs that were in the manifest when each attempt was killed."""
    server_kills: int = 0
    finished_early: int = 0
    """Attempts that were over before their moment came."""
    differing: list[str] = field(default_factory=list)
    """Parts of the log that are not as in the undisturbed run."""
    parts: int = 0
    events: int = 0
    """Rows of the log of events."""
    unanswered: int = 0


def start(base: Path, out: str, *options: str) -> subprocess.Popen[bytes]:
    """Start a run; what it says goes to a file beside its folder."""
    command = [*stand_ins.FOOTFALL, "run", SCENARIO, "--out", out, *options]
    with (base / f"{out}.stderr").open("ab") as stderr:
        return subprocess.Popen(command, cwd=base, stderr=stderr, start_new_session=True)


def finish(base: Path, out: str, *options: str) -> float:
    """Run to the end; the seconds that it took."""
    began = time.perf_counter()
    status = start(base, out, *options).wait()
    if status:
        raise SystemExit(
            f"{out} ended with {status}: {(base / f'{out}.stderr').read_text()[-500:]}"
        )
    return time.perf_counter() - began


def epochs(folder: Path) -> int:
    """Epochs that a run's manifest lists as finished."""
    if not (folder / MANIFEST).exists():
        return 0
    names = manifest.read(folder)["parts"]
    return len({name.partition("epoch=")[2][:4] for name in names})


def disturb(
    base: Path, model: stand_ins.Model | None, plan: argparse.Namespace, seconds: float
) -> Report:
    """Kill and resume until all moments are used up."""
    rng = random.Random(plan.seed)
    report = Report(seconds)
    with_server = set(rng.sample(range(plan.kills), plan.server_kills)) if model else set()
    for number in range(plan.kills):
        # Not from the very beginning: a good part of a short run is starting Python.
        moment = seconds * rng.uniform(0.3, 1.2)
        process = start(base, "killed", "--resume", "--workers", str(1 + number % 2))
        disturber = None
        if model is not None and number in with_server:
            delay, gap = moment * rng.uniform(0.3, 1.0), rng.uniform(0.1, 2.0)
            disturber = threading.Thread(target=restart, args=(model, delay, gap))
            disturber.start()
            report.server_kills += 1
        try:
            process.wait(moment)
            report.finished_early += 1
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        report.kills.append(epochs(base / "killed"))
        if disturber is not None:
            disturber.join()
    return report


def restart(model: stand_ins.Model, delay: float, gap: float) -> None:
    """Kill the model server after ``delay`` seconds and start it again ``gap`` seconds later."""
    time.sleep(delay)
    model.kill()
    time.sleep(gap)
    model.start()


def compare(base: Path, report: Report) -> Report:
    """Hold the killed run's log against the undisturbed one's."""
    verify(base / "killed")
    logs = {
        name: {p.relative_to(base / name).as_posix(): file_hash(p)
               for log in LOGS for p in (base / name / log).rglob("*")}
        for name in ("killed", "whole")
    }  # fmt: skip
    names = sorted(logs["killed"].keys() | logs["whole"].keys())
    report.parts = len(names)
    report.differing = [n for n in names if logs["killed"].get(n) != logs["whole"].get(n)]
    shown = pd.read_parquet(base / "killed" / "impressions", columns=["answered"])
    report.events = len(pd.read_parquet(base / "killed" / "events", columns=["action"]))
    report.unanswered = int((~shown["answered"]).sum())
    return report


def chaos(base: Path, plan: argparse.Namespace) -> Report:
    """The whole experiment in an empty folder."""
    with ExitStack() as stack:
        shop = stack.enter_context(stand_ins.shop())
        model = None if plan.engine else stack.enter_context(stand_ins.Model())
        stand_ins.write_shop(base, plan.users + 100)
        url = model.url if model else ""
        size = {"users": plan.users, "days": plan.days}
        scenario = stand_ins.scenario(url, shop, **size, actions=ACTIONS)
        if plan.engine:
            scenario["model"] = {"name": "embedded"}
        (base / SCENARIO).write_text(yaml.safe_dump(scenario))
        if not plan.engine:
            return compare(base, _then_finish(base, model, plan, finish(base, "whole")))
        report = _then_finish(base, None, plan, plan.seconds)
        shutil.copy(base / "killed" / "decisions.sqlite", base / "answers.sqlite")
        finish(base, "whole", "--store", "answers.sqlite")
        return compare(base, report)


def _then_finish(
    base: Path, model: stand_ins.Model | None, plan: argparse.Namespace, seconds: float
) -> Report:
    report = disturb(base, model, plan, seconds)
    finish(base, "killed", "--resume")
    return report


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """How much chaos."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--server-kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--users", type=int, default=60)
    parser.add_argument("--days", type=float, default=60)
    parser.add_argument("--engine", action="store_true")
    parser.add_argument("--seconds", type=float, default=120, help="of a run, with --engine")
    return parser.parse_args(given)


def told(report: Report) -> dict[str, Any]:
    """The lines of the report."""
    killed = len(report.kills) - report.finished_early
    return {
        "undisturbed run": f"{report.seconds:.1f} s",
        "run killed": f"{killed} times, after {report.kills} epochs",
        "over before its moment": f"{report.finished_early} times",
        "model server killed": f"{report.server_kills} times",
        "parts of the log": report.parts,
        "rows of the log of events": report.events,
        "parts that differ": len(report.differing),
        "items without an answer": report.unanswered,
    }


def main() -> int:
    """Do it in a temporary folder and say what came of it."""
    with tempfile.TemporaryDirectory() as name:
        report = chaos(Path(name), arguments())
    for what, value in told(report).items():
        print(f"{what:26} {value}")
    return 1 if report.differing or report.unanswered or not report.events else 0


if __name__ == "__main__":
    sys.exit(main())
