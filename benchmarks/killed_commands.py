"""Kill the commands that write files; what was there before must stay whole.

    python benchmarks/killed_commands.py [--kills 6] [--seed 1] [--only report,export]

``fit``, ``validate``, ``distill``, ``finetune``, ``learn-appeal``, ``export`` and ``report`` run
once to the end. Then each runs again over its own results and gets ``SIGKILL``: every other time at
a random moment, else as soon as something new lies in its folder, which is when it writes. After
each kill every file must be as it was before, or whole and new, and what is read as one (numbers
and the card that describes them) must be readable. Exit status 1 if one is missing or damaged.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import stand_ins
import yaml
from safetensors import safe_open

from footfall.appeal.folder import read_appeal
from footfall.errors import FootfallError
from footfall.plumbing.files import file_hash
from footfall.surrogate.folder import read_student

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "worlds"))

from headline_worlds import headlines

USERS = 600

COMMANDS: dict[str, tuple[str, ...]] = {
    "fit": ("fit", "s.yaml", "--out", "fitted/behaviour.yaml"),
    "validate": ("validate", "s.yaml", "--out", "judged", "--questions", "0", "--users", "40"),
    "distill": ("distill", "s.yaml", "--out", "small", "--users", "40"),
    "export": ("export", "run", "--format", "parquet", "--out", "kept/all", "--overwrite"),
    "report": ("report", "run"),
    "learn-appeal": ("learn-appeal", "tests.csv", "--out", "words", "--model", "none"),
    "finetune": (
        *("finetune", "lessons", "--out", "tuned", "--steps", "2", "--evaluate-every", "1"),
        *("--validation-lessons", "2", "--lessons-a-step", "1", "--first-layer", "29"),
    ),
}
FOLDERS = {
    "fit": "fitted",
    "validate": "judged",
    "distill": "small",
    "export": "kept",
    "report": "run",
    "learn-appeal": "words",
    "finetune": "tuned",
}
"""Where each command writes."""

READ: dict[str, Callable[[Path], object]] = {"distill": read_student, "learn-appeal": read_appeal}
"""How a folder is read whose files must fit each other."""


@dataclass
class Outcome:
    """What came of killing one command."""

    killed: int = 0
    over: int = 0
    """Attempts that ended before they were killed."""
    damaged: list[str] = field(default_factory=list)


def prepare(base: Path) -> None:
    """A shop, a run and some lessons."""
    stand_ins.write_shop(base, USERS)
    sales = pd.read_parquet(base / "sales.parquet")
    fresh = sales.drop_duplicates("item")  # the shop writes each item once on its first day
    sales["time"] += 5 * (sales["time"] - sales["time"].min())  # half a year, to fit on its stages
    sales.loc[fresh.index, "time"] = fresh["time"]
    sales.to_parquet(base / "sales.parquet")
    scenario = stand_ins.scenario("", "", users=40, days=6)
    scenario["model"] = {"name": "fake"}
    scenario["choice"] = {"mode": "yes-no"}
    kinds = ("random", "popular")
    scenario["arms"] = [{"name": kind, "recommender": {"kind": kind}} for kind in kinds]
    (base / "s.yaml").write_text(yaml.safe_dump(scenario))
    call(base, "run", "s.yaml", "--out", "run")
    lessons = {**scenario, "model": {"name": "embedded"}}
    (base / "l.yaml").write_text(yaml.safe_dump(lessons))
    headlines().arms.to_csv(base / "tests.csv", index=False)


def call(base: Path, *command: str) -> None:
    """Run to the end."""
    done = subprocess.run(
        [*stand_ins.FOOTFALL, *command], cwd=base, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-500:]}")


def state(folder: Path) -> dict[str, str]:
    """Hash of every file that is not temporary, nor the growing store of answers."""
    return {
        path.relative_to(folder).as_posix(): file_hash(path)
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and "decisions.sqlite" not in path.name
    }


def whole(path: Path) -> bool:
    """Whether a file can be read to its end."""
    try:
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix in (".yaml", ".yml"):
            return isinstance(yaml.safe_load(path.read_text()), dict)
        elif path.suffix == ".html":
            return path.read_text().rstrip().endswith("</html>")
        elif path.suffix == ".parquet":
            pq.read_table(path)
        elif path.suffix == ".safetensors":
            with safe_open(path, "np") as numbers:
                return bool(list(numbers.keys()))
    except Exception:  # noqa: BLE001 - whatever a reader says of a damaged file
        return False
    return path.stat().st_size > 0


def again(name: str, number: int) -> list[str]:
    """The command as it is begun over its own results; a finished fine-tuning is taken further."""
    words = list(COMMANDS[name])
    if name == "finetune":
        words[words.index("--steps") + 1] = str(4 + 2 * number)
        words.append("--resume")
    return words


def kill(base: Path, name: str, words: list[str], moment: float | None) -> bool:
    """Start a command and kill it; whether it was still there to be killed.

    Args:
        base: Folder of the experiment.
        name: The command.
        words: How it is begun.
        moment: Seconds after its start; None: as soon as it writes.
    """
    folder = base / FOLDERS[name]
    before = set(folder.rglob("*"))
    process = subprocess.Popen(
        [*stand_ins.FOOTFALL, *words],
        cwd=base,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    began = time.perf_counter()
    while process.poll() is None:
        if moment is None and set(folder.rglob("*")) - before:
            break
        if moment is not None and time.perf_counter() - began > moment:
            break
        time.sleep(0.0005)
    alive = process.poll() is None
    process.kill()
    process.wait()
    return alive


def disturb(base: Path, name: str, kills: int, rng: random.Random) -> Outcome:
    """Kill one command again and again over the results of an undisturbed one."""
    outcome = Outcome()
    began = time.perf_counter()
    if name == "finetune":
        call(base, "sft-data", "l.yaml", "--out", "lessons", "--max-users", "8", "--tested", "20")
        began = time.perf_counter()
    call(base, *COMMANDS[name])
    seconds = time.perf_counter() - began
    folder = base / FOLDERS[name]
    for number in range(kills):
        before = state(folder)
        moment = seconds * rng.uniform(0.5, 1.05) if number % 2 else None
        alive = kill(base, name, again(name, number), moment)
        outcome.killed += alive
        outcome.over += not alive
        after = state(folder)
        outcome.damaged += [
            f"{name}: {file}"
            for file, digest in before.items()
            if after.get(file) != digest and not (file in after and whole(folder / file))
        ]
        if name in READ:
            try:
                READ[name](folder)
            except FootfallError as error:
                outcome.damaged.append(f"{name}: {error}")
    return outcome


def experiment(base: Path, plan: argparse.Namespace) -> list[str]:
    """All commands in an empty folder, told one by one; the files that were lost or damaged."""
    prepare(base)
    rng = random.Random(plan.seed)
    damaged: list[str] = []
    for name in plan.only.split(",") if plan.only else list(COMMANDS):
        one = disturb(base, name, plan.kills, rng)
        told = f"{name:12} killed {one.killed} times, over before {one.over} times, files lost or "
        print(f"{told}damaged: {', '.join(one.damaged) or 'none'}", flush=True)
        damaged += one.damaged
    return damaged


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """How often, and which."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="some commands, with commas between them")
    return parser.parse_args(given)


def main() -> int:
    """Do it in a temporary folder and say what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        damaged = experiment(Path(folder), arguments())
    return 1 if damaged else 0


if __name__ == "__main__":
    sys.exit(main())
