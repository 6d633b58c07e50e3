"""Questions fed to a vLLM engine as a stream that is never empty."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from footfall.errors import ServerError, one_line
from footfall.plumbing.images import ImageFile

Prompt = tuple[Sequence[int], ImageFile | None]
"""Token ids, and the image that they have a mark for."""


def _request(prompt: Prompt) -> dict[str, Any]:
    """What vLLM takes; bare token ids go round all that it does to prompts."""
    ids, image = prompt
    if image is None:
        return {"type": "token", "prompt_token_ids": list(ids)}
    return {
        "prompt_token_ids": list(ids),
        "multi_modal_data": {"image": image.pixels()},
        "multi_modal_uuids": {"image": image.digest},  # so the engine need not hash the pixels
    }


class EngineStream:
    """Requests of one in-process vLLM engine.

    Args:
        engine: vLLM's ``LLMEngine``.
        overlapping: The engine core computes in a process of its own.
        lora: vLLM's ``LoRARequest`` that goes with every question; None: no adapter.
    """

    def __init__(self, engine: Any, *, overlapping: bool, lora: Any = None) -> None:
        self.busy_seconds = 0.0
        """Wall time in which the engine had work, as far as this process can see."""
        self._engine = engine
        self._overlapping = overlapping
        self._lora = {} if lora is None else {"lora_request": lora}
        self._numbers = itertools.count()
        self._unfinished: set[str] = set()
        self._outputs: dict[str, Any] = {}
        self._since = 0.0

    def add(self, prompts: Sequence[Prompt], params: Sequence[Any]) -> list[str]:
        """Queue prompts with their ``SamplingParams``; the names to collect them by.

        Raises:
            ServerError: The engine broke down.
        """
        names = [str(next(self._numbers)) for _ in prompts]
        with self._working():
            for name, prompt, how in zip(names, prompts, params, strict=True):
                request = _request(prompt)
                self._unfinished.add(name)
                self._engine.add_request(name, request, how, **self._lora)
        return names

    def collect(self, names: Sequence[str]) -> list[Any]:
        """Outputs of these requests from vLLM, in order; what else is queued goes on too.

        Raises:
            ServerError: The engine broke down.
        """
        missing = {name for name in names if name in self._unfinished}
        if missing:
            self._step_until(missing)
        return [self._outputs.pop(name) for name in names]

    def finish(self) -> None:
        """Compute everything that is queued; it can still be collected.

        Raises:
            ServerError: The engine broke down.
        """
        self._step_until(set(self._unfinished))

    def _step_until(self, missing: set[str]) -> None:
        with self._working():
            while missing:
                for output in self._engine.step():
                    if output.finished:
                        self._unfinished.discard(output.request_id)
                        missing.discard(output.request_id)
                        self._outputs[output.request_id] = output

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Count time, and give one name to whatever vLLM raises: it ends this engine."""
        if not (self._overlapping and self._unfinished):
            self._since = time.perf_counter()
        try:
            yield
        except Exception as error:
            reason = one_line(error, 300) or type(error).__name__
            raise ServerError(f"the vLLM engine stopped: {reason}") from error
        finally:
            now = time.perf_counter()
            self.busy_seconds += now - self._since
            self._since = now
