"""Exports: nothing lost, nobody named, and read back by the tools that they are for."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch  # noqa: F401 - before pyarrow's data set code, which lenskit loads
import yaml
from lenskit.data import Dataset, load_movielens_df

from console import footfall
from eval_worlds import impressions, items_frame, write_run
from footfall.datasets.kuairec import KuaiRandSource
from footfall.datasets.sources import load
from footfall.errors import UserError
from footfall_eval.exports.formats import FORMATS
from footfall_eval.exports.source import ExportTerms
from footfall_eval.exports.spreadsheet import escape_formula
from footfall_eval.exports.write import export

USERS = [f"household-{k}" for k in range(40)]
FORMULA = '=HYPERLINK("http://x")'


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two arms, one with propensities; a title that is a formula; some pages without answers."""
    rng = np.random.default_rng(5)
    shown = pd.concat(
        [
            impressions(rng, "uniform", USERS, unanswered=0.1).assign(propensity=0.05),
            impressions(rng, "clever", USERS, skew=0.3, unanswered=0.1),
        ]
    )
    folder = tmp_path_factory.mktemp("exports") / "run"
    arms = [
        {"name": "uniform", "recommender": {"kind": "random"}},
        {"name": "clever", "recommender": {"kind": "popular"}},
    ]
    users = pd.DataFrame({"user": USERS, "age": ["45-54"] * len(USERS)})
    scenario = {"name": "Corner shop", "arms": arms, "control": "uniform", "design": "paired"}
    write_run(folder, shown, users=users, manifest={"scenario": scenario})
    items = items_frame().assign(title=[FORMULA, *items_frame()["title"][1:]])
    items.to_parquet(folder / "items.parquet")
    return folder, shown


def written(run, tmp_path, name, **terms):
    out = tmp_path / name
    return out, export(run[0], name, out, terms=ExportTerms(**terms))


def texts(folder):
    return [p.read_text() for p in folder.rglob("*") if p.suffix in {".csv", ".inter", ".user"}]


@pytest.mark.parametrize("name", FORMATS)
def test_nobody_is_named_and_every_file_is_listed(run, tmp_path, name):
    out, record = written(run, tmp_path, name)
    for path in out.rglob("*"):
        assert path.is_dir() or b"household-" not in path.read_bytes(), path
    files = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    assert files == {*record["files"], "export.json"}
    assert json.loads((out / "export.json").read_text()) == record
    assert "Synthetic" in (out / "README.md").read_text()


@pytest.mark.parametrize("name", ["csv", "movielens", "kuairand", "open-bandit"])
def test_no_cell_is_a_formula(run, tmp_path, name):
    out, record = written(run, tmp_path, name)
    assert record["counts"]["rows with text escaped for spreadsheets"] == 1
    for path in out.rglob("*.csv"):
        cells = pd.read_csv(path, dtype=str).to_numpy().ravel()
        assert not any(str(cell).startswith(("=", "@", "+")) for cell in cells), path


def test_parquet_holds_every_impression_with_its_chances(run, tmp_path):
    shown = run[1]
    out, record = written(run, tmp_path, "parquet")
    back = pd.read_parquet(out / "impressions.parquet")
    assert len(back) == len(shown) == record["counts"]["impressions"]
    decided = back["answered"]
    assert record["counts"]["unanswered"] == int((~decided).sum()) > 0
    assert back.loc[~decided, "clicked"].isna().all()  # no answer is not "no click"
    keys = ["arm", "item", "session", "position", "p_click", "price"]
    left = shown[keys].sort_values(keys, ignore_index=True)
    right = back[keys].sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(left, right, check_dtype=False)
    assert back["user"].nunique() == len(USERS)
    assert list(pd.read_parquet(out / "users.parquet").columns) == ["user"]


def test_pseudonyms_hold_within_an_export_and_not_between_two(run, tmp_path):
    one, _ = written(run, tmp_path / "1", "parquet")
    two, _ = written(run, tmp_path / "2", "parquet")
    linked = [written(run, tmp_path / k, "parquet", key=b"k" * 16)[0] for k in ("3", "4")]

    def users(out, table="impressions"):
        return set(pd.read_parquet(out / f"{table}.parquet")["user"])

    assert users(one) == users(one, "sessions") == users(one, "users")
    assert not users(one) & users(two)
    assert users(linked[0]) == users(linked[1])
    kept, _ = written(run, tmp_path / "5", "parquet", keep_ids=True, profiles=True)
    assert users(kept) == set(USERS)
    assert set(pd.read_parquet(kept / "users.parquet")["age"]) == {"45-54"}
    assert "the ids of the real people" in (kept / "README.md").read_text()


def test_arms_are_chosen_by_name(run, tmp_path):
    out, _ = written(run, tmp_path, "csv", arms=("clever",))
    assert set(pd.read_csv(out / "impressions.csv")["arm"]) == {"clever"}
    assert set(pd.read_csv(out / "sessions.csv")["arm"]) == {"clever"}
    with pytest.raises(UserError, match='no arm "cleverer"; did you mean "clever"'):
        written(run, tmp_path / "x", "csv", arms=("cleverer",))


def test_rare_items_are_merged(tmp_path):
    rng = np.random.default_rng(1)
    shown = impressions(rng, "base", USERS, items=5, click=0.5)
    lonely = shown["user"].isin(USERS[:2]) & (shown["session"] == 0)
    shown.loc[lonely, "item"] = "i19"  # only two users were shown it
    folder = write_run(tmp_path / "run", shown)
    out, record = written((folder, shown), tmp_path, "parquet", anonymity=3)
    back = pd.read_parquet(out / "impressions.parquet")
    merged = back["item"].str.startswith("rare: ")
    assert merged.sum() == lonely.sum()
    assert back.loc[merged, "price"].isna().all()  # the price would tell which one it was
    assert "i19" not in set(pd.read_parquet(out / "items.parquet")["item"])
    assert record["counts"]["rare items merged"] >= 1
    singles = back.loc[~merged].groupby("item")["user"].nunique()
    assert singles.min() >= 3


def test_lenskit_reads_its_data_set(run, tmp_path):
    shown = run[1]
    out, _ = written(run, tmp_path, "lenskit")
    data = Dataset.load(out / "dataset")
    assert (data.user_count, data.item_count) == (len(USERS), 20)
    assert data.interactions("impression").count() == len(shown)
    clicks = int(shown["clicked"].sum())
    assert data.interactions("click").count() == data.interactions().count() == clicks
    assert data.interactions("purchase").count() == int(shown["bought"].sum())
    frame = data.interactions("impression").pandas()
    assert frame["p_click"].between(0, 1).all()


def test_lenskit_reads_the_movielens_files(run, tmp_path):
    out, _ = written(run, tmp_path, "movielens")
    ratings = load_movielens_df(out)
    clicked = run[1][run[1]["clicked"].fillna(False).astype(bool)]
    assert len(ratings) == len(clicked.drop_duplicates(["user", "item"]))
    assert set(ratings["rating"]) == {4.0, 5.0}
    # What MovieLens cannot say stands beside it.
    beside = pd.read_csv(out / "impressions.csv")
    assert len(beside) == len(run[1])
    assert beside["p_click"].notna().all()


def test_hugging_face_reads_its_folder(run, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    out, _ = written(run, tmp_path, "huggingface")
    cache = str(tmp_path / "cache")
    shown = datasets.load_dataset(str(out), split="train", cache_dir=cache)
    assert shown.num_rows == len(run[1])
    assert {"propensity", "p_click", "clicked"} <= set(shown.column_names)
    items = datasets.load_dataset(str(out), "items", split="train", cache_dir=cache)
    assert FORMULA in items["title"]  # no spreadsheet opens Parquet


def test_recbole_layout(run, tmp_path):
    """Tab-separated with ``field:type`` heads (benchmarks/readback.py lets RecBole read it)."""
    out, record = written(run, tmp_path, "recbole")
    inter = pd.read_csv(out / "corner-shop" / "corner-shop.inter", sep="\t")
    heads = [column.split(":") for column in inter.columns]
    assert {kind for _, kind in heads} <= {"token", "token_seq", "float", "float_seq"}
    assert [name for name, _ in heads[:3]] == ["user_id", "item_id", "timestamp"]
    answered = run[1][run[1]["answered"]]
    assert len(inter) == len(answered)  # RecBole would give the others the mean click
    assert record["counts"]["impressions without an answer, left out"] == len(run[1]) - len(
        answered
    )
    assert inter["label:float"].sum() == run[1]["clicked"].sum()
    numbers = inter.select_dtypes("number")
    assert numbers.notna().all().all()
    # RecBole holds numbers as float32: as many times are left.
    times = inter["timestamp:float"]
    assert times.min() == 0
    assert times.astype("float32").nunique() == run[1]["time"].nunique()
    start = run[1]["time"].min().tz_localize(None).isoformat()
    assert any(start in remark for remark in record["remarks"])
    assert any("propensity" in remark for remark in record["remarks"])  # one arm has none


def test_open_bandit_feedback_tells_the_value_of_its_own_policy(run, tmp_path):
    out, record = written(run, tmp_path, "open-bandit")
    assert {path.name for path in out.iterdir() if path.is_dir()} == {"uniform"}
    found = dict(np.load(out / "uniform" / "bandit_feedback.npz", allow_pickle=False))
    logged = run[1][(run[1]["arm"] == "uniform") & run[1]["answered"]]
    assert found["n_rounds"] == len(logged)
    assert found["n_actions"] == 20 == len(found["action_context"])
    assert set(found["position"]) == {0, 1, 2, 3}
    # IPS of the uniform policy itself: every weight is 1.
    weights = (1 / found["n_actions"]) / found["pscore"]
    assert (weights * found["reward"]).mean() == pytest.approx(logged["clicked"].mean())
    left = record["counts"]["impressions without a propensity or an answer, left out"]
    assert left == len(run[1]) - len(logged)
    with pytest.raises(UserError, match="logged propensities"):
        written(run, tmp_path / "x", "open-bandit", arms=("clever",))


def test_kuairand_columns(run, tmp_path):
    out, _ = written(run, tmp_path, "kuairand")
    random, standard = (pd.read_csv(out / f"log_{name}.csv") for name in ("random", "standard"))
    assert (set(random["tab"]), set(standard["tab"])) == ({"uniform"}, {"clever"})
    assert (set(random["is_rand"]), set(standard["is_rand"])) == ({1}, {0})
    assert random["is_like"].isna().all()  # nobody could like anything: unknown, not 0
    assert set(random["date"]) <= set(range(20240304, 20240309))
    videos = pd.read_csv(out / "video_features_basic.csv")
    assert set(random["video_id"]) <= set(videos["video_id"])


def test_the_reader_of_kuairand_reads_its_export(run, tmp_path):
    out, _ = written(run, tmp_path, "kuairand")
    data = load(KuaiRandSource(path=out), tmp_path)
    answered = run[1][run[1]["answered"]]
    lost = {found.problem: found.count for found in data.cleaning}
    count = data.interactions["action"].value_counts()
    assert lost["view that does not say whether it was clicked"] == (~run[1]["answered"]).sum()
    assert count["view"] + count["click"] + lost.get("duplicate event", 0) == (
        len(answered) + answered["clicked"].sum()
    )


def test_the_command_refuses_in_one_line(run, tmp_path):
    folder = str(run[0])
    wrong = footfall("export", folder, "--format", "recbol", "--out", "x", cwd=tmp_path)
    assert wrong.returncode == 2
    assert 'did you mean "recbole"' in wrong.stderr
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all my work")
    taken = footfall(
        "export", folder, "--format", "csv", "--out", "mine", "--overwrite", cwd=tmp_path
    )
    assert taken.returncode == 2
    assert (tmp_path / "mine" / "thesis.txt").exists()
    done = footfall("export", folder, "--format", "csv", "--out", "c", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["format"] == "csv"
    again = footfall("export", folder, "--format", "csv", "--out", "c", cwd=tmp_path)
    assert (again.returncode, "--overwrite" in again.stderr) == (2, True)
    short = tmp_path / "key"
    short.write_bytes(b"abc")
    weak = footfall("export", folder, "--format", "csv", "--out", "d", "--key", "key", cwd=tmp_path)
    assert (weak.returncode, "too short" in weak.stderr) == (2, True)
    assert not Path(tmp_path / "d").exists()


HOSTILE = [
    "NA", "null", "None", "nan", 'a"b', "tab\there", "line\nbreak", "007", "9" * 40, " lead",
    "=1+1", "x" * 3000, "\u00fc\u2603", "n,a", "a|b", "cr\rx", "nul\0x", "-5", "1e5", "\u2028sep",
]  # fmt: skip
"""Ids that a reader may take for something else."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Users and items with such ids, arms whose names are paths, a name that is no file's."""
    rng = np.random.default_rng(1)
    arms = ["../../evil", "null"]
    shown = pd.concat([impressions(rng, arm, HOSTILE).assign(propensity=0.05) for arm in arms])
    items = items_frame()
    renamed = dict(zip(items["item"], HOSTILE, strict=True))
    shown = shown.assign(item=shown["item"].map(renamed))
    named = [{"name": arm, "recommender": {"kind": "random"}} for arm in arms]
    name = 'Evil "\\q: \n---\n' + "n" * 300
    scenario = {"name": name, "arms": named, "control": "null", "design": "paired"}
    folder = tmp_path_factory.mktemp("hostile") / "a" / "b" / "run"
    write_run(folder, shown, manifest={"scenario": scenario})
    strange = items["item"].map(renamed)
    items.assign(item=strange, title=strange).to_parquet(folder / "items.parquet")
    return folder, shown


@pytest.mark.parametrize("name", FORMATS)
def test_strange_ids_and_names_lead_nowhere(hostile, tmp_path, name):
    written(hostile, tmp_path / "a" / "b", name, keep_ids=True)
    assert {path.name for path in tmp_path.iterdir()} == {"a"}
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"b"}


def test_strange_ids_are_read_back_from_csv_as_the_card_says(hostile, tmp_path):
    out, _ = written(hostile, tmp_path, "csv", keep_ids=True)
    assert "keep_default_na=False" in (out / "README.md").read_text()
    ids = {"user": str, "item": str}
    read = pd.read_csv(out / "impressions.csv", dtype=ids, keep_default_na=False)
    wanted = {escape_formula(one.replace("\0", "\ufffd")) for one in HOSTILE}
    assert set(read["item"]) == set(read["user"]) == wanted
    assert len(read) == len(hostile[1])


def test_strange_ids_stay_apart_in_recbole(hostile, tmp_path):
    out, record = written(hostile, tmp_path, "recbole", keep_ids=True)
    (path,) = out.rglob("*.inter")
    kinds = dict.fromkeys(["user_id:token", "item_id:token", "arm:token"], str)
    read = pd.read_csv(path, sep="\t", dtype=kinds, engine="c")  # as RecBole reads it
    assert not read[list(kinds)].isna().any().any()
    assert read["item_id:token"].nunique() == read["user_id:token"].nunique() == len(HOSTILE)
    assert read["arm:token"].nunique() == 2
    assert record["counts"]["ids that read as missing, written with a _ behind"] == 8


def test_the_card_of_a_hugging_face_folder_has_a_sound_head(hostile, tmp_path):
    out, _ = written(hostile, tmp_path, "huggingface")
    head = (out / "README.md").read_text().split("---\n")[1]
    assert yaml.safe_load(head)["pretty_name"].startswith('Evil "\\q: ---')
