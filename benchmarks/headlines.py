"""How well appeal models foresee tests that nobody looked at while they were made.

    python benchmarks/headlines.py TESTS --out runs/headlines [--tuned] [--model embedded]

A random fifth of the stories and the latest fifth of the tests are put aside; penalties, layers and
schedules were chosen by cross-fitting inside the rest, from which the models learn here. Prints
one JSON document: figures with 95% intervals over stories, and what the language model adds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from footfall.datasets.experiments import read_experiments
from footfall_eval.reading.block import plain
from footfall_lab.appeal.backtest import blends, scores_kept
from footfall_lab.appeal.figures import Scored, answered, ceiling, figures, gain
from footfall_lab.appeal.folds import FOLDS
from footfall_lab.appeal.learners import Learner
from footfall_lab.appeal.lessons import TitlePairs
from footfall_lab.appeal.results import listed
from footfall_lab.appeal.stacking import Foreseen, weigh
from footfall_lab.appeal.story import AppealOptions, learners_of

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SHARE = 0.2


def tell(line: str) -> None:
    """Progress goes to stderr."""
    print(line, file=sys.stderr, flush=True)


def put_aside(lessons: TitlePairs) -> tuple[Bools, Bools, Bools]:
    """[n_pairs] development, random fifth, latest fifth; no story in two of them.

    Stories of the latest tests that came before as well belong to none of the three.
    """
    pairs = lessons.pairs
    _, first = np.unique(pairs.test, return_index=True)
    late = pairs.time >= np.sort(pairs.time[first])[int((1 - SHARE) * len(first))]
    drawn = np.array(
        [
            int(hashlib.sha256(f"final:{s}".encode()).hexdigest()[:8], 16) / 2**32
            for s in lessons.stories
        ]
    )
    random = (drawn < SHARE)[pairs.story] & ~late
    again = np.isin(pairs.story, pairs.story[late]) & ~late
    return ~(random | late | again), random & ~again, late


def foreseen(
    learners: list[Learner], lessons: TitlePairs, develop: Bools, folder: Path
) -> dict[str, Foreseen]:
    """What blends taught by the development part say of all pairs, each blend weighed in it."""
    lot = lessons.lots(FOLDS, "appeal-fold")
    inside, outside = {}, {}
    for learner in learners:
        column = np.full(len(lessons), np.nan)
        for fold in range(FOLDS):
            tell(f"{learner.name}: fold {fold} of the development part")
            scores, _ = scores_kept(learner, lessons, develop & (lot != fold), folder, tell)
            mine = develop & (lot == fold)
            column[mine] = lessons.differences(scores)[mine]
        inside[learner.name] = column
        tell(f"{learner.name}: the whole development part")
        scores, _ = scores_kept(learner, lessons, develop, folder, tell)
        outside[learner.name] = lessons.differences(scores)
    found = {}
    mixes = {name: (name,) for name in inside} | blends(tuple(inside))
    for name, parts in mixes.items():
        weighing = weigh(np.column_stack([inside[part] for part in parts]), lessons, develop)
        told = np.column_stack([outside[part] for part in parts]) @ weighing.weights
        tell(f"{name}: weights {dict(zip(parts, weighing.weights.round(2), strict=True))}")
        found[name] = Foreseen(told, np.full(len(lessons), weighing.spread))
    return found


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tests", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--tuned", action="store_true")
    given = parser.parse_args()
    lessons = TitlePairs.of(read_experiments(given.tests))
    options = AppealOptions(given.tests, given.out, given.model, tuned=given.tuned)
    develop, random, late = put_aside(lessons)
    told = foreseen(learners_of(options, tell), lessons, develop, given.out / "work")
    report = {}
    for part, rows in (("random fifth", random), ("latest fifth", late), ("both", random | late)):
        scored = {name: Scored.of(lessons, one, rows) for name, one in told.items()}
        fullest = list(scored)[-1]
        report[part] = {
            "tests": len(np.unique(lessons.pairs.test[rows])),
            "pairs": int(rows.sum()),
            "ceiling": vars(ceiling(scored["texts"])),
            "figures": {name: figures(one) for name, one in scored.items()},
            "answered": answered(scored[fullest]),
            "gains over texts": {
                name: gain(one, scored["texts"]) for name, one in scored.items() if "+" in name
            },
        }
        if "all" in scored:
            report[part]["states over texts + tuned"] = gain(scored["all"], scored["texts + tuned"])
    print(json.dumps(plain(listed(report)), indent=1))


if __name__ == "__main__":
    main()
