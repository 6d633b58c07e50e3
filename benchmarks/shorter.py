"""What a shorter question costs in truth and saves in tokens: the demo, told less of what is taken.

    python benchmarks/shorter.py [--regulars 10] [--judged FOLDER]

A quarter of an hour of a core: `footfall validate` judges users whose history names so many of the
items that they take most often, in place of 40. ``--judged`` names the folder of one that ended.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from figures import keep, when

from footfall.runs.estimate import estimate
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import Scenario


def main() -> None:
    """Count, judge and keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--regulars", type=int, default=10)
    parser.add_argument("--judged", type=Path)
    told = parser.parse_args()
    whole = read_scenario("demo", {})
    choice = whole.choice.model_copy(update={"regulars": told.regulars})
    shorter = whole.model_copy(update={"choice": choice})
    shipped = files("footfall") / "verdicts" / "demo.json"
    findings = {
        "whole": json.loads(shipped.read_text(encoding="utf-8")),
        "shorter": validated(shorter, told.judged),
    }
    tokens = [estimate(one, Path(), lambda _: None).tokens for one in (whole, shorter)]
    figures = {
        "regulars": str(told.regulars),
        "tokens": f"{1 - tokens[1] / tokens[0]:.0%}",
        "when": when(),
    }
    for key, found in findings.items():
        b, g = (found["blocks"][block]["metrics"] for block in "BG")
        low, high = b["gain of the language model interval"]
        figures[f"{key}-adds"] = f"{b['gain of the language model']:+.3f} [{low:+.3f}, {high:+.3f}]"
        weight, error = b["weight of the model"], b["weight of the model, standard error"]
        figures[f"{key}-weight"] = f"{weight:.2f} (standard error {error:.2f})"
        figures[f"{key}-tau"] = f"{g['tau']:.2f}"
    keep("shorter", f"python benchmarks/shorter.py --regulars {told.regulars}", figures)
    for key, value in figures.items():
        print(f"{key:16} {value}")


def validated(scenario: Scenario, judged: Path | None) -> Any:
    """What `footfall validate` finds of a scenario, or has found."""
    with tempfile.TemporaryDirectory() as name:
        out = judged or Path(name) / "judged"
        if judged is None:
            path = Path(name) / "shorter.yaml"
            text = yaml.safe_dump(scenario.model_dump(mode="json", exclude_unset=True))
            path.write_text(text, encoding="utf-8")
            footfall = str(Path(sys.executable).with_name("footfall"))
            subprocess.run([footfall, "validate", str(path), "--out", str(out)], check=True)
        return json.loads((out / "validity.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
