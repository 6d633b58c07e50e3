"""The HTTP client against small servers that misbehave in known ways."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import stamina

from footfall.errors import ModelError, ServerError
from footfall.llm import vllm_server
from footfall.llm.fake import FakeTokenizer
from footfall.llm.protocol import Answer, NoAnswer, Question, Tokens
from footfall.llm.specs import ModelSpec, open_model


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(vllm_server, "load_tokenizer", lambda *_: FakeTokenizer())
    # Keeps the number of tries and leaves out the pauses between them.
    with stamina.set_testing(True, attempts=3):
        yield


def questions(n, labels=(3, 4)):
    return [Question(Tokens((1, 2, i // 3)), Tokens((7, 8, i)), labels) for i in range(n)]


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
    return {"id": "x", "object": "text_completion", "created": 0, "model": "m",
            "choices": choices[::-1], "usage": usage}  # fmt: skip


@contextmanager
def server(statuses=(), *, models=("shop-model",), tokens=None, answer=completions):
    """A server that answers completions with these statuses first, and then well."""
    waiting, seen = list(statuses), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/version":
                self.reply(200, {"version": "0.1"})
            else:
                cards = [{"id": m, "root": "somewhere", "max_model_len": 50} for m in models]
                self.reply(200, {"data": cards})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/tokenize":
                ours = FakeTokenizer().encode(body["prompt"])
                self.reply(200, {"tokens": ours if tokens is None else tokens})
                return
            seen.append((self.headers["Authorization"], body))
            status = waiting.pop(0) if waiting else 200
            self.reply(status, answer(body) if status == 200 else {"error": {"message": "no"}})

        def reply(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{httpd.server_port}/v1", seen
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


@contextmanager
def client(url, **spec):
    model = open_model(ModelSpec(name="shop-model", server=url, **spec), announce=lambda _: None)
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


@pytest.mark.parametrize("statuses", [(503,), (429, 500)])
def test_a_busy_server_is_asked_again(statuses):
    with server(statuses) as (url, seen), client(url) as model:
        assert isinstance(model.ask(questions(2))[0], Answer)
    assert len(seen) == len(statuses) + 1


def test_our_own_mistake_is_never_repeated():
    with server((400,)) as (url, seen), client(url) as model:
        assert model.ask(questions(2)) == [NoAnswer("server answered 400")] * 2
    assert len(seen) == 1


def test_a_server_that_stays_busy_gives_no_answer():
    with server((503,) * 9) as (url, seen), client(url) as model:
        assert model.ask(questions(1)) == [NoAnswer("server answered 503")]
    assert len(seen) == 3


def test_a_server_that_goes_away_stops_the_run():
    with server() as (url, _), client(url) as model:
        model.ask(questions(1))
        model._spec = model._spec.model_copy(update={"server": "http://127.0.0.1:9/v1"})
        model._client.base_url = "http://127.0.0.1:9/v1"
        with pytest.raises(ServerError, match="stopped answering"):
            model.ask(questions(3))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda body: completions(body) | {"choices": []}, "server's answer cannot be read"),
        (lambda body: ["what"], "server's answer cannot be read"),
        (lambda body: completions(body | {"logprob_token_ids": [3]}), "server left log-prob"),
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
        ({"models": ["shop-modal"]}, 'does not serve "shop-model"; did you mean "shop-modal"'),
        ({"tokens": [1, 2, 3]}, "splits text otherwise"),
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
