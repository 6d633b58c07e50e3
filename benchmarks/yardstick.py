"""Does the truth pass the yardstick? Planted shops, judged with their own users as the simulator.

    python benchmarks/yardstick.py [--kinds fashion,grocery,media] [--seeds 1] [--out FOLDER]
        [--small]

For each shop ``footfall validate`` judges three kinds of users on the log's later days: the shop's
own (who know the truth), those that Footfall fits to the log, and the shipped habits with taste
removed. The first must be validated, the last must not; what becomes of the fitted is the result.
One line a shop and kind of users: verdict, gain of block B, tau and slope of block G.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "worlds"))

from footfall.runs.histories import read_histories
from footfall.scenario.reading import read_scenario
from footfall_lab.validation.study import ValidationOptions
from footfall_lab.validation.validate import validate_users
from planted import KINDS, ORDINARY, Shop, plant, write
from planted.arms import TEN, serve
from planted.knowing import KnowingUsers

SMALL = {"users": 400, "items": 200, "days": 35, "later_days": 14}
"""As in the tests: about three minutes a shop."""

TASTELESS = {"click": {"popularity": 0.0, "price": 0.0, "repeat": 0.0}}


def main() -> None:
    """Judge the truth, the fitted and the tasteless in every shop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", default=",".join(ORDINARY))
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--out", type=Path, default=Path("runs/yardstick"))
    parser.add_argument("--small", action="store_true", help="Half the users, items and days.")
    options = parser.parse_args()
    kinds = list(KINDS) if options.kinds == "all" else options.kinds.split(",")
    for kind in kinds:
        for seed in options.seeds.split(","):
            shop = plant(kind, int(seed), **(SMALL if options.small else {}))
            judge(shop, f"{kind} {seed}", options.out / f"{kind}-{seed}")


def judge(shop: Shop, title: str, folder: Path) -> None:
    """One shop, three kinds of users."""
    path = write(shop, folder, serve(shop, folder, TEN))
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    for name in ("truth", "fitted", "without taste"):
        one = {**raw, "behaviour": TASTELESS} if name == "without taste" else raw
        file = folder / f"{name.replace(' ', '-')}.yaml"
        file.write_text(yaml.safe_dump(one), encoding="utf-8")
        scenario = read_scenario(file)
        options = ValidationOptions(out=folder / file.stem, base=folder, questions=0)
        users = None
        if name == "truth":
            people = read_histories(scenario, folder, lambda _: None)
            users = KnowingUsers(shop, people.population.originals, people.catalogue.ids)
        found = validate_users(scenario, options, lambda _: None, users=users)
        print(f"{title}, {name}: {line(found)}", flush=True)


def line(found: dict[str, Any]) -> str:
    """The verdict and what it rests on."""
    b, g = (found["blocks"][letter]["metrics"] for letter in ("B", "G"))
    low, high = b["gain over best classical interval"]
    words = (
        f"{found['verdict']}; B {b['gain over best classical']:+.4f} ({low:+.4f} to {high:+.4f})"
    )
    if "tau" not in g:
        return f"{words}; G {found['blocks']['G']['explanation']}"
    first, last = g["slope interval"]
    return (
        f"{words}; G tau {g['tau']:.2f} (offline NDCG {g['tau of offline ndcg']:.2f}), slope "
        f"{g['slope']:.2f} ({first:.2f} to {last:.2f}); {'; '.join(found['reasons'])}"
    )


if __name__ == "__main__":
    main()
