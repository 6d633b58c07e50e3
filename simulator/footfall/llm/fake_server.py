"""The fake model behind HTTP: what ``footfall serve --model fake`` serves.

It speaks as much of vLLM's OpenAI interface as Footfall uses, so that a set-up with a server
(addresses, keys, faults, load) can be rehearsed without a GPU. The same prompt gets the same
answer from every such server; the numbers mean nothing, and differ from the fake in a process.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from typing import Any

from footfall.llm.fake import FakeModel, FakeTokenizer
from footfall.llm.protocol import Answer, Question, Reply, Tokens
from footfall.plumbing.hosts import is_here

LONGEST = 4096
"""Tokens of a prompt and its answer."""


class FakeServer(ThreadingHTTPServer):
    """Serves until ``shutdown``; port 0 finds a free one."""

    request_queue_size = 1024
    daemon_threads = True

    def __init__(self, host: str, port: int, key: str = "", seed: int = 0) -> None:
        self.key, self.seed = key, seed
        super().__init__((host, port), FakeHandler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that go away in the middle, as killed runs do."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class FakeHandler(BaseHTTPRequestHandler):
    """One connection to a ``FakeServer``."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FakeServer

    def do_GET(self) -> None:
        """Health, version and models."""
        pages: dict[str, dict[str, Any]] = {
            "/health": {},
            "/version": {"version": f"footfall {metadata.version('footfall')}"},
            "/v1/models": {"data": [self._card()]},
        }
        if self.path == "/health" or self._allowed():  # as the gate of a real one has it
            found = self.path in pages
            self._reply(200 if found else 404, pages.get(self.path, {}))

    def do_POST(self) -> None:
        """Completions and tokens."""
        try:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = {"/v1/completions": self._completions, "/tokenize": _tokenize}[self.path]
            if self._allowed():
                self._reply(200, answer(body))
        except KeyError as error:
            self._reply(404 if error.args == (self.path,) else 400, _problem(error))
        except (TypeError, ValueError) as error:
            self._reply(400, _problem(error))

    def log_message(self, *_: object) -> None:
        """Say nothing: clients count what they ask."""

    def _card(self) -> dict[str, Any]:
        root = f"footfall fake, seed {self.server.seed}"
        return {"id": "fake", "object": "model", "root": root, "max_model_len": LONGEST}

    def _allowed(self) -> bool:
        key = self.server.key
        if key and self.headers["Authorization"] != f"Bearer {key}":
            self._reply(401, {"error": {"message": "wrong key"}})
            return False
        if not key and not is_here(self.headers["Host"] or ""):
            self._reply(401, {"error": {"message": "this name is not the server's"}})
            return False
        return True

    def _completions(self, body: dict[str, Any]) -> dict[str, Any]:
        prompts, labels = body["prompt"], tuple(body.get("logprob_token_ids") or ())
        questions = [_question(prompt, labels) for prompt in prompts]
        replies = FakeModel(seed=self.server.seed).ask(questions)
        choices = [_choice(n, *pair) for n, pair in enumerate(zip(questions, replies, strict=True))]
        tokens = sum(map(len, prompts))
        usage = {"prompt_tokens": tokens, "completion_tokens": len(prompts)}
        return {
            "id": "fake",
            "object": "text_completion",
            "created": 0,
            "model": body["model"],
            "choices": choices,
            "usage": {**usage, "total_tokens": tokens + len(prompts)},
        }

    def _reply(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def serve_fake(host: str, port: int, key: str) -> None:
    """Serve until interrupted."""
    with FakeServer(host, port, key) as server:
        server.serve_forever()


def _question(prompt: list[int], labels: tuple[int, ...]) -> Question:
    """A server cannot see where prefix and suffix meet: all is the one, or all is the other."""
    whole, nothing = Tokens(tuple(prompt)), Tokens(())
    return Question(whole, nothing, labels) if labels else Question(nothing, whole)


def _choice(index: int, question: Question, reply: Reply) -> dict[str, Any]:
    assert isinstance(reply, Answer), "the client keeps to LONGEST"
    choice: dict[str, Any] = {"index": index, "text": "", "finish_reason": "length"}
    if question.labels:
        pairs = zip(question.labels, reply.logprobs, strict=True)
        top = {f"token_id:{label}": value for label, value in pairs}
        return {**choice, "logprobs": {"top_logprobs": [top]}}
    tokens = zip(question.suffix.ids, reply.logprobs, strict=True)
    rows: list[Any] = [{str(token): {"logprob": value}} for token, value in tokens]
    return {**choice, "logprobs": None, "prompt_logprobs": [None, *rows[1:]]}


def _tokenize(body: dict[str, Any]) -> dict[str, Any]:
    return {"tokens": FakeTokenizer().encode(body["prompt"])}


def _problem(error: Exception) -> dict[str, Any]:
    return {"error": {"message": f"{type(error).__name__}: {error}"}}
