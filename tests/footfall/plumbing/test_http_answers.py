"""No server keeps us: every answer over HTTP comes to its end, in time and in size."""

import ast
import gzip
import zlib
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from dripping import DRIPS, dripping
from footfall.datasets import fetch as downloads
from footfall.errors import DataError, ModelError
from footfall.llm.specs import ModelSpec
from footfall.llm.vllm import server_door
from footfall.llm.vllm.server_door import Door
from footfall.plumbing.http_answers import UNPACKED, Caller, UnboundedError, reason
from footfall.recommenders.http import HttpRecommender
from footfall.recommenders.specs import HttpSpec
from recommender_worlds import request

SOURCES = Path(__file__).parents[3]
SOON = 60
"""Seconds that no good answer takes, on any machine."""


@pytest.fixture(params=DRIPS)
def drip(request):
    with dripping(request.param) as url:
        yield url


def test_an_answer_that_drips_ends_with_its_time(drip):
    told = pytest.raises(httpx.ReadTimeout, match=r"no end of its answer within 0\.3 s")
    with closing(Caller(within=0.3, largest=10_000, timeout=0.2)) as caller, told:
        caller.ask("GET", drip)


def test_a_recommender_service_that_drips_fails_its_requests(drip):
    spec = HttpSpec(kind="http", url=f"{drip}/", timeout=0.05, retries=3)
    with closing(HttpRecommender(spec)) as service:
        (slate,) = service.recommend([request()])
    assert slate.failure.startswith("ReadTimeout")
    assert "no end of its answer within 0.5 s" in slate.failure


def test_a_model_server_that_drips_is_not_there(drip, monkeypatch):
    monkeypatch.setattr(server_door, "_OPENING_TIMEOUT", 0.3)
    with pytest.raises(ModelError, match=r"no vLLM server at .*no end of its answer"):
        Door(ModelSpec(name="m", server=drip)).model_card()


def test_a_download_that_drips_is_given_up(drip, monkeypatch, tmp_path):
    monkeypatch.setattr(downloads, "LONGEST", 0.3)
    with pytest.raises(DataError, match=r"no end of its answer.*a local path always works"):
        downloads.fetch("ml-100k", tmp_path, drip)
    assert not list(tmp_path.iterdir())


class Packed(BaseHTTPRequestHandler):
    """Answers ten million blanks, packed as the address says."""

    def log_message(self, *_):
        """Say nothing."""

    def do_GET(self):
        packings = self.path[1:].split("+")
        body = b" " * 10_000_000
        for packing in packings:
            body = {"gzip": gzip.compress, "deflate": zlib.compress}.get(packing, bytes)(body)
        self.send_response(200)
        self.send_header("Content-Encoding", ", ".join(packings))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # the other side may have had enough
            self.wfile.write(body)


@pytest.fixture(scope="module")
def packed():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Packed)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("packing", "bounds", "told"),
    [
        ("gzip", {}, "of more than 1,000,000 bytes"),
        ("deflate", {}, "of more than 1,000,000 bytes"),
        ("gzip+gzip", {}, r"packed \(gzip, gzip\)"),
        ("br", {}, r"packed \(br\)"),
        ("gzip", {"packings": UNPACKED}, r"packed \(gzip\)"),
    ],
)
def test_an_answer_unpacks_to_so_much_at_most(packed, packing, bounds, told):
    refused = pytest.raises(UnboundedError, match=told)
    with closing(Caller(within=SOON, largest=1_000_000, **bounds)) as caller, refused:
        caller.ask("GET", f"{packed}/{packing}")


def test_a_packed_answer_is_read(packed):
    with closing(Caller(within=SOON, largest=10_000_000)) as caller:
        assert len(caller.ask("GET", f"{packed}/gzip").content) == 10_000_000


ASKING = ("Client", "AsyncClient", "stream", "get", "post", "request", "urlopen")


def test_nobody_else_asks_over_http():
    """What a client of one's own reads has no bound; openai's gets one from ``bounded_http``."""
    found = {
        path.name
        for root in ("simulator", "eval")
        for path in (SOURCES / root).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ASKING
        if isinstance(node.value, ast.Name) and node.value.id in ("httpx", "requests", "urllib")
    }
    assert found == {"http_answers.py"}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (httpx.ReadError(""), "the connection broke off"),
        (httpx.ReadTimeout(""), "no answer in time"),
        (httpx.ConnectError("All connection attempts failed"), "All connection attempts failed"),
        (httpx.RemoteProtocolError("cut\nGET /secret"), "cut GET /secret"),
    ],
)
def test_a_broken_connection_is_not_called_late(error, said):
    assert reason(error) == said
