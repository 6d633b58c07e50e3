"""Lessons are what a run asks; training learns a planted rule; an adapter is what was trained."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from transformers import LlamaConfig, LlamaForCausalLM

from footfall.answering.opening import open_choice
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.errors import DataError, ModelError, UserError
from footfall.fitting.ground import lay
from footfall.llm.fake import FakeModel
from footfall.llm.protocol import Tokens
from footfall.llm.specs import ModelSpec
from footfall.llm.weights.adapters import (
    adapter_hash,
    find_adapter,
    learned_answers,
    lora_settings,
    merged_folder,
    user_hash,
)
from footfall.llm.weights.weights import find_weights
from footfall.scenario.reading import read_scenario
from footfall_lab.finetuning import lora
from footfall_lab.finetuning.checkpoint import ADAPTER, load_adapter
from footfall_lab.finetuning.files import TRAIN, VALIDATE, read_lessons, write_about, write_lessons
from footfall_lab.finetuning.lessons import Lesson, LessonSpec
from footfall_lab.finetuning.packing import log_odds, pack
from footfall_lab.finetuning.specs import TrainSpec
from footfall_lab.finetuning.teach import teach, write_sft_data
from footfall_lab.finetuning.train import Sitting, train
from shop import scenario, write_shop

TESTED = 40
YES, NO = (5,), (6,)
CHOICE = {
    "mode": "yes-no",
    "template": "buys",
    "item_last": True,
    "regulars": 20,
    "visit_events": False,
}


def tiny(seed=0):
    """A Llama of 20,000 weights: big enough to learn to look back."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=64, hidden_size=48, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
        tie_word_embeddings=True, initializer_range=0.2,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def lesson(rng, user="u"):
    """Bakers (7) take the signs 10 to 14, anglers (8) the signs 15 to 19."""
    club = int(rng.integers(2))
    asked = rng.integers(10, 20, 6).tolist()
    return Lesson(
        user=user,
        window=0,
        prefix=Tokens((1, 7 + club, 2)),
        suffixes=tuple(Tokens((sign, 3)) for sign in asked),
        items=tuple(map(str, asked)),
        taken=tuple((sign >= 15) == bool(club) for sign in asked),
        new=tuple(sign % 2 == 0 for sign in asked),
    )


def lessons(count, seed):
    rng = np.random.default_rng(seed)
    return [lesson(rng, f"u{n}") for n in range(count)]


@pytest.fixture
def shop(tmp_path):
    write_shop(tmp_path, users=120, days=200)
    path = tmp_path / "shop.yaml"
    path.write_text(yaml.safe_dump(scenario(choice=CHOICE)), encoding="utf-8")
    return read_scenario(str(path)), tmp_path


def quiet(_line):
    pass


def test_packed_questions_are_what_each_is_alone():
    model = tiny()
    one = lesson(np.random.default_rng(1))
    together = log_odds(model, pack(one, torch.float32), YES, NO)
    for number, suffix in enumerate(one.suffixes):
        ids = torch.tensor([[*one.prefix.ids, *suffix.ids]])
        alone = model(input_ids=ids).logits[0, -1].log_softmax(-1)
        assert together[0][number].item() == pytest.approx(alone[YES[0]].item(), abs=1e-5)
        assert together[1][number].item() == pytest.approx(alone[NO[0]].item(), abs=1e-5)


def test_lessons_hold_exactly_what_a_run_asks(shop):
    resolved, folder = shop
    write_sft_data(resolved, folder, LessonSpec(windows=1, tested=TESTED), folder / "sft", quiet)
    found = read_lessons(folder / "sft").validate
    ground = lay(resolved, folder, users=TESTED, announce=quiet)
    stage = ground.stages.calibrate
    population = ground.population(stage)

    class Listening(FakeModel):
        def ask(self, questions):
            self.heard = questions
            return super().ask(questions)

    model = Listening()
    choice = open_choice(ChoiceSpec(**CHOICE), model, ground.catalogue, base=folder)
    for one in found[:5]:
        items = tuple(dict.fromkeys(ground.catalogue.code(item) for item in one.items))
        choice.utilities([Page(population.persona(population.index(one.user)), items)])
        asked = {(q.prefix.ids, q.suffix.ids) for q in model.heard}
        assert asked == {(one.prefix.ids, suffix.ids) for suffix in one.suffixes}
        # The answer is the first word after the last token: the labels are the run's.
        about = json.loads((folder / "sft" / "sft.json").read_text())["labels"]
        assert set(about["yes"] + about["no"]) == set(model.heard[0].labels)


def test_tested_users_and_later_days_are_never_learned_from(shop):
    resolved, folder = shop
    about = write_sft_data(
        resolved, folder, LessonSpec(windows=2, tested=TESTED), folder / "sft", quiet
    )
    ground = lay(resolved, folder, users=TESTED, announce=quiet)
    tested = {user_hash(ground.dataset.name, user) for user in ground.stages.test.users}
    assert about["users"]
    assert not tested & set(about["users"])
    read = read_lessons(folder / "sft")
    assert not {one.user for one in read.train} & {one.user for one in read.validate}
    events = ground.dataset.interactions
    before = events[events["time"] < ground.split.at]
    early = set(zip(before["user"], before["item"], strict=True))
    for one in (*read.train, *read.validate):
        yes = {(one.user, i) for i, taken in zip(one.items, one.taken, strict=True) if taken}
        assert yes <= early


def test_training_learns_a_planted_rule_and_resumes_to_the_same_weights(tmp_path):
    spec = TrainSpec(
        rank=8, learning_rate=1e-2, steps=40, lessons_a_step=8, evaluate_every=10, patience=9
    )

    def sitting(out):
        out.mkdir()
        return Sitting(
            lora.with_lora(tiny(), spec), "tiny", (YES, NO), lessons(200, 1), lessons(40, 2), out
        )

    whole = sitting(tmp_path / "whole")
    done = train(whole, spec)
    assert done.looks[0].auc < 0.7
    assert done.best.auc > 0.9
    assert done.best.nll < 0.5 * done.looks[0].nll
    # Stopped in step 15, resumed from step 10: the same weights, to the bit.
    halves = sitting(tmp_path / "halves")
    with pytest.raises(KeyboardInterrupt):
        train(_stopping(halves, after=15), spec)
    resumed = Sitting(
        lora.with_lora(tiny(), spec), "tiny", (YES, NO), halves.train, halves.validate, halves.out
    )
    again = train(resumed, spec, resume=True)
    assert again.losses == done.losses
    assert [one.nll for one in again.looks] == [one.nll for one in done.looks]
    assert adapter_hash(halves.out / ADAPTER) == adapter_hash(whole.out / ADAPTER)


def test_training_goes_on_from_an_adapter_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("footfall_lab.finetuning.teach._folder", lambda _base, _announce: "")
    monkeypatch.setattr(lora, "load", lambda _folder, _device: tiny())
    data = tmp_path / "lessons"
    write_lessons(data, TRAIN, lessons(60, 1), str)
    write_lessons(data, VALIDATE, lessons(20, 2), str)
    about = {"dataset": "shop", "until": "2024-05-01", "users": [user_hash("shop", "u1")]}
    write_about(data, {"model": "tiny", "labels": {"yes": YES, "no": NO}, **about})
    spec = TrainSpec(steps=20, learning_rate=1e-2, evaluate_every=10)
    first = teach(data, tmp_path / "first", spec, device="cpu", announce=quiet)
    more = spec.model_copy(update={"start": str(tmp_path / "first" / ADAPTER)})
    second = teach(data, tmp_path / "second", more, device="cpu", announce=quiet)
    # The adapter's file is bfloat16; what it says is what the first training ended with.
    assert second["looks"][0]["nll"] == pytest.approx(first["best"]["nll"], abs=0.01)
    assert second["start"]["sha256"] == adapter_hash(tmp_path / "first" / ADAPTER)
    assert second["start"]["card"]["data"] == first["data"]
    other = more.model_copy(update={"rank": 4, "alpha": 8})
    with pytest.raises(DataError, match="--rank"):
        teach(data, tmp_path / "third", other, device="cpu", announce=quiet)


def test_an_adapter_that_is_kept_on_the_way_has_its_card(tmp_path, monkeypatch):
    """Found by killing: weights of now beside no card are nothing that can be believed."""
    monkeypatch.setattr("footfall_lab.finetuning.teach._folder", lambda _base, _announce: "")
    monkeypatch.setattr(lora, "load", lambda _folder, _device: tiny())
    data, out = tmp_path / "lessons", tmp_path / "out"
    write_lessons(data, TRAIN, lessons(60, 1), str)
    write_lessons(data, VALIDATE, lessons(20, 2), str)
    about = {"dataset": "shop", "until": "2024-05-01", "users": [user_hash("shop", "u1")]}
    write_about(data, {"model": "tiny", "labels": {"yes": YES, "no": NO}, **about})

    def killed(step, _nll):
        if step == 12:
            raise KeyboardInterrupt

    spec = TrainSpec(steps=20, learning_rate=1e-2, evaluate_every=10)
    with pytest.raises(KeyboardInterrupt):
        teach(data, out, spec, device="cpu", announce=quiet, on_step=killed)
    card = json.loads((out / ADAPTER / "footfall.json").read_text())
    assert (card["steps"], card["best"]["step"], card["base"]) == (10, 10, "tiny")


def _stopping(sitting, after):
    def on_step(step, _nll):
        if step == after:
            raise KeyboardInterrupt

    return Sitting(
        sitting.model, sitting.base, sitting.labels, sitting.train, sitting.validate, sitting.out,
        on_step=on_step,
    )  # fmt: skip


def test_a_merged_model_answers_like_the_trained_one(tmp_path):
    spec = TrainSpec(rank=4, learning_rate=2e-2, steps=10, lessons_a_step=4, evaluate_every=10)
    base = tiny()
    base.save_pretrained(tmp_path / "base")
    model = lora.with_lora(base, spec)
    train(Sitting(model, "tiny", (YES, NO), lessons(50, 1), lessons(10, 2), tmp_path), spec)
    load_adapter(model, tmp_path / ADAPTER)  # as written, in bfloat16
    folder = merged_folder(
        tmp_path / "base", find_adapter(str(tmp_path / ADAPTER)), quiet, tmp_path / "cache"
    )
    merged = LlamaForCausalLM.from_pretrained(folder)
    one = lesson(np.random.default_rng(7))
    with torch.no_grad():
        expected = log_odds(model.eval(), pack(one, torch.float32), YES, NO)[0]
        found = log_odds(merged.eval(), pack(one, torch.float32), YES, NO)[0]
        plain = log_odds(tiny(), pack(one, torch.float32), YES, NO)[0]
    assert torch.allclose(found, expected, atol=1e-4)
    assert not torch.allclose(found, plain, atol=1e-2)
    text = (tmp_path / ADAPTER / "adapter_config.json").read_text()
    assert str(tmp_path) not in text  # an adapter is shared: no path of this machine in it


def test_mistakes_are_said_in_one_line(shop, tmp_path):
    resolved, folder = shop
    likelihood = read_scenario(str(folder / "shop.yaml"), {"choice": {"mode": "likelihood"}})
    with pytest.raises(UserError, match="mode likelihood"):
        write_sft_data(likelihood, folder, LessonSpec(tested=TESTED), folder / "sft", quiet)
    with pytest.raises(DataError, match='did you mean "matched"'):
        write_sft_data(
            resolved,
            folder,
            LessonSpec(protocols=("machted",), tested=TESTED),
            folder / "sft",
            quiet,
        )
    with pytest.raises(DataError, match=r"sft\.json is missing"):
        read_lessons(tmp_path / "nothing")


def test_lessons_with_empty_cells_are_refused(tmp_path):
    """Found by `make fuzz`: a TypeError."""
    write_lessons(tmp_path, TRAIN, lessons(3, 1), str)
    write_lessons(tmp_path, VALIDATE, lessons(3, 2), str)
    write_about(tmp_path, {})
    table = pq.read_table(tmp_path / TRAIN)
    empty = pa.array([None] * len(table), table.schema.field("items").type)
    place = table.schema.get_field_index("items")
    pq.write_table(table.set_column(place, "items", empty), tmp_path / TRAIN)
    with pytest.raises(DataError, match="empty cells"):
        read_lessons(tmp_path)
    with pytest.raises(ModelError, match="neither a folder"):
        find_adapter("no-such-adapter")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"adapter_config\.json is missing"):
        find_adapter(str(tmp_path / "empty"))


def test_an_adapter_that_knows_the_answers_is_found_out(tmp_path):
    about = {"dataset": "shop", "until": "2024-05-01", "users": [user_hash("shop", "ann")]}
    (tmp_path / "footfall.json").write_text(json.dumps({"data": about}))
    split = "2024-05-01 00:00:00"
    assert learned_answers(tmp_path, "shop", ["bob"], split) == ""
    assert learned_answers(tmp_path, "films", ["ann"], "1999-01-01") == ""
    assert "1 of the tested users" in learned_answers(tmp_path, "shop", ["ann", "bob"], split)
    assert "after the split" in learned_answers(tmp_path, "shop", ["bob"], "2024-03-01")
    later = {"dataset": "shop", "until": "2024-04-01", "users": []}
    films = {"dataset": "films", "until": "2024-06-01", "users": []}
    grown = {"data": films, "start": {"card": {"data": later, "start": {"card": {"data": about}}}}}
    (tmp_path / "footfall.json").write_text(json.dumps(grown))
    assert "1 of the tested users" in learned_answers(tmp_path, "shop", ["ann", "bob"], split)
    assert "after the split" in learned_answers(tmp_path, "shop", ["bob"], "2024-04-15")
    (tmp_path / "footfall.json").write_text(json.dumps({"data": films, "start": {"card": {}}}))
    assert "does not say" in learned_answers(tmp_path, "films", ["bob"], split)
    (tmp_path / "footfall.json").unlink()
    assert "does not say" in learned_answers(tmp_path, "shop", ["bob"], split)


def test_an_adapter_is_another_model_for_the_store_and_merged_on_a_cpu(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _name: tmp_path / "cache")
    spec = TrainSpec(rank=4, learning_rate=2e-2, steps=2, lessons_a_step=2, evaluate_every=1)
    base = tiny()
    base.save_pretrained(tmp_path / "base")
    model = lora.with_lora(base, spec)
    train(Sitting(model, "tiny", (YES, NO), lessons(9, 1), lessons(5, 2), tmp_path), spec)
    plain = find_weights(ModelSpec(name=str(tmp_path / "base")), quiet)
    taught = ModelSpec(name=str(tmp_path / "base"), adapter=str(tmp_path / ADAPTER))
    merged = find_weights(taught, quiet)
    assert merged.identity.startswith(plain.identity)
    assert merged.identity != plain.identity
    assert merged.adapter is None
    assert (merged.folder / "config.json").is_file()
    monkeypatch.setattr("footfall.llm.weights.weights.for_cuda", lambda: True)
    beside = find_weights(taught, quiet)
    assert beside.identity == merged.identity
    assert beside.model == plain.model
    assert lora_settings(beside.adapter)["max_lora_rank"] == 8
