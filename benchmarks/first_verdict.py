"""From a log to a first verdict: how long do the three commands of the README take?

    python benchmarks/first_verdict.py

The log is made up (`footfall.scenarios.made_up`, 5,000 customers). Seconds by the clock, and of one
core, go to benchmarks/results/first-verdict.json.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import keep
from footfall.scenarios.made_up import write

COMMANDS = (
    "footfall init sales.csv --items articles.csv --yes",
    "footfall run shop.yaml --out runs/shop",
    "footfall compare runs/shop",
)


def main() -> None:
    """Write the log, call the commands one after the other, and keep the times."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, people=5_000)
        rows = len((folder / "sales.csv").read_text().splitlines()) - 1
        begun, used = time.perf_counter(), _computed()
        for command in COMMANDS:
            words = [Path(sys.executable).with_name("footfall"), *command.split()[1:]]
            subprocess.run(words, cwd=folder, check=True)
        seconds, core = time.perf_counter() - begun, _computed() - used
    keep(
        "first-verdict",
        "python benchmarks/first_verdict.py",
        {"rows": f"{rows:,}", "seconds": f"{seconds:.0f}", "core": f"{core:.0f}"},
    )


def _computed() -> float:
    """Seconds of a core that the finished commands took."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


if __name__ == "__main__":
    main()
