"""A validation, told as a story.

1. lay the ground: read, cut, divide     4. judge: blocks A to I
2. open the model                        5. decide and write validity.json
3. observe: choices, players, rivals
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import yaml

from footfall.answering.opening import needs_no_store, open_answering
from footfall.answering.stand_in import StandIn
from footfall.errors import UserError
from footfall.fitting.ground import lay
from footfall.llm.nobody import NOBODY
from footfall.llm.protocol import LanguageModel
from footfall.llm.store import AnswerStore, StoredModel
from footfall.options import Announce
from footfall.plumbing.stopwatch import Stopwatch
from footfall.run_folder import manifest
from footfall.run_folder.layout import MANIFEST, VALIDITY
from footfall.scenario.scenario import Scenario
from footfall_eval.blocks.block import plain
from footfall_eval.blocks.decide import decide
from footfall_lab.validation.asking import Interviewer
from footfall_lab.validation.judge import coefficients, judge
from footfall_lab.validation.memories import measure
from footfall_lab.validation.newitems.story import foresee_takers
from footfall_lab.validation.past_tests import read_kind, read_tests
from footfall_lab.validation.players import Players
from footfall_lab.validation.prediction import predict
from footfall_lab.validation.study import Order, observe
from footfall_lab.validation.tasks import run_tasks

MEMORY = "memory.json"
NEW_ITEMS = "new-items.json"
BEHAVIOUR = "behaviour.yaml"
"""The judged coefficients, to be pasted into a scenario."""


def validate_users(scenario: Scenario, order: Order, announce: Announce) -> dict[str, Any]:
    """Judge the scenario's simulated users and write ``order.out/validity.json``.

    Raises:
        UserError: The scenario or its data cannot be used; exit status 2.
    """
    clock = Stopwatch()
    if order.tests is not None:
        read_tests(order.tests)  # a typing mistake should not wait for all the rest
    kind = None if order.backtest is None else read_kind(order.backtest)
    if scenario.behaviour.segments is not None:
        raise UserError(
            "validate judges coefficients that are common to all users; leave behaviour.segments "
            "out of the scenario to validate it"
        )
    with clock.section("data"):
        ground = lay(scenario, order.base, users=order.users, announce=announce)
    with _model(scenario, order, announce) as model:
        with clock.section("observing"):
            study = observe(ground, order, model, announce)
        only = ("A", "B", "C") if order.protocol == "prediction" else ()
        with clock.section("judging"):
            blocks = judge(study, announce, only)
            tasks = predict(study, announce) if order.protocol == "prediction" else None
        engine = 0.0 if model is None else model.engine_seconds
        cautions = [model.caution()] if isinstance(model, StandIn) else []
    decision = decide(blocks, _obstacles(order, study.players))
    found = {
        "verdict": decision.verdict,
        "reasons": [*decision.reasons, *cautions],
        "scenario": scenario.name,
        "users": len(ground.stages.test.users),
        "behaviour": study.players.behaviour.model_dump(mode="json"),
        "behaviour as written": study.players.as_written,
        "coefficients": coefficients(study.players),
        "kinds": {} if kind is None else {kind["kind"]: kind},
        "blocks": {letter: block.as_dict() for letter, block in blocks.items()},
        **({} if tasks is None else {"prediction": tasks}),
        "timings": {
            **{name: round(seconds, 1) for name, seconds in clock.seconds.items()},
            "engine": round(engine, 1),
            "total": round(clock.total(), 1),
        },
    }
    tidy: dict[str, Any] = plain(found)
    write(order.out, tidy)
    (order.out / BEHAVIOUR).write_text(_as_yaml(study.players), encoding="utf-8")
    return tidy


def write(folder: Path, found: dict[str, Any]) -> None:
    """Write the findings in one step; a run in the same folder repeats the verdict."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{VALIDITY}.partial"
    temporary.write_text(json.dumps(found, indent=1), encoding="utf-8")
    temporary.replace(folder / VALIDITY)
    if not (folder / MANIFEST).exists():
        return
    with manifest.locked(folder):
        record = manifest.read(folder)
        record["validity"] = {
            "verdict": found["verdict"], "reasons": found["reasons"], "kinds": found["kinds"],
            "file": VALIDITY,
        }  # fmt: skip
        manifest.write(folder, record)


def discriminate(scenario: Scenario, order: Order, announce: Announce) -> dict[str, Any]:
    """The 1:m task for every ratio; written to ``order.out/discrimination.json``."""
    clock = Stopwatch()
    ground = lay(scenario, order.base, users=order.users, announce=announce)
    with _model(scenario, order, announce) as model:
        interviewer = None
        if model is not None:
            interviewer = Interviewer(model, scenario.choice, ground.catalogue, order.base)
        found = dict(plain(run_tasks(ground, order, interviewer, announce)))
    found["seconds"] = round(clock.total(), 1)
    order.out.mkdir(parents=True, exist_ok=True)
    path = order.out / "discrimination.json"
    path.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


def weigh_memories(scenario: Scenario, order: Order, announce: Announce) -> dict[str, Any]:
    """What each kind of memory is worth; written to ``order.out/memory.json``.

    Raises:
        UserError: No questions may be asked, or prompts tell no events that memory could choose.
    """
    clock = Stopwatch()
    if not order.questions:
        raise UserError("--protocol memory asks the model; give --questions more than 0")
    if scenario.model.name == NOBODY:
        raise UserError("--protocol memory asks a model, and there is none; name one with --model")
    if scenario.choice.history_events < 2:
        raise UserError(
            f"--protocol memory compares which events prompts tell, and {scenario.name} tells "
            f"{scenario.choice.history_events} (choice: history_events); try long-memory"
        )
    ground = lay(scenario, order.base, users=order.users, announce=announce)
    with _model(scenario, order, announce) as model:
        assert model is not None
        found = dict(plain(measure(ground, order, model, announce)))
    found["seconds"] = round(clock.total(), 1)
    order.out.mkdir(parents=True, exist_ok=True)
    (order.out / MEMORY).write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


def foresee_new_items(scenario: Scenario, order: Order, announce: Announce) -> dict[str, Any]:
    """Who foresees the takers of hidden items; written to ``order.out/new-items.json``.

    Raises:
        UserError: The scenario or its data cannot be used, or too few users took hidden items.
    """
    clock = Stopwatch()
    ground = lay(scenario, order.base, users=order.users, announce=announce)
    with _model(scenario, order, announce) as model:
        found = dict(plain(foresee_takers(ground, order, model, announce)))
    found["seconds"] = round(clock.total(), 1)
    order.out.mkdir(parents=True, exist_ok=True)
    (order.out / NEW_ITEMS).write_text(json.dumps(found, indent=1), encoding="utf-8")
    return found


@contextmanager
def _model(scenario: Scenario, order: Order, announce: Announce) -> Iterator[LanguageModel | None]:
    """The scenario's model behind the store of its answers; None where it is not to be asked."""
    if not order.questions or scenario.model.name == NOBODY:
        yield None
        return
    with closing(open_answering(scenario, order.base, announce)) as model:
        if needs_no_store(model):
            yield model
            return
        with AnswerStore(order.store or order.out / "decisions.sqlite") as store:
            yield StoredModel(model, store)


def _obstacles(order: Order, players: Players) -> tuple[str, ...]:
    """What forbids to carry the verdict over to the run in the same folder."""
    if not (order.out / MANIFEST).exists():
        return ()
    ran = manifest.read(order.out)["scenario"].get("behaviour")
    if ran == players.behaviour.model_dump(mode="json"):
        return ()
    reason = (
        "the run in this folder used other coefficients than those judged here; put "
        f"{BEHAVIOUR} into its scenario and run again"
    )
    return (reason,)


def _as_yaml(players: Players) -> str:
    """The judged behaviour, to be pasted into a scenario."""
    judged = {"behaviour": players.behaviour.model_dump(mode="json")}
    return str(yaml.safe_dump(judged, sort_keys=False))
