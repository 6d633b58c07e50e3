"""Arms that show the same items under other words and prices: users answer to both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shop
from footfall.appeal.folder import Style, write_appeal
from footfall.appeal.model import Appeal, Noises, Voice
from footfall.appeal.style import MEASURES
from footfall.errors import DataError, ModelError, ScenarioError
from footfall.options import Options
from footfall.run_folder.log import file_hash
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario
from footfall_eval import RunLog
from footfall_eval.reading.validity import read_validity

pytestmark = pytest.mark.slow

POPULAR = {"kind": "popular"}
ARMS = [
    {"name": "usual", "recommender": POPULAR},
    {"name": "loud", "recommender": POPULAR, "presentation": "loud.csv"},
]
APPEAL = {"path": "appeal"}
VERDICT = "Validated for wordings of the same item: 70% of 120 tests."


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop, a reader that likes exclamation marks, and tables of other words."""
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder)
    worth = np.array([0.5 * (name == "exclamation marks") for name in MEASURES])
    card = {"verdict": {"kind": "wordings", "status": "validated", "sentence": VERDICT}}
    appeal = Appeal((Voice("style", Style(), worth),), np.ones(1), Noises(0.3, 1.0), card)
    write_appeal(folder / "appeal", appeal)
    items = pd.read_csv(folder / "items.csv", dtype=str)
    baking = items[items["sku"].str.startswith("baking")]
    loud = pd.DataFrame({"item": baking["sku"], "title": baking["name"] + "!!"})
    loud.to_csv(folder / "loud.csv", index=False)
    loud.assign(title="").to_csv(folder / "same.csv", index=False)
    usual = baking["cost"].astype(float)
    dear = pd.DataFrame({"item": baking["sku"], "price": 3 * usual})
    dear.to_csv(folder / "dear.csv", index=False)
    return folder


def play(base: Path, out: Path, workers: int = 1, **changes: object):
    scenario = parse_scenario(shop.scenario(**{"arms": ARMS, "appeal": APPEAL, **changes}))
    record = run(scenario, Options(out, base=base, workers=workers))
    return pd.read_parquet(out / "impressions"), record


def chances(rows: pd.DataFrame) -> pd.Series:
    """Chance of a click on the first page of each user, by arm and whether it is about baking."""
    first = rows[(rows["session"] == 0) & (rows["page"] == 0)]
    return first.groupby([first["arm"], first["item"].str.startswith("baking")])["p_click"].mean()


def test_users_answer_to_words_and_only_to_those_that_changed(base, tmp_path) -> None:
    rows, record = play(base, tmp_path / "run")
    found = chances(rows)
    assert found["loud", True] > 1.3 * found["usual", True]
    (told,) = record["presentations"]
    assert told["arm"] == "loud"
    assert told["reworded"] == told["items"] > 0
    assert told["mean appeal"] == pytest.approx(1.0)
    # What past tests say of such changes stands beside the verdict on all the rest.
    validity = read_validity(RunLog.open(tmp_path / "run"))
    assert validity.status == "not validated"
    assert validity.sentence().endswith(VERDICT)
    # Twice the weight, twice the utility.
    twice, _ = play(base, tmp_path / "twice", appeal={"path": "appeal", "weight": 2.0})
    assert chances(twice)["loud", True] > found["loud", True]
    silent, _ = play(base, tmp_path / "silent", appeal={"path": "appeal", "weight": 0.0})
    by_arm = dict(list(silent.groupby("arm")))
    same = [by_arm[arm].drop(columns="arm").reset_index(drop=True) for arm in ("usual", "loud")]
    pd.testing.assert_frame_equal(*same)


def test_the_same_words_are_an_a_a_test(base, tmp_path) -> None:
    arms = [ARMS[0], {**ARMS[1], "presentation": "same.csv"}]
    rows, _ = play(base, tmp_path / "run", arms=arms, appeal=None)
    by_arm = dict(list(rows.groupby("arm")))
    same = [by_arm[arm].drop(columns="arm").reset_index(drop=True) for arm in ("usual", "loud")]
    pd.testing.assert_frame_equal(*same)


def test_an_arm_may_ask_other_prices(base, tmp_path) -> None:
    arms = [ARMS[0], {**ARMS[1], "presentation": "dear.csv"}]
    rows, record = play(base, tmp_path / "run", arms=arms, appeal=None)
    found = chances(rows)
    assert found["loud", True] < found["usual", True]
    mine = rows[rows["item"].str.startswith("baking")]
    by_item = mine.pivot_table(index="item", columns="arm", values="price").dropna()
    assert np.allclose(by_item["loud"], 3 * by_item["usual"])
    assert record["presentations"][0]["repriced"] > 0


def test_words_may_change_for_some_days(base, tmp_path) -> None:
    event = {"kind": "presentation", "at": 2, "until": 4, "path": "loud.csv"}
    plain, _ = play(base, tmp_path / "plain", arms=[ARMS[0]])
    rows, record = play(base, tmp_path / "run", arms=[ARMS[0]], interventions=[event])
    start = pd.Timestamp(record["dataset"]["split"])
    day = (rows["time"] - start) / pd.Timedelta(days=1)
    before = (plain["time"] - start) / pd.Timedelta(days=1) < 2
    pd.testing.assert_frame_equal(rows[day < 2], plain[before])
    inside = day.between(2, 4, inclusive="left") & rows["item"].str.startswith("baking")
    outside = (day >= 4) & rows["item"].str.startswith("baking")
    assert rows[inside]["p_click"].mean() > 1.2 * rows[outside]["p_click"].mean()


def test_workers_change_nothing(base, tmp_path) -> None:
    for workers in (1, 2):
        play(base, tmp_path / str(workers), workers=workers)
    one, two = (tmp_path / name / "impressions" for name in ("1", "2"))
    parts = sorted(path.name for path in one.glob("*.parquet"))
    assert parts
    assert [file_hash(one / name) for name in parts] == [file_hash(two / name) for name in parts]


@pytest.mark.parametrize(
    ("table", "changes", "kind", "message"),
    [
        ("item,title\nnobody,x\n", {}, DataError, 'no item "nobody"'),
        ("item,titel\nbaking-0,x\n", {}, DataError, 'did you mean "title"?'),
        ("item\nbaking-0\n", {}, DataError, "title or price or both"),
        ("item,title\nITEM,x\nITEM,y\n", {}, DataError, "is there twice"),
        ("item,price\nITEM,-2\n", {}, DataError, "cannot cost -2"),
        ("item,title\nITEM,x!\n", {"appeal": None}, ScenarioError, "no appeal model reads them"),
        ("item,title\nITEM,x!\n", {"appeal": {"path": "none"}}, ModelError, "learn-appeal"),
        ("item,title\nITEM,x!\n", {"design": "interleaved"}, ScenarioError, "share their pages"),
    ],
)
def test_what_cannot_be_shown_is_told_in_a_line(
    base, tmp_path, table: str, changes: dict[str, object], kind: type[Exception], message: str
) -> None:
    items = pd.read_csv(base / "items.csv", dtype=str)
    (base / "odd.csv").write_text(table.replace("ITEM", items.iloc[0, 0]))
    arms = [ARMS[0], {**ARMS[1], "presentation": "odd.csv"}]
    with pytest.raises(kind) as caught:
        play(base, tmp_path / "run", arms=arms, **changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_intervention_of_words_changes_no_prices(base, tmp_path) -> None:
    event = {"kind": "presentation", "at": 2, "path": "dear.csv"}
    with pytest.raises(DataError, match="kind price"):
        play(base, tmp_path / "run", arms=[ARMS[0]], interventions=[event])
