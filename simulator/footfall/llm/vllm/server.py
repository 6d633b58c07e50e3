"""A vLLM server somewhere else, asked over HTTP.

Questions go out as lists of token ids to ``/v1/completions``, many in one request, a
bounded number of requests at once. Likelihood questions go to ``/inference/v1/generate``, one
in a request: only there can a client tell vLLM to read the cached history for them. A server
without that address computes the whole prompt for every item.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import openai
import stamina
from anyio.from_thread import BlockingPortal, start_blocking_portal

from footfall.errors import ModelError, ServerError
from footfall.llm.fake import FakeTokenizer
from footfall.llm.protocol import NoAnswer, Question, Reply, Tokenizer
from footfall.llm.specs import ModelSpec
from footfall.llm.stream import Pending
from footfall.llm.vllm.batches import by_prefix, too_long
from footfall.llm.vllm.bounded_http import client
from footfall.llm.vllm.outage import Circuit
from footfall.llm.vllm.server_chat import chat_body
from footfall.llm.vllm.server_door import BUSY, Door, api_key
from footfall.llm.vllm.server_replies import (
    MISSING,
    read_batch,
    read_chat,
    read_generated,
    read_written,
)
from footfall.llm.weights.adapters import adapter_hash, find_adapter
from footfall.llm.weights.embedded import embedded_folder
from footfall.llm.weights.tokenizer import load_tokenizer
from footfall.llm.writing import Passage, Written
from footfall.plumbing.http_answers import UnboundedError
from footfall.plumbing.images import UnfitImageError
from footfall.plumbing.latency import Latencies
from footfall.plumbing.retrying import asked_pause, log_tries
from footfall.plumbing.secrets import hidden, values_of

_DEFAULT_BLOCK = 32  # a multiple of what servers use on CUDA (16) and on a CPU (32)
_ROUNDS = 4
"""Times that a question is put again to a server that is well, and does not answer it."""
_GENERATE = "/inference/v1/generate"
_NO_SUCH_ADDRESS = frozenset({403, 404, 405, 501})  # 403: switched off
_UNREADABLE = (openai.APIError, ValueError, TypeError, AttributeError, RecursionError)
"""What the client and we raise over an answer that is no answer; the client checks no types."""

_Reply = TypeVar("_Reply", Reply, Written)
_Result = TypeVar("_Result")
_Send = Callable[[], Awaitable[list[_Reply]]]


def open_server(spec: ModelSpec, *, announce: Callable[[str], None]) -> VllmServer:
    """Connect to a server, and check that it serves the model and splits text as we do.

    Raises:
        ModelError: The server is down, refuses the key, or serves other models.
    """
    assert spec.server is not None
    log_tries()
    door = Door(spec)
    card = door.model_card()
    tokenizer = _tokenizer(spec, card, announce)
    door.check_tokenizer(card["id"], tokenizer)
    return VllmServer(spec, card, tokenizer, door, announce)


class VllmServer:
    """``footfall.llm.protocol.LanguageModel`` over HTTP; see ``open_server``.

    The fingerprint is made of what the server says about itself (model, where it was loaded
    from, version) and the scenario's ``revision``: name another revision, or use another
    store, when weights change under the same name. It is looked at again whenever the server
    seems to have been away.
    """

    def __init__(
        self,
        spec: ModelSpec,
        card: dict[str, Any],
        tokenizer: Tokenizer,
        door: Door,
        announce: Callable[[str], None],
    ) -> None:
        self.name = str(card["id"])
        self.tokenizer = tokenizer
        self.block_size = spec.block_size or _DEFAULT_BLOCK
        longest = int(card.get("max_model_len") or spec.max_model_len)
        self.max_prompt_tokens = min(longest, spec.max_model_len) - 1
        self.engine_seconds = 0.0
        """Wall time in which the server had questions of ours."""
        self.about = door.about(card)
        """What the server says that it serves, for the manifest."""
        self.latencies = Latencies()
        """Of every answer, errors included."""
        parts = ["server", self.name, self.about["root"], self.about["version"], spec.revision]
        if spec.adapter:
            parts.append(adapter_hash(find_adapter(spec.adapter)))
        text = "|".join(map(str, parts))
        self.fingerprint = hashlib.blake2b(text.encode(), digest_size=16).digest()
        self._spec, self._door = spec, door
        self._secrets = values_of(spec.model_dump(mode="json"))
        self._circuit = Circuit(str(spec.server), self._well, spec.patience, announce)
        self._portal_context: Any = None
        self._portal: BlockingPortal | None = None
        self._client: openai.AsyncOpenAI | None = None
        self._window: asyncio.Semaphore | None = None
        self._under_way = 0
        self._since = 0.0
        self._reads_cache = True
        """Whether the server has the address at which likelihood questions read the cache."""

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order. A request that fails for good gives ``NoAnswer``.

        A server that is busy or down is waited for.

        Raises:
            ServerError: It did not come back in time, came back as another model, or does not
                take our key any more: the run should stop and be resumed.
        """
        return self.submit(questions)()

    def submit(self, questions: Sequence[Question]) -> Pending:
        """Send questions and return; a bounded number of requests is under way at once."""
        replies: dict[int, Reply] = {}
        kinds: dict[tuple[tuple[int, ...], bool], list[int]] = {}
        for position, question in enumerate(questions):
            reason = too_long(question, self.max_prompt_tokens)
            if reason:
                replies[position] = NoAnswer(reason)
            else:
                kind = question.labels, question.image is not None
                kinds.setdefault(kind, []).append(position)
        size = self._spec.prompts_per_request
        requests = [
            chosen[start : start + size]
            for chosen in (by_prefix(questions, positions) for positions in kinds.values())
            for start in range(0, len(chosen), size)
        ]
        answers = self._begin([[questions[position] for position in r] for r in requests])

        def wait() -> list[Reply]:
            for request, answered in zip(requests, answers.result(), strict=True):
                replies.update(zip(request, answered, strict=True))
            return [replies[position] for position in range(len(questions))]

        return wait

    def write(self, passages: Sequence[Passage]) -> list[Written | NoAnswer]:
        """The most likely words, one text a passage, in order; waits and raises like ``ask``."""
        start = self._clock()
        written = self._on_thread().call(self._write_all, passages)
        self.engine_seconds += self._clock() - start
        return written

    async def _write_all(self, passages: Sequence[Passage]) -> list[Written | NoAnswer]:
        self._connected()
        window = asyncio.Semaphore(self._spec.window)

        async def one(passage: Passage) -> Written | NoAnswer:
            async with window:
                (written,) = await self._request(partial(self._write_one, passage), 1)
                return written

        return await _together(map(one, passages))

    async def _write_one(self, passage: Passage) -> list[Written]:
        assert self._client is not None
        schema = passage.schema and {"json": dict(passage.schema)}
        response = await self._timed(
            self._client.completions.create(
                model=self.name,
                prompt=list(passage.prompt.ids),
                max_tokens=passage.max_tokens,
                temperature=0.0,
                extra_body={"structured_outputs": schema} if schema else None,
            )
        )
        written = read_written(response, self.name)
        return [Written(hidden(written.text, self._secrets))]  # a server may echo its headers

    def close(self) -> None:
        """Close the connection. May be called twice."""
        if self._portal is not None:
            if self._client is not None:
                self._portal.call(self._client.close)
            # After an interruption requests may be under way that nobody waits for any more.
            self._portal.call(self._portal.stop, True)
            self._portal_context.__exit__(None, None, None)
            self._portal = self._client = self._window = None

    def _begin(self, batches: Sequence[Sequence[Question]]) -> Future[list[list[Reply]]]:
        return self._on_thread().start_task_soon(self._all, batches)

    def _on_thread(self) -> BlockingPortal:
        """Ask on a thread of its own, so that notebooks with a running loop can ask too."""
        if self._portal is None:
            self._portal_context = start_blocking_portal()
            self._portal = self._portal_context.__enter__()
        return self._portal

    def _connected(self) -> openai.AsyncOpenAI:
        if self._client is None or self._window is None:
            self._client = openai.AsyncOpenAI(
                base_url=str(self._spec.server),
                api_key=api_key(self._spec) or "none",
                timeout=self._spec.timeout,
                max_retries=0,  # stamina tries again, and knows when not to
                http_client=client(),
            )
            self._window = asyncio.Semaphore(self._spec.window)
        return self._client

    async def _all(self, batches: Sequence[Sequence[Question]]) -> list[list[Reply]]:
        self._connected()
        if not self._under_way:
            self._since = self._clock()
        self._under_way += 1
        try:
            return await _together(map(self._one, batches))
        finally:
            self._under_way -= 1
            now = self._clock()
            self.engine_seconds += now - self._since
            self._since = now

    def _clock(self) -> float:
        """Wall time without what was spent waiting for a server that was away."""
        return time.perf_counter() - self._circuit.paused_seconds

    async def _one(self, batch: Sequence[Question]) -> list[Reply]:
        assert self._window is not None
        async with self._window:
            return await self._request(partial(self._send, batch), len(batch))

    async def _request(self, send: _Send[_Reply], count: int) -> list[_Reply | NoAnswer]:
        """Send something; wait while the server is away; ``count`` times none if it refuses."""
        rounds = 0
        while True:
            mends = self._circuit.mends
            failure = await self._tries(send)
            if not isinstance(failure, _Failure):
                self._circuit.answered()
                return list(failure)
            rounds += not failure.busy
            if failure.final or rounds > _ROUNDS:
                return [NoAnswer(failure.reason)] * count
            await self._circuit.mended(failure.reason, mends)

    async def _tries(self, send: _Send[_Reply]) -> list[_Reply] | _Failure:
        """Send something, again and again while that may help at once."""
        try:
            async for attempt in stamina.retry_context(
                on=self._worth_retrying, attempts=self._spec.retries + 1, timeout=None, wait_max=30
            ):
                with attempt:
                    if attempt.num > 1:
                        await self._well()  # it may have been restarted, with another model
                    return await send()
        except openai.APIStatusError as error:
            return self._refused(error.status_code)
        except (openai.APITimeoutError, TimeoutError):
            return _Failure("server took too long")
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, UnboundedError):
                return _Failure(f"server's answer is {error.__cause__}", final=True)
            return _Failure("server cannot be reached")
        except _UNREADABLE:
            return _Failure("server's answer cannot be read")
        raise AssertionError("stamina either returns or raises")

    def _refused(self, status: int) -> _Failure:
        if status in (401, 403):
            raise ServerError(
                f"{self._spec.server} does not take the key any more ({status}); renew it "
                "(api_key_env), then go on with --resume"
            )
        if status == 404:
            raise ServerError(
                f'{self._spec.server} does not serve "{self.name}" any more; start that model '
                "again, then go on with --resume"
            )
        final = status < 500 and status not in BUSY
        return _Failure(f"server answered {status}", busy=status in BUSY, final=final)

    def _worth_retrying(self, error: Exception) -> bool | float:
        """Full, dead or unreachable: yes, when it says so. Our own mistake: never."""
        if isinstance(error, openai.APIStatusError):
            if error.status_code not in BUSY and error.status_code < 500:
                return False
            return asked_pause(error.response.headers, self._spec.max_retry_after)
        broken = isinstance(error, openai.APIConnectionError)
        broken = broken and not isinstance(error.__cause__, UnboundedError)
        return broken and not isinstance(error, openai.APITimeoutError)

    async def _well(self) -> bool:
        """Whether the server is there; ``ServerError`` if it is there as another one."""
        try:
            now = await asyncio.to_thread(self._door.look)
        except ModelError:
            return False
        changes = [f"{k}: {self.about[k]} -> {now[k]}" for k in now if now[k] != self.about[k]]
        if changes:
            raise ServerError(
                f"{self._spec.server} came back as another model ({', '.join(changes)}); start "
                "the one that the run began with, then go on with --resume"
            )
        return True

    async def _send(self, batch: Sequence[Question]) -> list[Reply]:
        if batch[0].image is not None:
            return list(await asyncio.gather(*map(self._show, batch)))
        if not batch[0].labels and self._reads_cache:
            try:
                return list(await asyncio.gather(*map(self._generate, batch)))
            except openai.APIStatusError as error:
                if error.status_code not in _NO_SUCH_ADDRESS:
                    raise
                self._reads_cache = False
        return read_batch(batch, await self._complete(batch), self.name)

    async def _show(self, question: Question) -> Reply:
        """One question with its image; an image that was changed meanwhile is not shown."""
        assert self._client is not None
        try:
            body = await asyncio.to_thread(chat_body, question, self.tokenizer, self.name)
        except UnfitImageError as error:
            return NoAnswer(f"the image {error}")
        asked = self._client.post("/chat/completions", cast_to=object, body=body)
        return read_chat(question, await self._timed(asked), self.name)

    async def _complete(self, batch: Sequence[Question]) -> Any:
        """Many prompts in one request."""
        assert self._client is not None
        labels = batch[0].labels
        extra: dict[str, Any] = (
            {"logprob_token_ids": list(labels), "return_tokens_as_token_ids": True}
            if labels
            else {"prompt_logprobs": 0}
        )
        return await self._timed(
            self._client.completions.create(
                model=self.name,
                prompt=[[*q.prefix.ids, *q.suffix.ids] for q in batch],
                max_tokens=1,
                temperature=0.0,
                logprobs=1 if labels else None,
                extra_body=extra,
            )
        )

    async def _generate(self, question: Question) -> Reply:
        """Weigh a suffix with the prefix from the cache, and without where that hides a row."""
        for read_cache in (True, False):
            try:
                response = await self._post(question, read_cache=read_cache)
            except openai.BadRequestError:
                # vLLM leaves rows of cached tokens as it found the memory, and where it found NaN
                # there it cannot write its answer down. Without the cache it fills all rows.
                if not read_cache:
                    raise
                continue
            reply = read_generated(question, response, self.name)
            if reply is not None:
                return reply
        return NoAnswer(MISSING)

    async def _post(self, question: Question, *, read_cache: bool) -> Any:
        """One prompt, with vLLM's own sampling parameters: only there can the cache be read."""
        assert self._client is not None
        root = str(self._client.base_url).rstrip("/").removesuffix("/v1")
        sampling = {
            "max_tokens": 1,
            "temperature": 0.0,
            "detokenize": False,
            "prompt_logprobs": 0,
            "skip_reading_prefix_cache": not read_cache,
        }
        body = {
            "model": self.name,
            "token_ids": [*question.prefix.ids, *question.suffix.ids],
            "sampling_params": sampling,
        }
        url = f"{root}{_GENERATE}"
        return await self._timed(self._client.post(url, cast_to=object, body=body))

    async def _timed(self, asked: Awaitable[Any]) -> Any:
        started = time.perf_counter()
        try:
            # The client's own limit is for each read: a server that drips bytes would never end.
            async with asyncio.timeout(self._spec.timeout):
                response = await asked
        except openai.APIStatusError:
            self.latencies.add(time.perf_counter() - started)
            raise
        self.latencies.add(time.perf_counter() - started)
        return response


@dataclass(frozen=True)
class _Failure:
    """Why a request came to nothing."""

    reason: str
    busy: bool = False
    """The server could not care for it: no fault of the questions."""
    final: bool = False
    """Another try would come to the same."""


async def _together(asked: Iterable[Coroutine[Any, Any, _Result]]) -> list[_Result]:
    """All results, in order; the first error ends the others, and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in asked]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def _tokenizer(spec: ModelSpec, card: dict[str, Any], announce: Callable[[str], None]) -> Tokenizer:
    if spec.name == "fake" and not spec.tokenizer:
        return FakeTokenizer()
    source: Path | str = spec.tokenizer or (
        spec.name if spec.adapter else str(card.get("root") or spec.name)
    )
    if spec.name == "embedded" and not spec.tokenizer:
        source = embedded_folder(announce)
    return load_tokenizer(source, spec.revision)
