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


if __name__ == "__main__":
    main()
