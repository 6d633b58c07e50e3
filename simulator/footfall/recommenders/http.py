"""A recommender behind HTTP and JSON; the wire format is in docs/recommenders.md.

A request that the service does not answer becomes a failed slate and the run goes on.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pandas as pd
import stamina
from pydantic import BaseModel, ConfigDict, StrictFloat, StrictInt, StrictStr, ValidationError

from footfall.errors import ScenarioError, ServerError
from footfall.plumbing.http_answers import Caller, reason
from footfall.plumbing.latency import Latencies
from footfall.plumbing.retrying import asked_pause, log_tries
from footfall.plumbing.secrets import hidden, read_secret
from footfall.recommenders.foreign_slates import spelt
from footfall.recommenders.protocol import Materials, Request, Slate
from footfall.recommenders.specs import HttpSpec

BUSY = 429
"""HTTP status "too many requests"."""

LONGEST = 10
"""Times the time-out, which is about silence, that an answer may take as a whole."""

LARGEST = 64 * 2**20
"""Bytes of an answer, unpacked; 64 slates of 1,000 items have a fortieth of it."""


class _WireSlate(BaseModel):
    # services may add fields of their own
    model_config = ConfigDict(extra="ignore")

    items: list[StrictStr | StrictInt | StrictFloat]
    scores: list[float | None] | None = None
    propensities: list[float | None] | None = None


class HttpRecommender:
    """Posts requests in batches and reads slates.

    Connections are kept and shared. Refused or broken connections, status 429 and 5xx are
    tried again ``spec.retries`` times with growing, jittered pauses, or after the pause that the
    service asks for (``Retry-After``); time-outs and other statuses are not. A copy in another
    process opens connections, and reads secrets from the environment, of its own.
    """

    def __init__(self, spec: HttpSpec) -> None:
        self._spec = spec
        log_tries()
        headers = _secrets(spec.headers_env)
        self._secrets = tuple(headers.values())
        self._caller = Caller(
            within=LONGEST * spec.timeout,
            largest=LARGEST,
            timeout=spec.timeout,
            headers=headers,
            limits=httpx.Limits(max_keepalive_connections=spec.concurrency),
        )
        self.latencies = Latencies()
        """Of every answer, errors included; time-outs and broken connections are no answers."""
        self._pool = ThreadPoolExecutor(spec.concurrency, thread_name_prefix="recommender")

    def __reduce__(self) -> tuple[type[HttpRecommender], tuple[HttpSpec]]:
        return HttpRecommender, (self._spec,)

    def recommend(self, requests: Sequence[Request]) -> list[Slate]:
        """One slate a request; those without a usable answer have ``failure`` set."""
        size = self._spec.batch
        batches = [requests[start : start + size] for start in range(0, len(requests), size)]
        return [slate for slates in self._pool.map(self._batch, batches) for slate in slates]

    def update(self, events: pd.DataFrame) -> None:
        """Post the events of an epoch to ``update_url``, if there is one.

        A resumed run posts again what it posted before, with the same ``Idempotency-Key``, so
        that a service which was not restarted can tell.

        Raises:
            ServerError: if the service does not take them.
        """
        if self._spec.update_url is None:
            return
        try:
            self._post(self._spec.update_url, _wire_events(events))
        except httpx.HTTPError as error:
            raise ServerError(_told(error, self._spec.update_url)) from None

    def close(self) -> None:
        """Close the connections. May be called twice."""
        self._pool.shutdown()
        self._caller.close()

    def _batch(self, requests: Sequence[Request]) -> list[Slate]:
        try:
            response = self._post(
                self._spec.url, {"requests": [_wire_request(request) for request in requests]}
            )
        except httpx.HTTPError as error:
            return [Slate((), failure=_told(error, self._spec.url))] * len(requests)
        return _read(response, len(requests), self._secrets)

    def _post(self, url: str, body: Mapping[str, Any]) -> httpx.Response:
        content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        headers = {"Content-Type": "application/json"}
        if url == self._spec.update_url:
            headers["Idempotency-Key"] = hashlib.sha256(content).hexdigest()
        for attempt in stamina.retry_context(
            on=self._worth_another_try,
            attempts=self._spec.retries + 1,
            timeout=None,
            wait_initial=min(0.1, self._spec.max_wait),
            wait_max=self._spec.max_wait,
            wait_jitter=min(1.0, self._spec.max_wait),
        ):
            with attempt:
                started = time.perf_counter()
                response = self._caller.ask("POST", url, content=content, headers=headers)
                self.latencies.add(time.perf_counter() - started)
                if not response.is_success:
                    raise httpx.HTTPStatusError(
                        f"HTTP status {response.status_code}",
                        request=response.request,
                        response=response,
                    )
                return response
        raise AssertionError("stamina either returns or raises")

    def _worth_another_try(self, error: Exception) -> bool | float:
        """Whether, or after how many seconds, to try again."""
        if isinstance(error, httpx.HTTPStatusError):
            status = error.response
            if status.status_code != BUSY and not status.is_server_error:
                return False
            return asked_pause(status.headers, self._spec.max_retry_after)
        passing = httpx.NetworkError | httpx.ConnectTimeout | httpx.RemoteProtocolError
        return isinstance(error, passing)


def _secrets(headers_env: Mapping[str, str]) -> dict[str, str]:
    found = {header: read_secret(name) for header, name in headers_env.items()}
    missing = [headers_env[header] for header, value in found.items() if not value]
    if missing:
        raise ScenarioError(
            f"recommender http: headers_env: environment variable {', '.join(missing)} is not set"
        )
    return found


def _told(error: httpx.HTTPError, url: str) -> str:
    """What went wrong as one line, without headers, which may hold secrets."""
    return f"{type(error).__name__} from {url}: {reason(error)}"


def _wire_request(request: Request) -> dict[str, Any]:
    return {
        "user": request.user,
        "session": request.session,
        "page": request.page,
        "time": request.time.isoformat(),
        "k": request.k,
        "shown": list(request.shown),
        "seed": request.seed,
        **({"unavailable": sorted(request.unavailable)} if request.unavailable else {}),
    }


def _wire_events(events: pd.DataFrame) -> dict[str, Any]:
    columns = ["user", "item", "action", "time", "quantity", "value", "order"]
    rows = events[columns].assign(time=[time.isoformat() for time in events["time"]])
    records = rows.to_dict("records")
    nulled = [
        {str(key): None if pd.isna(value) else value for key, value in row.items()}
        for row in records
    ]  # JSON has no NaN
    return {"events": nulled}


def _head(answer: object, secrets: Sequence[str]) -> str:
    """The start of an answer, for a message; a page that repeats our headers tells no secret."""
    return hidden(repr(answer), secrets)[:60]


def _read(response: httpx.Response, expected: int, secrets: Sequence[str]) -> list[Slate]:
    """Slates of one answer. Without as many as requests none can be attributed: all fail."""
    try:
        # A service may begin with the mark of UTF-8, and may echo its headers.
        text = hidden(response.content.decode("utf-8-sig"), secrets)
        body = json.loads(text)
    except (ValueError, RecursionError):
        return [
            Slate((), failure=f"answer is not JSON: {_head(response.text, secrets)}")
        ] * expected
    slates = body.get("slates") if isinstance(body, dict) else None
    if not isinstance(slates, list):
        told = _head(body, secrets)
        return [Slate((), failure=f'answer has no list "slates": {told}')] * expected
    if len(slates) != expected:
        return [Slate((), failure=f"{len(slates)} slates for {expected} requests")] * expected
    return [_slate(raw) for raw in slates]


def _slate(raw: object) -> Slate:
    if not isinstance(raw, dict):
        return Slate((), failure="unusable slate: it is no object with items")
    try:
        wire = _WireSlate.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        steps = [str(step) for step in first["loc"] if step not in ("str", "int", "float")]
        place = ".".join(steps) or "slate"
        return Slate((), failure=f"unusable slate: {place}: {first['msg']}")
    return Slate(tuple(map(spelt, wire.items)), _floats(wire.scores), _floats(wire.propensities))


def _floats(values: list[float | None] | None) -> tuple[float, ...] | None:
    """Null becomes NaN, which the audit counts as a bad score."""
    if values is None:
        return None
    return tuple(float("nan") if value is None else value for value in values)


def reach_service(spec: HttpSpec, _materials: Materials) -> HttpRecommender:
    """Make the recommender of an ``http`` spec; the service has its own data."""
    return HttpRecommender(spec)
