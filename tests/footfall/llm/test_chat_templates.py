"""Chat templates as the hub has them: a model is told what was written, or it is refused."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from footfall.errors import ModelError
from footfall.llm.weights.tokenizer import HubTokenizer

TURNS = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}<assistant>"
ONLY_USERS = (
    "{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
    "{% endif %}{% endfor %}"
)
REFUSES = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}" + TURNS


def tokenizer(template, *, begins=True):
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<bos>", "<eos>"]
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(["Yes No bread milk"] * 9, trainer)
    if begins:
        made.post_processor = processors.TemplateProcessing(
            single="<bos> $A", special_tokens=[("<bos>", 0)]
        )
    fast = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<bos>", eos_token="<eos>")
    fast.chat_template = template
    return HubTokenizer(fast)


def test_the_system_has_a_turn_where_the_template_has_one():
    assert tokenizer(TURNS).chat("S!", "Q?") == ("<system>S!<user>Q?", "<assistant>")


@pytest.mark.parametrize("template", [ONLY_USERS, REFUSES])
def test_a_template_without_a_system_role_does_not_lose_its_words(template):
    opening, _ = tokenizer(template).chat("You are a shopper.", "Buy milk?")
    assert "You are a shopper.\n\nBuy milk?" in opening


@pytest.mark.parametrize(
    "template",
    [
        "<user><assistant>",
        TURNS.replace("m['content']", "m['content'] | upper"),
        TURNS + "{{ messages[-1]['content'] }}",
        "{{ messages[-1]['content'][:5] }}",
    ],
)
def test_a_template_that_changes_words_is_refused_at_the_start(template):
    with pytest.raises(ModelError, match="chat template loses, changes or repeats"):
        tokenizer(template)


def test_a_template_that_tells_the_date_asks_the_same_tomorrow():
    told = tokenizer("{{ strftime_now('%d %b %Y') }}" + TURNS).chat("S!", "Q?")
    assert told[0] == "26 Jul 2024<system>S!<user>Q?"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{% if %}", "does not work"),
        ("{{ raise_exception('no talk') }}", "does not work .no talk"),
        ("{{ messages[7]['content']['x'] }}", "does not work"),
        ("{{ 1 / 0 }}" + TURNS, "does not work .division by zero"),
        ("{{ range(9 ** 9) | list }}", "does not work"),
        ("{{ range(90000) | random }}" + TURNS, "something else each time"),
        ("{{ messages.index }}" + TURNS, "loses, changes or repeats"),  # an address in memory
    ],
)
def test_a_template_that_fails_or_differs_is_one_line(template, message):
    with pytest.raises(ModelError, match=message) as caught:
        tokenizer(template)
    assert "\n" not in str(caught.value)


def test_a_base_model_begins_as_it_was_trained():
    made = tokenizer(None)
    opening, closing = made.chat("You are a shopper.", "Buy milk?")
    assert (opening, closing) == ("<bos>You are a shopper.\n\nBuy milk?", "\n")
    assert made.encode(opening)[0] == 0
    assert made.chat("", "Q")[0] == "<bos>Q"
    assert tokenizer(None, begins=False).chat("", "Q")[0] == "Q"
