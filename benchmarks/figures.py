"""Put what benchmarks measured into the documents: `make figures`.

A document marks each figure that a benchmark wrote:

    <!-- figure: demo-habits.users -->160<!-- /figure -->

The name is that of a file in benchmarks/results and of a figure in it. A benchmark writes that
file (``keep``), this script fills in the text, and tests/test_figures_in_docs.py finds those that
differ. Figures of a time when benchmarks did not write them yet are kept the same way, in files
with "recorded": when they were measured, with what, and that they were not measured again.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGES = (
    ROOT / "README.md",
    ROOT / "benchmarks" / "RESULTS.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)
MARK = re.compile(r"(<!-- figure: ([\w-]+)\.([\w-]+) -->)(.*?)(<!-- /figure -->)", re.DOTALL)


def keep(name: str, command: str, figures: dict[str, str]) -> None:
    """Write what a benchmark measured; figures are texts, as a document shows them."""
    RESULTS.mkdir(exist_ok=True)
    kept = {"command": command, "figures": figures}
    text = json.dumps(kept, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")


def when() -> str:
    """Today, the commit, and how busy the machine is: what a figure is to be read with."""
    asked = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit or 'unknown'}, load {os.getloadavg()[0]:.0f}"
    )


def filled(text: str) -> str:
    """A document with all marked figures as they were measured.

    Raises:
        KeyError, FileNotFoundError: No benchmark wrote such a figure.
    """
    return MARK.sub(lambda mark: f"{mark[1]}{_figure(mark[2], mark[3])}{mark[5]}", text)


def _figure(name: str, key: str) -> str:
    kept = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return str(kept["figures"][key])


if __name__ == "__main__":
    for page in PAGES:
        old = page.read_text(encoding="utf-8")
        new = filled(old)
        if new != old:
            page.write_text(new, encoding="utf-8")
            print(page.relative_to(ROOT))
