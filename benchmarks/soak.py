"""A long run whose memory must stay flat: real servers, the store of answers, learning arms.

    python benchmarks/soak.py [--minutes 60] [--users 700]

Runs ``footfall run`` against the fake model server until its budget of time is used up, and reads
its resident memory from /proc every few seconds. After a warm-up (a quarter of the time, in which
caches fill) the mean of the last tenth may be at most 5% above the mean of the first tenth.
Exit status 1 if it is not, or if the run ends otherwise than by its budget.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import stand_ins
import yaml

WARM_UP, WINDOW, MOST = 0.25, 0.1, 0.05
"""Share of the time that is warm-up; share that is averaged; growth allowed."""

LINES = 30
"""Lines printed on the way."""


def resident_mib(pid: int) -> float:
    """Memory of a process in MiB."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in text.splitlines() if "VmRSS" in line) / 1024


def growth(samples: list[tuple[float, float]], seconds: float) -> float:
    """Growth of the mean memory from after the warm-up to the end, as a share."""
    times, mib = np.array(samples).T
    first = (times >= WARM_UP * seconds) & (times < (WARM_UP + WINDOW) * seconds)
    last = times >= (1 - WINDOW) * seconds
    return float(mib[last].mean() / mib[first].mean() - 1)


def watch(process: subprocess.Popen[bytes], log: Path, seconds: float) -> list[tuple[float, float]]:
    """(Seconds since the first part of the log, MiB), printed on the way, until the end."""
    samples: list[tuple[float, float]] = []
    while process.poll() is None and not log.exists():
        time.sleep(0.1)
    start, pause, told = time.monotonic(), min(5.0, seconds / 200), 0
    while process.poll() is None:
        now = time.monotonic() - start
        try:
            samples.append((now, resident_mib(process.pid)))
        except (FileNotFoundError, StopIteration):
            break  # it has just ended
        if now >= told * seconds / LINES:
            told += 1
            print(f"{now / 60:6.1f} min {samples[-1][1]:9.1f} MiB", flush=True)
        time.sleep(pause)
    return samples


def main() -> int:
    """Run, watch, judge."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--users", type=int, default=700)
    options = parser.parse_args()
    seconds = options.minutes * 60
    with (
        tempfile.TemporaryDirectory() as name,
        stand_ins.Model() as model,
        stand_ins.shop() as shop,
    ):
        base = Path(name)
        stand_ins.write_shop(base, options.users + 100)
        scenario = stand_ins.scenario(model.url, shop, users=options.users, days=3650)
        scenario["budget"] = {"max_time": seconds}
        (base / "soak.yaml").write_text(yaml.safe_dump(scenario))
        command = [*stand_ins.FOOTFALL, "run", "soak.yaml", "--out", "soak"]
        with (base / "stderr").open("wb") as stderr:
            process = subprocess.Popen(command, cwd=base, stderr=stderr)
            samples = watch(process, base / "soak" / "sessions", seconds)
            status = process.wait()
        told = (base / "stderr").read_text().strip().splitlines()[-1:]
        epochs = len(list((base / "soak" / "sessions").glob("*"))) // 2
        answers = (base / "soak" / "decisions.sqlite").stat().st_size / 2**20
    found = growth(samples, samples[-1][0])
    print(f"{epochs:,} epochs, store of {answers:,.0f} MiB; ended with {status}: {told}")
    print(f"memory grew by {found:+.1%} after the warm-up (allowed: {MOST:.0%})")
    return 0 if status == 1 and "budget" in told[0] and found <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
