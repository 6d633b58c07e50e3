"""A model's linear layers in int8, written once: what vLLM multiplies faster on most CPUs.

Weights have a scale an output channel, activations one a token, found while they are computed
(W8A8, symmetric). The folder is in the layout of compressed-tensors, which vLLM reads by itself.
Embeddings and the output head stay as they are: log-probabilities are read there.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from footfall.errors import ModelError
from footfall.llm.weights.made import made_once, quick_hash
from footfall.plumbing.json_files import read_object

_MARKER = "footfall-int8.json"
_LEVELS = 127


def int8_folder(base: Path, announce: Callable[[str], None], cache: Path | None = None) -> Path:
    """Return the folder of a model in int8, making it first if need be.

    Args:
        base: The model, in Hugging Face's layout.
        announce: Told, in one line, when it is made.
        cache: Where such folders live; None: the user's cache folder.

    Raises:
        ModelError: The model sees images, is in fewer bits already, or cannot be read.
    """
    config = read_object(base / "config.json")
    if "vision_config" in config:
        raise ModelError("a model that sees images is not put into int8: leave quantization out")
    if "quantization_config" in config:
        raise ModelError(f"{base}: the weights have fewer bits already: leave quantization out")
    return made_once(
        f"int8-{quick_hash(base)[:12]}",
        _MARKER,
        lambda folder: _write(base, config, folder),
        begin=lambda: announce("putting the model into int8 (once, some seconds)"),
        wrong=f"{base} cannot be put into int8",
        cache=cache,
    )


def _write(base: Path, config: dict[str, Any], folder: Path) -> None:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    import torch  # noqa: PLC0415 - heavy, needed once in the life of a model
    from safetensors.torch import save_file  # noqa: PLC0415 - likewise
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - likewise
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - likewise

    disable_progress_bar()
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype="auto")
    output = model.get_output_embeddings()
    linear = {
        f"{name}.weight": module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
    }
    head = next(name for name, module in linear.items() if module is output)
    tied = output.weight is model.get_input_embeddings().weight
    tensors: dict[str, Any] = {}
    for name, tensor in model.state_dict().items():
        if name in linear and name != head:
            scale = tensor.float().abs().amax(dim=1, keepdim=True).clamp_min(1e-12) / _LEVELS
            tensors[name] = (tensor.float() / scale).round().to(torch.int8)
            tensors[f"{name}_scale"] = scale
        elif not (name == head and tied):
            tensors[name] = tensor.contiguous()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    for path in base.iterdir():
        if path.suffix in {".json", ".jinja", ".txt"} and "safetensors" not in path.name:
            shutil.copy(path, folder / path.name)
    described = config | {"quantization_config": _described(head.removesuffix(".weight"))}
    (folder / "config.json").write_text(json.dumps(described, indent=1), encoding="utf-8")


def _described(head: str) -> dict[str, Any]:
    """What compressed-tensors wants to know of the weights."""
    eight = {"num_bits": 8, "type": "int", "symmetric": True}
    return {
        "quant_method": "compressed-tensors",
        "format": "int-quantized",
        "quantization_status": "compressed",
        "ignore": [head],
        "config_groups": {
            "group_0": {
                "targets": ["Linear"],
                "weights": eight | {"strategy": "channel", "dynamic": False},
                "input_activations": eight | {"strategy": "token", "dynamic": True},
            }
        },
    }
