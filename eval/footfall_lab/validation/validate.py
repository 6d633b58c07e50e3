"""A validation, told as a story.

1. lay the ground: read, cut, divide     4. judge: blocks A to I
2. open the model                        5. decide and write validity.json
3. observe: choices, players, rivals
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from footfall.answering.opening import needs_no_store, open_answering
from footfall.answering.stand_in import StandIn
from footfall.behaviour.specs import BehaviourSpec
from footfall.datasets.sources import load
from footfall.errors import UserError
from footfall.fitting.ground import lay
from footfall.llm.nobody import NOBODY
from footfall.llm.protocol import LanguageModel
from footfall.llm.store import AnswerStore, StoredModel
from footfall.options import Announce
from footfall.plumbing.files import write_json, write_text
from footfall.plumbing.stopwatch import Stopwatch
from footfall.run_folder import manifest
from footfall.run_folder.layout import MANIFEST, STORE, VALIDITY
from footfall.runs.foresight import Foresight
from footfall.runs.judged_pages import LOOK_BACK
from footfall.scenario.scenario import Scenario
from footfall_eval.blocks.decide import decide
from footfall_eval.reading.block import plain
from footfall_lab.validation.asking import Interviewer
from footfall_lab.validation.blocks import blocks_of, coefficients
from footfall_lab.validation.memories import measure
from footfall_lab.validation.newitems.story import foresee_takers
from footfall_lab.validation.pages import observe_pages, page_blocks
from footfall_lab.validation.past_tests import read_kind, read_tests
from footfall_lab.validation.players import Players
from footfall_lab.validation.prediction import predict
from footfall_lab.validation.study import ValidationOptions, observe
from footfall_lab.validation.tasks import run_tasks

MEMORY = "memory.json"
NEW_ITEMS = "new-items.json"
BEHAVIOUR = "behaviour.yaml"
"""The judged coefficients, to be pasted into a scenario."""


def validate_users(
    scenario: Scenario,
    options: ValidationOptions,
    announce: Announce,
    users: Foresight | None = None,
) -> dict[str, Any]:
    """Judge the scenario's simulated users and write ``options.out/validity.json``.

    Args:
        scenario: The scenario; where its split is at the log's end, it is moved back.
        options: What the validation may cost, and where it leaves its findings.
        announce: Told what is done.
        users: Whom to judge in place of the scenario's users, on a log of pages: whoever says
            what they would do with a page.

    Raises:
        UserError: The scenario or its data cannot be used; exit status 2.
    """
    clock = Stopwatch()
    if options.tests is not None:
        read_tests(options.tests)  # a typing mistake should not wait for all the rest
    kinds = _kinds(options)
    if scenario.behaviour.segments is not None:
        raise UserError(
            "validate judges coefficients that are common to all users; leave behaviour.segments "
            "out of the scenario to validate it"
        )
    scenario, moved = looking_back(scenario, options.base, announce)
    if options.protocol == "blocks":
        found = _by_pages(scenario, options, announce, users, clock, moved=moved)
        if found is not None:
            return found
    with clock.section("data"):
        ground = lay(scenario, options.base, users=options.users, announce=announce)
    with _model(scenario, options, announce) as model:
        with clock.section("observing"):
            study = observe(ground, options, model, announce)
        only = ("A", "B", "C") if options.protocol == "prediction" else ()
        with clock.section("judging"):
            blocks = blocks_of(study, announce, only)
            tasks = predict(study, announce) if options.protocol == "prediction" else None
        engine = 0.0 if model is None else model.engine_seconds
        cautions = [model.caution()] if isinstance(model, StandIn) else []
    decision = decide(blocks, _obstacles(options, study.players.behaviour))
    found = {
        "verdict": decision.verdict,
        "reasons": [*decision.reasons, *cautions],
        "scenario": scenario.name,
        "users": len(ground.stages.test.users),
        "behaviour": study.players.behaviour.model_dump(mode="json"),
        "behaviour as written": study.players.as_written,
        "coefficients": coefficients(study.players),
        "kinds": kinds,
        "blocks": {letter: block.as_dict() for letter, block in blocks.items()},
        **({} if tasks is None else {"prediction": tasks}),
        "timings": {
            **{name: round(seconds, 1) for name, seconds in clock.seconds.items()},
            "engine": round(engine, 1),
            "total": round(clock.total(), 1),
        },
    }
    tidy: dict[str, Any] = plain(found)
    write(options.out, tidy)
    write_text(options.out / BEHAVIOUR, _as_yaml(study.players))
    return tidy


def _kinds(options: ValidationOptions) -> dict[str, Any]:
    """What past tests of one kind of change said, by kind."""
    if options.backtest is None:
        return {}
    found = read_kind(options.backtest)
    return {found["kind"]: found}


def looking_back(scenario: Scenario, base: Path, announce: Announce) -> tuple[Scenario, bool]:
    """The scenario with days to judge by, and whether its split had to be moved for that.

    A split at the log's end holds nothing out. It moves back by as many days as the run has, a
    quarter of the log at most; users who were fitted to all of it are fitted again to the rest.
    """
    if scenario.split.at != "end":
        return scenario, False
    times = load(scenario.data, base).interactions["time"]
    length = min(pd.Timedelta(days=scenario.world.days), (times.max() - times.min()) * LOOK_BACK)
    at = (times.max() - length).ceil("D")
    announce(
        f"the split is at the log's end: judged on the days from {at:%Y-%m-%d} on, by users who "
        "know only what came before"
    )
    chosen = scenario.model_dump(exclude_unset=True) | {"split": {"at": at.to_pydatetime()}}
    if scenario.behaviour.people is not None:
        chosen.pop("behaviour", None)
    return Scenario.model_validate(chosen), True


def _by_pages(
    scenario: Scenario,
    options: ValidationOptions,
    announce: Announce,
    users: Foresight | None,
    clock: Stopwatch,
    *,
    moved: bool,
) -> dict[str, Any] | None:
    """The judgement on logged pages; None where the log has none with propensities.

    A language model that has a say is judged by the other way: it would have to be asked about
    every page.
    """
    speaks = scenario.model.name != NOBODY and scenario.behaviour.people is None
    if speaks and users is None:
        return None
    with clock.section("observing"):
        study = observe_pages(scenario, options, announce, users)
    if study is None:
        return None
    with clock.section("judging"):
        blocks = page_blocks(study)
    behaviour = study.scenario.behaviour
    decision = decide(blocks, () if moved else _obstacles(options, behaviour))
    found: dict[str, Any] = plain(
        {
            "verdict": decision.verdict,
            "reasons": list(decision.reasons),
            "scenario": scenario.name,
            "users": study.found.users,
            "behaviour": behaviour.model_dump(mode="json"),
            "behaviour as written": "behaviour" in scenario.model_fields_set,
            "kinds": _kinds(options),
            "blocks": {letter: block.as_dict() for letter, block in blocks.items()},
            "timings": {name: round(seconds, 1) for name, seconds in clock.seconds.items()},
        }
    )
    write(options.out, found)
    return found


def write(folder: Path, found: dict[str, Any]) -> None:
    """Write the findings in one step; a run in the same folder repeats the verdict."""
    write_json(folder / VALIDITY, found)
    if not (folder / MANIFEST).exists():
        return
    with manifest.locked(folder):
        record = manifest.read(folder)
        record["validity"] = {
            "verdict": found["verdict"], "reasons": found["reasons"], "kinds": found["kinds"],
            "file": VALIDITY,
        }  # fmt: skip
        manifest.write(folder, record)


def discriminate(
    scenario: Scenario, options: ValidationOptions, announce: Announce
) -> dict[str, Any]:
    """The 1:m task for every ratio; written to ``options.out/discrimination.json``."""
    clock = Stopwatch()
    ground = lay(scenario, options.base, users=options.users, announce=announce)
    with _model(scenario, options, announce) as model:
        interviewer = None
        if model is not None:
            interviewer = Interviewer(model, scenario.choice, ground.catalogue, options.base)
        found = dict(plain(run_tasks(ground, options, interviewer, announce)))
    found["seconds"] = round(clock.total(), 1)
    write_json(options.out / "discrimination.json", found)
    return found


def weigh_memories(
    scenario: Scenario, options: ValidationOptions, announce: Announce
) -> dict[str, Any]:
    """What each kind of memory is worth; written to ``options.out/memory.json``.

    Raises:
        UserError: No questions may be asked, or prompts tell no events that memory could choose.
    """
    clock = Stopwatch()
    if not options.questions:
        raise UserError("--protocol memory asks the model; give --questions more than 0")
    if scenario.model.name == NOBODY:
        raise UserError("--protocol memory asks a model, and there is none; name one with --model")
    if scenario.choice.history_events < 2:
        raise UserError(
            f"--protocol memory compares which events prompts tell, and {scenario.name} tells "
            f"{scenario.choice.history_events} (choice: history_events); try long-memory"
        )
    ground = lay(scenario, options.base, users=options.users, announce=announce)
    with _model(scenario, options, announce) as model:
        assert model is not None
        found = dict(plain(measure(ground, options, model, announce)))
    found["seconds"] = round(clock.total(), 1)
    write_json(options.out / MEMORY, found)
    return found


def foresee_new_items(
    scenario: Scenario, options: ValidationOptions, announce: Announce
) -> dict[str, Any]:
    """Who foresees the takers of hidden items; written to ``options.out/new-items.json``.

    Raises:
        UserError: The scenario or its data cannot be used, or too few users took hidden items.
    """
    clock = Stopwatch()
    ground = lay(scenario, options.base, users=options.users, announce=announce)
    with _model(scenario, options, announce) as model:
        found = dict(plain(foresee_takers(ground, options, model, announce)))
    found["seconds"] = round(clock.total(), 1)
    write_json(options.out / NEW_ITEMS, found)
    return found


@contextmanager
def _model(
    scenario: Scenario, options: ValidationOptions, announce: Announce
) -> Iterator[LanguageModel | None]:
    """The scenario's model behind the store of its answers; None where it is not to be asked."""
    if not options.questions or scenario.model.name == NOBODY:
        yield None
        return
    with closing(open_answering(scenario, options.base, announce)) as model:
        if needs_no_store(model):
            yield model
            return
        with AnswerStore(options.store or options.out / STORE) as store:
            yield StoredModel(model, store)


def _obstacles(options: ValidationOptions, judged: BehaviourSpec) -> tuple[str, ...]:
    """What forbids to carry the verdict over to the run in the same folder."""
    if not (options.out / MANIFEST).exists():
        return ()
    ran = manifest.read(options.out)["scenario"].get("behaviour")
    if ran is not None and _numbers_of(ran) == _numbers_of(judged.model_dump(mode="json")):
        return ()
    reason = (
        "the run in this folder used other coefficients than those judged here; write `behaviour: "
        f"{options.out / BEHAVIOUR}` into its scenario and run again into another folder"
    )
    return (reason,)


def _numbers_of(behaviour: dict[str, Any]) -> dict[str, Any]:
    """What makes users alike: two files of the same fitted users may lie in different places."""
    people = behaviour.get("people") or {}
    return {**behaviour, "people": people.get("sha256")}


def _as_yaml(players: Players) -> str:
    """The judged behaviour, to be pasted into a scenario."""
    judged = {"behaviour": players.behaviour.model_dump(mode="json")}
    return str(yaml.safe_dump(judged, sort_keys=False))
