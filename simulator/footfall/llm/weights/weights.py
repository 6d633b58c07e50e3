"""Where a model's files lie, and what names them for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from footfall.errors import ModelError, one_line
from footfall.llm.devices import for_cuda
from footfall.llm.specs import ModelSpec
from footfall.llm.weights.adapters import adapter_hash, find_adapter, merged_folder
from footfall.llm.weights.embedded import embedded_folder
from footfall.llm.weights.int8 import int8_folder
from footfall.plumbing.json_files import read_object

_TOKENIZER_FILES = ["*.json", "*.jinja", "*.txt", "tokenizer*"]
_WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf")


@dataclass(frozen=True)
class Weights:
    """Where a model lies, and what names it for ever."""

    model: str
    """Folder or hub id, as vLLM takes it."""
    revision: str | None
    """Commit of a hub id."""
    folder: Path
    """Holds the configuration and the tokenizer."""
    identity: str
    """Hash of the configuration and the weights, or hub id and commit; and the adapter's hash."""
    adapter: Path | None = None
    """A LoRA adapter that the engine keeps beside the weights; merged ones are not named here."""

    def config(self) -> dict[str, Any]:
        """The model's ``config.json``; ``ModelError`` if it is damaged."""
        path = self.folder / "config.json"
        try:
            return read_object(path)
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: cannot be read: {one_line(error, 200)}") from None


def find_weights(spec: ModelSpec, announce: Callable[[str], None]) -> Weights:
    """Find a model's files, preparing the embedded one and asking the hub if need be.

    An adapter is merged into the weights for a CPU engine, and left beside them for a GPU. Weights
    in int8 are a folder of their own, made once; for fp8 the engine rounds them while it starts.

    Raises:
        ModelError: There is no such model or adapter, or it cannot be reached.
    """
    whole = _with_adapter(spec, announce)
    if spec.quantization == "none":
        return whole
    found = replace(whole, identity=f"{whole.identity}+{spec.quantization}")
    if spec.quantization == "fp8":
        return found
    folder = int8_folder(_all_files(whole), announce)
    return replace(found, model=str(folder), revision=None, folder=folder)


def _with_adapter(spec: ModelSpec, announce: Callable[[str], None]) -> Weights:
    base = _find_base(spec, announce)
    if spec.adapter is None:
        return base
    adapter = find_adapter(spec.adapter)
    identity = f"{base.identity}+lora:{adapter_hash(adapter)}"
    if for_cuda():
        return replace(base, identity=identity, adapter=adapter)
    folder = merged_folder(_all_files(base), adapter, announce)
    return Weights(str(folder), None, folder, identity)


def _find_base(spec: ModelSpec, announce: Callable[[str], None]) -> Weights:
    if spec.name == "embedded":
        folder = embedded_folder(announce)
        return Weights(str(folder), None, folder, _folder_hash(folder))
    folder = Path(spec.name).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError(f"{folder}: no config.json, so not a model in Hugging Face's layout")
        return Weights(str(folder), None, folder, _folder_hash(folder))
    return _from_hub(spec)


def _from_hub(spec: ModelSpec) -> Weights:
    """Fetch configuration and tokenizer; vLLM fetches the weights when it starts."""
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - for hub ids only

    try:
        folder = Path(
            snapshot_download(spec.name, revision=spec.revision, allow_patterns=_TOKENIZER_FILES)
        )
    except Exception as error:  # a dozen kinds, from "no network" to "no such repository"
        reason = one_line(error, 200)
        message = f'model "{spec.name}" is neither a folder nor reachable on the hub: {reason}'
        raise ModelError(message) from error
    commit = folder.name  # the cache names a snapshot's folder by its commit
    return Weights(spec.name, commit, folder, f"{spec.name}@{commit}")


def _all_files(base: Weights) -> Path:
    """Folder with the weights too, fetched from the hub if need be."""
    if base.revision is None:
        return base.folder
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - for hub ids only

    try:
        return Path(snapshot_download(base.model, revision=base.revision))
    except Exception as error:  # as above
        reason = one_line(error, 200)
        raise ModelError(f'the weights of "{base.model}" cannot be fetched: {reason}') from error


def _folder_hash(folder: Path) -> str:
    """SHA-256 over the configuration and the weights."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name == "config.json" or path.suffix in _WEIGHTS:
            with path.open("rb") as stream:
                digest.update(path.name.encode())
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
