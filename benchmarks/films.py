"""Films: are recommenders put in the right order on MovieLens small, seed by seed?

    python benchmarks/films.py --data ml-latest-small [--seeds 1,5,6,7,8,9,10] [--keep]

A seed draws other tested users, other users to fit and other users for the recommenders. Users are
fitted by habits alone, as `footfall validate` does it: Kendall's tau over twelve recommenders
(block G), what as many real users drawn anew would agree to, and F1 of the 1:m task. Half a minute
of one core a seed. Seeds 2, 3 and 4 were used to develop; the others judge.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from figures import keep

from footfall.fitting.ground import Ground, lay
from footfall.fitting.sets import build
from footfall.scenario.scenario import Scenario, parse_scenario
from footfall_eval.blocks.predictions import BLEND
from footfall_eval.blocks.ranking import DRAWN_ANEW, SlateFigures, ranking
from footfall_lab.validation import contest
from footfall_lab.validation.players import make_players
from footfall_lab.validation.study import PER_USER, ValidationOptions
from footfall_lab.validation.tasks import run_tasks

RECOMMENDERS: dict[str, dict[str, Any]] = {
    "random": {"kind": "random"},
    "popular": {"kind": "popular"},
    "item-knn": {"kind": "item-knn"},
    "implicit": {"kind": "implicit", "algorithm": "als"},
}


def main() -> None:
    """Judge every seed; one line each, and the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="MovieLens small, folder or zip.")
    parser.add_argument("--seeds", default="1,5,6,7,8,9,10")
    parser.add_argument("--keep", action="store_true")
    told = parser.parse_args()
    rows = []
    for seed in told.seeds.split(","):
        ground = lay(films(told.data, int(seed)), Path.cwd(), users=300, announce=lambda _: None)
        rows.append({"seed": seed, **order(ground), **one_in_many(ground)})
        print(rows[-1], flush=True)
    if told.keep:
        keep("films", "python benchmarks/films.py --data ml-latest-small --keep", figures(rows))


def films(data: Path, seed: int) -> Scenario:
    """Four arms on MovieLens, without a model and without written coefficients."""
    return parse_scenario(
        {
            "name": "films",
            "data": {"kind": "movielens", "path": str(data.resolve())},
            "split": {"fraction": 0.8},
            "population": {"users": 60, "min_history": 20, "max_history": 60},
            "model": {"name": "none"},
            "arms": [
                {"name": name, "recommender": {**kind, "exclude_known": True}}
                for name, kind in RECOMMENDERS.items()
            ],
            "control": "random",
            "seed": seed,
        }
    )


def order(ground: Ground) -> dict[str, float]:
    """Block G by hits."""
    stage, seed = ground.stages.test, ground.scenario.seed
    sets = build(ground, "catalogue", per_user=PER_USER)
    players = make_players(ground, sets, ground.known_before(), None, 0)
    features = ground.known(stage).features
    held = contest.compete(ground, stage.users, Path.cwd(), lambda _: None)
    simulated, _ = contest.simulate(held, players.behaviour, features, stage, None)
    slates = SlateFigures.of(contest.table(held, simulated, features), {})
    k = ground.scenario.world.slate
    found = ranking(slates, base=contest.RANDOM, seed=seed, k=k).metrics
    return {"tau": found["tau"], "drawn anew": found[DRAWN_ANEW], "slope": found["slope"]}


def one_in_many(ground: Ground) -> dict[str, float]:
    """F1 of the blend in the 1:m task."""
    with tempfile.TemporaryDirectory() as folder:
        options = ValidationOptions(out=Path(folder), questions=0, ratios=(1, 3, 9))
        rows = run_tasks(ground, options, None, lambda _: None)["rows"]
    return {f"F1 {row['ratio']}": row["f1"] for row in rows if row["predictor"] == BLEND}


def figures(rows: list[dict[str, Any]]) -> dict[str, str]:
    """The table by seed, and its means."""
    names = [name for name in rows[0] if name != "seed"]
    means = {name: np.mean([row[name] for row in rows]) for name in names}
    lines = [f"| seed | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [
        f"| {row['seed']} | {' | '.join(f'{row[name]:.3f}' for name in names)} |"
        for row in [*rows, {"seed": "mean", **means}]
    ]
    return {"table": "\n" + "\n".join(lines) + "\n", "tau": f"{means['tau']:.2f}"}


if __name__ == "__main__":
    main()
