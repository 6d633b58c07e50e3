"""The model under training: load, wrap, step, weigh."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import roc_auc_score

from footfall.errors import ModelError, one_line
from footfall.llm.devices import has_bfloat16
from footfall_eval.blocks.calibration import expected_calibration_error
from footfall_lab.finetuning.lessons import Lesson
from footfall_lab.finetuning.packing import log_odds, pack
from footfall_lab.finetuning.specs import TARGETS, TrainSpec

Labels = tuple[tuple[int, ...], tuple[int, ...]]
"""Token ids of yes, and of no."""


@dataclass(frozen=True)
class Look:
    """What some users' real answers say about the model at one moment."""

    step: int
    nll: float
    """Mean negative log-probability of the right word, nats, over the full vocabulary."""
    auc: float
    auc_new: float
    """Among items that the user had never taken; NaN where there is only one answer."""
    ece: float
    """Expected calibration error of yes against no, 15 equal-mass bins."""
    questions: int


def load(folder: str, device: str) -> Any:
    """The base model, in the arithmetic that trains best on a device.

    bfloat16 on a GPU and on a CPU that computes with it (1.4 times as many tokens a second as
    in float32, ``benchmarks/RESULTS.md``); else float32.

    Raises:
        ModelError: transformers cannot read it.
    """
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - slow to import
    from transformers.utils import logging  # noqa: PLC0415 - likewise

    logging.disable_progress_bar()
    dtype = torch.bfloat16 if device == "cuda" or has_bfloat16() else torch.float32
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    except (OSError, ValueError) as error:
        reason = one_line(error, 200)
        raise ModelError(f"{folder}: cannot be loaded for training: {reason}") from error
    return model.to(device)


def with_lora(base: Any, spec: TrainSpec) -> Any:
    """Freeze the base and put LoRA beside its linear layers.

    Raises:
        ModelError: peft is missing, or the model has no layers of these names.
    """
    try:
        from peft import LoraConfig, get_peft_model  # noqa: PLC0415 - only for training
    except ImportError:
        raise ModelError("training needs peft: pip install peft") from None
    layers = base.config.num_hidden_layers
    if spec.first_layer >= layers:
        raise ModelError(f"--first-layer {spec.first_layer}: the model has {layers} layers")
    torch.manual_seed(spec.seed)
    config = LoraConfig(
        r=spec.rank,
        lora_alpha=spec.alpha,
        target_modules=list(TARGETS),
        layers_to_transform=list(range(spec.first_layer, layers)),
        task_type="CAUSAL_LM",
    )
    try:
        model = get_peft_model(base, config)
    except ValueError as error:
        raise ModelError(
            f"no adapter for this model ({one_line(error)}); choose another base model"
        ) from error
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return model


def learning_rate(spec: TrainSpec, step: int) -> float:
    """Linear rise, then a cosine to a tenth; ``step`` counts from 0."""
    rise = max(1, math.ceil(0.05 * spec.steps))
    if step < rise:
        return spec.learning_rate * (step + 1) / rise
    share = (step - rise) / max(1, spec.steps - rise)
    return spec.learning_rate * (0.1 + 0.45 * (1 + math.cos(math.pi * min(1.0, share))))


def lessons_of_step(lessons: Sequence[Lesson], spec: TrainSpec, step: int) -> list[Lesson]:
    """The lessons of one update: a new order every time round, the same after resuming."""
    picked = []
    for place in range(step * spec.lessons_a_step, (step + 1) * spec.lessons_a_step):
        turn, at = divmod(place, len(lessons))
        order = np.random.default_rng((spec.seed, turn)).permutation(len(lessons))
        picked.append(lessons[int(order[at])])
    return picked


def update(
    model: Any, optimizer: torch.optim.Optimizer, lessons: Sequence[Lesson], labels: Labels
) -> float:
    """One step down the mean NLL of the right words; returns that NLL before the step."""
    model.train()
    asked = sum(len(lesson.suffixes) for lesson in lessons)
    total = 0.0
    for lesson in lessons:
        with _arithmetic(model):
            right = _right(model, lesson, labels)
        loss = -right.sum() / asked
        loss.backward()
        total += float(loss.detach())
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total


def look(model: Any, lessons: Sequence[Lesson], labels: Labels, step: int) -> Look:
    """Weigh the model on lessons that it does not learn from."""
    model.eval()
    odds, mass = [], []
    with torch.no_grad(), _arithmetic(model):
        for lesson in lessons:
            packed = pack(lesson, model.dtype).to(_device(model))
            in_favour, against = log_odds(model, packed, *labels)
            odds.append((in_favour - against).cpu().numpy())
            mass.append(torch.where(packed.taken, in_favour, against).cpu().numpy())
    taken = np.concatenate([lesson.taken for lesson in lessons])
    new = np.concatenate([lesson.new for lesson in lessons])
    score = np.concatenate(odds).astype(np.float64)
    chance = 1 / (1 + np.exp(-score))
    return Look(
        step=step,
        nll=float(-np.concatenate(mass).mean()),
        auc=_auc(taken, score),
        auc_new=_auc(taken[new], score[new]),
        ece=expected_calibration_error(chance, taken.astype(float)),
        questions=len(score),
    )


def _right(model: Any, lesson: Lesson, labels: Labels) -> torch.Tensor:
    packed = pack(lesson, model.dtype).to(_device(model))
    in_favour, against = log_odds(model, packed, *labels)
    return torch.where(packed.taken, in_favour, against)


def _arithmetic(model: Any) -> torch.autocast:
    """Multiply in bfloat16 where the base is kept in it; the adapter's own weights stay float32."""
    half = model.dtype == torch.bfloat16
    return torch.autocast(_device(model).type, dtype=torch.bfloat16, enabled=half)


def _device(model: Any) -> torch.device:
    return next(iter(model.parameters())).device


def _auc(taken: npt.NDArray[np.bool_], score: npt.NDArray[np.float64]) -> float:
    return float(roc_auc_score(taken, score)) if 0 < taken.sum() < len(taken) else math.nan
