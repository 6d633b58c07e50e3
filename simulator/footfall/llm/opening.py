"""The language model that a scenario names, opened."""

from __future__ import annotations

from collections.abc import Callable

from footfall.llm.fake import FakeModel
from footfall.llm.nobody import NoModel
from footfall.llm.protocol import LanguageModel
from footfall.llm.specs import ModelSpec
from footfall.llm.vllm.engine import open_engine
from footfall.llm.vllm.server import open_server


def open_model(spec: ModelSpec, *, announce: Callable[[str], None]) -> LanguageModel:
    """Make a model ready to be asked.

    The tokenizer and the fingerprint are there at once; an in-process engine starts at the
    first question, so that a run whose answers are all in the store never waits for it.

    Args:
        spec: Which model.
        announce: Told, in one line each, about steps that take long.

    Raises:
        ModelError: The model, the engine or the server cannot be used as asked.
    """
    if spec.name == "fake" and spec.server is None:
        return FakeModel(seed=spec.seed, max_prompt_tokens=spec.max_model_len - 1)
    if spec.name == "none":
        return NoModel()
    if spec.server is not None:
        return open_server(spec, announce=announce)
    return open_engine(spec, announce=announce)
