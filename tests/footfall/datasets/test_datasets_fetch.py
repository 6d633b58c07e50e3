"""Downloads are complete and checked, or not there at all."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from footfall.datasets import fetch as module
from footfall.datasets.fetch import fetch
from footfall.errors import DataError


def good_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        made.writestr("ml-latest-small/ratings.csv", "userId,movieId,rating,timestamp\n")
    return buffer.getvalue()


class Handler(BaseHTTPRequestHandler):
    answers: ClassVar[dict[str, bytes]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = self.answers.get(self.path)
        self.send_response(200 if body is not None else 404)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server() -> Iterator[str]:
    Handler.answers, Handler.asked = {}, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_download_arrives_whole_and_only_once(server: str, tmp_path: Path) -> None:
    body = Handler.answers["/ml-latest-small.zip"] = good_zip()
    path = fetch("ml-latest-small", tmp_path / "new", server)
    assert path.read_bytes() == body
    assert [p.name for p in path.parent.iterdir()] == ["ml-latest-small.zip"]
    assert fetch("ml-latest-small", tmp_path / "new", server) == path
    assert len(Handler.asked) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>please log in</html>", "neither a folder nor a readable zip"),
        (good_zip()[:-20], "neither a folder nor a readable zip"),
        (b"x" * 2000, "more than 1,000 bytes; not this data set"),
        (None, "the server answered 404"),
    ],
)
def test_what_is_no_data_set_leaves_nothing(
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: bytes | None,
    message: str,
) -> None:
    monkeypatch.setitem(module.DOWNLOADS, "tiny", module.Download("tiny.zip", 1000, ""))
    if body is not None:
        Handler.answers["/tiny.zip"] = body
    with pytest.raises(DataError, match=message):
        fetch("tiny", tmp_path, server)
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_a_local_path_works(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a local path always works"):
        fetch("ml-1m", tmp_path, "http://127.0.0.1:1")


def test_an_unknown_name_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='cannot fetch "ml-2m"; did you mean "ml-1m"'):
        fetch("ml-2m", tmp_path)
