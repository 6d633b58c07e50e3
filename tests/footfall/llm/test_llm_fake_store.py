"""The fake model, the store of answers, and what is asked of the model behind it."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footfall.errors import LogError, RunError
from footfall.llm.fake import FakeModel, FakeTokenizer
from footfall.llm.opening import open_model
from footfall.llm.protocol import Answer, NoAnswer, Question, Tokens
from footfall.llm.specs import ModelSpec
from footfall.llm.store import AnswerStore, StoredModel


def questions(n, labels=(3, 4)):
    return [Question(Tokens((1, 2, i // 3)), Tokens((7, 8, i)), labels) for i in range(n)]


def both_kinds(n):
    return [q for pair in zip(questions(n), questions(n, labels=()), strict=True) for q in pair]


class Counting(FakeModel):
    """A fake that keeps what it was asked."""

    def __init__(self, **options):
        super().__init__(**options)
        self.batches = []

    def ask(self, questions):
        self.batches.append(list(questions))
        return super().ask(questions)


def test_a_planted_taste_answers_alike_wherever_it_lies_in_memory():
    tastes = [lambda prefix, item: float(len(prefix) - len(item)) / 9 for _ in range(2)]
    one, other = (FakeModel(seed=3, taste=taste, fail_one_in=5) for taste in tastes)
    assert one.ask(both_kinds(40)) == other.ask(both_kinds(40))
    assert one.fingerprint != other.fingerprint  # code cannot be compared: no store is shared


def fake_with_words(**options):
    model = FakeModel(**options)
    labels = tuple(model.tokenizer.encode("Yes No"))
    return model, labels


def test_the_fake_answers_like_a_model():
    model, labels = fake_with_words(label_mass=0.6)
    prefix, suffix = (Tokens(tuple(model.tokenizer.encode(t))) for t in ("I shop.\n", "Oat milk"))
    said, weighed = model.ask([Question(prefix, suffix, labels), Question(prefix, suffix)])
    assert np.exp(said.logprobs).sum() == pytest.approx(0.6)
    assert len(weighed.logprobs) == len(suffix)
    assert max(weighed.logprobs) < 0


def test_the_fake_is_the_same_in_every_batch_and_process():
    model, labels = fake_with_words(seed=5)
    batch = [Question(Tokens((labels[0], i)), Tokens((labels[1], i)), labels) for i in range(50)]
    together = model.ask(batch)
    assert [model.ask([question])[0] for question in batch] == together
    assert FakeModel(seed=6).fingerprint != model.fingerprint
    code = (
        "from footfall.llm.fake import FakeModel; from footfall.llm.protocol import *;"
        "m = FakeModel(seed=5); l = tuple(m.tokenizer.encode('Yes No'));"
        "print(m.fingerprint.hex(), m.ask([Question(Tokens((l[0], 3)), Tokens((l[1], 3)), l)])[0])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == f"{model.fingerprint.hex()} {together[3]}"


def test_the_fake_fails_as_often_as_told():
    replies = FakeModel(fail_one_in=10).ask(questions(5000, labels=()))
    assert 400 < sum(isinstance(reply, NoAnswer) for reply in replies) < 600


@given(st.text(max_size=80))
@settings(max_examples=200)
def test_the_fakes_tokenizer_loses_nothing(text):
    tokenizer = FakeTokenizer()
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.encode_many([text, "x"])[0] == tokenizer.encode(text)


def test_open_model_knows_the_fake():
    model = open_model(ModelSpec(name="fake", seed=3), announce=lambda _: None)
    assert model.fingerprint == FakeModel(seed=3).fingerprint


def test_a_second_run_asks_the_model_nothing(tmp_path):
    batch = both_kinds(700)
    with AnswerStore(tmp_path / "a.sqlite") as store:
        first = StoredModel(FakeModel(), store).ask(batch)
    with AnswerStore(tmp_path / "a.sqlite") as store:
        model = Counting()
        stored = StoredModel(model, store)
        second = stored.ask(batch)
        assert model.batches == []
        assert stored.from_store == len(batch)
        assert len(store) == len(batch)
    assert [a.logprobs for a in first] == [b.logprobs for b in second]
    assert not any(a.from_store for a in first)
    assert all(b.from_store for b in second)


def test_questions_that_occur_twice_are_asked_once(tmp_path):
    model = Counting()
    with AnswerStore(tmp_path / "a.sqlite") as store:
        one, two, three = StoredModel(model, store).ask([*questions(2), questions(1)[0]])
    assert len(model.batches[0]) == 2
    assert one == three
    assert one != two


def test_no_answer_is_never_stored(tmp_path):
    batch = questions(200)
    with AnswerStore(tmp_path / "a.sqlite") as store:
        model = Counting(fail_one_in=5)
        stored = StoredModel(model, store)
        failed = [
            q for q, r in zip(batch, stored.ask(batch), strict=True) if isinstance(r, NoAnswer)
        ]
        assert failed
        assert len(store) == len(batch) - len(failed)
        stored.ask(batch)
        assert model.batches[1] == failed


def test_another_model_shares_nothing(tmp_path):
    with AnswerStore(tmp_path / "a.sqlite") as store:
        StoredModel(FakeModel(seed=1), store).ask(questions(20))
        other = Counting(seed=2)
        StoredModel(other, store).ask(questions(20))
        assert len(other.batches[0]) == 20


def test_what_was_stored_first_counts_for_everybody(tmp_path):
    key = b"k" * 16
    with AnswerStore(tmp_path / "a.sqlite") as mine, AnswerStore(tmp_path / "a.sqlite") as theirs:
        assert theirs.settle({key: (-1.0, -2.0)})[key] == (-1.0, -2.0)
        settled = mine.settle({key: (-1.5, -2.5), b"l" * 16: (-0.25,)})
        assert settled == {key: (-1.0, -2.0), b"l" * 16: (-0.25,)}


def test_answers_are_the_same_the_first_time_and_from_the_store(tmp_path):
    """0.1 is no float32: the first answer has to be rounded like the stored one."""

    class Tenth(FakeModel):
        def ask(self, questions):
            return [Answer((-0.1,) * len(q.labels)) for q in questions]

    with AnswerStore(tmp_path / "a.sqlite") as store:
        model = StoredModel(Tenth(), store)
        assert model.ask(questions(1))[0].logprobs == model.ask(questions(1))[0].logprobs


def test_a_killed_process_loses_nothing_that_was_answered(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from footfall.llm.store import AnswerStore;"
        "s = AnswerStore(Path(sys.argv[1])); s.settle({bytes(16): (-1.0,)}); os._exit(9)"
    )
    path = tmp_path / "a.sqlite"
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 9
    with AnswerStore(path) as store:
        assert store.find([bytes(16)]) == {bytes(16): (-1.0,)}


def test_a_full_disk_keeps_what_was_stored_and_the_store_usable(tmp_path):
    """SQLite's own bound on the size of a file stands in for the end of the disk."""
    many = {n.to_bytes(16, "big"): (-1.0, -2.0) for n in range(20_000)}
    with AnswerStore(tmp_path / "a.sqlite") as store:
        store.settle({b"0" * 16: (-1.0,)})
        store._db.execute("PRAGMA max_page_count = 20")
        with pytest.raises(RunError, match=r"a\.sqlite: database or disk is full.*--resume"):
            store.settle(many)
        with pytest.raises(RunError, match="database or disk is full"):
            store.settle_texts(dict.fromkeys(many, "x" * 100))
        store._db.execute("PRAGMA max_page_count = 1000000")
        assert len(store) == 1
        store.settle(many)
        assert len(store) == len(many) + 1


@pytest.mark.parametrize("place", [".", "file/a.sqlite"])
def test_a_place_where_no_store_can_be_is_one_line(tmp_path, place):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RunError, match=r"unable to open|cannot make"):
        AnswerStore(tmp_path / place)


def test_a_file_that_is_no_store_is_refused(tmp_path):
    path = tmp_path / "a.sqlite"
    path.write_text("these are not the answers you are looking for" * 50)
    with pytest.raises(LogError, match="not a store of answers"):
        AnswerStore(path)
