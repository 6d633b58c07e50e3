"""Adapters and the state of a training on disk: safetensors and JSON, never a pickle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from footfall.errors import DataError, one_line
from footfall.plumbing.files import filling, write_json, write_text
from footfall.plumbing.json_files import read_object

ADAPTER, CHECKPOINT = "adapter", "checkpoint"
CARD = "footfall.json"
_STATE, _MOMENTS = "state.json", "moments.safetensors"
_WEIGHTS = "adapter_model.safetensors"


def save_adapter(
    model: Any,
    folder: Path,
    base: str,
    *,
    dtype: torch.dtype,
    card: Mapping[str, Any] | None = None,
) -> None:
    """Write the adapter in peft's layout, in one step.

    Args:
        model: Wrapped by peft.
        folder: Replaced if it is there.
        base: Name of the base model as scenarios write it; no path of this machine.
        dtype: Of the weights in the file.
        card: What is known of it, kept beside the weights that it is about: whoever is killed
            leaves both or neither.
    """
    with _filling(folder) as temporary:
        _write_adapter(model, temporary, base, dtype)
        if card is not None:
            write_json(temporary / CARD, dict(card))


def _write_adapter(model: Any, temporary: Path, base: str, dtype: torch.dtype) -> None:
    model.save_pretrained(temporary)
    (temporary / "README.md").unlink(missing_ok=True)  # peft's empty model card
    weights = load_file(temporary / _WEIGHTS)
    save_file(
        {name: value.to(dtype) for name, value in weights.items()},
        temporary / _WEIGHTS,
        metadata={"format": "pt"},
    )
    config = read_object(temporary / "adapter_config.json")
    config["base_model_name_or_path"] = base
    text = json.dumps(config, indent=1, sort_keys=True) + "\n"
    write_text(temporary / "adapter_config.json", text)


def load_adapter(model: Any, folder: Path) -> None:
    """Put saved weights into a model that peft has wrapped in the same way.

    Raises:
        DataError: They are damaged, or were made with another rank, for other layers, or for
            another model.
    """
    from peft import get_peft_model_state_dict, set_peft_model_state_dict  # noqa: PLC0415

    try:
        weights = load_file(folder / _WEIGHTS)
    except (OSError, SafetensorError) as error:
        reason = one_line(error, 200)
        raise DataError(f"{folder / _WEIGHTS}: cannot be read: {reason}") from None
    wanted = {name: value.shape for name, value in get_peft_model_state_dict(model).items()}
    if {name: value.shape for name, value in weights.items()} != wanted:
        raise DataError(
            f"{folder}: its weights are not shaped as this training's; give the --rank, "
            "--first-layer and base model that it was made with"
        )
    set_peft_model_state_dict(model, weights)


def save_state(
    out: Path, model: Any, optimizer: torch.optim.Optimizer, state: dict[str, Any], base: str
) -> None:
    """Everything that going on needs: weights, moments of the optimizer, where it stands."""
    folder = out / CHECKPOINT
    moments: dict[str, torch.Tensor] = {}
    for number, values in optimizer.state_dict()["state"].items():
        moments |= {f"{number}/{name}": tensor.contiguous() for name, tensor in values.items()}
    with _filling(folder) as temporary:
        save_adapter(model, temporary / ADAPTER, base, dtype=torch.float32)
        save_file(moments, temporary / _MOMENTS)
        write_json(temporary / _STATE, state)


def load_state(out: Path, model: Any, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Continue where ``save_state`` was last called; returns its ``state``.

    Raises:
        DataError: There is no whole checkpoint.
    """
    folder = out / CHECKPOINT
    try:
        state = read_object(folder / _STATE)
        moments = load_file(folder / _MOMENTS)
        load_adapter(model, folder / ADAPTER)
    except (OSError, ValueError, SafetensorError) as error:
        reason = one_line(error, 200)
        message = f"{folder}: no checkpoint to resume from ({reason}); start without --resume"
        raise DataError(message) from None
    whole = optimizer.state_dict()
    for key, tensor in moments.items():
        number, name = key.split("/")
        whole["state"].setdefault(int(number), {})[name] = tensor
    optimizer.load_state_dict(whole)
    return state


@contextmanager
def _filling(folder: Path) -> Iterator[Path]:
    """Like ``filling``; what safetensors says of a full disk is an error of the system, too."""
    with filling(folder) as temporary:
        try:
            yield temporary
        except SafetensorError as error:
            raise OSError(one_line(error, 200)) from error
