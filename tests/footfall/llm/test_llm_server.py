"""The HTTP client against small servers that misbehave in known ways."""

import json
import socket
import struct
import threading
import time
from contextlib import closing, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stamina

from footfall.errors import ModelError, ServerError
from footfall.llm.fake import FakeTokenizer
from footfall.llm.fake_server import FakeServer
from footfall.llm.opening import open_model
from footfall.llm.protocol import Answer, NoAnswer, Question, Tokens
from footfall.llm.specs import ModelSpec
from footfall.llm.vllm import outage
from footfall.llm.vllm import server as vllm_server
from footfall.llm.writing import Passage, Written

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(vllm_server, "load_tokenizer", lambda *_: FakeTokenizer())
    monkeypatch.setattr(outage, "FIRST_PAUSE", 0.001)
    # Keeps the number of tries and leaves out the pauses between them.
    with stamina.set_testing(True, attempts=3):
        yield


def questions(n, labels=(3, 4)):
    return [Question(Tokens((1, 2, i // 3)), Tokens((7, 8, i + 1)), labels) for i in range(n)]


def completions(body):
    """What vLLM answers: the label's id as its log-probability, or the token's."""
    choices = []
    for index, prompt in enumerate(body["prompt"]):
        choice = {"index": index, "text": "", "finish_reason": "length", "logprobs": None}
        if "logprob_token_ids" in body:
            top = {f"token_id:{label}": -float(label) for label in body["logprob_token_ids"]}
            choice["logprobs"] = {"top_logprobs": [top]}
        else:
            rows = [{str(token): {"logprob": -float(token)}} for token in prompt]
            choice["prompt_logprobs"] = [None, *rows[1:]]
        choices.append(choice)
    usage = {
        "prompt_tokens": 9,
        "completion_tokens": 1,
        "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 5},
    }
    return {"id": "x", "object": "text_completion", "created": 0, "model": "shop-model",
            "choices": choices[::-1], "usage": usage}  # fmt: skip


def said(body, value):
    """The same with ``value`` in the place of the first log-probability."""
    answer = completions(body)
    top = answer["choices"][0]["logprobs"]["top_logprobs"][0]
    top[next(iter(top))] = value
    return answer


def generated(body, *, cached=2, hidden=()):
    """What vLLM answers to one prompt; rows of cached tokens are empty."""
    ids = body["token_ids"]
    read = 0 if body["sampling_params"]["skip_reading_prefix_cache"] else cached
    rows = [{str(token): {"logprob": -float(token)}} for token in ids]
    empty = {"0": {"logprob": 0.0}}
    if read:
        rows = [empty if place in hidden else row for place, row in enumerate(rows)]
    usage = {"prompt_tokens": len(ids), "prompt_tokens_details": {"cached_tokens": read}}
    return {"choices": [], "prompt_logprobs": [None, *rows[1:]], "usage": usage}


class Play:
    """What a server does next; tests may change it while it runs."""

    def __init__(self, script=()):
        self.script = list(script)
        self.models = {"shop-model": "somewhere"}
        self.tokens = None
        self.cards = None
        self.answer = completions
        self.generate = None
        self.seen = []
        self.released = threading.Event()

    def next(self):
        return self.script.pop(0) if self.script else 200


def handler(play):  # noqa: C901 - a class that knows its play
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/version":
                self.reply(200, {"version": "0.1"})
            else:
                cards = [{"id": m, "root": r, "max_model_len": 50} for m, r in play.models.items()]
                self.reply(200, {"data": play.cards or cards})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/tokenize":
                ours = FakeTokenizer().encode(body["prompt"])
                self.reply(200, {"tokens": ours if play.tokens is None else play.tokens})
                return
            if self.path == "/inference/v1/generate":
                answer = play.generate(body) if play.generate is not None else 404
                good = not isinstance(answer, int)
                self.reply(200 if good else answer, answer if good else {})
                return
            play.seen.append((self.headers["Authorization"], body))
            act = play.next()
            if act == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                self.connection.close()
            elif act == "hang":
                play.released.wait(30)
            elif act == "cut":
                self.reply(200, play.answer(body), cut=True)
            elif act == "drip":
                self.drip()
            else:
                status, headers = act if isinstance(act, tuple) else (act, {})
                good = status == 200
                self.reply(status, play.answer(body) if good else {"error": {}}, headers)

        def reply(self, status, body, headers=(), cut=False):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            for header in dict(headers).items():
                self.send_header(*header)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if cut else data)

        def drip(self):
            """Never silent for long, and never done."""
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            while not play.released.wait(0.05):
                self.wfile.write(b" ")

        def log_message(self, *_):
            pass

    return Handler


RESET = struct.pack("ii", 1, 0)


@contextmanager
def listening(play, port=0):
    """A server that plays; gives its port back at the end."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_):
            pass  # broken connections are part of the play

    httpd = Quiet(("127.0.0.1", port), handler(play))
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield httpd.server_port
    finally:
        play.released.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def reachable(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def server(script=(), **options):
    """A server that answers completions with this script first, and then well."""
    play = Play(script)
    for name, value in options.items():
        setattr(play, name, value)
    with listening(play) as port:
        yield f"http://127.0.0.1:{port}/v1", play.seen


@contextmanager
def client(url, announce=lambda _: None, **spec):
    model = open_model(ModelSpec(name="shop-model", server=url, **spec), announce=announce)
    try:
        yield model
    finally:
        model.close()


def test_both_kinds_come_back_in_order_and_in_bounded_requests():
    batch = [q for pair in zip(questions(7), questions(7, ()), strict=True) for q in pair]
    with server() as (url, seen), client(url, prompts_per_request=3, window=2) as model:
        replies = model.ask(batch)
    for question, reply in zip(batch, replies, strict=True):
        wanted = question.labels or question.suffix.ids
        assert reply.logprobs == tuple(-float(token) for token in wanted)
    assert len(seen) == 6
    assert sum(reply.cached_tokens for reply in replies) == 5 * len(seen)
    assert model.engine_seconds > 0


@pytest.mark.parametrize("hidden", [(), (3,), (3, 4, 5)])
def test_likelihood_reads_the_cache_where_the_server_lets_it(hidden):
    """Where the cache swallowed a row that is wanted, the prompt is computed again."""
    batch, bodies = questions(5, ()), []

    def generate(body):
        bodies.append(body)
        return generated(body, hidden=hidden)

    with server(generate=generate) as (url, seen), client(url) as model:
        replies = model.ask(batch)
    for question, reply in zip(batch, replies, strict=True):
        assert reply.logprobs == tuple(-float(token) for token in question.suffix.ids)
        assert reply.cached_tokens == (0 if hidden else 2)
    assert not seen
    assert len(bodies) == (10 if hidden else 5)


@pytest.mark.parametrize("always", [False, True])
def test_an_answer_that_vllm_cannot_write_down_is_computed_without_the_cache(always):
    """Rows of cached tokens are memory as it was found; NaN in it is a 400."""

    def generate(body):
        cached = not body["sampling_params"]["skip_reading_prefix_cache"]
        return 400 if cached or always else generated(body)

    batch = questions(3, ())
    with server(generate=generate) as (url, _), client(url) as model:
        replies = model.ask(batch)
    if always:
        assert replies == [NoAnswer("server answered 400")] * 3
    else:
        assert [r.logprobs for r in replies] == [
            tuple(-float(token) for token in question.suffix.ids) for question in batch
        ]


def test_what_is_sent_later_is_under_way_before_the_first_is_read():
    first, second = questions(4), questions(4, ())
    with server() as (url, _), client(url) as model:
        pending = [model.submit(batch) for batch in (first, second)]
        later, earlier = pending[1](), pending[0]()
        assert [len(r.logprobs) for r in (*earlier, *later)] == [2] * 4 + [3] * 4
        assert pending[0]() == earlier


@pytest.mark.parametrize("statuses", [(503,), (429, 500)])
def test_a_busy_server_is_asked_again(statuses):
    with server(statuses) as (url, seen), client(url) as model:
        assert isinstance(model.ask(questions(2))[0], Answer)
    assert len(seen) == len(statuses) + 1


def test_our_own_mistake_is_never_repeated():
    with server((400,)) as (url, seen), client(url) as model:
        assert model.ask(questions(2)) == [NoAnswer("server answered 400")] * 2
    assert len(seen) == 1


@pytest.mark.parametrize("trouble", ["reset", "cut", 500, (503, {"Retry-After": "1"})])
def test_trouble_that_passes_leaves_no_trace(trouble):
    with server([trouble] * 2) as (url, seen), client(url) as model:
        replies = model.ask(questions(2))
    assert replies == [Answer((-3.0, -4.0), 3), Answer((-3.0, -4.0), 2)]
    assert len(seen) == 3
    assert len(model.latencies) >= 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_stays_busy_is_waited_for_and_says_so_once(status):
    told = []
    with server([status] * 9) as (url, seen), client(url, told.append) as model:
        (reply,) = model.ask(questions(1))
    assert reply.logprobs == (-3.0, -4.0)
    assert len(seen) == 10
    assert len(told) == 2
    assert f"server answered {status}; waiting for it, up to 1,800 s" in told[0]
    assert "answers again after" in told[1]


def test_a_server_that_asks_for_a_long_pause_gets_it():
    """Longer than ``max_retry_after``: no further tries at once, but a look after a while."""
    busy = (429, {"Retry-After": "9999"})
    with server([busy] * 2) as (url, seen), client(url) as model:
        assert isinstance(model.ask(questions(1))[0], Answer)
    assert len(seen) == 3


def test_a_question_that_breaks_a_healthy_server_gets_no_answer_and_others_do():
    def picky(body):
        if any(6 in prompt for prompt in body["prompt"]):
            raise RuntimeError  # the connection breaks
        return completions(body)

    batch = [*questions(2), Question(Tokens((1, 2)), Tokens((6,)), (3, 4))]
    with server(answer=picky) as (url, _), client(url, prompts_per_request=1) as model:
        replies = model.ask(batch)
    assert [isinstance(reply, Answer) for reply in replies] == [True, True, False]
    assert replies[2] == NoAnswer("server cannot be reached")


def test_slow_answers_are_waited_for_and_too_slow_ones_are_none():
    def slow(body):
        time.sleep(0.2)
        return completions(body)

    with server(answer=slow) as (url, _), client(url) as model:
        assert isinstance(model.ask(questions(1))[0], Answer)
        assert model.latencies.quantile(0.5) >= 0.19
    with server(["hang"] * 5) as (url, seen), client(url, timeout=0.2) as model:
        assert model.ask(questions(1)) == [NoAnswer("server took too long")]
        assert len(seen) == 5
        assert isinstance(model.ask(questions(1))[0], Answer)


def test_a_server_that_drips_bytes_does_not_hold_the_run_for_ever():
    with server(["drip"] * 5) as (url, seen), client(url, timeout=0.3) as model:
        began = time.monotonic()
        assert model.ask(questions(1)) == [NoAnswer("server took too long")]
        assert time.monotonic() - began < 60  # five rounds of 0.3 s, on a busy machine
        assert len(seen) == 5
        assert isinstance(model.ask(questions(1))[0], Answer)


def written(body):
    """What vLLM answers to a passage."""
    choice = {"index": 0, "text": "oat milk", "finish_reason": "stop", "logprobs": None}
    return {"id": "x", "object": "text_completion", "created": 0, "model": "shop-model",
            "choices": [choice] if body["max_tokens"] > 1 else []}  # fmt: skip


def test_what_is_to_be_written_waits_for_the_server_too():
    told, passages = [], [Passage(Tokens((1, n)), max_tokens=n) for n in (8, 1)]
    with server([503] * 9, answer=written) as (url, _), client(url, told.append) as model:
        found = model.write(passages)
    assert found == [Written("oat milk"), NoAnswer("server's answer cannot be read")]
    assert any("answers again" in line for line in told)
    with server([401] * 2) as (url, _), client(url) as model, pytest.raises(ServerError):
        model.write(passages)


def test_a_run_that_is_resumed_waits_for_a_server_that_still_starts():
    told, port = [], free_port()
    spec = ModelSpec(name="shop-model", server=f"http://127.0.0.1:{port}/v1")

    def late():
        while not told:
            time.sleep(0.01)
        with listening(Play(), port):
            done.wait()

    done = threading.Event()
    thread = threading.Thread(target=late)
    thread.start()
    with closing(
        outage.waited_for(partial(open_model, spec, announce=print), 60, told.append)
    ) as model:
        assert isinstance(model.ask(questions(1))[0], Answer)
    done.set()
    thread.join()
    assert len(told) == 1
    assert "start one with `footfall serve`; waiting for it, up to 60 s" in told[0]
    with pytest.raises(ServerError, match="--resume"):
        outage.waited_for(partial(open_model, spec, announce=print), 0, told.append)


def test_a_server_that_is_killed_and_comes_back_is_waited_for():
    told, play = [], Play()
    down, port = threading.Event(), free_port()

    def life():
        with listening(play, port):
            down.wait()
        while not told:  # gone until the client has noticed
            time.sleep(0.01)
        with listening(play, port):
            done.wait()

    done = threading.Event()
    thread = threading.Thread(target=life)
    thread.start()
    with client(f"http://127.0.0.1:{port}/v1", told.append, prompts_per_request=1) as model:
        assert all(isinstance(reply, Answer) for reply in model.ask(questions(5)))
        down.set()
        while reachable(port):
            time.sleep(0.01)
        replies = model.ask(questions(9))
        done.set()
    thread.join()
    assert [reply.logprobs for reply in replies] == [(-3.0, -4.0)] * 9
    assert "cannot be reached; waiting for it" in told[0]
    assert "answers again" in told[1]
    assert model.engine_seconds < 60


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": {"shop-model": "elsewhere"}}, "root: somewhere -> elsewhere"),
        ({"models": {"other": "somewhere"}}, "name: shop-model -> other"),
    ],
)
def test_a_server_that_comes_back_as_another_model_stops_the_run(change, message):
    play = Play()
    with listening(play) as port, client(f"http://127.0.0.1:{port}/v1") as model:
        model.ask(questions(1))
        play.script = ["reset"]
        vars(play).update(change)
        with pytest.raises(ServerError, match=f"another model .*{message}.*--resume"):
            model.ask(questions(1))


def test_another_model_s_answer_is_never_taken():
    def other(body):
        return completions(body) | {"model": "other"}

    with (
        server(answer=other) as (url, _),
        client(url) as model,
        pytest.raises(ServerError, match='"other" answered instead of "shop-model"'),
    ):
        model.ask(questions(1))


@pytest.mark.parametrize(
    ("status", "message"), [(401, "does not take the key any more"), (404, "does not serve")]
)
def test_a_key_that_expires_or_a_model_that_goes_stops_the_run(status, message):
    with server([200, status]) as (url, _), client(url) as model:
        model.ask(questions(1))
        with pytest.raises(ServerError, match=f"{message}.*--resume"):
            model.ask(questions(1))


def test_a_server_that_does_not_come_back_stops_the_run():
    told = []
    with server() as (url, _), client(url, told.append, patience=0.1) as model:
        model.ask(questions(1))
        model._client.base_url = "http://127.0.0.1:9/v1"
        model._door._url = "http://127.0.0.1:9/v1"
        with pytest.raises(ServerError, match=r"stopped answering for 0 s .*cannot be reached"):
            model.ask(questions(3))
    assert len(told) == 1


def test_an_interruption_does_not_wait_for_requests_under_way():
    with server(["hang"] * 9) as (url, seen), client(url) as model:
        task = model._begin([questions(1)])
        while not seen:
            time.sleep(0.01)
        model.close()
        assert task.cancelled() or task.done()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda body: completions(body) | {"choices": []}, "server's answer cannot be read"),
        (lambda body: ["what"], "server's answer cannot be read"),
        (lambda body: completions(body | {"logprob_token_ids": [3]}), "server left log-prob"),
        (lambda body: completions(body) | {"choices": [{}]}, "server left log-prob"),
        (lambda body: completions(body) | {"choices": 7}, "server's answer cannot be read"),
        (lambda body: said(body, None), "server left log-prob"),
        (lambda body: said(body, [1]), "server left log-prob"),
        (lambda body: said(body, 10**400), "server left log-prob"),
        (lambda body: said(body, float("nan")), "server's numbers are impossible"),
        (lambda body: said(body, 0.5), "server's numbers are impossible"),
    ],
)
def test_an_answer_that_does_not_fit_is_none(answer, reason):
    with server(answer=answer) as (url, _), client(url) as model:
        (reply,) = model.ask(questions(1))
    assert reason in reply.reason


def test_too_long_questions_are_not_sent():
    long = Question(Tokens(tuple(range(60))), Tokens((1,)), (3,))
    with server() as (url, seen), client(url) as model:
        replies = model.ask([long, questions(1)[0]])
    assert replies[0] == NoAnswer("prompt longer than 49 tokens")
    assert isinstance(replies[1], Answer)
    assert len(seen) == 1


def test_the_key_comes_from_the_environment_only(monkeypatch):
    monkeypatch.setenv("SHOP_KEY", "secret")
    with server() as (url, seen), client(url, api_key_env="SHOP_KEY") as model:
        model.ask(questions(1))
    assert seen[0][0] == "Bearer secret"
    monkeypatch.delenv("SHOP_KEY")
    with pytest.raises(ModelError, match="SHOP_KEY"), client(url, api_key_env="SHOP_KEY"):
        pass


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"models": {"shop-modal": "somewhere"}},
            'does not serve "shop-model"; did you mean "shop-modal"',
        ),
        ({"tokens": [1, 2, 3]}, "splits text otherwise"),
        ({"cards": ["what"]}, "not a vLLM server: its list of models cannot be read"),
    ],
)
def test_the_wrong_model_is_noticed_before_the_run(options, message):
    with server(**options) as (url, _), pytest.raises(ModelError, match=message), client(url):
        pass


def test_a_server_that_is_down_says_what_to_do():
    with pytest.raises(ModelError, match="start one with `footfall serve`"):
        open_model(
            ModelSpec(name="shop-model", server="http://127.0.0.1:9/v1"), announce=lambda _: None
        )


def test_the_fake_server_answers_as_the_interface_says(monkeypatch):
    """Both kinds, over and over the same; a wrong key is refused."""
    monkeypatch.setenv("SHOP_KEY", "secret")
    with FakeServer("127.0.0.1", 0, "secret") as fake:
        thread = threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{fake.server_port}/v1"
        try:
            spec = ModelSpec(name="fake", server=url, api_key_env="SHOP_KEY")
            batch = [*questions(4), *questions(4, ())]
            with closing(open_model(spec, announce=print)) as model:
                first, again = model.ask(batch), model.ask(batch[::-1])[::-1]
            with pytest.raises(ModelError, match="401; check api_key_env"):
                open_model(ModelSpec(name="fake", server=url), announce=print)
        finally:
            fake.shutdown()
            thread.join()
    assert first == again
    assert all(max(reply.logprobs) < 0 for reply in first)
    assert len({reply.logprobs for reply in first}) == 8
