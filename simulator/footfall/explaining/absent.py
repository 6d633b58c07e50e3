"""The model of a run that is over, as far as its prompts and the keys of its answers need it.

Run folders come from others. What a manifest says of a model is used to look answers up, and for
nothing else: no address in it is called, no key is read for it, and no hub is asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from footfall.errors import LogError
from footfall.explaining.replay import Replay
from footfall.llm.devices import for_cuda
from footfall.llm.distant import Distant, Facts
from footfall.llm.fake import FakeModel, FakeTokenizer
from footfall.llm.protocol import LanguageModel, Tokenizer
from footfall.llm.specs import ModelSpec
from footfall.llm.weights.embedded import embedded_folder
from footfall.llm.weights.tokenizer import load_tokenizer
from footfall.run_folder import manifest
from footfall.run_folder.layout import MANIFEST

CPU_BLOCK, CUDA_BLOCK, SERVER_BLOCK = 32, 16, 32
"""Tokens a cache block where neither scenario nor manifest tells."""


def absent_model(replay: Replay) -> LanguageModel:
    """What asked the questions of a run, without anybody to answer them.

    Raises:
        ModelError: Its tokenizer is not on this machine.
        LogError: The manifest does not say which model it was.
    """
    spec = replay.scenario.model
    if spec.name == "fake" and spec.server is None:
        return FakeModel(seed=spec.seed, max_prompt_tokens=spec.max_model_len - 1)
    record = manifest.read(replay.run)
    said: dict[str, Any] = record["model"] or {}
    asked = record.get("asked") or {}
    try:
        fingerprint = bytes.fromhex(said["fingerprint"])
        block = int(asked.get("block_size") or spec.block_size or _block(spec))
        longest = int(asked.get("max_prompt_tokens") or spec.max_model_len - 1)
    except (KeyError, TypeError, ValueError):
        raise LogError(
            f"{replay.run / MANIFEST}: does not say which model was asked; it was changed"
        ) from None
    tokenizer = _tokenizer(spec, str(said.get("root") or spec.name))
    return Distant(Facts(str(said.get("name")), fingerprint, tokenizer, block, longest))


def _block(spec: ModelSpec) -> int:
    if spec.server is not None:
        return SERVER_BLOCK
    return CUDA_BLOCK if for_cuda() else CPU_BLOCK


def _tokenizer(spec: ModelSpec, root: str) -> Tokenizer:
    """The model's own, from this machine: the hub's cache will do, the hub is not asked."""
    if spec.name == "fake" and not spec.tokenizer:
        return FakeTokenizer()
    if spec.name == "embedded" and not spec.tokenizer:
        return load_tokenizer(embedded_folder(lambda _: None), at_hand=True)
    source = spec.tokenizer or (spec.name if spec.adapter else root)
    return load_tokenizer(Path(source).expanduser(), spec.revision, at_hand=True)
