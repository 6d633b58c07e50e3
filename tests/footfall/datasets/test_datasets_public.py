"""Public data sets on small files in their published layouts, with rows that are broken."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from footfall.cli.data import KINDS
from footfall.datasets import published
from footfall.datasets.sources import READERS, load
from footfall.errors import DataError

MODELS = {model.model_fields["kind"].default: model for model in READERS}


def read(kind: str, folder: Path, **options: object):
    return load(MODELS[kind].model_validate({"kind": kind, **options}), folder)


def problems(data) -> dict[str, int]:
    return {cleaning.problem: cleaning.count for cleaning in data.cleaning}


def test_every_kind_is_listed_with_its_reader() -> None:
    assert set(KINDS) == set(MODELS)


REVIEWS = [
    {"rating": 5.0, "title": "Good", "text": "Yes.", "images": [], "asin": "B1a",
     "parent_asin": "B1", "user_id": "AE1", "timestamp": 1677721600123, "helpful_vote": 0,
     "verified_purchase": True},
    {"rating": 2.0, "asin": "B2", "parent_asin": "B2", "user_id": "AE1",
     "timestamp": 1677725300000, "verified_purchase": False},
    {"rating": 4.0, "asin": "B2", "parent_asin": "B2", "user_id": "AE2",
     "timestamp": 1677721600000, "verified_purchase": True, "mood": "fine"},
    {"rating": 4.0, "asin": "B9", "parent_asin": "B9", "user_id": "AE2",
     "timestamp": 1677721600000, "verified_purchase": True},
]  # fmt: skip
PRODUCTS = [
    {"main_category": "Grocery", "title": "Oat milk", "price": 3.49, "parent_asin": "B1",
     "categories": ["Grocery", "Plant milk"], "store": "Oats & Co"},
    {"main_category": "Grocery", "title": "Rye bread", "price": "from $1,002.50",
     "parent_asin": "B2", "categories": []},
]  # fmt: skip


def lines(records: list[dict[str, object]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def test_amazon_reviews(tmp_path: Path) -> None:
    broken = '{"rating": 5.0, "user_id": \n[1, 2]\n\n'
    with gzip.open(tmp_path / "Grocery.jsonl.gz", "wt") as sink:
        sink.write(lines(REVIEWS) + broken)
    (tmp_path / "meta_Grocery.jsonl").write_text(lines(PRODUCTS))
    data = read("amazon-reviews", tmp_path, path="Grocery.jsonl.gz", meta="meta_Grocery.jsonl")
    mine = data.interactions[data.interactions["user"] == "AE1"]
    assert mine["value"].tolist() == [5.0, 2.0]
    assert mine["time"].iloc[0] == pd.Timestamp("2023-03-02 01:46:40.123")
    assert mine["order"].nunique() == 2  # an hour apart: two visits
    assert data.items["title"].tolist() == ["Oat milk", "Rye bread"]
    assert data.items["category"].tolist() == ["Plant milk", "Grocery"]
    assert data.items["price"].iloc[0] == 3.49
    assert data.items["price"].isna().tolist() == [False, True]  # "from" is no price
    assert problems(data) == {
        "line of Grocery.jsonl.gz that is no record": 2,
        "column of Grocery.jsonl.gz that the layout lacks (mood)": 1,
        "event with an item that the catalogue lacks": 1,
        "item price that is no number": 1,
        "item without a price": 1,
    }
    bought = read(
        "amazon-reviews", tmp_path, path="Grocery.jsonl.gz", meta="meta_Grocery.jsonl",
        verified=True,
    )  # fmt: skip
    assert len(bought.interactions) == 2
    assert problems(bought)["review of no verified purchase"] == 1


def test_amazon_ratings_alone(tmp_path: Path) -> None:
    rows = (
        "AE1,B1,5.0,1677721600123\nAE2,B1,4.0,1677721600123,extra,cells\nAE3,B2,x,1677721600123\n"
    )
    (tmp_path / "Grocery.csv").write_text("user_id,parent_asin,rating,timestamp\n" + rows)
    data = read("amazon-reviews", tmp_path, path="Grocery.csv")
    assert data.interactions[["user", "item", "value"]].to_numpy().tolist() == [["AE1", "B1", 5.0]]
    assert problems(data)["line with too many cells of Grocery.csv (first: line 3)"] == 1
    assert problems(data)["rating without a value"] == 1


NEWS = (
    "N1\tsports\tnba\tA dunk\tText.\thttps://x\t[]\t[]\n"
    'N2\tfinance\tmarkets\tShares "rise"\t\thttps://y\t[]\t[]\n'
    "N3\tnews\tworld\tElsewhere\t\thttps://z\t[]\t[]\n"
)
BEHAVIOURS = (
    "1\tU1\t11/11/2019 9:05:58 AM\tN3 N2\tN1-0 N2-1\n"
    "2\tU1\t11/12/2019 6:11:30 PM\tN3 N2\tN3-0 N1\n"
    "3\tU2\t11/11/2019 9:05:58 PM\t\tN2-0\n"
    "4\tU2\tyesterday\t\tN2-1\n"
)


@pytest.fixture(params=["folder", "zip"])
def mind(request, tmp_path: Path) -> Path:
    files = {"behaviors.tsv": BEHAVIOURS, "news.tsv": NEWS}
    if request.param == "folder":
        for name, text in files.items():
            (tmp_path / name).write_text(text)
        return tmp_path
    with zipfile.ZipFile(tmp_path / "MINDtiny.zip", "w") as made:
        for name, text in files.items():
            made.writestr(f"MINDtiny/{name}", text)
    return tmp_path / "MINDtiny.zip"


def test_mind_impressions_are_views_and_clicks(mind: Path) -> None:
    data = read("mind", mind.parent, path=str(mind))
    rows = data.interactions
    logged = rows[rows["order"] != ""]
    seen = logged[["order", "item", "action"]].to_numpy().tolist()
    assert sorted(seen) == [
        ["1", "N1", "view"], ["1", "N2", "click"], ["1", "N2", "view"], ["2", "N3", "view"],
        ["3", "N2", "view"],
    ]  # fmt: skip
    assert (logged["page"] == logged["order"]).all()  # an impression is a page
    earlier = rows[rows["order"] == ""]
    assert earlier[["item", "action"]].to_numpy().tolist() == [["N3", "click"], ["N2", "click"]]
    assert (earlier["time"] < logged["time"].min()).all()
    assert data.items.set_index("item").loc["N2", "title"] == 'Shares "rise"'
    assert logged["time"].max() == pd.Timestamp("2019-11-12 18:11:30")
    assert problems(data) == {
        "shown item that does not say whether it was clicked": 1,
        "earlier click without a time": 2,
        "event with no readable time": 2,
    }
    without = read("mind", mind.parent, path=str(mind), history=False)
    assert (without.interactions["order"] != "").all()


def test_kuairec_watching_long_is_a_click(tmp_path: Path) -> None:
    head = "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio\n"
    rows = (
        "14,148,4381,6067,2020-07-05 05:27:48.378,20200705,1593898068.378,0.72\n"
        "14,183,11635,6100,2020-07-05 05:28:00.057,20200705,1593898080.057,2.10\n"
        "19,183,22422,8000,,,,2.80\n"
    )
    (tmp_path / "small_matrix.csv").write_text(head + rows)
    (tmp_path / "kuairec_caption_category.csv").write_text(
        "video_id,manual_cover_text,caption,topic_tag,first_level_category_id,"
        "first_level_category_name\n148,UNKNOWN,A cat,[],8,Pets\n"
    )
    (tmp_path / "user_features.csv").write_text(
        "user_id,user_active_degree,onehot_feat0\n14,high_active,3\n19,full_active,1\n"
    )
    data = read("kuairec", tmp_path, path=".")
    assert data.interactions[["item", "action"]].to_numpy().tolist() == [
        ["148", "view"], ["183", "click"], ["183", "view"],
    ]  # fmt: skip
    assert set(data.interactions["order"]) == {"14-1"}
    assert data.items.set_index("item")["title"].to_dict() == {
        "148": "A cat", "183": "Untitled item 183",
    }  # fmt: skip
    assert list(data.users.columns) == ["user", "user_active_degree"]
    assert problems(data)["event with no readable time"] == 2
    strict = read("kuairec", tmp_path, path=".", watched=2.5)
    assert "click" not in set(strict.interactions["action"])
    with pytest.raises(DataError, match=r"no big_matrix.csv of KuaiRec in it; found"):
        read("kuairec", tmp_path, path=".", matrix="big")


def test_kuairand_keeps_the_two_logs_apart(tmp_path: Path) -> None:
    head = "user_id,video_id,date,hourmin,time_ms,is_click,is_like,is_rand,tab,surprise\n"
    standard = (
        "0,10,20220422,600,1650578418687,1,0,0,1,x\n0,11,20220422,600,1650578418687,0,0,0,1,x\n"
    )
    random = "0,12,20220422,700,1650582018687,0,0,1,1,x\nbroken\n"
    (tmp_path / "log_standard_4_22_to_5_08_1k.csv").write_text(head + standard)
    (tmp_path / "log_random_4_22_to_5_08_1k.csv").write_text(head + random)
    (tmp_path / "video_features_basic_1k.csv").write_text(
        "video_id,author_id,video_type,tag\n10,5,NORMAL,39\n11,5,AD,\n"
    )
    data = read("kuairand", tmp_path, path=".")
    assert data.interactions[["item", "action"]].to_numpy().tolist() == [
        ["10", "click"], ["10", "view"], ["11", "view"], ["12", "view"],
    ]  # fmt: skip
    assert data.items.set_index("item")["category"].to_dict() == {"10": "39", "11": "", "12": ""}
    found = problems(data)
    assert found["event without an item"] == 1  # the broken line
    assert sum(n for text, n in found.items() if "the layout lacks (surprise)" in text) == 2
    assert data.interactions["arm"].tolist() == ["standard", "standard", "standard", "random"]
    uniform = read("kuairand", tmp_path, path=".", logs="random")
    assert uniform.interactions["item"].tolist() == ["12"]


STEAM = (
    "{u'username': u'Ann', u'hours': 71.8, u'product_id': u'725280', u'date': u'2017-12-17', "
    "u'text': u\"It's fine\", u'early_access': False, u'page': 1}\n"
    "{u'username': u'Bob', u'product_id': u'328100', u'date': u'2017-08-02', u'text': u''}\n"
    "__import__('os').system('touch owned')\n"
    "{u'username': u'Bob', u'product_id': u'1'\n"
)
GAMES = (
    "{u'genres': [u'Casual', u'Indie'], u'app_name': u'Cat Cafe', u'price': 4.99, "
    "u'id': u'725280'}\n"
    "{u'app_name': u'Lost Summoner', u'price': u'Free To Play', u'id': u'328100'}\n"
)


def test_steam_reviews_are_read_and_never_run(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "steam_reviews.json").write_text(STEAM)
    (tmp_path / "steam_games.json").write_text(GAMES)
    data = read("steam", tmp_path, path="steam_reviews.json", games="steam_games.json")
    assert not (tmp_path / "owned").exists()
    assert problems(data)["line of steam_reviews.json that is no record"] == 2
    assert data.interactions[["user", "item"]].to_numpy().tolist() == [
        ["Bob", "328100"], ["Ann", "725280"],
    ]  # fmt: skip
    items = data.items.set_index("item")
    assert items["price"].to_dict() == {"725280": 4.99, "328100": 0.0}
    assert items.loc["725280", "genres"] == "Casual, Indie"


STRANGE = [[1], {"a": 1}, 10**400, 1e300, float("inf"), -1e300, True, "\ud800", "\x00"]


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: type(value).__name__)
def test_no_cell_of_a_record_is_a_traceback(tmp_path: Path, value: object) -> None:
    """Whatever one key of one record holds, the other record is read and the odd one counted."""
    for key in ("rating", "parent_asin", "user_id", "timestamp"):
        (tmp_path / "a.jsonl").write_text(lines([REVIEWS[0], {**REVIEWS[2], key: value}]))
        data = read("amazon-reviews", tmp_path, path="a.jsonl")
        assert "AE1" in set(data.interactions["user"])
        assert len(data.interactions) == 2 or data.cleaning, key
        data.items["title"].str.cat().encode()
    (tmp_path / "a.jsonl").write_text(lines(REVIEWS[:1]))
    for key in ("title", "price", "categories", "main_category", "parent_asin", "store"):
        rest = {**PRODUCTS[1], key: value}
        (tmp_path / "m.jsonl").write_text(lines([PRODUCTS[0], rest]))
        data = read("amazon-reviews", tmp_path, path="a.jsonl", meta="m.jsonl")
        assert "Oat milk" in set(data.items["title"])
        data.items["title"].str.cat().encode()
    for key in ("username", "product_id", "date", "hours"):
        odd = {"username": "Eve", "product_id": "725280", "date": "2017-12-17", key: value}
        (tmp_path / "r.json").write_text(STEAM + f"{odd!r}\n")
        (tmp_path / "g.json").write_text(GAMES)
        assert len(read("steam", tmp_path, path="r.json", games="g.json").interactions) >= 2


def test_what_records_nest_is_no_problem_where_the_layout_nests_it(tmp_path: Path) -> None:
    review = {**REVIEWS[0], "images": [{"small": "https://x"}]}
    product = {**PRODUCTS[0], "details": {"Weight": "1 kg"}, "features": ["Oats"]}
    (tmp_path / "a.jsonl").write_text(lines([review, {**review, "user_id": ["AE7"]}]))
    (tmp_path / "m.jsonl").write_text(lines([product]))
    data = read("amazon-reviews", tmp_path, path="a.jsonl", meta="m.jsonl")
    assert problems(data) == {
        "cell of a.jsonl that is no text or number": 1, "event without a user": 1,
    }  # fmt: skip


def test_what_is_not_the_data_set_is_refused_in_one_line(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "Grocery.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(DataError, match='no record has "user_id"; is this the right file'):
        read("amazon-reviews", tmp_path, path="Grocery.jsonl")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(lines(REVIEWS).encode())[:-20])
    with pytest.raises(DataError, match="damaged"):
        read("amazon-reviews", tmp_path, path="cut.jsonl.gz")
    (tmp_path / "small_matrix.csv").write_text("user,video\n1,2\n")
    with pytest.raises(DataError, match='no column "user_id"'):
        read("kuairec", tmp_path, path=".")
    monkeypatch.setattr(published, "MAX_BYTES", 100)
    (tmp_path / "bomb.jsonl.gz").write_bytes(gzip.compress(b" \n" * 10_000))
    with pytest.raises(DataError, match="longer than 100 bytes"):
        read("amazon-reviews", tmp_path, path="bomb.jsonl.gz")
