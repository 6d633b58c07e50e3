"""Tables, Python code and a real HTTP server as recommenders."""

import json
import logging
import pickle
import re
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest
import stamina

from footfall.errors import DataError, ScenarioError, ServerError
from footfall.plumbing.signals import Terminated
from footfall.recommenders import Slate, audited, build, parse_spec
from footfall.recommenders.testing import check_recommender
from recommender_worlds import interactions, popular_function, request, two_clubs

SPLIT, CATALOGUE = two_clubs()
HERE = Path(__file__).parent
DOCS = HERE.parents[2] / "docs" / "recommenders.md"


def make(base=HERE, **raw):
    return build(parse_spec(raw), SPLIT, CATALOGUE, base=base, seed=3)


class TestTable:
    GOOD = (
        "user,item,rank,score,propensity\nu,a1,20,.5,.25\nu,a0,10,.9,.5\nu,a2,30,.1,1\n*,b0,1,,\n"
    )

    def table(self, tmp_path, text):
        (tmp_path / "slates.csv").write_text(text)
        return make(tmp_path, kind="table", path="slates.csv")

    def test_orders_by_rank_and_pages_on(self, tmp_path):
        good = "\n".join(self.GOOD.splitlines()[:-1])
        model = self.table(tmp_path, good)
        first, second, third = model.recommend(
            [request("u", k=2), request("u", k=2, shown=["a0", "a1"]), request("x")]
        )
        assert first == Slate(("a0", "a1"), (0.9, 0.5), (0.5, 0.25))
        assert second == Slate(("a2",), (0.1,), (1.0,))
        assert third.failure == 'no rows for user "x" and none for "*"'

    def test_the_star_answers_for_strangers(self, tmp_path):
        model = self.table(tmp_path, "user,item,rank\n007,a1,1\n7,a2,1\n*,b0,2\n*,b1,1\n")
        slates = model.recommend([request("007"), request("7"), request("who", k=2)])
        assert [slate.items for slate in slates] == [("a1",), ("a2",), ("b1", "b0")]
        assert slates[0].scores is None
        assert model.diagnostics == {"fallback_requests": 1}
        check_recommender(model, ["7"], CATALOGUE)

    def test_parquet_with_numbers_for_ids(self, tmp_path):
        frame = pd.DataFrame({"user": [1, 1], "item": ["NA", "a1"], "rank": [2, 1]})
        frame.to_parquet(tmp_path / "slates.parquet")
        model = make(tmp_path, kind="table", path="slates.parquet")
        assert model.recommend([request("1")])[0].items == ("a1", "NA")

    def test_an_item_called_na_is_no_gap(self, tmp_path):
        model = self.table(tmp_path, "user,item,rank\nNone,NA,1\n")
        assert model.recommend([request("None")])[0].items == ("NA",)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("user,items,rank\nu,a,1\n", 'no column "item"; did you mean "items"?'),
            ("user,item,rank,scores\nu,a,1,2\n", 'unknown column "scores"; did you mean "score"?'),
            ("user,item,rank\nu,a,1\nu,,2\n", "data row 2: item is empty (1 such rows)"),
            ("user,item,rank\nu,a,first\n", "data row 1: rank is not a number"),
            ("user,item,rank\nu,a,1e3099999999\n", "data row 1: rank is not a number"),
            ("user,item,rank\nu,a,1.5\n", "data row 1: rank is not a whole number"),
            ("user,item,rank\nu,a,1\nu,b,1\n", "data row 2: the user has this rank already"),
            ("user,item,rank\nu,a,1\nu,a,2\n", "data row 2: the user has this item already"),
            (GOOD, "data row 4: score is not a number"),
            ("user,item,rank,propensity\nu,a,1,2\n", "data row 1: propensity is not in [0, 1]"),
            ("", "cannot be read as a table: it is empty"),
        ],
    )
    def test_a_wrong_table_is_refused_with_the_row(self, tmp_path, text, message):
        with pytest.raises(DataError) as caught:
            self.table(tmp_path, text)
        assert message in str(caught.value)
        assert "slates.csv" in str(caught.value)

    def test_what_is_no_parquet_or_not_there(self, tmp_path):
        (tmp_path / "x.parquet").write_text("user,item,rank\n")
        with pytest.raises(DataError, match="cannot be read"):
            make(tmp_path, kind="table", path="x.parquet")
        with pytest.raises(DataError, match="no such file"):
            make(tmp_path, kind="table", path="y.csv")


MODULE = """
from footfall.recommenders import Slate

class Club:
    def __init__(self, split, catalogue, seed, letter="a"):
        assert split.held_out.empty, "the future must stay hidden"
        assert seed == 3
        self.items = [item for item in catalogue.ids if item[0] == letter]
    def recommend(self, requests):
        return [Slate(tuple(i for i in self.items if i not in r.shown)[: r.k]) for r in requests]
    def update(self, events):
        pass

def factory(letter): return letter
def broken(): raise OSError("disk")
ready = Club.__new__(Club)
ready.items = ["b0"]
number = 3
"""


class TestCallable:
    @pytest.fixture
    def folder(self, tmp_path, request):
        # a name of its own for each test: modules are imported once in a process
        self.module = "mine_" + re.sub(r"\W", "_", request.node.name)
        (tmp_path / f"{self.module}.py").write_text(MODULE)
        return tmp_path

    def load(self, folder, name, **options):
        return make(folder, kind="callable", target=f"{self.module}:{name}", options=options)

    def test_a_class_gets_what_it_asks_for(self, folder):
        model = self.load(folder, "Club", letter="b")
        assert model.recommend([request()])[0].items == ("b0", "b1", "b2")
        check_recommender(model, ["A0"], CATALOGUE)

    def test_an_object_is_taken_as_it_is(self, folder):
        assert self.load(folder, "ready").recommend([request()])[0].items == ("b0",)

    def test_a_function_may_return_lists_and_slates(self):
        target = f"{popular_function.__module__}:{popular_function.__name__}"
        model = make(kind="callable", target=target, options={"depth": 2})
        slates = model.recommend([request(), request()])
        assert slates == [Slate(("b0", "b1")), Slate(("a0", "a1"))]
        model.update(SPLIT.held_out)

    @pytest.mark.parametrize("answer", [["a0"], [5], None])
    def test_a_function_that_returns_nonsense_fails_its_requests(self, folder, answer):
        (folder / f"{self.module}_f.py").write_text(f"def f(requests): return {answer!r}\n")
        model = make(folder, kind="callable", target=f"{self.module}_f:f")
        (slate,) = audited(model, CATALOGUE).recommend([request()])
        assert slate.failure.startswith("TypeError: ")

    @pytest.mark.parametrize(
        ("name", "options", "message"),
        [
            ("club", {}, 'no "club" there; did you mean "Club"?'),
            ("Club", {"lettre": "a"}, "options do not fit: got an unexpected keyword argument"),
            ("Club", {"seed": 1}, 'option "seed" is filled in by Footfall'),
            ("factory", {"letter": "x"}, "made a str, which lacks recommend"),
            ("factory", {}, "missing a required argument: 'letter'. It takes: letter"),
            ("broken", {}, "making it failed: OSError: disk"),
            ("number", {}, "is a int, not callable"),
            ("ready", {"letter": "x"}, "takes no options"),
        ],
    )
    def test_what_does_not_fit_is_refused_before_the_run(self, folder, name, options, message):
        with pytest.raises(ScenarioError) as caught:
            self.load(folder, name, **options)
        assert message in str(caught.value)

    @pytest.mark.parametrize(
        ("code", "told"),
        [
            ("import sys; sys.exit(3)", "RuntimeError: SystemExit: 3"),
            ("import asyncio; raise asyncio.CancelledError", "RuntimeError: CancelledError: "),
        ],
    )
    def test_code_that_ends_itself_fails_its_own_requests_only(self, folder, code, told):
        lines = f"def f(requests):\n    print('hello')\n    {code}\n"
        (folder / f"{self.module}_f.py").write_text(lines)
        (slate,) = audited(
            make(folder, kind="callable", target=f"{self.module}_f:f"), CATALOGUE
        ).recommend([request()])
        assert slate.failure == told

    def test_the_user_s_own_end_is_not_taken_for_the_code_s(self, folder):
        (folder / f"{self.module}_f.py").write_text(
            "from footfall.plumbing.signals import Terminated\n"
            "def f(requests): raise Terminated(15)\n"
        )
        model = audited(make(folder, kind="callable", target=f"{self.module}_f:f"), CATALOGUE)
        with pytest.raises(Terminated):
            model.recommend([request()])

    def test_code_that_ends_itself_while_it_is_made_is_one_line(self, folder):
        name = f"{self.module}_f"
        (folder / f"{name}.py").write_text("import sys\ndef f(letter): sys.exit(1)\n")
        with pytest.raises(ScenarioError, match="making it failed: RuntimeError: SystemExit: 1"):
            make(folder, kind="callable", target=f"{name}:f", options={"letter": "a"})
        (folder / f"{name}_2.py").write_text("import sys; sys.exit(1)\n")
        with pytest.raises(ScenarioError, match="importing it failed: RuntimeError: SystemExit"):
            make(folder, kind="callable", target=f"{name}_2:f")

    def test_what_it_prints_does_not_stand_among_the_answers(self, folder, capsys):
        name = f"{self.module}_f"
        lines = "print('loading')\ndef f(requests):\n    print('asked')\n    return [['a0']]\n"
        (folder / f"{name}.py").write_text(lines)
        model = audited(make(folder, kind="callable", target=f"{name}:f"), CATALOGUE)
        assert model.recommend([request(k=1)])[0].items == ("a0",)
        said = capsys.readouterr()
        assert (said.out, said.err) == ("", "loading\nasked\n")

    def test_files_of_one_name_in_two_folders_are_two(self, tmp_path):
        """Their helpers too, and whichever folder came first; a worker gets the right one."""
        for letter in "ab":
            (tmp_path / letter).mkdir()
            (tmp_path / letter / "twins.py").write_text(
                "import twins_of\nclass Own:\n"
                "    def recommend(self, requests): return [[twins_of.ITEM] for _ in requests]\n"
                "    def update(self, events): pass\n"
            )
            (tmp_path / letter / "twins_of").mkdir()
            (tmp_path / letter / "twins_of" / "__init__.py").write_text(f"ITEM = '{letter}0'\n")

        def load(letter):
            return make(tmp_path / letter, kind="callable", target="twins:Own")

        first, second, again = load("a"), load("b"), load("a")
        for model, item in ((first, "a0"), (second, "b0"), (again, "a0")):
            assert model.recommend([request()]) == [[item]]
        assert type(again) is type(first) is not type(second)
        copy = pickle.loads(pickle.dumps(again))
        assert copy.recommend([request()]) == [["a0"]]

    def test_a_file_in_whose_place_a_library_is_loaded_is_told(self, tmp_path):
        (tmp_path / "pickle.py").write_text("def f(requests): return []\n")
        with pytest.raises(ScenarioError, match="pickle is loaded from elsewhere; call the file"):
            make(tmp_path, kind="callable", target="pickle:f")

    def test_a_module_that_is_not_there_or_does_not_load(self, folder):
        with pytest.raises(ScenarioError, match='no module "nowhere"; put it beside'):
            make(folder, kind="callable", target="nowhere:f")
        (folder / "syntax_error.py").write_text("def f(:\n")
        with pytest.raises(ScenarioError, match="importing it failed: SyntaxError"):
            make(folder, kind="callable", target="syntax_error:f")


@pytest.fixture(autouse=True)
def _no_waiting():
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@contextmanager
def service(*script):
    """A server that plays ``script``: a status, one with headers, or a function of the body.

    A function returns the text to answer, or raises to drop the connection. The last entry
    is played again and again.
    """
    plays, seen = list(script), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, dict(self.headers), body, self.client_address))
            play = plays.pop(0) if len(plays) > 1 else plays[0]
            status, headers = play if isinstance(play, tuple) else (play, {})
            status, text = (status, "") if isinstance(status, int) else (200, play(body))
            self.send_response(status)
            for header in headers.items():
                self.send_header(*header)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            if text.startswith(" "):  # drips
                for letter in text:
                    self.wfile.write(letter.encode())
                    time.sleep(0.05)
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_):
            pass  # dropped connections are part of the play

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def client(url, **options):
    model = make(kind="http", url=url, **options)
    try:
        yield model
    finally:
        model.close()
        model.close()


def good(body):
    """Items of the user's club that were not shown, as a service would choose them."""
    slates = []
    for one in body["requests"]:
        items = [f"{one['user'][0].lower()}{n}" for n in range(8)]
        fresh = [item for item in items if item not in one["shown"]][: one["k"]]
        slates.append({"items": fresh, "scores": [1.0] * len(fresh)})
    return json.dumps({"slates": slates})


def answers(*slates):
    return lambda _: json.dumps({"slates": list(slates)})


class TestHttp:
    @pytest.mark.parametrize(
        ("text", "told"),
        [(" " * 400, "no end of its answer within 2 s"), ("[" * 2000, "more than 1,000 bytes")],
    )
    def test_an_answer_without_an_end_is_a_failure(self, monkeypatch, text, told):
        monkeypatch.setattr("footfall.recommenders.http.LARGEST", 1000)
        with service(lambda _: text) as (url, seen), client(url, timeout=0.2) as model:
            (slate,) = model.recommend([request("A0")])
        assert told in slate.failure
        assert len(seen) == 1

    def test_an_answer_nested_without_end_is_not_json(self):
        with service(lambda _: "[" * 100_000) as (url, _), client(url) as model:
            (slate,) = model.recommend([request("A0")])
        assert slate.failure.startswith("answer is not JSON: '[[[")

    def test_conforms_over_the_wire(self):
        with service(good) as (url, _), client(url, batch=3) as model:
            check_recommender(model, ["A0", "B0"], CATALOGUE)

    def test_says_on_the_wire_what_the_docs_promise(self):
        with service(good) as (url, seen), client(url) as model:
            model.recommend([request("A1", k=2, shown=["a0"], seed=9, page=1, session=4)])
        promised = json.loads(
            re.search(r'{"requests".*?\n *".*?}]}', DOCS.read_text(), re.DOTALL)[0]
        )
        (sent,) = seen[0][2]["requests"]
        assert sent.keys() == promised["requests"][0].keys()
        assert sent == {
            "user": "A1", "session": 4, "page": 1, "time": "2024-03-01T12:00:00",
            "k": 2, "shown": ["a0"], "seed": 9,
        }  # fmt: skip

    def test_batches_keep_the_order_and_reuse_connections(self):
        asked = [request("AB"[n % 2] + str(n), k=1 + n % 3) for n in range(50)]
        with service(good) as (url, seen), client(url, batch=4, concurrency=2) as model:
            slates = model.recommend(asked)
        assert [(slate.items[0][0].upper(), len(slate.items)) for slate in slates] == [
            (one.user[0], one.k) for one in asked
        ]
        assert len(seen) == 13
        assert len({address for *_, address in seen}) <= 2

    def test_tries_again_when_the_service_is_busy(self, caplog, capsys):
        with (
            caplog.at_level(logging.WARNING),
            service(503, 429, good) as (url, seen),
            client(url) as model,
        ):
            (slate,) = model.recommend([request("A0", k=1)])
        assert slate.items == ("a0",)
        assert len(seen) == 3
        assert capsys.readouterr().out == ""
        assert "stamina.retry_scheduled" in caplog.text

    def test_tries_again_when_the_connection_drops(self):
        with service(lambda _: 1 / 0, good) as (url, seen), client(url) as model:
            assert model.recommend([request("A0", k=1)])[0].items == ("a0",)
        assert len(seen) == 2

    def test_gives_up_after_the_retries_and_the_run_goes_on(self):
        with service(503, 503, 503, good) as (url, seen), client(url, retries=2) as model:
            first, second = model.recommend([request("A0")]) + model.recommend([request("A0")])
        assert first.failure == f"HTTPStatusError from {url}: HTTP status 503"
        assert second.items
        assert len(seen) == 4

    def test_leaves_the_service_alone_for_as_long_as_it_asks(self):
        busy = (503, {"Retry-After": "0.2"})
        with (
            service(busy, good) as (url, seen),
            client(url, max_wait=0.01) as model,
            stamina.set_testing(False),
        ):
            before = time.monotonic()
            assert model.recommend([request("A0", k=1)])[0].items == ("a0",)
        assert time.monotonic() - before >= 0.2
        assert len(model.latencies) == len(seen) == 2

    def test_does_not_come_back_before_a_time_that_is_too_far_away(self):
        tomorrow = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
        with service((429, {"Retry-After": tomorrow}), good) as (url, seen), client(url) as model:
            (slate,) = model.recommend([request()])
        assert slate.failure.endswith("HTTP status 429")
        assert len(seen) == 1

    def test_a_copy_for_another_process_works_and_carries_no_secret(self, monkeypatch):
        monkeypatch.setenv("RECO_TOKEN", "Bearer hush")
        headers = {"Authorization": "RECO_TOKEN"}
        with service(good) as (url, seen), client(url, headers_env=headers) as model:
            packed = pickle.dumps(model)
            copy = pickle.loads(packed)
            assert copy.recommend([request("A0", k=1)])[0].items == ("a0",)
            copy.close()
        assert b"hush" not in packed
        assert seen[0][1]["Authorization"] == "Bearer hush"

    @pytest.mark.parametrize("status", [400, 401, 404, 302])
    def test_does_not_insist_on_other_statuses(self, status):
        with service(status) as (url, seen), client(url) as model:
            (slate,) = model.recommend([request()])
        assert slate.failure.endswith(f"HTTP status {status}")
        assert len(seen) == 1

    def test_a_time_out_fails_its_requests_once(self):
        release = threading.Event()

        def slow(body):
            release.wait(10)
            return good(body)

        with service(slow, good) as (url, seen), client(url, timeout=0.2) as model:
            slates = model.recommend([request("A0"), request("B0")])
            release.set()
            assert model.recommend([request("A0")])[0].items
        assert [slate.failure.split(" ")[0] for slate in slates] == ["ReadTimeout"] * 2
        assert len(seen) == 2

    def test_nobody_listens(self):
        with service(good) as (url, _):
            pass
        with client(url, retries=1) as model:
            (slate,) = model.recommend([request()])
        assert slate.failure.startswith(f"ConnectError from {url}")

    @pytest.mark.parametrize(
        ("text", "failure"),
        [
            ("<html>", "answer is not JSON: '<html>'"),
            ("", "answer is not JSON: ''"),
            ("[]", 'answer has no list "slates": []'),
            ('{"slates": 3}', 'answer has no list "slates"'),
            ('{"slates": [{"items": []}]}', "1 slates for 2 requests"),
        ],
    )
    def test_an_unusable_answer_fails_all_of_its_requests(self, text, failure):
        with service(lambda _: text) as (url, _), client(url) as model:
            slates = model.recommend([request("A0"), request("B0")])
        assert [slate.failure.startswith(failure) for slate in slates] == [True, True]

    def test_an_unusable_slate_fails_only_its_own_request(self):
        raw = [
            {"items": "a0"},
            {},
            7,
            {"items": [1, "a0"], "extra": 1},
            {"items": ["a0"], "scores": [None]},
            {"items": [None]},
        ]
        with service(answers(*raw)) as (url, _), client(url) as model:
            arm = audited(model, CATALOGUE)
            slates = arm.recommend([request(k=1)] * 6)
        assert [bool(slate.failure) for slate in slates] == [True, True, True, False, False, True]
        assert slates[0].failure == "unusable slate: items: Input should be a valid list"
        assert slates[2].failure == "unusable slate: it is no object with items"
        assert slates[4] == Slate(("a0",))
        assert arm.faults.counts["bad_scores"] == 1
        assert arm.faults.examples["invented"][0].endswith("'1'")

    def test_the_mark_of_utf_8_is_no_part_of_json(self):
        with service(lambda body: "\ufeff" + good(body)) as (url, _), client(url) as model:
            assert model.recommend([request("A0", k=1)])[0].items == ("a0",)

    def test_secrets_come_from_the_environment_and_stay_there(self, monkeypatch):
        monkeypatch.setenv("RECO_TOKEN", "Bearer hush")
        headers = {"Authorization": "RECO_TOKEN"}
        with service(good, 403) as (url, seen), client(url, headers_env=headers) as model:
            model.recommend([request()])
            (slate,) = model.recommend([request()])
        assert seen[0][1]["Authorization"] == "Bearer hush"
        assert "hush" not in repr(slate)
        monkeypatch.delenv("RECO_TOKEN")
        with pytest.raises(ScenarioError, match="environment variable RECO_TOKEN is not set"):
            make(kind="http", url="http://x/", headers_env=headers)

    def test_events_of_an_epoch_reach_a_service_that_learns(self):
        events = interactions([("u", "a0", "click", float("nan")), ("u", "a0")])
        with (
            service(lambda _: "", lambda _: "", 500) as (url, seen),
            client(url, update_url=f"{url}learn") as model,
        ):
            model.update(events)
            model.update(events)
            with pytest.raises(ServerError, match="HTTP status 500"):
                model.update(events)
        path, headers, body, _ = seen[0]
        assert path == "/learn"
        assert headers["Idempotency-Key"] == seen[1][1]["Idempotency-Key"]
        assert body["events"][0] == {
            "user": "u", "item": "a0", "action": "click", "time": "2024-01-01T00:00:00",
            "quantity": 1.0, "value": None, "order": "",
        }  # fmt: skip
        with client("http://127.0.0.1:9/") as deaf:
            deaf.update(events)


def test_the_server_in_the_docs_runs():
    code = re.search(r"```python\n(import json.*?)```", DOCS.read_text(), re.DOTALL)[1]
    assert code.count("\n") <= 20
    names: dict = {}
    exec(code.rpartition("ThreadingHTTPServer(")[0], names)
    server = ThreadingHTTPServer(("127.0.0.1", 0), names["Shop"])
    server.RequestHandlerClass.log_message = lambda *_: None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with client(f"http://127.0.0.1:{server.server_port}/") as model:
            (slate,) = model.recommend([request(k=2, shown=["milk"])])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert slate.items == ("bread", "eggs")
