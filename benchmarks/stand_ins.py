"""Stand-ins for what a long run depends on: a model server, a recommender service, a shop.

Real processes, sockets and files; only the answers are made up (hashes), so that they are the same
every time. Used by ``chaos.py``, ``soak.py`` and ``load.py``.
"""

from __future__ import annotations

import hashlib
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import httpx
import numpy as np
import pandas as pd

FOOTFALL = [sys.executable, "-c", "from footfall.cli.main import main; main()"]
"""The command line, of the Footfall that this Python finds."""

ITEMS = 300
BUSY_ONE_IN = 20
"""Of the recommender service's answers that are a 503."""


class Model:
    """The fake model server as a process of its own, which can be killed and started again."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}/v1"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        call = f"serve_fake('127.0.0.1', {self._port}, '')"
        code = f"from footfall.llm.fake_server import serve_fake; {call}"
        self._process = subprocess.Popen([sys.executable, "-c", code])
        while True:
            try:
                httpx.get(f"{self.url}/models", timeout=5).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """End it without a word, as the kernel does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()


class _Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        busy = random.random() < 1 / BUSY_ONE_IN
        answer = {} if busy else {"slates": [_slate(one) for one in body.get("requests", [])]}
        data = json.dumps(answer).encode()
        self.send_response(503 if busy else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


def _slate(request: dict[str, Any]) -> dict[str, list[str]]:
    """Items that depend on the request only."""
    word = f"{request['user']} {request['session']} {request['page']}".encode()
    start = int.from_bytes(hashlib.blake2b(word, digest_size=4).digest()) % ITEMS
    shown = set(request["shown"])
    fresh = (str((start + 7 * n) % ITEMS) for n in range(ITEMS))
    return {"items": [item for item in fresh if item not in shown][: request["k"]]}


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients are killed, that is the point."""


@contextmanager
def shop() -> Iterator[str]:
    """The address of a recommender service that is busy now and then."""
    server = _Server(("127.0.0.1", 0), _Shop)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def write_shop(folder: Path, users: int) -> None:
    """Random purchases of ``users`` over thirty days."""
    rng = np.random.default_rng(0)
    n = users * 12
    sales = pd.DataFrame(
        {
            "user": rng.integers(0, users, n),
            "item": np.concatenate([np.arange(ITEMS), rng.zipf(1.3, n - ITEMS) % ITEMS]),
            "time": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.uniform(0, 30, n), unit="D"),
            "paid": rng.uniform(1, 9, n).round(2),
        }
    )
    sales.loc[: ITEMS - 1, "time"] = pd.Timestamp("2024-01-01")  # so that all items are known
    sales.to_parquet(folder / "sales.parquet")


def scenario(
    model: str,
    service: str,
    *,
    users: int,
    days: float,
    actions: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """A service against a recommender that learns every day, weighed by a model on a server."""
    columns = {"user": "user", "item": "item", "time": "time", "value": "paid"}
    return {
        "name": "stand-ins",
        "data": {"kind": "table", "path": "sales.parquet", "columns": columns},
        "split": {"fraction": 0.9},
        "population": {"users": users, "min_history": 2},
        "model": {"name": "fake", "server": model, "retries": 1},
        "choice": {"mode": "yes-no", "remembered_prefixes": 500},
        "actions": dict(actions),
        "world": {"days": days, "slate": 5, "max_pages": 3},
        "arms": [
            {"name": "service", "recommender": {"kind": "http", "url": service, "retries": 5}},
            {"name": "popular", "recommender": {"kind": "popular", "retrain": "epoch"}},
        ],
    }
