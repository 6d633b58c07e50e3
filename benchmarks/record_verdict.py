"""Put the verdict of a validation into the package, for runs of exactly what it was reached on.

    footfall run demo --out runs/demo
    footfall validate demo --out runs/demo
    python benchmarks/record_verdict.py runs/demo --command "footfall validate demo"

It writes ``simulator/footfall/verdicts/NAME.json``. A run of the same scenario, data, prompts and
model repeats it; a run that differs in any of them says that it was not validated.
"""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

from figures import keep

from footfall.plumbing.files import write_json
from footfall.plumbing.json_files import read_object
from footfall.run_folder import manifest
from footfall.run_folder.layout import VALIDITY
from footfall.runs.recorded_verdicts import FOLDER, key_of

PACKAGE = Path(__file__).resolve().parents[1] / "simulator" / "footfall"


def main() -> None:
    """Write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--command", required=True, help="What the validation was begun with.")
    options = parser.parse_args()
    record = manifest.read(options.run)
    found = read_object(options.run / VALIDITY)
    if found.get("recorded"):
        parser.error(f"{options.run}: its verdict came from the package; validate it first")
    name = record["scenario"]["name"]
    told = {
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "command": options.command,
        "footfall": record["footfall"],
        "holds for": key_of(record),
    }
    file = PACKAGE / FOLDER / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    write_json(file, {**found, "recorded": told})
    print(f"written to {file}")
    if name == "demo":
        command = f"{options.command}; python benchmarks/record_verdict.py"
        keep("demo-validity", command, figures(found["blocks"]))


def figures(blocks: dict[str, Any]) -> dict[str, str]:
    """What the documents say of it."""
    choice, ranking = blocks["B"]["metrics"], blocks["G"]["metrics"]
    least, most = choice["gain of the language model interval"]
    return {
        "weight": f"{choice['weight of the model']:.2f} "
        f"(standard error {choice['weight of the model, standard error']:.2f})",
        "adds": f"{choice['gain of the language model']:+.3f} [{least:+.3f}, {most:+.3f}]",
        "tau": f"{ranking['tau']:.2f}",
        "slope": f"{ranking['slope']:.2f}",
    }


if __name__ == "__main__":
    main()
