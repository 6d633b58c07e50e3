"""A real engine is shown images: a tiny vision-language model of random weights."""

import io

import numpy as np
import pandas as pd
import pytest

from asking_world import DRINKER
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.choice.yes_no import open_yes_no
from footfall.datasets.catalogue import Catalogue
from footfall.llm.protocol import Answer
from footfall.llm.specs import ModelSpec
from footfall.llm.store import AnswerStore, StoredModel
from footfall.llm.vllm.engine import open_engine
from footfall.llm.vllm.server_chat import chat_body
from footfall.plumbing.images import ImageFile

pytestmark = pytest.mark.engine

Image = pytest.importorskip("PIL.Image")
tiny_vision = pytest.importorskip("tiny_vision")


def drawn(colour):
    sink = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(sink, "PNG")
    return ImageFile.read(sink.getvalue())


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    folder = tiny_vision.make(tmp_path_factory.mktemp("tiny"))
    spec = ModelSpec(name=str(folder), max_model_len=512, kv_cache_gib=0.1)
    model = open_engine(spec, announce=lambda _: None)
    yield model
    model.close()


def catalogue(*images):
    names = [f"tea {number}" for number in range(len(images))]
    items = pd.DataFrame(
        {"item": names, "title": ["tea"] * len(names), "category": "", "price": 1.0}
    ).assign(image=[image.digest if image else "" for image in images])
    return Catalogue.from_items(items, "EUR", {image.digest: image for image in images if image})


class Listener:
    """Another model's tokenizer and limits; keeps the questions."""

    def __init__(self, model):
        self.name, self.fingerprint, self.tokenizer = model.name, b"", model.tokenizer
        self.block_size, self.max_prompt_tokens = model.block_size, model.max_prompt_tokens
        self.engine_seconds = 0.0
        self.heard = []

    def ask(self, questions):
        self.heard += questions
        return [Answer((-1.0,) * len(question.labels)) for question in questions]


def test_what_is_seen_moves_the_answer_and_is_stored_by_its_content(engine, tmp_path):
    red, blue = drawn("red"), drawn("blue")
    goods = catalogue(red, blue, red, None)
    spec = ChoiceSpec(mode="yes-no", images=True, min_label_mass=0.0)
    pages = [Page(DRINKER, (0, 1, 2, 3))]
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        asked = open_yes_no(spec, StoredModel(engine, store), goods, tmp_path)
        (first,) = asked.utilities(pages)
        assert not first.reason
        one, other, same, blind = first.llm
        assert one == same
        assert len({one, other, blind}) == 3
        assert len(store) == 3  # the same words and the same image are the same question
        again = open_yes_no(spec, StoredModel(engine, store), goods, tmp_path)
        np.testing.assert_array_equal(again.utilities(pages)[0].llm, first.llm)
        assert again.diagnostics.from_store == 4


def test_the_prompt_of_a_served_one_is_the_same_words(engine, tmp_path):
    """Taken apart for a server and put together by the chat template, they are what they were."""
    listener = Listener(engine)
    goods = catalogue(drawn("red"), None, None, None)
    choice = open_yes_no(ChoiceSpec(mode="yes-no", images=True), listener, goods, tmp_path)
    choice.utilities([Page(DRINKER, (0,))])
    (question,) = listener.heard
    body = chat_body(question, engine.tokenizer, "tiny")
    turns = [dict(turn) for turn in body["messages"]]
    for turn in turns:
        if isinstance(turn["content"], list):
            turn["content"] = [
                {"type": "image"} if part["type"] == "image_url" else part
                for part in turn["content"]
            ]
    said = engine.tokenizer._render(turns)
    whole = engine.tokenizer.decode((*question.prefix.ids, *question.suffix.ids))
    assert said == whole.lstrip("\n")
