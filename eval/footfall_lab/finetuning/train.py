"""From lessons to an adapter: steps, looks at validation users, early stopping, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from footfall.errors import DataError
from footfall_lab.finetuning import lora
from footfall_lab.finetuning.checkpoint import ADAPTER, load_state, save_adapter, save_state
from footfall_lab.finetuning.lessons import Lesson
from footfall_lab.finetuning.lora import Labels, Look
from footfall_lab.finetuning.specs import TrainSpec

OnStep = Callable[[int, float], None]
"""Told after each step: its number from 1, and the NLL of its lessons before it."""

OnLook = Callable[[Look], None]


@dataclass
class Progress:
    """How a training stands; what a checkpoint holds beside the weights."""

    step: int = 0
    looks: list[Look] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    """[step] NLL of each step's lessons."""
    seconds: float = 0.0
    """Wall time of steps and looks, over all sittings."""
    tokens: int = 0
    """Tokens of the lessons so far."""
    planned: list[list[int]] = field(default_factory=list)
    """[from step, steps in all]: the learning rate falls towards the last step planned."""

    @property
    def best(self) -> Look:
        """The look with the lowest NLL."""
        return min(self.looks, key=lambda one: one.nll)

    def stale(self, patience: int) -> bool:
        """No better NLL in the last ``patience`` looks."""
        return len(self.looks) - 1 - self.looks.index(self.best) >= patience


@dataclass(frozen=True)
class Sitting:
    """What is trained, and who looks on."""

    model: Any
    """Wrapped by peft."""
    base: str
    """Its name as scenarios write it."""
    labels: Labels
    train: list[Lesson]
    validate: list[Lesson]
    out: Path
    on_step: OnStep = lambda _step, _nll: None
    on_look: OnLook = lambda _look: None
    card: Callable[[Progress], dict[str, Any]] | None = None
    """What an adapter that is kept on the way says of itself; None: nothing."""


def train(sitting: Sitting, spec: TrainSpec, *, resume: bool = False) -> Progress:
    """Train until the steps are done or validation gets no better; the best adapter is kept.

    Raises:
        DataError: There is nothing to learn from, or no checkpoint to resume.
    """
    if not sitting.train or not sitting.validate:
        raise DataError(
            "no lessons to learn from, or none to validate with; make them of more users"
        )
    model = sitting.model
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=spec.learning_rate, weight_decay=0.0)
    watched = _some(sitting.validate, spec)
    progress = Progress()
    if resume:
        progress = _progress(load_state(sitting.out, model, optimizer))
    else:
        _look(sitting, watched, progress)
    if not progress.planned or progress.planned[-1][1] != spec.steps:
        progress.planned.append([progress.step, spec.steps])
    while progress.step < spec.steps and not progress.stale(spec.patience):
        start = time.perf_counter()
        lessons = lora.lessons_of_step(sitting.train, spec, progress.step)
        for group in optimizer.param_groups:
            group["lr"] = lora.learning_rate(spec, progress.step)
        progress.losses.append(lora.update(model, optimizer, lessons, sitting.labels))
        progress.step += 1
        progress.tokens += sum(lesson.tokens for lesson in lessons)
        progress.seconds += time.perf_counter() - start
        sitting.on_step(progress.step, progress.losses[-1])
        if progress.step % spec.evaluate_every == 0 or progress.step == spec.steps:
            _look(sitting, watched, progress)
            save_state(sitting.out, model, optimizer, asdict(progress), sitting.base)
    return progress


def _look(sitting: Sitting, watched: list[Lesson], progress: Progress) -> None:
    start = time.perf_counter()
    found = lora.look(sitting.model, watched, sitting.labels, progress.step)
    progress.looks.append(found)
    progress.seconds += time.perf_counter() - start
    if progress.step and progress.best is found:
        card = None if sitting.card is None else sitting.card(progress)
        out = sitting.out / ADAPTER
        save_adapter(sitting.model, out, sitting.base, dtype=torch.bfloat16, card=card)
    sitting.on_look(found)


def _some(lessons: list[Lesson], spec: TrainSpec) -> list[Lesson]:
    rows = np.random.default_rng(spec.seed).permutation(len(lessons))
    return [lessons[int(row)] for row in rows[: spec.validation_lessons]]


def _progress(state: dict[str, Any]) -> Progress:
    looks = [Look(**row) for row in state["looks"]]
    return Progress(**state | {"looks": looks})
