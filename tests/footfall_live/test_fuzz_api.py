"""A fuzzer of the API: no traceback, one line for each refusal, and no way in without the token.

schemathesis makes the requests of the OpenAPI document, good ones and broken ones; pages, which
the document leaves out, get forms and addresses from hypothesis. ``make fuzz`` makes more of them.
"""

import os
import string
from urllib.parse import quote

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

import eval_worlds
import started_server
from footfall_live.application import Served, application
from footfall_live.door.guard import LOOPBACK, Guard
from footfall_live.starting import started

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("FOOTFALL_FUZZ", "25"))
SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="FOOTFALL_FUZZ" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
TOKEN = "the very secret"
RUNS = ["runs/first", "runs/first/../first", "..", "runs", ""]
FILES = ["shop.yaml", "new.yaml", "runs/first/x.yaml", "../x.yaml"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("fuzzed") / "served"
    started_server.folder(found)
    eval_worlds.planted_run(found / "runs" / "first", n=20)
    return found


@pytest.fixture(scope="module")
def app(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(started, "_COMMAND", ("/bin/true",))  # nothing is run here
        made = application(Served(folder, at_once=64), Guard(LOOPBACK | {"testserver"}))
        with TestClient(made):
            yield made


@pytest.fixture(scope="module")
def closed_app(folder):
    return application(Served(folder), Guard(LOOPBACK | {"testserver"}, TOKEN))


def requests_of(app, headers=()):
    """Each operation of the document, with requests as it wants them and as it does not."""
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app, headers=dict(headers))
    for found in schema.get_all_operations():
        operation = found.ok()
        good, broken = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)
        fields = operation.body or operation.path_parameters or operation.query
        yield good | broken if fields else good


def refused_in_a_line(answer):
    told = answer.json()
    assert set(told) == {"error"}
    assert told["error"]
    assert "\n" not in told["error"]
    assert "Traceback" not in told["error"]


def test_whatever_is_asked_is_answered_or_refused_in_a_line(app, folder):
    beside = {path.name for path in folder.parent.iterdir()}
    client = TestClient(app, raise_server_exceptions=False)
    for requests in requests_of(app):

        @SETTINGS
        @given(case=requests, data=st.data())
        def ask(case, data):
            if "name" in (case.path_parameters or {}) and data.draw(st.booleans()):
                case.path_parameters["name"] = data.draw(st.sampled_from(RUNS + FILES))
            if isinstance(case.body, dict) and "text" in case.body and data.draw(st.booleans()):
                case.body["text"] = _broken(data, started_server.text())
            answer = case.call(session=client, timeout=started_server.PATIENCE)
            assert answer.status_code < 500, (case.operation.label, answer.text)
            if answer.status_code >= 400:
                refused_in_a_line(answer)

        ask()
    assert {path.name for path in folder.parent.iterdir()} == beside


def test_nobody_comes_in_without_the_token(closed_app):
    for requests in requests_of(closed_app, {"Authorization": f"Bearer {TOKEN}"}):

        @SETTINGS
        @given(case=requests)
        def ask(case):
            case.headers.pop("Authorization", None)
            answer = case.call(timeout=started_server.PATIENCE)
            assert answer.status_code in {401, 403, 421}
            refused_in_a_line(answer)

        ask()


WORDS = st.text(max_size=40) | st.sampled_from(
    ["shop.yaml", "demo", "-1", "9" * 30, "start", "save", "explain", "why", "u0001", "better"]
)
FIELDS = (
    "text",
    "replaces",
    "do",
    "run",
    "seed",
    "scenario",
    "question",
    "user",
    "arm",
    "visit",
    "page",
    "step",
)
PATHS = (
    "/", "/scenarios", "/scenarios/{}", "/commands/{}", "/commands/{}/stop", "/start", "/runs/{}",
    "/runs/{}/replay", "/runs/{}/report", "/runs/{}/stop", "/runs/{}/resume", "/static/{}",
)  # fmt: skip


@SETTINGS
@given(data=st.data())
def test_pages_answer_whatever_forms_hold(data, app):
    name = data.draw(st.sampled_from(RUNS + FILES) | st.text(string.printable, max_size=30))
    path = data.draw(st.sampled_from(PATHS)).format(quote(name))
    fields = data.draw(st.dictionaries(st.sampled_from(FIELDS), WORDS, max_size=6))
    if "text" in fields:
        fields["text"] = _broken(data, started_server.text())
    client = TestClient(app, raise_server_exceptions=False)
    if data.draw(st.booleans()):
        answer = client.post(path, data=fields, follow_redirects=False)
    else:
        answer = client.get(path, params=fields, follow_redirects=False)
    assert answer.status_code < 500, (path, fields)
    assert "Traceback" not in answer.text


def _broken(data, text):
    """A scenario with some of its lines changed."""
    lines = text.split("\n")
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(lines) - 1))
        lines[place] = data.draw(
            st.sampled_from(["", "a: b", "  - ", "behaviour: ../x", "grid: {seed: [1, x]}", "? {}"])
            | st.text(max_size=20)
        )
    return "\n".join(lines)
