"""How many item decisions a second a surrogate makes, and its teacher.

    footfall distill demo --out runs/small
    python benchmarks/surrogate.py demo runs/small [--teacher-pages 32] [--loop] [--keep]

Both decide pages of items drawn evenly for the scenario's users, one process, nothing stored.
``--teacher-pages 0`` leaves the language model out. ``--loop`` also runs ``feedback-loop`` with the
surrogate (500 users, 8 weeks, 3 arms). ``--keep`` writes the figures to benchmarks/results, and how
truly the surrogate repeats its teacher, which ``footfall distill`` has measured.

    python benchmarks/surrogate.py demo runs/small --truth

writes the latter only.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from figures import keep, when

from footfall.answering.opening import open_choice
from footfall.choice.protocol import ChoiceModel, Page
from footfall.choice.specs import ChoiceSpec
from footfall.llm.fake import FakeModel
from footfall.llm.opening import open_model
from footfall.options import Options
from footfall.plumbing.json_files import read_object
from footfall.plumbing.yaml_files import folder_of
from footfall.runs.histories import Histories, read_histories
from footfall.runs.run import run
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


def rate(choice: ChoiceModel, pages: list[Page]) -> tuple[float, float]:
    """Item decisions a second by the clock and a core second, after a first page that wakes all."""
    choice.utilities(pages[:1])
    start, core = time.perf_counter(), time.process_time()
    choice.utilities(pages[1:])
    items = sum(len(page.items) for page in pages[1:])
    return items / (time.perf_counter() - start), items / (time.process_time() - core)


def loop(surrogate: Path) -> dict[str, float]:
    """Seconds of ``feedback-loop`` where the surrogate answers: in all, and simulating."""
    choice = {"mode": "surrogate", "path": str(surrogate.resolve())}
    scenario = read_scenario("feedback-loop", {"choice": choice})
    start, core = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        record = run(scenario, Options(Path(folder) / "run", base=folder_of("feedback-loop")))
    return {
        "loop": time.perf_counter() - start,
        "loop simulating": record["timings"]["simulating"],
        "loop core": time.process_time() - core,
    }


CELLS = {
    "learned from": "what was learned from",
    "held-out users": "**held-out users**",
    "held-out items": "**held-out items** (names never seen)",
    "held-out users and items": "both",
}


def truth(surrogate: Path) -> dict[str, str]:
    """What ``footfall distill`` has measured on users and items that were kept back."""
    told = read_object(surrogate / "surrogate.json")
    lessons, found = told["lessons"], told["fidelity"]
    cells = ["| answers about | n | Pearson | Spearman | error / spread |", "|---|---|---|---|---|"]
    for name, words in CELLS.items():
        cell = found["cells"][name]
        share = cell["rmse"] / cell["teacher's spread"]
        numbers = (f"{value:.3f}" for value in (cell["pearson"], cell["spearman"], share))
        cells.append(f"| {words} | {cell['pairs']:,} | {' | '.join(numbers)} |")
    alone, habits = (
        {one["treatment"]: one for one in found["effects"] if one["outcome"] == outcome}
        for outcome in ("the model alone", "with the scenario's habits")
    )
    head = "| less random | the model alone: model | surrogate | ratio (95%) "
    arms = [f"{head}| with the demo's habits: ratio |", "|---|---|---|---|---|"]
    for arm, one in alone.items():
        effects = f"{one['teacher']:+.3f} | {one['surrogate']:+.3f}"
        arms.append(f"| {arm} | {effects} | {_ratio(one)} | {_ratio(habits[arm])} |")
    users, nats = found["held-out users"], found["held-out users"]["nll"]
    return {
        "lessons": f"{lessons['users']} households, {lessons['pages']} pages, "
        f"{lessons['items']:,} items; {lessons['users'] - users['users']} households learned from",
        "table": "\n" + "\n".join(cells) + "\n",
        "arms": "\n" + "\n".join(arms) + "\n",
        "within": f"{users['correlation within pages']:.2f}",
        "users": f"{users['users']}",
        "softmax": f"{nats['teacher']:.3f} nats foreseen by the model itself, "
        f"{nats['surrogate']:.3f} by the surrogate, {nats['guessing']:.3f} by guessing",
    }


def _ratio(effect: dict[str, Any]) -> str:
    low, high = effect["ratio interval"]
    return f"{effect['ratio']:.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scenario")
    parser.add_argument("surrogate", type=Path)
    parser.add_argument("--teacher-pages", type=int, default=32)
    parser.add_argument("--loop", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--truth", action="store_true")
    given = parser.parse_args()
    if given.keep or given.truth:
        told = f"python benchmarks/surrogate.py {given.scenario} FOLDER --truth"
        keep("surrogate-truth", told, truth(given.surrogate) | {"when": when()})
    if given.truth:
        return
    scenario, base = read_scenario(given.scenario), folder_of(given.scenario)
    histories = read_histories(scenario, base, lambda _: None)
    k = scenario.world.slate
    spec = ChoiceSpec(mode="surrogate", path=str(given.surrogate.resolve()))
    small = open_choice(spec, FakeModel(), histories.catalogue)
    found: dict[str, float] = {}
    found["surrogate"], found["surrogate a core second"] = rate(small, draw(histories, 4_097, k))
    found["refused"] = small.diagnostics.unanswered_pages / small.diagnostics.pages
    if given.teacher_pages:
        with closing(open_model(scenario.model, announce=lambda _: None)) as model:
            large = open_choice(scenario.choice, model, histories.catalogue, base=base)
            pages = draw(histories, given.teacher_pages + 1, k)
            found["teacher"], found["teacher a core second"] = rate(large, pages)
        ratio = found["surrogate a core second"] / found["teacher a core second"]
        found["ratio"] = ratio  # of core seconds: what runs beside them matters little
    if given.loop:
        found |= loop(given.surrogate)
    print(json.dumps(found))
    if given.keep:
        keep(
            "surrogate-speed",
            f"python benchmarks/surrogate.py {given.scenario} FOLDER --loop --keep",
            {name.replace(" ", "-"): f"{value:,.3g}" if value < 100 else f"{value:,.0f}"
             for name, value in found.items()} | {"when": when()},
        )  # fmt: skip


if __name__ == "__main__":
    main()
