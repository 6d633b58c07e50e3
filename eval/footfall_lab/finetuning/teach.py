"""The two commands as functions: data from a scenario, an adapter from data."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from footfall.choice.asking import open_prompter
from footfall.choice.yes_no import labels
from footfall.errors import DataError, UserError
from footfall.fitting.ground import lay
from footfall.llm.opening import open_model
from footfall.llm.specs import ModelSpec
from footfall.llm.weights.adapters import adapter_card, adapter_hash, find_adapter, user_hash
from footfall.llm.weights.weights import find_weights
from footfall.options import Announce
from footfall.plumbing.files import replacing, write_json
from footfall.plumbing.json_files import read_object
from footfall.prompting.templates import Template
from footfall.run_folder import manifest
from footfall.scenario.scenario import Scenario
from footfall_lab.finetuning import lora
from footfall_lab.finetuning.checkpoint import ADAPTER, CARD, load_adapter
from footfall_lab.finetuning.curves import write_curves
from footfall_lab.finetuning.files import TRAIN, VALIDATE, read_lessons, write_about, write_lessons
from footfall_lab.finetuning.lessons import Lesson, LessonSpec, make_lessons, questions
from footfall_lab.finetuning.specs import TrainSpec
from footfall_lab.finetuning.train import Progress, Sitting, train


def write_sft_data(
    scenario: Scenario, base: Path, spec: LessonSpec, out: Path, announce: Announce
) -> dict[str, Any]:
    """Write lessons of a scenario's data; returns the manifest.

    Raises:
        UserError: The scenario does not ask yes-no, or its data leaves nothing to learn.
    """
    if scenario.choice.mode != "yes-no":
        raise UserError(
            f"sft-data: this scenario asks in mode {scenario.choice.mode}; lessons are made of "
            "yes-no questions: set `choice: mode: yes-no`"
        )
    ground = lay(scenario, base, users=spec.tested, announce=announce)
    model = open_model(scenario.model, announce=announce)
    choice = scenario.choice
    prompter = open_prompter(choice, model, ground.catalogue, base, item_in_answer=choice.item_last)
    announce("writing lessons")
    lessons = make_lessons(ground, prompter, spec, announce)
    for name, part in ((TRAIN, lessons.train), (VALIDATE, lessons.validate)):
        write_lessons(out, name, part, model.tokenizer.decode)
    yes, no = labels(model)
    template = Template(choice.template or choice.mode, base, required=("history", "item"))
    learned = sorted({lesson.user for lesson in (*lessons.train, *lessons.validate)})
    about = {
        "footfall": manifest.versions().get("footfall", "unknown"),
        "dataset": ground.dataset.name,
        "licence": ground.dataset.licence,
        "scenario": scenario.name,
        "until": str(lessons.until),
        "seed": scenario.seed,
        "lessons": spec.model_dump(mode="json"),
        "choice": choice.model_dump(mode="json"),
        "template_sha256": hashlib.sha256(template.source.encode()).hexdigest(),
        "model": scenario.model.name,
        "block_size": model.block_size,
        "labels": {"yes": list(yes), "no": list(no)},
        "users": [user_hash(ground.dataset.name, user) for user in learned],
        "train": _counts(lessons.train),
        "validate": _counts(lessons.validate),
    }
    write_about(out, about)
    return about


def _counts(lessons: Sequence[Lesson]) -> dict[str, int]:
    return {
        "lessons": len(lessons),
        "users": len({lesson.user for lesson in lessons}),
        "questions": questions(lessons),
        "taken": sum(sum(lesson.taken) for lesson in lessons),
        "tokens": sum(lesson.tokens for lesson in lessons),
    }


def teach(
    data: Path,
    out: Path,
    spec: TrainSpec,
    *,
    device: str = "",
    resume: bool = False,
    announce: Announce,
    on_step: Any = lambda _step, _nll: None,
) -> dict[str, Any]:
    """Train an adapter on lessons; returns what the model card says.

    Args:
        data: Folder of ``write_sft_data``.
        out: Gets ``adapter/``, ``checkpoint/``, ``curves.html`` and ``card.json``.
        spec: How to train.
        device: "cpu", "cuda", or "" for the better one that there is.
        resume: Go on from the checkpoint.
        announce: Told one line about each look at the validation users.
        on_step: See ``footfall_lab.finetuning.train.OnStep``.

    Raises:
        UserError: The data or the model cannot be used, or ``out`` holds another training.
    """
    lessons = read_lessons(data)
    _prepare(out, lessons.about, spec, resume=resume)
    base = ModelSpec(name=lessons.about["model"])
    where = device or best_device()
    announce(f"loading {base.name} on {where}")
    model = lora.with_lora(lora.load(_folder(base, announce), where), spec)
    parent = _begin_from(model, spec.start)
    labels = lessons.about["labels"]

    card = partial(_card, base=base.name, about=lessons.about, spec=spec, where=where, start=parent)
    sitting = Sitting(
        model=model,
        base=base.name,
        labels=(tuple(labels["yes"]), tuple(labels["no"])),
        train=lessons.train,
        validate=lessons.validate,
        out=out,
        on_step=on_step,
        on_look=lambda one: announce(
            f"step {one.step}: NLL {one.nll:.4f}, AUC {one.auc:.3f}, "
            f"new items {one.auc_new:.3f}, ECE {one.ece:.3f}"
        ),
        card=card,
    )
    progress = train(sitting, spec, resume=resume)
    write_curves(progress, out / "curves.html")
    found = card(progress)
    write_json(out / "card.json", found)
    if (out / ADAPTER).is_dir():
        write_json(out / ADAPTER / CARD, found)
    return found


def _card(
    progress: Progress,
    *,
    base: str,
    about: dict[str, Any],
    spec: TrainSpec,
    where: str,
    start: dict[str, Any] | None,
) -> dict[str, Any]:
    """What an adapter says of itself, so far."""
    return {
        "base": base,
        "date": time.strftime("%Y-%m-%d"),
        "device": where,
        "versions": manifest.versions(),
        "training": spec.model_dump(mode="json"),
        "data": about,
        "start": start,
        "steps": progress.step,
        "planned": progress.planned,
        "seconds": round(progress.seconds, 1),
        "tokens": progress.tokens,
        "looks": [asdict(one) for one in progress.looks],
        "best": asdict(progress.best),
    }


def _begin_from(model: Any, start: str | None) -> dict[str, Any] | None:
    """Load the adapter to go on from; returns its hash and its card, which the new one keeps."""
    if start is None:
        return None
    folder = find_adapter(start)
    load_adapter(model, folder)
    return {"sha256": adapter_hash(folder), "card": adapter_card(folder)}


def best_device() -> str:
    """Say "cuda" where torch finds such a device, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def _folder(base: ModelSpec, announce: Announce) -> str:
    return find_weights(base, announce).model


def _prepare(out: Path, about: dict[str, Any], spec: TrainSpec, *, resume: bool) -> None:
    """One folder, one training: never mix two by accident."""
    out.mkdir(parents=True, exist_ok=True)
    # A training may be made shorter or longer on the way: the card tells.
    options = spec.model_dump(mode="json", exclude={"steps"})
    mine = {"training": options, "data": about}
    digest = hashlib.sha256(json.dumps(mine, sort_keys=True).encode()).hexdigest()
    note = out / "training.json"
    if resume:
        try:
            theirs = read_object(note).get("sha256")
        except (OSError, ValueError):
            theirs = None
        if theirs != digest:
            raise DataError(
                f"{out}: holds no training with these options and lessons; "
                "give the same ones to resume, or start without --resume"
            )
        return
    if (out / "checkpoint").exists():
        raise UserError(f"{out}: holds a training already: add --resume, or name another folder")
    with replacing(note) as sink:
        sink.write((json.dumps({"sha256": digest, **mine}, indent=1) + "\n").encode())
