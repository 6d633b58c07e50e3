"""Items that are shown with their images: read, hashed, asked about, and explained."""

import base64
import json
import threading
from pathlib import Path

import pandas as pd
import pytest
import yaml

import photographed
import shop
from console import footfall
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.sources import load
from footfall.errors import ModelError, ScenarioError, ServerError
from footfall.llm.fake import FakeModel, FakeTokenizer
from footfall.llm.fake_server import FakeHandler, FakeServer
from footfall.llm.protocol import Answer, NoAnswer, Question, Tokens
from footfall.llm.specs import ModelSpec
from footfall.llm.vllm.server import open_server
from footfall.plumbing.images import MOST_BYTES, MOST_PIXELS, ImageFile, UnfitImageError
from footfall.scenario.scenario import parse_scenario
from photographed import drawn, scenario

pytestmark = pytest.mark.slow

Image = pytest.importorskip("PIL.Image", reason="comes with the extra `images`")


@pytest.fixture
def folder(tmp_path):
    return photographed.write(tmp_path)


def run(folder, raw, out):
    (folder / "shop.yaml").write_text(yaml.safe_dump(raw))
    return footfall("run", "shop.yaml", "--out", out, cwd=folder)


def answers(folder, out):
    return pd.read_parquet(folder / out / "impressions").sort_values(
        ["arm", "user", "time", "item"]
    )


def test_other_images_are_other_answers_and_the_same_ones_the_same(folder):
    assert run(folder, scenario(), "first").returncode == 0
    assert run(folder, scenario(), "again").returncode == 0
    for file in (folder / "photos").iterdir():
        file.write_bytes(drawn("white", size=(9, 9)))
    assert run(folder, scenario(), "repainted").returncode == 0
    first, again, other = (answers(folder, out)["llm"] for out in ("first", "again", "repainted"))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_a_run_says_who_was_shown_and_explains_with_the_hash(folder):
    done = run(folder, scenario(), "run")
    assert done.returncode == 0, done.stderr
    record = json.loads((folder / "run" / "manifest.json").read_text())
    goods = pd.read_parquet(folder / "run" / "items.parquet")
    assert record["images"] == {"shown": len(goods) - 1, "without": 1}
    assert any("have no image" in warning["text"] for warning in record["warnings"])
    assert (goods["image"].str.len() == 64).sum() == len(goods) - 1
    user = pd.read_parquet(folder / "run" / "sessions")["user"].iloc[0]
    told = footfall("explain", "run", "--user", user, "--json", cwd=folder)
    assert told.returncode == 0, told.stderr
    hashes = set(goods["image"].str[:16])
    shown = {line.split("sha256 ")[1][:16] for line in told.stdout.split('"') if "sha256 " in line}
    assert shown
    assert shown <= hashes


def test_a_scenario_without_images_hashes_as_before():
    raw = shop.scenario()
    plain = parse_scenario(raw)
    assert "images" not in plain.model_dump(mode="json")["choice"]
    assert parse_scenario(scenario()).model_dump(mode="json")["choice"]["images"] is True


def test_bytes_of_a_parquet_file_do_as_well(folder):
    goods = pd.read_csv(folder / "items.csv", dtype=str)
    goods["photo"] = [drawn("blue") if number % 2 else None for number in range(len(goods))]
    goods.to_parquet(folder / "items.parquet")
    raw = scenario()
    raw["data"]["items"]["path"] = "items.parquet"
    dataset = load(parse_scenario(raw).data, folder)
    assert len(dataset.images) == 1
    catalogue = Catalogue.from_items(dataset.items, "EUR", dataset.images)
    assert {image.form for image in catalogue.images if image} == {"PNG"}
    assert dataset.images[next(iter(dataset.images))].content() == drawn("blue")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"GIF89a...", "is no sound PNG, JPEG, WEBP"),
        (drawn()[:45], "is no sound"),
        (drawn(size=(MOST_PIXELS + 1, 1)), "longer side has at most"),
        (b"\x89PNG" + bytes(MOST_BYTES), "bytes; the most are"),
        (None, "cannot be read"),
    ],
    ids=["a GIF", "cut short", "too wide", "too large", "missing"],
)
def test_an_unfit_image_is_told_of_in_a_line(folder, content, message):
    file = min((folder / "photos").iterdir())
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    done = run(folder, scenario(), "run")
    assert done.returncode == 2
    assert message in done.stderr
    assert file.name in done.stderr
    said = [line for line in done.stderr.splitlines() if line]
    assert len(said) == 2  # "reading table", and what is wrong


@pytest.mark.parametrize("away", ["../secret.png", "/etc/hostname", "link.png"])
def test_no_file_beyond_the_table_s_folder_is_shown(folder, away):
    (folder.parent / "secret.png").write_bytes(drawn())
    (folder / "link.png").symlink_to(folder.parent / "secret.png")
    goods = pd.read_csv(folder / "items.csv", dtype=str)
    goods.assign(photo=away).to_csv(folder / "items.csv", index=False)
    done = run(folder, scenario(), "run")
    assert done.returncode == 2
    assert "lies outside of" in done.stderr


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"choice": {"mode": "likelihood", "images": True}}, "yes-no and rating"),
        ({"choice": {"mode": "yes-no", "images": True, "item_last": True}}, "item_last"),
    ],
)
def test_modes_that_cannot_show_images_say_so(changes, message):
    with pytest.raises(ScenarioError, match=message):
        parse_scenario(scenario(**changes))


def test_images_of_nobody_are_refused(folder):
    raw = scenario()
    del raw["data"]["items"]["image"]
    done = run(folder, raw, "run")
    assert done.returncode == 2
    assert "no item has an image" in done.stderr


def test_an_image_that_was_changed_meanwhile_is_not_shown(tmp_path):
    (tmp_path / "a.png").write_bytes(drawn("red"))
    image = ImageFile.read(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(drawn("blue"))
    with pytest.raises(UnfitImageError, match="was changed"):
        image.content()


def test_the_key_of_a_question_knows_its_image():
    words = Tokens((1, 2)), Tokens((3,)), (4, 5)
    red, blue = (ImageFile.read(drawn(colour)) for colour in ("red", "blue"))
    keys = {
        Question(*words, image).key(b"") for image in (None, red, blue, ImageFile.read(drawn()))
    }
    assert len(keys) == 3


class Recorder(FakeHandler):
    """A model server that keeps the chats that it is asked, and answers them."""

    def do_POST(self):  # noqa: N802 - the name that http.server calls
        if self.path != "/v1/chat/completions":
            super().do_POST()
            return
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.chats.append(body)
        top = [{"token": f"token_id:{n}", "logprob": -1.0} for n in body["logprob_token_ids"]]
        content = [{"token": "x", "logprob": -1.0, "top_logprobs": top}]
        self._reply(200, self.server.answer or {"choices": [{"logprobs": {"content": content}}]})


@pytest.fixture
def server():
    with FakeServer("127.0.0.1", 0) as served:
        served.RequestHandlerClass, served.chats, served.answer = Recorder, [], None
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield served
        served.shutdown()
        thread.join()


def test_a_server_is_shown_the_image_as_a_chat(folder, server):
    raw = scenario(model={"name": "fake", "server": f"http://127.0.0.1:{server.server_port}/v1"})
    done = run(folder, raw, "served")
    assert done.returncode == 0, done.stderr
    chat = server.chats[0]
    assert chat["logprobs"]
    assert chat["return_tokens_as_token_ids"]
    assert (chat["max_tokens"], chat["temperature"]) == (1, 0.0)
    (asked,) = [turn for turn in chat["messages"] if turn["role"] == "user"]
    (shown,) = [part for part in asked["content"] if part["type"] == "image_url"]
    kind, _, encoded = shown["image_url"]["url"].partition(";base64,")
    assert kind == "data:image/png"
    content = base64.b64decode(encoded)
    assert content in {file.read_bytes() for file in (folder / "photos").iterdir()}
    words = " ".join(part["text"] for part in asked["content"] if part["type"] == "text")
    assert "Offer:" in words
    assert "<image>" not in words
    record = json.loads((folder / "served" / "manifest.json").read_text())
    assert record["choice"]["unanswered_pages"] == 0


def pictured(model):
    """A question with an image, as a model of chats is asked it."""
    opening, closing = model.tokenizer.chat("You look.", "Before: tea.\n")
    ids = [model.tokenizer.encode(text) for text in (opening, f"<image>\nTake it?{closing}")]
    return Question(*(Tokens(tuple(one)) for one in ids), (1, 2), ImageFile.read(drawn()))


@pytest.mark.parametrize(
    "answer",
    [{}, {"choices": []}, {"choices": [{"logprobs": {"content": [{"top_logprobs": []}]}}]}],
)
def test_a_chat_without_the_numbers_is_no_answer(server, answer):
    server.answer = answer or {"error": "none"}
    spec = ModelSpec(name="fake", server=f"http://127.0.0.1:{server.server_port}/v1")
    model = open_server(spec, announce=lambda _: None)
    (reply,) = model.ask([pictured(model)])
    model.close()
    assert isinstance(reply, NoAnswer)


def test_another_model_that_answers_a_chat_is_an_error(server):
    server.answer = {"model": "another", "choices": []}
    spec = ModelSpec(name="fake", server=f"http://127.0.0.1:{server.server_port}/v1")
    model = open_server(spec, announce=lambda _: None)
    with pytest.raises(ServerError, match='"another" answered instead of "fake"'):
        model.ask([pictured(model)])
    model.close()


def test_the_fake_model_sees():
    model = FakeModel()
    words = Tokens((1,)), Tokens((2,)), (3, 4)
    red, blue, none = model.ask(
        [Question(*words, ImageFile.read(drawn(c))) for c in ("red", "blue")] + [Question(*words)]
    )
    assert all(isinstance(one, Answer) for one in (red, blue, none))
    assert len({red.logprobs, blue.logprobs, none.logprobs}) == 3
    assert FakeTokenizer().image_mark()


def test_a_model_without_eyes_says_so(monkeypatch):
    from footfall.llm.weights.embedded import embedded_folder
    from footfall.llm.weights.tokenizer import load_tokenizer

    folder = Path(embedded_folder(lambda _: None))
    with pytest.raises(ModelError, match="knows no images"):
        load_tokenizer(folder).image_mark()
