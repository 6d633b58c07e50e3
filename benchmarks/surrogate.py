"""How many item decisions a second a surrogate makes, and its teacher.

    footfall distill demo --out runs/small
    python benchmarks/surrogate.py demo runs/small [--teacher-pages 32]

Both decide pages of items drawn evenly for the scenario's users, one process, nothing stored.
``--teacher-pages 0`` leaves the language model out.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from footfall.answering.opening import open_choice
from footfall.choice.protocol import ChoiceModel, Page
from footfall.choice.specs import ChoiceSpec
from footfall.llm.fake import FakeModel
from footfall.llm.opening import open_model
from footfall.plumbing.yaml_files import folder_of
from footfall.runs.histories import Histories, read_histories
from footfall.scenario.reading import read_scenario


def draw(histories: Histories, pages: int, k: int) -> list[Page]:
    """Pages of random items for the users in turn."""
    rng = np.random.default_rng(0)
    people = [histories.population.persona(n) for n in range(len(histories.population))]
    size = len(histories.catalogue)
    return [
        Page(people[n % len(people)], tuple(rng.choice(size, k, replace=False).tolist()))
        for n in range(pages)
    ]


def rate(choice: ChoiceModel, pages: list[Page]) -> float:
    """Item decisions a second of wall time, after a first page that wakes everything up."""
    choice.utilities(pages[:1])
    start = time.perf_counter()
    choice.utilities(pages[1:])
    return sum(len(page.items) for page in pages[1:]) / (time.perf_counter() - start)


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario")
    parser.add_argument("surrogate", type=Path)
    parser.add_argument("--teacher-pages", type=int, default=32)
    given = parser.parse_args()
    scenario, base = read_scenario(given.scenario), folder_of(given.scenario)
    histories = read_histories(scenario, base, lambda _: None)
    k = scenario.world.slate
    spec = ChoiceSpec(mode="surrogate", path=str(given.surrogate.resolve()))
    small = open_choice(spec, FakeModel(), histories.catalogue)
    found: dict[str, float | None] = {"surrogate": rate(small, draw(histories, 4_097, k))}
    found["refused"] = small.diagnostics.unanswered_pages / small.diagnostics.pages
    if given.teacher_pages:
        with closing(open_model(scenario.model, announce=lambda _: None)) as model:
            large = open_choice(scenario.choice, model, histories.catalogue, base=base)
            found["teacher"] = rate(large, draw(histories, given.teacher_pages + 1, k))
        found["ratio"] = found["surrogate"] / found["teacher"]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
