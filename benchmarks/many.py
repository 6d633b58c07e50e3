"""How much faster two workers of a local Ray cluster are than one.

    python benchmarks/many.py [--users 6000] [--days 21] [--repeats 3]

The shop of ``world.py`` and the fake model. Both runs pay for Ray alike; what is compared is the
time of simulating, in turns, and their logs are compared byte by byte. Needs the extra ``ray``
and two quiet cores: with other work on them there is nothing to gain.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from world import scenario, write_shop

from footfall.options import Options
from footfall.runs.run import run


def log_bytes(out: Path) -> dict[str, bytes]:
    """The parts of a log by name."""
    folders = (out / "impressions", out / "sessions")
    return {part.name: part.read_bytes() for folder in folders for part in folder.iterdir()}


def main() -> None:
    """Alternate one and two workers; print each ratio and their median."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--users", type=int, default=6000)
    parser.add_argument("--days", type=float, default=21)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_shop(folder, options.users + 200)
        plan = scenario(options.users, options.days)
        for repeat in range(options.repeats):
            seconds, logs = {}, {}
            for workers in (1, 2) if repeat % 2 == 0 else (2, 1):
                out = folder / f"{repeat}-{workers}"
                record = run(plan, Options(out, base=folder, workers=workers, ray="local"))
                seconds[workers] = record["timings"]["simulating"]
                logs[workers] = log_bytes(out)
            ratios.append(seconds[1] / seconds[2])
            same = "same bytes" if logs[1] == logs[2] else "DIFFERENT BYTES"
            times = f"{seconds[1]:.1f} s / {seconds[2]:.1f} s"
            print(f"1 -> 2 workers: x {ratios[-1]:.2f} ({times}; {same})", flush=True)
    print(f"median: x {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
