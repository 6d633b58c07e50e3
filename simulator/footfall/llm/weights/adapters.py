"""LoRA adapters: found, named by hash, and merged into the weights for a CPU engine.

An adapter is a folder in peft's layout, as ``footfall finetune`` writes it. On a CPU vLLM
runs no LoRA at full speed, so the adapter is added to the weights once, in the user's cache
folder; on a GPU vLLM keeps base and adapter apart, so that many can share one base.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from footfall.errors import ModelError, did_you_mean
from footfall.llm.weights.made import made_once, quick_hash
from footfall.plumbing.json_files import read_object

_FILES = ("adapter_config.json", "adapter_model.safetensors")
_MARKER = "footfall-merged.json"
_USER_BYTES = 6
_RANKS = (8, 16, 32, 64, 128, 256)
"""For which vLLM can prepare room."""


def shipped_adapters() -> list[str]:
    """Names of the adapters that come with Footfall."""
    folder = files("footfall") / "adapters"
    return sorted(e.name for e in folder.iterdir() if e.is_dir()) if folder.is_dir() else []


def find_adapter(name: str) -> Path:
    """Folder of an adapter: a shipped one by name, or a path.

    Raises:
        ModelError: There is no such adapter, or it is not in peft's layout.
    """
    if name in shipped_adapters():
        return Path(str(files("footfall") / "adapters" / name))
    folder = Path(name).expanduser()
    if not folder.is_dir():
        hint = f"; {did_you_mean(name, shipped_adapters())}" if shipped_adapters() else ""
        raise ModelError(
            f'no adapter "{name}": neither a folder nor one that comes with Footfall{hint}'
        )
    missing = [file for file in _FILES if not (folder / file).is_file()]
    if missing:
        raise ModelError(f"{folder}: {missing[0]} is missing, so not an adapter in peft's layout")
    return folder


def adapter_hash(folder: Path) -> str:
    """SHA-256 over configuration and weights: what names the adapter for ever."""
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def user_hash(dataset: str, user: str) -> str:
    """Short name of a user of a data set, under which an adapter lists whom it learned from."""
    return hashlib.blake2b(f"{dataset}/{user}".encode(), digest_size=_USER_BYTES).hexdigest()


def learned_answers(folder: Path, dataset: str, tested: Iterable[str], split: str) -> str:
    """Why a test on these users would flatter the adapter; "" if nothing is known against it.

    Args:
        folder: The adapter, with the ``footfall.json`` that ``footfall finetune`` leaves there.
        dataset: Name of the tested data set.
        tested: Its tested users.
        split: When the held-out time begins, as text that sorts like time.
    """
    try:
        lessons = [
            (str(about["until"]), set(about["users"]))
            for about in _learned_from(adapter_card(folder))
            if about["dataset"] == dataset
        ]
    except (KeyError, TypeError):
        return f"the adapter {folder.name} does not say what it learned from"
    until = max((end for end, _ in lessons), default=split)
    if until > split:
        return f"the adapter learned from choices until {until}, after the split at {split}"
    known = set().union(*(users for _, users in lessons))
    both = sum(user_hash(dataset, user) in known for user in tested)
    return f"the adapter learned from {both} of the tested users" if both else ""


def adapter_card(folder: Path) -> dict[str, Any]:
    """What ``footfall finetune`` wrote about an adapter; empty where it wrote nothing."""
    try:
        return read_object(folder / "footfall.json")
    except (OSError, ValueError):
        return {}


def _learned_from(card: dict[str, Any]) -> list[dict[str, Any]]:
    """The lessons of an adapter, and of those that its training went on from."""
    start = card.get("start")
    return [card["data"], *(_learned_from(start["card"]) if start else [])]


def lora_settings(adapter: Path | None) -> dict[str, Any]:
    """Arguments of vLLM's engine for an adapter beside the weights; empty without one.

    Raises:
        ModelError: The adapter's configuration is damaged, or its rank too large.
    """
    if adapter is None:
        return {}
    room = next((size for size in _RANKS if size >= _rank(adapter)), None)
    if room is None:
        raise ModelError(
            f"{adapter}: rank {_rank(adapter)}; vLLM takes {_RANKS[-1]} at most: train it with a "
            "lower --rank"
        )
    return {"enable_lora": True, "max_loras": 1, "max_lora_rank": room}


def lora_request(adapter: Path | None) -> Any:
    """What tells vLLM to use the adapter for a question; None without one."""
    if adapter is None:
        return None
    from vllm.lora.request import LoRARequest  # noqa: PLC0415 - footfall starts without vLLM

    return LoRARequest(adapter.name, 1, str(adapter))


def _rank(folder: Path) -> int:
    try:
        return int(read_object(folder / _FILES[0])["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder / _FILES[0]}: no rank `r` in it: {error}") from error


def merged_folder(
    base: Path, adapter: Path, announce: Callable[[str], None], cache: Path | None = None
) -> Path:
    """Return the folder of base and adapter as one model, making it first if need be.

    The folder's name carries both hashes; a folder appears only when it is complete.

    Raises:
        ModelError: They do not fit, or peft is missing.
    """
    return made_once(
        f"merged-{quick_hash(base)[:12]}-{adapter_hash(adapter)[:12]}",
        _MARKER,
        lambda folder: _write(base, adapter, folder),
        begin=lambda: announce("merging the adapter into the model (once, some seconds)"),
        wrong=f"adapter {adapter} does not fit the model {base}",
        cache=cache,
    )


def _write(base: Path, adapter: Path, folder: Path) -> None:
    """Add the adapter in float32, then go back to the base's own arithmetic."""
    logging.getLogger("transformers").setLevel(logging.ERROR)
    import torch  # noqa: PLC0415 - heavy, needed once in the life of an adapter
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - likewise
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415 - likewise

    disable_progress_bar()
    try:
        from peft import PeftModel  # noqa: PLC0415 - likewise
    except ImportError:
        raise ModelError("adapters need peft: pip install peft") from None
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    kept = _dtype(base, torch)
    merged = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
    merged.to(kept).save_pretrained(folder)
    for path in base.iterdir():
        if path.suffix in {".json", ".jinja", ".txt"} and not (folder / path.name).exists():
            shutil.copy(path, folder / path.name)


def _dtype(base: Path, torch: Any) -> Any:
    config = read_object(base / "config.json")
    return getattr(torch, str(config.get("dtype") or config.get("torch_dtype") or "float32"))
