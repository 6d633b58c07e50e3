"""A recommender as a service, in sixty lines: each customer's own kind of articles first.

    python -m footfall.scenarios.service data/made-up --port 9000

It reads ``articles.csv`` and the sales before the split of the scenario ``over-http``, and listens
on this machine only. What requests and answers look like: docs/recommenders.md.
"""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd

SPLIT = "2026-03-29"


class Shelf:
    """What the service knows."""

    def __init__(self, folder: Path) -> None:
        """Read the shop's files; only what was sold before the split."""
        sales = pd.read_csv(folder / "sales.csv")
        sales = sales[sales["at"] < SPLIT]
        articles = pd.read_csv(folder / "articles.csv")
        self._kind = dict(zip(articles["sku"], articles["kind"], strict=True))
        sold = sales["sku"].value_counts().reindex(articles["sku"]).fillna(0)
        self._best = list(sold.sort_values(ascending=False, kind="stable").index)
        kinds = sales["sku"].map(self._kind).groupby(sales["customer"])
        self._favourite = {str(user): str(rows.mode().iloc[0]) for user, rows in kinds}

    def slate(self, request: dict[str, Any]) -> dict[str, Any]:
        """Best-sellers of the customer's favourite kind, then the other best-sellers."""
        own = self._favourite.get(request["user"])
        barred = {*request["shown"], *request.get("unavailable", ())}
        left = [item for item in self._best if item not in barred]
        ranked = sorted(left, key=lambda item: self._kind[item] != own)
        return {"items": ranked[: request["k"]]}


def serve(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server that is ready to be started; port 0 takes any free one."""
    shelf = Shelf(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = {"slates": [shelf.slate(request) for request in body["requests"]]}
            content = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing about each request."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=9000)
    options = parser.parse_args()
    serve(options.folder, options.port).serve_forever()
