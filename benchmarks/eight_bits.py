"""What eight bits gain and what they move: one scenario, played with and without them.

    python benchmarks/eight_bits.py [--bits int8] [--users 60] [--repeats 3] [demo]

Both are played by the real engine with the same luck and an empty store, in turns which first. It
tells how many times as fast the engine answers, by how much answers and chances to click move, and
both verdicts: where they differ, eight bits are not for that scenario.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from figures import keep, when

from footfall.scenario.reading import read_scenario
from footfall_eval import RunLog, compare

RESULTS = {"int8": "eight-bits-int8", "fp8": "eight-bits-fp8"}
SAME = ["arm", "user", "session", "page", "item"]


def main() -> None:
    """Play, compare and keep."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--bits", choices=("int8", "fp8"), default="int8")
    parser.add_argument("--users", type=int)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("scenario", nargs="?", default="demo")
    told = parser.parse_args()
    seconds: dict[str, list[float]] = {"none": [], told.bits: []}
    with tempfile.TemporaryDirectory() as name:
        for repeat in range(told.repeats):
            for bits in ("none", told.bits)[:: 1 if repeat % 2 == 0 else -1]:
                out = Path(name) / f"{bits}-{repeat}"
                seconds[bits].append(played(told.scenario, bits, told.users, out))
        runs = [Path(name) / f"{bits}-0" for bits in ("none", told.bits)]
        figures = moved(*(rows(run) for run in runs))
        for key, run in zip(("plain", "eight"), runs, strict=True):
            result = compare(RunLog.open(run))
            figures |= {f"verdict-{key}": result.verdict.split(" Not validated")[0]}
            figures |= {"users": str(result.arms[0].users)}
    ratios = np.array(seconds["none"]) / np.array(seconds[told.bits])
    figures |= {
        "faster": f"{np.median(ratios):.2f}",
        "slowest": f"{ratios.min():.2f}",
        "fastest": f"{ratios.max():.2f}",
        "repeats": str(told.repeats),
        "when": when(),
    }
    command = shlex.join(["python", "benchmarks/eight_bits.py", *sys.argv[1:]])
    keep(RESULTS[told.bits], command, figures)
    for key, value in figures.items():
        print(f"{key:16} {value}")


def played(scenario: str, bits: str, users: int | None, out: Path) -> float:
    """Seconds in the engine of a run of its own process."""
    spec = read_scenario(scenario, {})
    people = (
        spec.population if users is None else spec.population.model_copy(update={"users": users})
    )
    model = spec.model.model_copy(update={"quantization": bits})
    changed = spec.model_copy(update={"model": model, "population": people})
    path = out.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(changed.model_dump(mode="json", exclude_unset=True)))
    footfall = str(Path(sys.executable).with_name("footfall"))
    subprocess.run([footfall, "run", str(path), "--out", str(out)], check=True)
    return float(json.loads((out / "manifest.json").read_text())["timings"]["engine"])


def rows(run: Path) -> pd.DataFrame:
    """One an item shown, by what names it."""
    columns = [*SAME, "llm", "p_click"]
    parts = sorted((run / "impressions").glob("*.parquet"))
    return pd.concat([pd.read_parquet(part, columns=columns) for part in parts]).set_index(SAME)


def moved(plain: pd.DataFrame, eight: pd.DataFrame) -> dict[str, str]:
    """How far answers and chances moved, over items that both users met in the same place."""
    both = plain.join(eight, how="inner", rsuffix="_eight")
    llm, chance = both["llm_eight"] - both["llm"], both["p_click_eight"] - both["p_click"]
    return {
        "items": f"{len(both):,}",
        "met": f"{len(both) / len(plain):.0%}",
        "moved": f"{llm.abs().mean():.3f}",
        "moved-most": f"{llm.abs().max():.2f}",
        "moved-all": f"{llm.mean():+.3f}",
        "spread": f"{both['llm'].std():.2f}",
        "correlation": f"{both['llm'].corr(both['llm_eight']):.3f}",
        "chances": f"{chance.abs().mean():.4f}",
        "chance": f"{both['p_click'].mean():.3f}",
    }


if __name__ == "__main__":
    main()
