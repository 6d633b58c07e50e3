"""What the files and services of strangers may do to whoever opens them: nothing."""

import ast
import gzip
import json
import os
import shutil
import signal
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pandas as pd
import pytest

import shop
from console import footfall
from eval_worlds import planted_run
from footfall.datasets.query import select
from footfall.errors import (
    DataError,
    LogError,
    ModelError,
    RunError,
    ScenarioError,
    TemplateError,
    UserError,
)
from footfall.llm.specs import ModelSpec
from footfall.llm.store import AnswerStore
from footfall.llm.vllm import bounded_http, gate
from footfall.llm.vllm.server_door import Door
from footfall.options import Options
from footfall.plumbing import files
from footfall.prompting.templates import Template
from footfall.recommenders.http import _read
from footfall.run_folder import manifest
from footfall.run_folder.layout import LOCK, MANIFEST, PROGRESS, SPENT
from footfall.runs import run as running
from footfall.runs.budget import Meter
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario

SOURCES = Path(__file__).parents[3] / "simulator", Path(__file__).parents[3] / "eval"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strangers")
    shop.write_shop(folder)
    run(parse_scenario(shop.scenario()), Options(folder / "out", base=folder))
    return folder


# -- explain and interview


@pytest.fixture
def listener():
    """An address that notes whether anybody calls."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server


def heard(server):
    try:
        server.accept()[0].close()
    except TimeoutError:
        return False
    return True


def test_explain_and_interview_never_call_what_a_manifest_names(base, listener, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the key of my cloud")
    path = base / "out" / MANIFEST
    plain = path.read_text()
    record = json.loads(plain)
    server = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    record["scenario"]["model"] |= {
        "name": "some/model", "server": server, "api_key_env": "AWS_SECRET_ACCESS_KEY"
    }  # fmt: skip
    path.write_text(json.dumps(record))
    try:
        rows = pd.read_parquet(base / "out" / "impressions")
        user = rows[rows["arm"] == "random"]["user"].iloc[0]
        told = footfall("explain", "out", "--user", user, "--visit", "0", cwd=base)
        assert told.returncode == 0, told.stderr
        assert "the prompts are not shown" in told.stderr
        assert "utility" in told.stdout
        asked = footfall("interview", "out", "Why?", "--user", user, cwd=base)
        assert asked.returncode == 2
        assert "what a run folder names is not called" in asked.stderr
        half = footfall("interview", "out", "Why?", "--user", user, "--server", server, cwd=base)
        assert half.returncode == 2
    finally:
        path.write_text(plain)
    assert not heard(listener)


# -- links


LINKS = ("decisions.sqlite", MANIFEST, SPENT, LOCK, "impressions", "set-aside", "report.html")


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("how", [{"overwrite": True}, {"resume": True}])
def test_a_link_in_a_run_folder_leads_no_writer_astray(base, tmp_path, name, how):
    out, mine = tmp_path / "out", tmp_path / "mine"
    out.mkdir()
    mine.mkdir() if name in ("impressions", "set-aside") else mine.write_text("precious")
    (out / name).symlink_to(mine)
    with pytest.raises((UserError, RunError), match=r"symbolic link|cannot write"):
        run(parse_scenario(shop.scenario()), Options(out, base=base, **how))
    assert list(mine.iterdir()) == [] if mine.is_dir() else mine.read_text() == "precious"


def test_a_link_deeper_in_a_run_folder_is_found(base, tmp_path):
    (tmp_path / "out" / "set-aside").mkdir(parents=True)
    (tmp_path / "out" / "set-aside" / "impressions").symlink_to(base)
    with pytest.raises(UserError, match="symbolic link"):
        run(parse_scenario(shop.scenario()), Options(tmp_path / "out", base=base, resume=True))


def test_a_report_replaces_a_link_and_what_lies_beside_it(tmp_path):
    run_folder, mine = planted_run(tmp_path / "run", n=20), tmp_path / "mine"
    mine.write_text("precious")
    for name in ("report.html", "report.html.partial", ".report.html.partial"):
        (run_folder / name).symlink_to(mine)
    assert footfall("report", "run", cwd=tmp_path).returncode == 0
    assert not (run_folder / "report.html").is_symlink()
    assert mine.read_text() == "precious"


def test_a_store_is_no_link(tmp_path):
    mine = tmp_path / "mine.sqlite"
    mine.write_bytes(b"")
    (tmp_path / "decisions.sqlite-wal").symlink_to(mine)
    with pytest.raises(RunError, match="is a symbolic link"):
        AnswerStore(tmp_path / "decisions.sqlite")


# -- files


def test_all_files_are_written_in_one_place():
    """Whoever writes a file elsewhere leaves half of it on a full disk, and follows links."""
    writers = {"write_text", "write_bytes", "savez", "savez_compressed"}
    found = []
    for source in (path for folder in SOURCES for path in folder.rglob("*.py")):
        tree = ast.parse(source.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            opens = node.func.attr == "open" and any(
                isinstance(arg, ast.Constant) and str(arg.value)[:1] in "wax" for arg in node.args
            )
            if node.func.attr in writers or opens:
                found.append(f"{source.parent.name}/{source.name}")
    # Folders that appear whole are filled file by file, and archives of numbers into a sink; locks
    # hold nothing.
    allowed = {
        "behaviour/kept.py",
        "exports/bandit.py",
        "large/shelf.py",
        "weights/made.py",
        "weights/embedded.py",
        "weights/int8.py",
    }
    assert set(found) <= allowed


@pytest.mark.parametrize("name", ["impressions", MANIFEST, LOCK, PROGRESS, "users.parquet"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda place: place.symlink_to("/dev/zero")])
def test_a_pipe_or_a_device_in_a_run_folder_is_not_waited_for(base, tmp_path, name, make):
    copy = tmp_path / "copy"
    shutil.copytree(base / "out", copy)
    place = copy / name
    place = min(place.iterdir()) if place.is_dir() else place
    place.unlink(missing_ok=True)
    make(place)
    for command in (("compare", "copy"), ("report", "copy"), ("verify", "copy")):
        done = footfall(*command, cwd=tmp_path)
        assert done.returncode in (1, 2), command
        assert "is a pipe or a device, and a run folder holds none" in done.stderr
    with pytest.raises((RunError, LogError, UserError), match=r"pipe or a device|symbolic link"):
        run(parse_scenario(shop.scenario()), Options(copy, base=base, resume=True))


def test_a_manifest_without_end_is_refused(base, tmp_path):
    shutil.copytree(base / "out", tmp_path / "copy")
    os.truncate(tmp_path / "copy" / MANIFEST, manifest.LARGEST + 1)
    with pytest.raises(LogError, match="as no manifest has"):
        manifest.read(tmp_path / "copy")


@pytest.mark.parametrize("name", ["text", "folder"])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, name):
    def full(_handle):
        raise OSError(28, "No space left on device")

    (tmp_path / "text").write_text("before")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "text").write_text("before")
    monkeypatch.setattr(files.os, "fsync", full)

    def fill(folder):
        with files.filling(folder) as made:
            files.write_text(made / "text", "after")

    write = fill if name == "folder" else lambda path: files.write_text(path, "after")
    with pytest.raises(RunError, match=r"cannot write .*: No space left on device; make room"):
        write(tmp_path / name)
    assert (tmp_path / "text").read_text() == "before"
    assert (tmp_path / "folder" / "text").read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "text"]


def test_a_folder_is_replaced_whole(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").write_text("before")
    with files.filling(tmp_path / "folder") as made:
        files.write_text(made / "new", "after")
        assert (tmp_path / "folder" / "old").exists()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    "command", [("report", "run"), ("export", "run", "--format", "csv", "--out", "kept")]
)
def test_a_full_disk_is_one_line(tmp_path, monkeypatch, command):
    planted_run(tmp_path / "run", n=20)

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    done = footfall(*command, cwd=tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "No space left on device; make room" in last


# -- services


def test_a_key_that_a_service_echoes_is_kept_nowhere():
    told = httpx.Response(200, json={"slates": [{"items": ["a", "s3cr3t-key"]}]})
    (slate,) = _read(told, 1, ["s3cr3t-key"])
    assert slate.items == ("a", "[secret]")
    (broken,) = _read(httpx.Response(200, text="<p>s3cr3t-key</p>"), 1, ["s3cr3t-key"])
    assert "s3cr3t-key" not in broken.failure


def test_two_runs_that_share_a_store_have_the_same_texts(tmp_path):
    with AnswerStore(tmp_path / "s") as mine, AnswerStore(tmp_path / "s") as theirs:
        assert mine.settle_texts({b"k": "first"}) == {b"k": "first"}
        assert theirs.settle_texts({b"k": "second", b"l": "new"}) == {b"k": "first", b"l": "new"}
        assert mine.texts([b"k", b"l"]) == {b"k": "first", b"l": "new"}


class Hostile(BaseHTTPRequestHandler):
    def log_message(self, *_):
        """Say nothing."""

    def do_GET(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.server.paths.append(self.path)
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            return
        body = b"[" + b" " * 200_000 + b"]"
        packed = self.path.startswith("/packed")
        body = gzip.compress(body) if packed else body
        self.send_response(200)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - as http.server wants it


@pytest.fixture
def hostile():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    server.paths = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "said"), [("moved", "answered 302"), ("packed", "packed"), ("large", "more than")]
)
def test_a_model_server_is_asked_with_bounds(hostile, monkeypatch, path, said):
    monkeypatch.setattr(bounded_http, "LARGEST", 100_000)
    server, url = hostile
    with pytest.raises(ModelError, match=said):
        Door(ModelSpec(name="m", server=f"{url}/{path}")).model_card()
    assert not any("elsewhere" in one for one in server.paths)


async def _ask(url, path):
    async with bounded_http.client() as client:
        response = await client.post(f"{url}/{path}", content=b"prompt")
        response.raise_for_status()


@pytest.mark.parametrize("path", ["moved", "packed", "large"])
def test_the_client_of_questions_has_the_same_bounds(hostile, monkeypatch, path):
    import asyncio

    monkeypatch.setattr(bounded_http, "LARGEST", 100_000)
    server, url = hostile
    with pytest.raises(Exception, match=r"302|packed|more than"):
        asyncio.run(_ask(url, path))
    assert not any("elsewhere" in one for one in server.paths)


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1:8000", True), ("localhost", True), ("[::1]:8000", True), ("127.1.2.3", True),
        ("evil.example:8000", False), ("", False), ("localhost.evil.example", False),
        ("192.168.1.7:8000", False), ("[fe80::1]", False),
    ],
)  # fmt: skip
def test_a_server_without_a_key_answers_this_machine_under_its_own_name(monkeypatch, host, here):
    import asyncio

    monkeypatch.delenv(gate.KEY, raising=False)
    statuses = []

    async def app(_scope, _receive, _send):
        statuses.append(200)

    async def send(message):
        statuses.append(message.get("status"))

    scope = {"type": "http", "path": "/v1/models", "headers": [(b"host", host.encode())]}
    asyncio.run(gate.Gate(app)(scope, None, send))
    assert statuses[0] == (200 if here else 401)


# -- templates, queries and numbers


@pytest.mark.parametrize(
    "source",
    [
        "{% set r = range %}{{ r }}",
        "{% set n = namespace %}{{ n }}",
        "{{ history | map(attribute='when.data') | list }}",
        "{% for event in history %}{{ event.when.data }}{% endfor %}",
        "{{ [range] | first }}",
        "{{ (range, 1) | join }}",
        "{{ history | first }}{{ (history | first).when.data | string }}",
        "{% for event in history %}{{ loop }}{% endfor %}",
        "{{ '%s' | format(range) }}",
        "{{ range ~ '' }}",
        "{{ {'a': range} }}",
        "{{ history.append }}",
    ],
)
def test_no_template_prints_where_things_lie_in_memory(tmp_path, source):
    text = (
        "{% block history %}"
        + source
        + "{% endblock %}{% block item %}{{ item.title }}{% endblock %}"
    )
    (tmp_path / "own.j2").write_text(text)
    with pytest.raises(TemplateError):
        Template("own.j2", tmp_path, required=("history", "item"))


ITEMS = pd.DataFrame({"title": ["a", "b"], "price": [1.0, 2.0], "n": [1, 2]})


@pytest.mark.parametrize(
    "where",
    [
        'title == "a" * 4000000000', 'title * 4000000000 == "a"', "[1] * 4000000000 == price",
        '("a",) * 4 == title', 'title == ("a" + "b") * 9', "n == (title + title) * 2",
    ],
)  # fmt: skip
def test_a_query_reckons_with_numbers_only(where):
    with pytest.raises(DataError, match="which is no number"):
        select(ITEMS, where)


def test_useful_queries_are_still_there():
    assert list(select(ITEMS, "price * n - 1 >= 3 and title == 'b'")["title"]) == ["b"]
    assert list(select(ITEMS, "title in ['a'] or -price < -1.5")["title"]) == ["a", "b"]


@pytest.mark.parametrize(
    "changes",
    [
        {"behaviour": {"click": {"price": 1e308}}},
        {"behaviour": {"click": {"price": "-1e308"}}},
        {"behaviour": {"spread": {"llm": 1e6}}},
        {"behaviour": {"buy": {"base": 1e4}}},
        {"behaviour": {"habits": {"dwell_seconds": 1e12}}},
        {"model": {"name": "fake", "patience": 1e12}},
        {"model": {"name": "fake", "timeout": 1000000000000}},
    ],
)
def test_numbers_that_nobody_means_are_refused(changes):
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(shop.scenario(**changes))
    assert "\n" not in str(caught.value)


# -- manifests


def test_a_large_manifest_grows_by_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(manifest, "SMALL", 4)
    growing = manifest.Growing(tmp_path)
    record = {"status": "running", "scenario": {}, "parts": {}, "faults": {"a": {"slates": 0}}}
    sizes = []
    for epoch in range(200):
        new = {f"impressions/epoch={epoch:04d}-shard=0000.parquet": "00"}
        record["parts"] |= new
        record["faults"]["a"]["slates"] = epoch
        growing.add(record, new)
        sizes.append((tmp_path / MANIFEST).stat().st_size)
        found = manifest.read(tmp_path, needed=())
        assert found["parts"] == record["parts"]
        assert found["faults"] == record["faults"]
    assert len(set(sizes)) < 90
    with (tmp_path / PROGRESS).open("ab") as sink:
        sink.write(b'{"total": 999, "par')  # killed in the middle of a line
    assert manifest.read(tmp_path, needed=())["parts"] == record["parts"]
    manifest.write(tmp_path, record)
    assert not (tmp_path / PROGRESS).exists()


@pytest.mark.parametrize("damage", [b"\0" * 40, b"{}", b"[1]", b'{"total": "x", "parts": {}}'])
def test_lines_from_a_damaged_one_on_count_for_nothing(tmp_path, monkeypatch, damage):
    monkeypatch.setattr(manifest, "SMALL", 20)
    monkeypatch.setattr(manifest, "GROWN", 10)
    growing, record = manifest.Growing(tmp_path), {"status": "running", "scenario": {}, "parts": {}}
    for epoch in range(30):
        new = {f"impressions/epoch={epoch:04d}-shard=0000.parquet": "00"}
        record["parts"] |= new
        growing.add(record, new)
    whole = len(json.loads((tmp_path / MANIFEST).read_text())["parts"])
    first, _, *rest = (tmp_path / PROGRESS).read_bytes().splitlines()
    (tmp_path / PROGRESS).write_bytes(b"\n".join([first, damage, *rest, b""]))
    found = manifest.read(tmp_path, needed=())["parts"]
    assert list(found) == list(record["parts"])[: whole + 1]


def test_a_manifest_gives_the_terminal_no_commands(tmp_path):
    said = {"status": "failed\x1b]0;mine\x07", "reason": "\x9b2J\\u001b", "about": "two\nlines"}
    (tmp_path / MANIFEST).write_text(json.dumps(said))
    found = manifest.read(tmp_path, needed=())
    assert (found["status"], found["about"]) == ("failed\ufffd]0;mine\ufffd", "two\nlines")
    assert found["reason"] == "\ufffd2J\\u001b"


def test_a_run_whose_process_is_gone_is_not_running(tmp_path):
    (tmp_path / MANIFEST).write_text('{"status": "running"}')
    with manifest.locked(tmp_path):
        assert manifest.read(tmp_path, needed=())["status"] == "running"
    assert manifest.read(tmp_path, needed=())["status"] == "killed"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_interrupts_the_last_words(tmp_path, monkeypatch, number):
    written = manifest.write

    def disturbed(folder, record):
        os.kill(os.getpid(), number)
        written(folder, record)
        os.kill(os.getpid(), number)

    monkeypatch.setattr(running.manifest, "write", disturbed)
    record = {"status": "running", "scenario": {}}
    budget = parse_scenario(shop.scenario()).budget
    with (
        pytest.raises(KeyboardInterrupt),
        running._last_words(tmp_path, record, Meter(budget, tmp_path)),
    ):
        raise KeyboardInterrupt
    assert json.loads((tmp_path / MANIFEST).read_text())["status"] == "interrupted"
