"""How long commands take to start: seconds of one core, now and at another commit.

python benchmarks/start_up.py [--before COMMIT] [--run RUN] [--repeats N] [--json]

Core seconds (user and system), the least of N, so that a busy machine changes little. ``--before``
measures the same at another commit of this repository, in a copy of its tree.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAIN = """
import sys
try:
    from footfall.cli.main import main
except ModuleNotFoundError:
    from footfall.cli import main
sys.argv = ["footfall", *sys.argv[1:]]
main()
"""


def core_seconds(arguments: list[str], source: str, tree: Path) -> float:
    """What one call takes, its output thrown away."""
    path = os.pathsep.join([str(tree / "simulator"), str(tree / "eval")])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", source, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        cwd=tree,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(tree: Path, run: Path | None, repeats: int) -> dict[str, float]:
    """Seconds of each thing, the least of ``repeats``."""
    things = {
        "import footfall": ([], "import footfall"),
        "footfall --help": (["--help"], MAIN),
        "footfall run --help": (["run", "--help"], MAIN),
    }
    if run is not None:
        things["footfall compare RUN"] = (["compare", str(run.resolve())], MAIN)
    return {
        name: min(core_seconds(arguments, source, tree) for _ in range(repeats))
        for name, (arguments, source) in things.items()
    }


@contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """The tree of a commit, in a folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="footfall-before-") as folder:
        archive = subprocess.run(
            ["git", "archive", commit], cwd=ROOT, check=True, capture_output=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        _declare(Path(folder))
        yield Path(folder)


def _declare(tree: Path) -> None:
    """Make the tree's own commands known, instead of those that are installed."""
    project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    about = tree / "simulator" / f"footfall-{project['version']}.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: footfall\nVersion: {project['version']}\n"
    )
    lines = []
    for group, entries in project.get("entry-points", {}).items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    about.joinpath("entry_points.txt").write_text("\n".join(lines) + "\n")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", help="commit to compare with")
    parser.add_argument("--run", type=Path, help="run folder that `footfall compare` reads")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {"now": measured(ROOT, options.run, options.repeats)}
    if options.before:
        with tree_of(options.before) as tree:
            found["before"] = measured(tree, options.run, options.repeats)
    if options.json:
        print(json.dumps(found))
        return
    for name, now in found["now"].items():
        before = found["before"][name] if options.before else float("nan")
        ratio = f"   before {before:5.2f} s   x {before / now:.1f}" if options.before else ""
        print(f"{name:24}{now:5.2f} s{ratio}")


if __name__ == "__main__":
    main()
