"""A vLLM server somewhere else, asked over HTTP.

Questions go out as lists of token ids to ``/v1/completions``, many in one request, a
bounded number of requests at once. Likelihood questions make the server compute the whole
prompt again, because its HTTP interface cannot tell it to read the cache for them: for the
mode ``likelihood`` an engine in this process is several times faster.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import openai
import stamina
from anyio.from_thread import BlockingPortal, start_blocking_portal

from footfall.errors import ModelError, ServerError, did_you_mean
from footfall.llm.batches import by_prefix, too_long
from footfall.llm.embedded import embedded_folder
from footfall.llm.protocol import Answer, NoAnswer, Question, Reply, Tokenizer
from footfall.llm.specs import ModelSpec
from footfall.llm.tokenizer import HubTokenizer, load_tokenizer

_DEFAULT_BLOCK = 32  # a multiple of what servers use on CUDA (16) and on a CPU (32)
_OPENING_TIMEOUT = 30.0
_UNREACHABLE = NoAnswer("server cannot be reached")
_SAMPLE = "Oat milk, 1 l\nRye bread\n"


def open_server(spec: ModelSpec, *, announce: Callable[[str], None]) -> VllmServer:
    """Connect to a server, and check that it serves the model and splits text as we do.

    Raises:
        ModelError: The server is down, refuses the key, or serves other models.
    """
    assert spec.server is not None
    client = _Door(spec)
    card = client.model_card()
    tokenizer = load_tokenizer(_tokenizer_source(spec, card, announce), spec.revision)
    client.check_tokenizer(card["id"], tokenizer)
    version = client.get("/version", root=True).get("version", "unknown")
    return VllmServer(spec, card, tokenizer, str(version))


class VllmServer:
    """``footfall.llm.protocol.LanguageModel`` over HTTP; see ``open_server``.

    The fingerprint is made of what the server says about itself (model, where it was loaded
    from, version) and the scenario's ``revision``: name another revision, or use another
    store, when weights change under the same name.
    """

    def __init__(
        self, spec: ModelSpec, card: dict[str, Any], tokenizer: HubTokenizer, version: str
    ) -> None:
        self.name = str(card["id"])
        self.tokenizer: Tokenizer = tokenizer
        self.block_size = spec.block_size or _DEFAULT_BLOCK
        longest = int(card.get("max_model_len") or spec.max_model_len)
        self.max_prompt_tokens = min(longest, spec.max_model_len) - 1
        self.engine_seconds = 0.0
        """Wall time of waiting for the server."""
        parts = ("server", self.name, str(card.get("root")), version, str(spec.revision))
        self.fingerprint = hashlib.blake2b("|".join(parts).encode(), digest_size=16).digest()
        self._spec = spec
        self._portal_context: Any = None
        self._portal: BlockingPortal | None = None
        self._client: openai.AsyncOpenAI | None = None

    def ask(self, questions: Sequence[Question]) -> list[Reply]:
        """One reply a question, in order. A request that fails for good gives ``NoAnswer``.

        Raises:
            ServerError: No request of this batch reached the server, try as we might: a run
                should stop and be resumed, rather than go on with nobody answering.
        """
        replies: dict[int, Reply] = {}
        kinds: dict[tuple[int, ...], list[int]] = {}
        for position, question in enumerate(questions):
            reason = too_long(question, self.max_prompt_tokens)
            if reason:
                replies[position] = NoAnswer(reason)
            else:
                kinds.setdefault(question.labels, []).append(position)
        size = self._spec.prompts_per_request
        requests = [
            chosen[start : start + size]
            for chosen in (by_prefix(questions, positions) for positions in kinds.values())
            for start in range(0, len(chosen), size)
        ]
        batches = [[questions[position] for position in request] for request in requests]
        start_time = time.perf_counter()
        answers = self._run(batches)
        self.engine_seconds += time.perf_counter() - start_time
        for request, answered in zip(requests, answers, strict=True):
            replies.update(zip(request, answered, strict=True))
        if batches and all(answered[0] == _UNREACHABLE for answered in answers):
            message = f"{self._spec.server} stopped answering; start it again and resume the run"
            raise ServerError(message)
        return [replies[position] for position in range(len(questions))]

    def close(self) -> None:
        """Close the connection. May be called twice."""
        if self._portal is not None:
            if self._client is not None:
                self._portal.call(self._client.close)
            self._portal_context.__exit__(None, None, None)
            self._portal = self._client = None

    def _run(self, batches: Sequence[Sequence[Question]]) -> list[list[Reply]]:
        """Ask on a thread of its own, so that notebooks with a running loop can ask too."""
        if self._portal is None:
            self._portal_context = start_blocking_portal()
            self._portal = self._portal_context.__enter__()
        return self._portal.call(self._all, batches)

    async def _all(self, batches: Sequence[Sequence[Question]]) -> list[list[Reply]]:
        if self._client is None:
            self._client = openai.AsyncOpenAI(
                base_url=str(self._spec.server),
                api_key=api_key(self._spec) or "none",
                timeout=self._spec.timeout,
                max_retries=0,  # stamina tries again, and knows when not to
            )
        window = asyncio.Semaphore(self._spec.window)

        async def one(batch: Sequence[Question]) -> list[Reply]:
            async with window:
                return await self._request(batch)

        return list(await asyncio.gather(*(one(batch) for batch in batches)))

    async def _request(self, batch: Sequence[Question]) -> list[Reply]:
        """Ask a batch of one kind, again and again while that may help."""
        reason = ""
        try:
            async for attempt in stamina.retry_context(
                on=_worth_retrying, attempts=self._spec.retries + 1, timeout=None, wait_max=30.0
            ):
                with attempt:
                    return read_batch(batch, await self._send(batch))
        except openai.APIStatusError as error:
            reason = f"server answered {error.status_code}"
        except openai.APITimeoutError:
            reason = "server took too long"
        except openai.APIConnectionError:
            return [_UNREACHABLE] * len(batch)
        except (openai.APIError, ValueError):
            reason = "server's answer cannot be read"
        return [NoAnswer(reason)] * len(batch)

    async def _send(self, batch: Sequence[Question]) -> Any:
        assert self._client is not None
        labels = batch[0].labels
        extra: dict[str, Any] = (
            {"logprob_token_ids": list(labels), "return_tokens_as_token_ids": True}
            if labels
            else {"prompt_logprobs": 0}
        )
        return await self._client.completions.create(
            model=self.name,
            prompt=[[*q.prefix.ids, *q.suffix.ids] for q in batch],
            max_tokens=1,
            temperature=0.0,
            logprobs=1 if labels else None,
            extra_body=extra,
        )


def read_batch(batch: Sequence[Question], response: Any) -> list[Reply]:
    """Replies of one response; ``cached_tokens`` is known for the request as a whole only.

    Raises:
        ValueError: The response does not fit the questions.
    """
    choices = sorted(getattr(response, "choices", None) or [], key=lambda choice: choice.index)
    if len(choices) != len(batch):
        raise ValueError(f"{len(choices)} answers to {len(batch)} questions")
    details = getattr(response.usage, "prompt_tokens_details", None)
    cached = (getattr(details, "cached_tokens", 0) or 0) if details else 0
    share, rest = divmod(cached, len(batch))
    return [
        _read(question, choice, share + (number < rest))
        for number, (question, choice) in enumerate(zip(batch, choices, strict=True))
    ]


def _read(question: Question, choice: Any, cached: int) -> Reply:
    try:
        if question.labels:
            top = choice.logprobs.top_logprobs[0]
            values = [top[f"token_id:{label}"] for label in question.labels]
        else:
            rows = choice.prompt_logprobs[-len(question.suffix) :]
            values = [
                row[str(token)]["logprob"]
                for row, token in zip(rows, question.suffix.ids, strict=True)
            ]
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return NoAnswer("server left log-probabilities out")
    return Answer(tuple(map(float, values)), cached)


def api_key(spec: ModelSpec) -> str:
    """The server's key, from the environment; "" if the scenario names none."""
    if spec.api_key_env is None:
        return ""
    key = os.environ.get(spec.api_key_env, "")
    if not key:
        raise ModelError(f"the environment variable {spec.api_key_env} (api_key_env) is not set")
    return key


class _Door:
    """The few requests that are needed before the first question."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._url = str(spec.server).rstrip("/")
        key = api_key(spec)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def model_card(self) -> dict[str, Any]:
        """What the server says about the model that the scenario names."""
        served = {str(card["id"]): card for card in self.get("/models").get("data", [])}
        if self._spec.name in served:
            return dict(served[self._spec.name])
        hint = did_you_mean(self._spec.name, served)
        raise ModelError(f'{self._url} does not serve "{self._spec.name}"; {hint}')

    def check_tokenizer(self, model: str, tokenizer: HubTokenizer) -> None:
        """Text that is split otherwise than the model learned gives numbers without meaning."""
        body = {"model": model, "prompt": _SAMPLE, "add_special_tokens": False}
        theirs = self._request("POST", self._root() + "/tokenize", json=body).get("tokens")
        if theirs != tokenizer.encode(_SAMPLE):
            message = f"{self._url} splits text otherwise than the tokenizer given for {model}"
            raise ModelError(f'{message}; name the right one ("model: tokenizer: ...")')

    def get(self, path: str, *, root: bool = False) -> dict[str, Any]:
        """JSON object at ``path`` below the API's address, or below the server's root."""
        return self._request("GET", (self._root() if root else self._url) + path)

    def _root(self) -> str:
        return self._url.removesuffix("/v1")

    def _request(self, method: str, url: str, **body: Any) -> dict[str, Any]:
        try:
            response = httpx.request(
                method, url, headers=self._headers, timeout=_OPENING_TIMEOUT, **body
            )
            response.raise_for_status()
            found = response.json()
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            hint = "; check api_key_env" if status in (401, 403) else ""
            raise ModelError(f"{url}: the server answered {status}{hint}") from error
        except (httpx.HTTPError, ValueError) as error:
            reason = str(error) or type(error).__name__
            message = f"no vLLM server at {self._url} ({reason}); start one with `footfall serve`"
            raise ModelError(message) from error
        if not isinstance(found, dict):
            raise ModelError(f"{url}: not a vLLM server")
        return found


def _tokenizer_source(
    spec: ModelSpec, card: dict[str, Any], announce: Callable[[str], None]
) -> Path | str:
    if spec.tokenizer:
        return spec.tokenizer
    if spec.name == "embedded":
        return embedded_folder(announce)
    return str(card.get("root") or spec.name)


def _worth_retrying(error: Exception) -> bool:
    """Full, dead or unreachable: yes. Our own mistake: never."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code == 429 or error.status_code >= 500
    return isinstance(error, openai.APIConnectionError)
