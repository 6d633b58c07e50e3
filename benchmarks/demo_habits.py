"""The first table of the README: the demo's households by their habits, compared and judged.

    python benchmarks/demo_habits.py

Two minutes on two quiet cores; no language model is asked. The figures go to
benchmarks/results/demo-habits.json, and `make figures` puts them into the documents.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from figures import keep

from footfall_eval import Comparison, RunLog, compare

COMMANDS = (
    "footfall run demo --out runs/demo --model none",
    "footfall validate demo --out runs/demo --model none --questions 0",
)


def main() -> None:
    """Run, judge, compare, and keep what the README says."""
    with tempfile.TemporaryDirectory() as folder:
        for command in COMMANDS:
            words = [Path(sys.executable).with_name("footfall"), *command.split()[1:]]
            subprocess.run(words, cwd=folder, check=True)
        run = Path(folder) / "runs" / "demo"
        found = compare(RunLog.open(run))
        judged = json.loads((run / "validity.json").read_text(encoding="utf-8"))
    keep("demo-habits", "python benchmarks/demo_habits.py", figures(found, judged))


def figures(found: Comparison, judged: dict[str, Any]) -> dict[str, str]:
    """The texts that the README shows."""
    ranking = judged["blocks"]["G"]["metrics"]
    return {
        "table": f"\n{found.to_markdown().strip()}\n",
        "users": str(found.arms[0].users),
        "verdict": found.verdict,
        "validity": str(judged["verdict"]),
        "recommenders": str(ranking["recommenders"]),
        "tau": f"{ranking['tau']:.2f}",
        "slope": f"{ranking['slope']:.2f}",
    }


if __name__ == "__main__":
    main()
