"""Models in eight bits: another model by name, near the one that it was made of."""

import json
import subprocess
import sys

import numpy as np
import pytest

from footfall.errors import ModelError
from footfall.llm import devices
from footfall.llm.specs import ModelSpec, served_name
from footfall.llm.weights.int8 import int8_folder
from footfall.llm.weights.weights import find_weights

pytestmark = pytest.mark.slow

WORDS = ["milk", "bread", "motor oil", "a red dress", "eggs", "tea", "a lawn mower", "flour"]


@pytest.fixture
def tiny(tmp_path):
    """A Llama of random weights, its head tied to its embeddings."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_every_weight_comes_back_to_half_a_level(tiny, tmp_path):
    from safetensors.torch import load_file

    said = []
    folder = int8_folder(tiny, said.append, tmp_path / "cache")
    assert int8_folder(tiny, pytest.fail, tmp_path / "cache") == folder
    plain, small = (load_file(f / "model.safetensors") for f in (tiny, folder))
    rounded = {name for name in small if f"{name}_scale" in small}
    assert len(rounded) == 2 * 7  # q, k, v, o, gate, up, down of two layers; not the head
    assert set(small) - {f"{name}_scale" for name in rounded} == set(plain)
    for name in rounded:
        back = small[name].float() * small[f"{name}_scale"]
        assert ((back - plain[name]).abs() <= small[f"{name}_scale"] / 2 * 1.001).all()
    for name in set(plain) - rounded:
        assert (small[name] == plain[name]).all()
    assert said == ["putting the model into int8 (once, some seconds)"]


def test_other_weights_are_another_folder(tiny, tmp_path):
    first = int8_folder(tiny, lambda _: None, tmp_path / "cache")
    config = json.loads((tiny / "config.json").read_text())
    (tiny / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 1e-4}))
    assert int8_folder(tiny, lambda _: None, tmp_path / "cache") != first


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"vision_config": {}}, "sees images"),
        ({"quantization_config": {"quant_method": "awq"}}, "fewer bits already"),
    ],
)
def test_what_cannot_be_rounded_is_refused(tiny, tmp_path, more, says):
    config = json.loads((tiny / "config.json").read_text())
    (tiny / "config.json").write_text(json.dumps(config | more))
    with pytest.raises(ModelError, match=says):
        int8_folder(tiny, lambda _: None, tmp_path / "cache")


def test_eight_bits_are_another_model_by_name_and_by_identity(tiny, monkeypatch, tmp_path):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_: tmp_path)
    names, identities = set(), set()
    for bits in ("none", "int8", "fp8"):
        spec = ModelSpec(name=str(tiny), quantization=bits)
        names.add(served_name(spec))
        identities.add(find_weights(spec, lambda _: None).identity)
    assert len(names) == len(identities) == 3


@pytest.mark.parametrize(
    ("bits", "flags", "says"),
    [("fp8", {"avx512_vnni"}, "fp8 needs a GPU"), ("int8", {"avx2"}, "no instructions for int8")],
)
def test_a_device_that_cannot_says_so(bits, flags, says, monkeypatch):
    monkeypatch.setattr(devices, "_flags", lambda: frozenset(flags))
    with pytest.raises(ModelError, match=says):
        devices.check_quantization(ModelSpec(quantization=bits), "cpu")
    devices.check_quantization(ModelSpec(quantization=bits), "cuda")


def test_a_gpu_rounds_to_fp8_while_it_starts():
    settings = devices.engine_settings(ModelSpec(quantization="fp8"), "cuda", {})
    assert settings["quantization"] == "fp8"
    assert "quantization" not in devices.engine_settings(ModelSpec(), "cuda", {})


SAY = """
import json, sys
from footfall.llm.opening import open_model
from footfall.llm.protocol import Question, Tokens
from footfall.llm.specs import ModelSpec
model = open_model(ModelSpec(**json.loads(sys.argv[1])), announce=lambda _: None)
opening, closing = model.tokenizer.chat("You are a shopper.", "I bought milk, bread and eggs.\\n")
prefix = Tokens(tuple(model.tokenizer.encode(opening + closing)))
words = json.loads(sys.argv[2])
asked = [Question(prefix, Tokens(tuple(model.tokenizer.encode(word)))) for word in words]
print(json.dumps([sum(reply.logprobs) for reply in model.ask(asked)]), model.fingerprint.hex())
"""


def said(**spec):
    """How likely the engine finds the words, and what names its answers; in its own process."""
    words = [sys.executable, "-c", SAY, json.dumps(spec), json.dumps(WORDS)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    numbers, fingerprint = done.stdout.splitlines()[-1].rsplit(" ", 1)
    return np.array(json.loads(numbers)), fingerprint


@pytest.mark.engine
@pytest.mark.skipif(not devices.has_int8(), reason="this CPU has no instructions for int8")
def test_the_engine_answers_in_int8_near_what_the_model_says():
    """Of eight titles that are nats apart from each other, and hardly from float32's."""
    (plain, one), (small, other) = said(dtype="float32"), said(quantization="int8")
    assert one != other
    assert np.abs(plain - small).mean() < plain.std() / 5
    assert np.corrcoef(plain, small)[0, 1] > 0.98
