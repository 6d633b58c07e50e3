"""vLLM inside this process: the fastest way to ask.

Settings and ways of reading were measured (docs/models.md). The engine starts at the first
question: a run whose answers are all in the store never waits for it.
"""

from __future__ import annotations

import gc
import hashlib
import os
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from footfall.errors import ModelError, ServerError, one_line
from footfall.llm.devices import (
    CPU,
    arithmetic,
    check_quantization,
    engine_environment,
    engine_settings,
    installed_device,
    installed_version,
)
from footfall.llm.protocol import Answer, NoAnswer, Question, Reply, Tokenizer
from footfall.llm.specs import ModelSpec, served_name
from footfall.llm.stream import Pending
from footfall.llm.vllm.batches import by_prefix, too_long
from footfall.llm.vllm.engine_stream import EngineStream
from footfall.llm.vllm.quiet import hushed, unscannable_hidden
from footfall.llm.weights.adapters import lora_request, lora_settings
from footfall.llm.weights.tokenizer import load_tokenizer
from footfall.llm.weights.weights import Weights, find_weights
from footfall.llm.writing import Passage, Written

_A_FEW = 8
"""Hidden rows that may be chance: two titles that begin alike."""


def open_engine(
    spec: ModelSpec,
    *,
    announce: Callable[[str], None],
    settings: dict[str, Any] | None = None,
) -> VllmEngine:
    """Find the model and read its tokenizer; the engine itself starts later.

    Args:
        spec: Which model.
        announce: Told, in one line each, about steps that take long.
        settings: Of vLLM's engine, in place of ours; for comparing them.

    Raises:
        ModelError: vLLM or the model is missing, or cannot be used as asked.
    """
    device = installed_device()
    check_quantization(spec, device)
    weights = find_weights(spec, announce)
    config = weights.config()
    sees = "vision_config" in config
    config = {**config.get("text_config", {}), **config}  # where those who see keep such things
    dtype = arithmetic(spec, device, config)
    settings = {"dtype": dtype} | (settings or engine_settings(spec, device, config))
    if sees:
        settings["limit_mm_per_prompt"] = {"image": 1, "video": 0, "audio": 0}
    tokenizer = load_tokenizer(weights.folder)
    fingerprint = _fingerprint(weights, device, settings["dtype"])
    return VllmEngine(spec, weights, device, settings, tokenizer, fingerprint, announce)


class VllmEngine:
    """``footfall.llm.protocol.LanguageModel`` over ``vllm.LLM``; see ``open_engine``."""

    def __init__(
        self,
        spec: ModelSpec,
        weights: Weights,
        device: str,
        settings: dict[str, Any],
        tokenizer: Tokenizer,
        fingerprint: bytes,
        announce: Callable[[str], None],
    ) -> None:
        self.name = served_name(spec)
        self.tokenizer = tokenizer
        self.fingerprint = fingerprint
        self.start_seconds = 0.0
        """Wall time that starting the engine took; not part of ``engine_seconds``."""
        self.block_size: int = settings.get("block_size", 1)
        # One place is left for the token that every request generates.
        self.max_prompt_tokens: int = settings["max_model_len"] - 1
        self._spec = spec
        self._weights = weights
        self._device = device
        self._settings = settings
        self._announce = announce
        self._llm: Any = None
        self._stream: EngineStream | None = None
        self._labels = True
        """Kind of the questions that were queued last."""
        self._spent = 0.0
        self._shows_cached = True
        """Whether likelihoods can be read behind a cached prefix; else each prefix is read anew."""
        self._writes = "limit_mm_per_prompt" in settings
        """Whether the engine needs a tokenizer of its own: to write, or for the marks of images."""

    @property
    def engine_seconds(self) -> float:
        """Wall time spent inside the engine so far."""
        return self._spent + (self._stream.busy_seconds if self._stream else 0.0)

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order.

        Raises:
            ModelError: The engine does not start.
            ServerError: The engine broke down.
        """
        return self.submit(questions)()

    def submit(self, questions: Sequence[Question]) -> Pending:
        """Queue questions and return; they are computed when these or others are waited for.

        Raises:
            ModelError: The engine does not start.
            ServerError: The engine broke down.
        """
        replies: dict[int, Reply] = {}
        kinds: dict[bool, list[int]] = {}
        for position, question in enumerate(questions):
            reason = too_long(question, self.max_prompt_tokens)
            if reason:
                replies[position] = NoAnswer(reason)
            else:
                kinds.setdefault(bool(question.labels), []).append(position)
        orders = [by_prefix(questions, positions) for positions in kinds.values()]
        waiting = [(order, self._queue([questions[i] for i in order])) for order in orders]

        def wait() -> list[Reply]:
            while waiting:
                order, names = waiting.pop(0)
                asked = [questions[i] for i in order]
                replies.update(zip(order, self._read(asked, names), strict=True))
            return [replies[position] for position in range(len(questions))]

        return wait

    def started(self) -> Any:
        """The ``vllm.LLM`` behind this model, started if need be.

        Raises:
            ModelError: The engine does not start.
        """
        if self._llm is None:
            where = f"{self._device}, {self._settings['dtype']}"
            self._announce(f"starting vLLM with {self.name} on {where} (about a minute)")
            start = time.perf_counter()
            self._llm = self._start()
            overlapping = os.environ.get("VLLM_ENABLE_V1_MULTIPROCESSING") != "0"
            self._stream = EngineStream(
                self._llm.llm_engine,
                overlapping=overlapping,
                lora=lora_request(self._weights.adapter),
            )
            self.start_seconds += time.perf_counter() - start
        return self._llm

    def write(self, passages: Sequence[Passage]) -> list[Written | NoAnswer]:
        """The most likely words, one text a passage, in order.

        Raises:
            ModelError: The engine does not start.
            ServerError: The engine broke down.
        """
        fits = [p for p in passages if len(p.prompt) + p.max_tokens <= self.max_prompt_tokens + 1]
        texts = iter(self._write(fits))
        room = set(map(id, fits))
        return [
            Written(next(texts)) if id(passage) in room else NoAnswer("prompt too long to write")
            for passage in passages
        ]

    def _write(self, passages: Sequence[Passage]) -> list[str]:
        if not passages:
            return []
        self.prepare_to_write()
        llm = self.started()
        assert self._stream is not None
        self._stream.finish()
        from vllm import SamplingParams  # noqa: PLC0415 - footfall starts without vLLM
        from vllm.sampling_params import StructuredOutputsParams  # noqa: PLC0415 - likewise

        params = [
            SamplingParams(
                max_tokens=one.max_tokens,
                temperature=0.0,
                structured_outputs=one.schema
                and StructuredOutputsParams(json=dict(one.schema), disable_any_whitespace=True),
            )
            for one in passages
        ]
        prompts = [{"prompt_token_ids": list(one.prompt.ids)} for one in passages]
        start = time.perf_counter()
        try:
            outputs = llm.generate(prompts, params, use_tqdm=False)
        except Exception as error:  # whatever vLLM raises here ends this engine
            reason = one_line(error, 300) or type(error).__name__
            raise ServerError(f"the vLLM engine stopped: {reason}") from error
        finally:
            self._spent += time.perf_counter() - start
        return [str(output.outputs[0].text) for output in outputs]

    def prepare_to_write(self) -> None:
        """Have the engine bring a tokenizer along, which only writing needs.

        Raises:
            ServerError: It runs without one already.
        """
        if self._llm is not None and not self._writes:
            raise ServerError("the engine was started to be asked only, and cannot write")
        self._writes = True

    def close(self) -> None:
        """Stop the engine and free its memory. May be called twice."""
        if self._llm is not None:
            self._spent = self.engine_seconds
            self._llm.llm_engine.engine_core.shutdown()
            self._llm = self._stream = None
            gc.collect()

    def _queue(self, questions: Sequence[Question], *, read_cache: bool = True) -> list[str]:
        """Add questions of one kind to the engine; the names of the requests."""
        if not questions:
            return []
        self.started()
        assert self._stream is not None
        labels = bool(questions[0].labels)
        if labels != self._labels:
            # Never both kinds at once: the CPU's runner answers the second with -inf.
            self._stream.finish()
            self._labels = labels
        read_cache = read_cache and self._shows_cached
        params: dict[tuple[int, ...], Any] = {}
        for question in questions:
            if question.labels not in params:
                params[question.labels] = sampling(question.labels, read_cache=read_cache)
        prompts = [((*q.prefix.ids, *q.suffix.ids), q.image) for q in questions]
        return self._stream.add(prompts, [params[q.labels] for q in questions])

    def _read(self, questions: Sequence[Question], names: Sequence[str]) -> list[Reply]:
        """Wait for requests of one kind and read them.

        Rows of cached tokens come back empty. Padding keeps a prefix's last token out of
        the cache, but not a long beginning that two suffixes share: those are asked again
        without the cache.
        """
        if not names:
            return []
        assert self._stream is not None
        outputs = self._stream.collect(names)
        replies = [read(q, output) for q, output in zip(questions, outputs, strict=True)]
        hidden = [i for i, reply in enumerate(replies) if reply is None]
        if self._shows_cached and len(hidden) > max(len(questions) / 2, _A_FEW):
            self._shows_cached = False  # asking each twice would be dearer still
            self._announce(
                f"vLLM {installed_version()} does not show likelihoods behind what it has cached: "
                "histories are read anew for every item, which takes several times as long; "
                "mode yes-no is spared that"
            )
        again = self._queue([questions[i] for i in hidden], read_cache=False)
        for i, output in zip(hidden, self._stream.collect(again), strict=True):
            replies[i] = read(questions[i], output)
        return [reply or NoAnswer("the engine gave no log-probabilities") for reply in replies]

    def _start(self) -> Any:
        os.environ.update(engine_environment(self._spec, self._device))
        if self._device == CPU:
            # In this process: all cores compute, so nothing is gained beside the engine, and
            # steps follow each other exactly. Elsewhere vLLM's own process leaves us ours.
            os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
        try:
            with hushed(), warnings.catch_warnings(), unscannable_hidden():
                warnings.simplefilter("ignore")  # vLLM and torch warn about each other
                from vllm import LLM  # noqa: PLC0415 - footfall starts without vLLM

                return LLM(
                    model=self._weights.model,
                    revision=self._weights.revision,
                    skip_tokenizer_init=not self._writes,
                    use_tqdm_on_load=False,
                    **lora_settings(self._weights.adapter),
                    **self._settings,
                )
        except Exception as error:
            reason = one_line(error, 300) or type(error).__name__
            raise ModelError(f'vLLM cannot start with "{self.name}": {reason}') from error


def sampling(labels: Sequence[int], *, read_cache: bool = True) -> Any:
    """Make the ``SamplingParams`` for a question with these labels, or with none."""
    from vllm import SamplingParams  # noqa: PLC0415 - footfall starts without vLLM
    from vllm.sampling_params import RequestOutputKind  # noqa: PLC0415 - likewise

    how: dict[str, Any] = {"logprob_token_ids": list(labels)}
    if not labels:
        how = {"prompt_logprobs": 0, "skip_reading_prefix_cache": not read_cache}
    return SamplingParams(
        max_tokens=1,
        temperature=0.0,
        flat_logprobs=True,
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
        **how,
    )


def read(question: Question, output: Any) -> Reply | None:
    """The reply in vLLM's output; None if the cache hides the rows that are wanted."""
    return read_labels(question, output) if question.labels else read_suffix(question, output)


def read_labels(question: Question, output: Any) -> Reply:
    """Log-probabilities of the labels, from vLLM's flat rows."""
    rows = output.outputs[0].logprobs
    known = dict(zip(rows.token_ids, rows.logprobs, strict=True))
    try:
        values = tuple(known[label] for label in question.labels)
    except KeyError:
        return NoAnswer("the engine left a label out")
    return Answer(values, output.num_cached_tokens or 0)


def read_suffix(question: Question, output: Any) -> Reply | None:
    """Log-probabilities of the suffix, or None if the cache hides its first rows."""
    cached = output.num_cached_tokens or 0
    # The row of the first suffix token is computed at the last prefix token.
    if cached > len(question.prefix) - 1:
        return None
    rows = output.prompt_logprobs
    starts = rows.start_indices[len(question.prefix) :]
    if tuple(rows.token_ids[start] for start in starts) != question.suffix.ids:
        return None
    return Answer(tuple(rows.logprobs[start] for start in starts), cached)


def _fingerprint(weights: Weights, device: str, dtype: str) -> bytes:
    """16 bytes that name weights and arithmetic."""
    version = f"vllm {installed_version()}"
    parts = (weights.identity, device, dtype, version, "head float32")
    return hashlib.blake2b("|".join(parts).encode(), digest_size=16).digest()
