"""Every place where Footfall reads what others wrote, each as a function of raw bytes.

A target may return or raise one of Footfall's own errors with a message of one line. Anything
else (another exception, a message of several lines, no end) is a finding. ``tests/test_fuzz.py``
feeds them; ``make fuzz`` feeds each 10,000 inputs.
"""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest.mock import patch

import httpx
import openai
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

import shop
from asking_world import DRINKER, catalogue
from footfall.answering.opening import open_answering, open_choice
from footfall.answering.stand_in import StandIn
from footfall.choice.protocol import Page
from footfall.choice.reasoned import read as read_reasons
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.movielens import MovieLensSource
from footfall.datasets.query import select
from footfall.datasets.sources import READERS, load
from footfall.datasets.table_source import TableSource
from footfall.errors import FootfallError, ServerError
from footfall.explaining.replay import replay
from footfall.llm.fake import FakeModel, FakeTokenizer
from footfall.llm.protocol import Answer, Question, Tokens
from footfall.llm.specs import ModelSpec
from footfall.llm.store import AnswerStore
from footfall.llm.vllm.server import VllmServer
from footfall.llm.weights.adapters import find_adapter, learned_answers, lora_settings
from footfall.llm.writing import Passage, Written
from footfall.options import Options
from footfall.plumbing.files import file_hash
from footfall.recommenders import Request, audited
from footfall.recommenders.http import HttpRecommender
from footfall.recommenders.specs import HttpSpec
from footfall.recommenders.table import TableRecommender
from footfall.run_folder.layout import GRID
from footfall.runs.budget import Meter
from footfall.runs.histories import read_histories
from footfall.runs.run import run
from footfall.scenario.budget import BudgetSpec
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import parse_scenario
from footfall.surrogate.folder import CARD, NUMBERS
from footfall.world.society import SocialSpec, graph_of
from footfall_eval import RunLog, compare
from footfall_eval.comparing.grid import summarise
from footfall_eval.statistics.offpolicy import off_policy, read_bandit_log
from footfall_lab.distilling.distill import DistillingOptions, distill
from footfall_lab.finetuning.files import NAME as ABOUT_LESSONS
from footfall_lab.finetuning.files import TRAIN, VALIDATE, read_lessons, write_lessons
from footfall_lab.finetuning.lessons import Lesson


@dataclass(frozen=True)
class Target:
    """Something that reads bytes, good bytes to start from, and words that it reacts to."""

    read: Callable[[bytes, Path], object]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...] = ()


def outcome(target: Target, data: bytes, folder: Path) -> FootfallError | None:
    """The error that ``data`` leads to, checked; anything but Footfall's own errors escapes."""
    try:
        target.read(data, folder)
    except FootfallError as error:
        found = error
    else:
        return None
    assert len(str(found).splitlines()) == 1, str(found)
    return found


TABLE_COLUMNS = {"user": "user", "item": "item", "time": "at", "quantity": "n", "value": "paid"}
TABLE = b"""user,item,at,n,paid,title,kind
u1,i1,2024-01-01T10:00:00,1,2.50,Oat milk,Dairy
u2,i2,2024-01-02 11:30,2,5,"Rye, bread",Bread
u1,i2,2024-01-03T09:00:00+02:00,1,,Rye bread,Bread
"""


def _table(data: bytes, folder: Path) -> object:
    (folder / "t.csv").write_bytes(data)
    columns = {**TABLE_COLUMNS, "title": "title", "category": "kind"}
    return load(TableSource(path=Path("t.csv"), columns=columns), folder)


def _unix_table(data: bytes, folder: Path) -> object:
    (folder / "t.csv").write_bytes(data)
    columns = {"user": "user", "item": "item", "time": "at"}
    return load(TableSource(path=Path("t.csv"), columns=columns, time_unit="s"), folder)


def _parquet(data: bytes, folder: Path) -> object:
    (folder / "t.parquet").write_bytes(data)
    return load(TableSource(path=Path("t.parquet"), columns=TABLE_COLUMNS), folder)


def _parquet_seed() -> bytes:
    buffer = io.BytesIO()
    frame = pd.read_csv(io.BytesIO(TABLE), parse_dates=["at"], date_format="ISO8601")
    frame.assign(at=pd.to_datetime(frame["at"], utc=True)).to_parquet(buffer)
    return buffer.getvalue()


def _feather(data: bytes, folder: Path) -> object:
    (folder / "t.feather").write_bytes(data)
    return load(TableSource(path=Path("t.feather"), columns=TABLE_COLUMNS), folder)


def _feather_seed() -> bytes:
    buffer = io.BytesIO()
    pd.read_csv(io.BytesIO(TABLE)).to_feather(buffer)
    return buffer.getvalue()


JSON_TABLE = (
    b'{"user": {"id": 7}, "item": "i1", "at": "2024-01-01T10:00:00Z", "n": 1, "paid": 2.5}\n'
    b'{"user": {"id": "u2"}, "item": "i2", "at": "2024-01-02", "kind": ["a", "b"], "ok": true}\n'
)


def _json_table(data: bytes, folder: Path) -> object:
    (folder / "t.jsonl").write_bytes(data)
    columns = {**TABLE_COLUMNS, "user": "user.id", "category": "kind"}
    return load(TableSource(path=Path("t.jsonl"), columns=columns), folder)


IMPRESSIONS = b"""user;item;at;page;place;chance;policy;clicked;bought;paid
u1;i1;2024-01-01 10:00;p1;0;0,5;old;1;0;
u1;i2;2024-01-01 10:00;p1;1;0,25;old;1;1;"1.299,00"
u2;i1;2024-01-02 10:00;p1;0;1;new;0;0;
"""


def _impressions(data: bytes, folder: Path) -> object:
    (folder / "t.csv").write_bytes(data)
    columns = {"user": "user", "item": "item", "time": "at", "page": "page", "position": "place",
               "propensity": "chance", "arm": "policy", "value": "paid"}  # fmt: skip
    raw = {"kind": "table", "path": "t.csv", "columns": columns, "decimal": ",", "thousands": ".",
           "action": {"flags": {"click": "clicked", "purchase": "bought"}}}  # fmt: skip
    return load(TableSource.model_validate(raw), folder)


OPEN_BANDIT = (
    b",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1\n"
    b"0,2019-11-24 00:00:00.004101+00:00,1,3,0,0.5,aa,bb\n"
    b"1,2019-11-24 00:00:01+00:00,0,1,1,0.25,cc,bb"
    b"\n--\n,item_id,item_feature_0\n0,0,-0.67\n1,1,0.5"
)


def _open_bandit(data: bytes, folder: Path) -> object:
    place = folder / "random" / "men"
    place.mkdir(parents=True)
    log, _, items = data.partition(b"\n--\n")
    (place / "men.csv").write_bytes(log)
    (place / "item_context.csv").write_bytes(items)
    raw = {"kind": "open-bandit", "path": str(folder), "campaign": "men", "policy": "random"}
    return load(PUBLISHED["open-bandit"].model_validate(raw), folder)


MOVIES = b"movieId,title,genres\n1,Heat (1995),Action|Crime\n2,Up (2009),Animation\n"
RATINGS = (
    b"userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,2,3.5,964982931\n2,1,5,964983815\n"
)


def _movielens(names: tuple[str, ...], fixed: dict[str, bytes]) -> Callable[[bytes, Path], object]:
    """Files of a layout: the input is split between ``names``, the others are as they should be."""

    def read(data: bytes, folder: Path) -> object:
        parts = data.split(b"\n--\n")
        for number, name in enumerate(names):
            (folder / name).write_bytes(parts[number] if number < len(parts) else b"")
        for name, content in fixed.items():
            (folder / name).write_bytes(content)
        return load(MovieLensSource(path=folder), folder)

    return read


def _published(
    kind: str, names: tuple[str, ...], **options: str
) -> Callable[[bytes, Path], object]:
    """Another public data set: the input is split between its files."""

    def read(data: bytes, folder: Path) -> object:
        parts = data.split(b"\n--\n")
        for number, name in enumerate(names):
            (folder / name).write_bytes(parts[number] + b"\n" if number < len(parts) else b"")
        return load(PUBLISHED[kind].model_validate({"kind": kind, **options}), folder)

    return read


PUBLISHED = {model.model_fields["kind"].default: model for model in READERS}
AMAZON = (
    b'{"rating": 5.0, "parent_asin": "B1", "user_id": "A1", "timestamp": 1677721600123}'
    b'\n--\n{"parent_asin": "B1", "title": "Oat milk", "price": 3.49, "categories": ["Milk"]}'
)
MIND = (
    b"1\tU1\t11/11/2019 9:05:58 AM\tN2\tN1-0 N2-1"
    b"\n--\nN1\tsports\tnba\tA dunk\tText.\thttps://x\t[]\t[]\nN2\tnews\tw\tEls\t\t\t[]\t[]"
)
KUAIREC = (
    b"user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio\n"
    b"14,148,4381,6067,2020-07-05 05:27:48.378,20200705,1593898068.378,2.72\n--\n"
    b"video_id,manual_cover_text,caption,topic_tag,first_level_category_id,"
    b"first_level_category_name\n148,UNKNOWN,A cat,[],8,Pets\n--\n"
    b"user_id,user_active_degree,onehot_feat0\n14,high_active,3"
)
STEAM = (
    b"{u'username': u'A', u'product_id': u'725280', u'date': u'2017-12-17', u'hours': 13.8}"
    b"\n--\n{u'id': u'725280', u'title': u'Chess', u'price': 4.99, u'genres': [u'Indie']}"
)


def _slates(data: bytes, folder: Path) -> object:
    (folder / "slates.csv").write_bytes(data)
    return TableRecommender.read(folder / "slates.csv")


def _friends(data: bytes, folder: Path) -> object:
    (folder / "friends.csv").write_bytes(data)
    return graph_of(SocialSpec(path="friends.csv"), ["u1", "u2", "7"], folder, seed=0)


def _propensities(data: bytes, folder: Path) -> object:
    (folder / "log.csv").write_bytes(data)
    return off_policy(read_bandit_log(folder / "log.csv", {"user": "uid"}), resamples=5)


SLATES = b"user,item,rank,score,propensity\nu1,i1,1,0.5,0.25\nu1,i2,2,-3,1\n*,i1,1,1e-3,0\n"
FRIENDS = b"user,friend\nu1,u2\nu2,7\n"
PROPENSITIES = (
    b"uid,reward,propensity,target,predicted,predicted_target\n"
    b"u1,1,0.25,0.5,0.3,0.2\n7,0,1,1e-3,0.1,0.4\n"
)


def _zip(data: bytes, folder: Path) -> object:
    (folder / "ml.zip").write_bytes(data)
    return load(MovieLensSource(path=Path("ml.zip")), folder)


def _zip_seed() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("ml/ratings.csv", RATINGS)
        made.writestr("ml/movies.csv", MOVIES)
    return buffer.getvalue()


def _scenario(data: bytes, folder: Path) -> object:
    (folder / "s.yaml").write_bytes(data)
    return read_scenario(folder / "s.yaml")


SCENARIO = b"""name: two clubs
data: {kind: table, path: sales.csv, columns: {user: customer, item: sku, time: at}}
split: {at: 2024-02-01}
population: {users: 24, where: orders >= 3}
model: {name: fake}
choice: {mode: yes-no}
behaviour: {click: {none: -2.0, llm: 1}, habits: {picks: one}}
world: {days: 6, epoch_days: 2, slate: 5}
arms:
  - {name: random, recommender: {kind: random}}
  - name: http
    recommender: {kind: http, url: "http://localhost:9000/recommend", timeout: 1.5}
seed: 3
"""


def _template(data: bytes, folder: Path) -> object:
    (folder / "own.j2").write_bytes(data)
    spec = ChoiceSpec(mode="yes-no", template="own.j2")
    choice = open_choice(spec, FakeModel(), catalogue(), base=folder)
    return choice.utilities([Page(DRINKER, (4, 5), clicked=(6,))])


TEMPLATE = b"""{% extends "yes-no.j2" %}
{% block system %}You shop.{% endblock %}
{% block history %}{% for trip in trips %}{{ trip.titles | join(", ") | upper }}
{% endfor %}{% endblock %}
{% block visit %}Seen: {{ clicked | map("short") | join(", ") }}{% endblock %}
{% block item %}{{ title }} {% if price %}{{ "%.2f" | format(price * 2) }}{% endif %}{% endblock %}
"""


def _where(data: bytes, folder: Path) -> object:
    frame = pd.DataFrame({"orders": [1, 2], "spend": [0.5, float("nan")], "age": ["a", None]})
    return select(frame, data.decode("utf-8", "replace"))


THEIRS = """
from footfall.recommenders import Slate

class Shelf:
    def __init__(self, items):
        self.items = tuple(items)

    def recommend(self, requests):
        return [Slate(self.items[: request.k]) for request in requests]

    def update(self, events):
        pass

def build(split, catalogue):
    return Shelf([*catalogue.ids, "not theirs"])
"""


def _seeds(file: Path) -> tuple[bytes, ...]:
    return odd_parts(file) if file.suffix == ".parquet" else (file.read_bytes(),)


class RunFolder:
    """A finished run; inputs replace one of its files."""

    def __init__(self, folder: Path) -> None:
        shop.write_shop(folder, users=20, days=20)
        (folder / "their_shelf.py").write_text(THEIRS)
        world = {"days": 1, "epoch_days": 1, "slate": 3, "max_pages": 1, "shards": 1}
        theirs = {"kind": "callable", "target": "their_shelf:build"}
        arms = [
            {"name": "a", "recommender": {"kind": "random"}},
            {"name": "b", "recommender": theirs},
        ]
        changes = {"world": world, "arms": arms, "population": {"users": 8, "min_history": 1}}
        self.base, self.path = folder, folder / "run"
        self.scenario = parse_scenario(shop.scenario(**changes))
        run(self.scenario, Options(self.path, base=folder))
        self.user = pd.read_parquet(self.path / "impressions")["user"].iloc[0]
        self.histories = read_histories(self.scenario, folder, lambda _: None)

    def _read_once(self, place: Path) -> AbstractContextManager[object]:
        """Half the time goes into real histories, which a part of the log does not change."""
        if place.suffix != ".parquet":
            return nullcontext()
        stack = ExitStack()
        for module in ("footfall.runs.run", "footfall.explaining.replay"):
            stack.enter_context(patch(f"{module}.read_histories", lambda *_: self.histories))
        return stack

    def _copy(self, data: bytes, folder: Path, place: Path) -> Path:
        copy = folder / "run"
        shutil.copytree(self.path, copy, dirs_exist_ok=True)
        (copy / place).write_bytes(data)
        return copy

    def planned(self) -> Target:
        """Feed the plan of a grid whose only run this is."""

        def read(data: bytes, folder: Path) -> object:
            shutil.copytree(self.path, folder / "run", dirs_exist_ok=True)
            (folder / GRID).write_bytes(data)
            return summarise(folder)

        return Target(
            read, (b'{"runs": [{"folder": "run", "settings": {"seed": 3}}]}',), JSON_WORDS
        )

    def resumed(self, name: str, words: tuple[bytes, ...] = ()) -> Target:
        """Feed the file ``name`` to ``footfall run --resume``; the manifest knows its hash."""
        file = next(self.path.glob(name))
        place = file.relative_to(self.path)

        def read(data: bytes, folder: Path) -> object:
            copy = self._copy(data, folder, place)
            if place.suffix == ".parquet":
                record = json.loads((copy / "manifest.json").read_text())
                record["parts"][place.as_posix()] = file_hash(copy / place)
                (copy / "manifest.json").write_text(json.dumps(record))
            with self._read_once(place):
                return run(self.scenario, Options(copy, base=self.base, resume=True))

        return Target(read, _seeds(file), words)

    def replayed(self, name: str, words: tuple[bytes, ...] = ()) -> Target:
        """Feed the file ``name`` to ``footfall explain``."""
        file = next(self.path.glob(name))
        place = file.relative_to(self.path)

        def read(data: bytes, folder: Path) -> object:
            with self._read_once(place):
                return replay(self._copy(data, folder, place), self.user, base=self.base)

        return Target(read, _seeds(file), words)

    def target(self, name: str, words: tuple[bytes, ...] = ()) -> Target:
        """Feed the file ``name``, or the first one that fits it, and compare the arms."""
        file = next(self.path.glob(name))
        place = file.relative_to(self.path)

        def read(data: bytes, folder: Path) -> object:
            return compare(RunLog.open(self._copy(data, folder, place)))

        return Target(read, _seeds(file), words)


def _served(data: bytes, _folder: Path) -> object:
    """The body of every answer of a model server, to questions of both kinds and to a passage."""
    card = {"id": "shop-model", "max_model_len": 50}

    class Door:
        def about(self, _card: object) -> dict[str, str]:
            return {"name": "shop-model", "root": "x", "version": "1"}

        look = partial(about, None, None)

    spec = ModelSpec(name="shop-model", server="http://localhost:1/v1", patience=0, retries=0)
    server = VllmServer(spec, card, FakeTokenizer(), Door(), lambda _: None)
    headers = {"Content-Type": "application/json"}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, headers=headers, content=data))
    server._client = openai.AsyncOpenAI(
        base_url=str(spec.server),
        api_key="none",
        max_retries=0,
        http_client=httpx.AsyncClient(transport=transport),
    )
    server._window = asyncio.Semaphore(1)
    first, second = Tokens((1, 2)), Tokens((7, 8))
    asked = (
        partial(server.ask, [Question(first, second, (3, 4))]),
        partial(server.ask, [Question(first, second)]),
        partial(server.write, [Passage(first)]),
    )
    with closing(server):
        for ask in asked:
            with suppress(ServerError):  # after its patience: the run stops, and says why
                (reply,) = ask()
                assert not isinstance(reply, Answer) or max(reply.logprobs) <= 0
    return None


LABELLED = (
    b'{"id": "x", "object": "text_completion", "created": 0, "model": "shop-model", "choices":'
    b' [{"index": 0, "text": "a", "finish_reason": "length", "logprobs": {"top_logprobs":'
    b' [{"token_id:3": -1.5, "token_id:4": -0.5}]}}],'
    b' "usage": {"prompt_tokens": 4, "prompt_tokens_details": {"cached_tokens": 2}}}'
)
LIKELY = (
    b'{"model": "shop-model", "prompt_logprobs": [null, {"2": {"logprob": -1}},'
    b' {"7": {"logprob": -2.5}}, {"8": {"logprob": -1e-3}}],'
    b' "usage": {"prompt_tokens_details": {"cached_tokens": 1}}}'
)


def _recommended(data: bytes, _folder: Path) -> object:
    """The body of a recommender service's answer, audited."""
    asked = [Request("u", 0, 0, pd.Timestamp("2024-03-01"), 3, (), seed=n) for n in range(2)]
    with closing(HttpRecommender(HttpSpec(kind="http", url="http://localhost:1/r"))) as service:
        service._caller._client = httpx.AsyncClient(
            transport=httpx.MockTransport(lambda _: httpx.Response(200, content=data))
        )
        items = catalogue()
        slates = audited(service, items).recommend(asked)
    assert all(items.has(slate.items) and len(slate.items) <= 3 for slate in slates)
    return slates


RECOMMENDED = (
    b'{"slates": [{"items": ["i1", "i2"], "scores": [0.5, null]},'
    b' {"items": ["i3", 4, "i3"], "propensities": [0.2, 0.3, 1], "extra": {}}]}'
)


def _store(data: bytes, folder: Path) -> object:
    for left in folder.glob("d.sqlite*"):
        left.unlink()
    (folder / "d.sqlite").write_bytes(data)
    with AnswerStore(folder / "d.sqlite") as store:
        return store.find([b"0" * 16, b"1" * 16]), len(store)


def _store_seed(folder: Path) -> bytes:
    with AnswerStore(folder / "seed.sqlite") as store:
        store.settle({b"0" * 16: (-1.0, -2.0)})
    return (folder / "seed.sqlite").read_bytes()  # closing folds the write-ahead log into it


class SurrogateFolder:
    """A surrogate of a teacher with no taste; inputs replace one of its files."""

    def __init__(self, base: Path) -> None:
        base = base / "school"
        shop.write_shop(base, users=40, days=20)
        self.path = base / "surrogate"
        people = {"users": 36, "min_history": 1}
        raw = shop.scenario(choice={"visit_events": False}, population=people)
        (base / "shop.yaml").write_text(yaml.safe_dump(raw))
        distill(DistillingOptions(str(base / "shop.yaml"), self.path, users=36), lambda _: None)
        self.histories = read_histories(parse_scenario(raw), base, lambda _: None)

    def target(self, name: str, words: tuple[bytes, ...] = ()) -> Target:
        """Feed the file ``name`` and ask; the card knows the numbers' hash."""

        def read(data: bytes, folder: Path) -> object:
            shutil.copytree(self.path, folder / "surrogate", dirs_exist_ok=True)
            (folder / "surrogate" / name).write_bytes(data)
            if name != CARD:
                card = json.loads((folder / "surrogate" / CARD).read_text())
                card["numbers"] = file_hash(folder / "surrogate" / name)
                (folder / "surrogate" / CARD).write_text(json.dumps(card))
            choice = ChoiceSpec(mode="surrogate", path="surrogate")
            scenario = parse_scenario(shop.scenario(choice=choice.model_dump()))
            with closing(open_answering(scenario, folder, lambda _: None)) as model:
                assert isinstance(model, StandIn)
                said = model.provenance(), model.caution()
            asked = open_choice(choice, FakeModel(), self.histories.catalogue, base=folder)
            person = self.histories.population.persona(0)
            return said, asked.utilities([Page(person, (0, 1)), Page(person, (2,))])

        return Target(read, ((self.path / name).read_bytes(),), words)


ADAPTER_CARD = json.dumps(
    {
        "data": {"dataset": "shop", "until": "2024-01-01", "users": ["00aa"]},
        "start": {
            "sha256": "0",
            "card": {
                "data": {"dataset": "shop", "until": "2023-12-01", "users": []},
                "start": None,
            },
        },
    }
).encode()
ADAPTER_CONFIG = b'{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"]}'


def _adapter(data: bytes, folder: Path) -> object:
    config, _, card = data.partition(b"\n--\n")
    (folder / "adapter_config.json").write_bytes(config)
    (folder / "adapter_model.safetensors").write_bytes(b"")
    (folder / "footfall.json").write_bytes(card)
    found = find_adapter(str(folder))
    return lora_settings(found), learned_answers(found, "shop", ["u1"], "2024-02-01")


ABOUT = b'{"labels": {"Yes": 1, "No": 2}, "sha256": "0", "split": "2024-01-01", "users": ["00aa"]}'


def _lessons_seed(folder: Path) -> bytes:
    made = Lesson("u1", 0, Tokens((1, 2)), (Tokens((3,)),), ("i1",), (True,), (False,))
    write_lessons(folder / "seed", TRAIN, [made, made], str)
    return (folder / "seed" / TRAIN).read_bytes()


def _lessons(data: bytes, folder: Path) -> object:
    (folder / TRAIN).write_bytes(data)
    (folder / VALIDATE).write_bytes(data)
    (folder / ABOUT_LESSONS).write_bytes(ABOUT)
    return read_lessons(folder)


def _written(data: bytes, _folder: Path) -> object:
    return read_reasons(Written(data.decode("utf-8", "replace")), 3)


def _spent(data: bytes, folder: Path) -> object:
    (folder / "spent.json").write_bytes(data)
    return Meter(BudgetSpec(), folder).as_dict()


JSON_WORDS = (
    b"null", b"[]", b"{}", b'"x"', b"1e999", b"NaN", b"-Infinity", b"9" * 400, b"true", b"[" * 3000,
    b'"model": 5,', b'"index": null,', b"\xff", b"0.5",
)  # fmt: skip


def odd_manifests(good: dict[str, object]) -> tuple[bytes, ...]:
    """The manifest itself, and with one value, at the top or one level below, of another shape."""
    found = [good]
    for odd in (None, [], {}, "x", -1, [None], {"x": None}):
        for key, value in good.items():
            found.append({**good, key: odd})
            if isinstance(value, dict):
                found += [{**good, key: {**value, below: odd}} for below in value]
    return tuple(json.dumps(one).encode() for one in found)


def odd_parts(file: Path) -> tuple[bytes, ...]:
    """A part itself, and with one cell, a column or all rows of another kind."""
    good = pq.read_table(file)
    found = [good, good.slice(0, 0), pa.concat_tables([good, good])]
    for number, field in enumerate(good.schema):
        found.append(good.remove_column(number))
        for kind in (field.type, pa.string(), pa.float64(), pa.null()):
            for odd in (None, "x", "", -1, 2**31 - 1, 32767, -1e308, float("nan"), True):
                with suppress(pa.ArrowException, OverflowError, TypeError, ValueError):
                    same = kind == field.type
                    cells = good[number].to_pylist() if same else [None] * len(good)
                    column = pa.array([odd, *cells[1:]], kind)
                    found.append(good.set_column(number, field.name, column))
    return file.read_bytes(), *(_bytes(table) for table in found)


def _bytes(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="none")  # so that mutations reach the cells
    return buffer.getvalue()


def targets(folder: Path) -> dict[str, Target]:
    """All targets by name; ``folder`` holds a finished run for those that read runs."""
    finished = RunFolder(folder)
    user = b"1::F::1::10::48067\n"
    m1 = b"1::Heat (1995)::Action|Crime\n"
    item100 = b"|".join([b"1", b"Heat (1995)", b"01-Jan-1995", b"", b"u", *[b"0"] * 18, b"1"])
    odd = (
        b"\0", b"\xff\xfe", b'"', b"\n", b",,", b"1e309", b"-1", b"nan", b"9" * 400, b"\r",
        b"1e3099999999",
    )  # fmt: skip
    manifest = json.loads((finished.path / "manifest.json").read_text())
    words = (b"null", b"[]", b"{}", b'"x"', b"1e999", b"NaN", b"../../x", b"-1", b"true")
    surrogate = SurrogateFolder(folder)
    return {
        "table": Target(_table, (TABLE,), odd),
        "table of Unix times": Target(
            _unix_table, (TABLE.replace(b"2024-01-01T10:00:00", b"1704103200"),), odd
        ),
        "table in Parquet": Target(_parquet, (_parquet_seed(),)),
        "table in JSON": Target(_json_table, (JSON_TABLE,), odd),
        "table in Feather": Target(_feather, (_feather_seed(),)),
        "table of impressions": Target(_impressions, (IMPRESSIONS,), odd),
        "Open Bandit": Target(_open_bandit, (OPEN_BANDIT,), odd),
        "MovieLens latest": Target(
            _movielens(("ratings.csv", "movies.csv"), {}), (RATINGS + b"\n--\n" + MOVIES,), odd
        ),
        "MovieLens 1M": Target(
            _movielens(("ratings.dat", "movies.dat", "users.dat"), {}),
            (b"1::1::5::978300760\n\n--\n" + m1 + b"\n--\n" + user,),
            (*odd, b"::"),
        ),
        "MovieLens 100K": Target(
            _movielens(("u.data", "u.item", "u.user"), {}),
            (b"1\t1\t5\t978300760\n\n--\n" + item100 + b"\n\n--\n1|24|M|writer|85711\n",),
            (*odd, b"|"),
        ),
        "Amazon": Target(
            _published("amazon-reviews", ("r.jsonl", "m.jsonl"), path="r.jsonl", meta="m.jsonl"),
            (AMAZON,),
            (*odd, b"{", b"[" * 2000, b"null", b'"'),
        ),
        "MIND": Target(_published("mind", ("behaviors.tsv", "news.tsv"), path="."), (MIND,), odd),
        "KuaiRec": Target(
            _published(
                "kuairec",
                ("small_matrix.csv", "kuairec_caption_category.csv", "user_features.csv"),
                path=".",
            ),
            (KUAIREC,),
            odd,
        ),
        "Steam": Target(
            _published("steam", ("r.json", "g.json"), path="r.json", games="g.json"),
            (STEAM,),
            (*odd, b"__import__('os')", b"(" * 300, b"{", b"u'"),
        ),
        "table of slates": Target(_slates, (SLATES,), odd),
        "friends": Target(_friends, (FRIENDS,), odd),
        "propensities": Target(_propensities, (PROPENSITIES,), odd),
        "zip": Target(_zip, (_zip_seed(),), (b"PK\x01\x02", b"../", b"\xff\xff\xff\xff", b"/")),
        "scenario": Target(
            _scenario,
            (SCENARIO,),
            (
                *odd,
                b"&a ",
                b"*a",
                b"!!python/object/apply:os.system [ls]",
                b"[" * 3000,
                b": ",
                b"{}",
                b"2017-99-99",
                b"0x_",
                b"<<: ",
                b"1:2:3",
                b"? ",
                b"- ",
            ),
        ),
        "template": Target(
            _template,
            (TEMPLATE,),
            (
                b"{{",
                b"}}",
                b"{%",
                b"%}",
                b"''.__class__",
                b" ** 99999999",
                b" * 99999999",
                b"../x",
                b"range(99999999)",
                b"\xff",
                b"{# ",
                b"loop.",
                b"self.",
                b"super()",
                b"| tojson",
                b"{% for a in trips %}",
                b"{% endfor %}",
                b"{% set a = title ~ title %}",
                b" | join(title)",
                b" | map('short') | list",
                b"range(1000)",
                b"%99d",
            ),
        ),
        "where": Target(
            _where,
            (b"orders >= 2 and not (spend < 1 or age == 'a')",),
            (b"(" * 200, b"-" * 500, b"__import__('os')", b"\0", b"@orders", b"`", b" in ", b"[1]"),
        ),
        "manifest": Target(
            finished.target("manifest.json").read,
            odd_manifests(manifest),
            words,
        ),
        "manifest of a resumed run": Target(
            finished.resumed("manifest.json").read, odd_manifests(manifest), words
        ),
        "manifest of a replayed run": Target(
            finished.replayed("manifest.json").read, odd_manifests(manifest), words
        ),
        "impressions of a resumed run": finished.resumed("impressions/*.parquet"),
        "sessions of a resumed run": finished.resumed("sessions/*.parquet"),
        "impressions of a replayed run": finished.replayed("impressions/*.parquet"),
        "plan of a grid": finished.planned(),
        "what was spent": Target(_spent, (b'{"tokens": 12, "seconds": 3.5}',), JSON_WORDS),
        "impressions": finished.target("impressions/*.parquet"),
        "sessions": finished.target("sessions/*.parquet"),
        "users of a run": finished.target("users.parquet"),
        "stored answers": Target(_store, (_store_seed(folder),)),
        "surrogate's card": surrogate.target(CARD, JSON_WORDS),
        "surrogate's numbers": surrogate.target(NUMBERS, (b"F32", b"I8", b"[0]", b"\xff\xff")),
        "adapter": Target(_adapter, (ADAPTER_CONFIG + b"\n--\n" + ADAPTER_CARD,), JSON_WORDS),
        "lessons": Target(_lessons, (_lessons_seed(folder),)),
        "written reasons": Target(
            _written, (b'{"reason": "fresh", "wanted": [1, 5, 2]}',), JSON_WORDS
        ),
        "model server": Target(_served, (LABELLED, LIKELY), JSON_WORDS),
        "recommender service": Target(_recommended, (RECOMMENDED,), JSON_WORDS),
    }
