"""A distillation, told as a story.

1. read real histories, draw users     4. learn from those not kept back
2. let the teacher answer              5. measure on those that were
3. keep users and items back           6. write the folder

What is written has learned from all items and from the users that were not kept back. A twin that
has not seen some items either tells what to expect of new ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from footfall.answering.opening import open_choice
from footfall.errors import UserError
from footfall.llm.opening import open_model
from footfall.llm.store import AnswerStore, StoredModel
from footfall.options import Announce
from footfall.plumbing.stopwatch import Stopwatch
from footfall.plumbing.yaml_files import folder_of
from footfall.prompting.templates import Template
from footfall.run_folder import manifest
from footfall.run_folder.layout import MANIFEST, STORE
from footfall.runs.histories import Histories, read_histories
from footfall.runs.provenance import data_hash
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import Scenario, parse_scenario
from footfall.surrogate.folder import write_student
from footfall.world.setup import known_before
from footfall_eval.reading.block import plain
from footfall_lab.distilling import fidelity
from footfall_lab.distilling.learning import Halves, keep_back, learn, measure
from footfall_lab.distilling.lessons import AnsweredPage, AnsweredPages, ask, logged, pages_to_ask

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DistillingOptions:
    """What to distil, and how much of it to keep back."""

    source: str
    """A scenario (file or shipped name), or the folder of a run."""
    out: Path
    users: int = 150
    """Users whom the teacher is asked about, at most."""
    held_out_users: float = 0.3
    held_out_items: float = 0.15
    store: Path | None = None
    """Of model answers; ``out/decisions.sqlite`` unless told otherwise."""
    seed: int | None = None
    base: Path | None = None
    """Folder that the paths of a run's scenario are relative to; None: the working folder."""


def distill(options: DistillingOptions, announce: Announce) -> dict[str, Any]:
    """Make a surrogate in ``options.out`` and return its card.

    Raises:
        UserError: The scenario or run cannot be used; exit status 2.
    """
    clock = Stopwatch()
    run = Path(options.source) if (Path(options.source) / MANIFEST).exists() else None
    scenario, base = _scenario(options, run)
    histories = read_histories(scenario, base, announce)
    announce("reading the run's answers" if run else "asking the teacher")
    teacher, lessons = _taught(options, scenario, histories, base, run, announce)
    kept = keep_back(
        histories.population,
        histories.catalogue,
        users=options.held_out_users,
        items=options.held_out_items,
        seed=scenario.seed,
    )
    announce(f"learning from {len(lessons.answered):,} pages")
    catalogue = histories.catalogue
    student, twin = (
        learn(
            lessons,
            without,
            catalogue,
            events=max(scenario.choice.history_events, scenario.choice.regulars),
            visit=scenario.choice.visit_events,
            seed=scenario.seed,
        )
        for without in (kept.of_users(), kept)
    )
    announce("measuring on users and items that were kept back")
    found = measure(
        lessons,
        kept,
        student.at(catalogue),
        twin.at(catalogue),
        effects=_test(scenario, histories),
    )
    card = {
        "scenario": scenario.name,
        "teacher": {**teacher, **_question(scenario, base)},
        "data": {"name": histories.dataset.name, "hash": data_hash(histories)},
        "lessons": _counts(lessons),
        "taught": _taught_users(lessons, kept, histories),
        "fidelity": found,
        "footfall": manifest.versions().get("footfall", "unknown"),
        "versions": manifest.versions(),
        "seed": scenario.seed,
        "seconds": round(clock.total(), 1),
    }
    return write_student(options.out, student, plain(card))


def _taught_users(lessons: AnsweredPages, kept: Halves, histories: Histories) -> list[str]:
    """Ids of the users whose answers were learned from, or would have been had they come."""
    numbers = (user for user in lessons.drawn if not kept.user[user])
    return [histories.population.users[user] for user in numbers]


def _counts(lessons: AnsweredPages) -> dict[str, int]:
    return {
        "users": len(lessons.users()),
        "items": len(lessons.items()),
        "pages": len(lessons.answered),
        "unanswered pages": lessons.unanswered,
    }


def _scenario(options: DistillingOptions, run: Path | None) -> tuple[Scenario, Path]:
    if run is None:
        overrides = {} if options.seed is None else {"seed": options.seed}
        scenario, base = read_scenario(options.source, overrides), folder_of(options.source)
    else:
        record = manifest.read(run)
        scenario = parse_scenario(record["scenario"], str(run / MANIFEST))
        base = options.base or Path.cwd()
    if scenario.choice.mode == "ensemble":
        raise UserError(f"{options.source}: distil one member of the ensemble at a time")
    if scenario.choice.mode == "surrogate":
        raise UserError(
            f"{options.source}: a surrogate answers there; distil from a language model"
        )
    if scenario.choice.memory is not None:
        raise UserError(
            f"{options.source}: what choice.memory recalls cannot be learned; distil without it"
        )
    return scenario, base


def _taught(
    options: DistillingOptions,
    scenario: Scenario,
    histories: Histories,
    base: Path,
    run: Path | None,
    announce: Announce,
) -> tuple[dict[str, Any], AnsweredPages]:
    """Who the teacher is, and what it said."""
    if run is not None:
        recorded = dict(manifest.read(run)["model"])
        return recorded, logged(run, histories, users=options.users)
    path = options.store or options.out / STORE
    with closing(open_model(scenario.model, announce=announce)) as engine:
        teacher = {"name": engine.name, "fingerprint": engine.fingerprint.hex()}
        pages = pages_to_ask(scenario, histories, base, users=options.users, announce=announce)
        with AnswerStore(path) as store:
            model = StoredModel(engine, store)
            choice = open_choice(scenario.choice, model, histories.catalogue, base=base)
            return teacher, ask(choice, pages, announce)


def _question(scenario: Scenario, base: Path) -> dict[str, Any]:
    """How the teacher was asked."""
    spec = scenario.choice
    template = Template(spec.template or spec.mode, base, required=("history", "item"))
    return {
        "choice": spec.model_dump(mode="json"),
        "template": hashlib.sha256(template.source.encode()).hexdigest(),
    }


def _test(scenario: Scenario, histories: Histories) -> Any:
    """The scenario's A/B test of first pages, by teacher and surrogate."""
    known = known_before(
        histories.apart.for_behaviour,
        histories.population,
        histories.catalogue,
        histories.split.at,
    )

    def effects(
        lessons: Sequence[AnsweredPage], surrogate: Sequence[Floats], weight: float
    ) -> list[dict[str, Any]]:
        return fidelity.effects(
            lessons,
            surrogate,
            arms=[arm.name for arm in scenario.arms],
            control=scenario.control,
            behaviour=scenario.behaviour,
            known=known,
            weight=weight,
            seed=scenario.seed,
        )

    return effects
