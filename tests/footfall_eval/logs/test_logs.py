"""Logs to train on, on planted worlds: who copies, who guesses, who may be told apart."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from lenskit.knn import ItemKNNScorer

from console import footfall
from eval_worlds import START, impressions, write_run
from footfall.datasets.schema import Dataset
from footfall.errors import UserError
from footfall_eval import RunLog
from footfall_eval.logs import examine_logs, read_real
from footfall_eval.logs.privacy import membership, nearness, private_counts
from footfall_eval.logs.training import train_and_test

pytestmark = pytest.mark.slow

USERS = [f"u{k:03d}" for k in range(60)]
OTHERS = [f"v{k:03d}" for k in range(60)]
TASTES = 4  # clubs, each with five items of its own
MODELS = {
    "item-knn": (ItemKNNScorer, {"feedback": "implicit", "max_nbrs": 20}),
}


def club_items(user: str) -> list[str]:
    club = int(user[1:]) % TASTES
    return [f"i{5 * club + k:02d}" for k in range(5)]


def real_rows(rng, users, first_day, days):
    """Two purchases a day, nine in ten from the user's own club."""
    rows = []
    for user in users:
        for day in range(days):
            for _ in range(2):
                anywhere = f"i{rng.integers(20):02d}"
                item = str(rng.choice(club_items(user))) if rng.random() < 0.9 else anywhere
                rows.append((user, item, START + pd.Timedelta(days=first_day + day, hours=9)))
    return pd.DataFrame(rows, columns=["user", "item", "time"])


@pytest.fixture(scope="module")
def dataset():
    """Eight days before the run, five while it lasts, six after it."""
    rng = np.random.default_rng(1)
    past = real_rows(rng, [*USERS, *OTHERS], -8, 8)
    rows = pd.concat([past, real_rows(rng, USERS, 0, 11)], ignore_index=True)
    rows = rows.assign(action="purchase", quantity=1.0, value=1.0, order="")
    items = pd.DataFrame(
        {
            "item": [f"i{k:02d}" for k in range(20)],
            "title": [f"Item {k}" for k in range(20)],
            "category": [f"club {k // 5}" for k in range(20)],
            "price": 1.0,
        }
    )
    users = pd.DataFrame({"user": [*USERS, *OTHERS]})
    return Dataset("clubs", users, items, rows.sort_values("time", ignore_index=True))


def world(folder, buys):
    """Uniform pages of four; ``buys(user, item)`` is the chance of buying."""
    rng = np.random.default_rng(2)
    shown = impressions(rng, "uniform", USERS, slate=4, items=20)
    chance = np.array([buys(u, i) for u, i in zip(shown["user"], shown["item"], strict=True)])
    bought = rng.random(len(shown)) < chance
    for name in ("clicked", "bought"):
        shown[name] = pd.array(bought, dtype="boolean")
    shown["value"] = np.where(bought, shown["price"], 0.0)
    scenario = {
        "name": "clubs",
        "arms": [{"name": "uniform"}],
        "control": "uniform",
        "world": {"days": 5},
    }
    manifest = {"scenario": scenario, "dataset": {"split": str(START)}}
    return RunLog.open(write_run(folder, shown, manifest=manifest))


@pytest.fixture(scope="module")
def knowing(tmp_path_factory):
    """Simulated users who want what their club wants."""
    return world(
        tmp_path_factory.mktemp("knowing"), lambda user, item: 0.9 * (item in club_items(user))
    )


@pytest.fixture(scope="module")
def guessing(tmp_path_factory):
    """Simulated users who take anything."""
    return world(tmp_path_factory.mktemp("guessing"), lambda user, item: 0.3)


def takings(log, real):
    from footfall_eval.logs.real import simulated_takings

    return simulated_takings(log, ("uniform",), real, 1)


def test_periods_are_cut_where_the_run_is(knowing, dataset):
    real = read_real(knowing, dataset)
    assert real.memory["time"].max() < START <= real.window["time"].min()
    assert real.window["time"].max() < START + pd.Timedelta(days=5) <= real.later["time"].min()
    assert set(real.played) == set(USERS) == set(real.window["user"])
    assert set(real.memory["user"]) == {*USERS, *OTHERS}


def test_who_knows_teaches_and_who_guesses_does_not(knowing, guessing, dataset):
    real = read_real(knowing, dataset)
    good = {one.model: one for one in train_and_test(takings(knowing, real), real, 1, MODELS)}
    bad = {one.model: one for one in train_and_test(takings(guessing, real), real, 1, MODELS)}
    assert good["item-knn"].share.value > 0.9
    assert good["item-knn"].share.value > good["item-knn"].blind_share.value + 0.2
    assert bad["item-knn"].share.value < 0.75
    # A guess is as good as another guess from the same page.
    assert bad["item-knn"].share.value == pytest.approx(bad["item-knn"].blind_share.value, abs=0.15)
    assert good["item-knn"].interactions == len(takings(knowing, real))


def test_the_real_log_is_worth_itself(knowing, dataset):
    real = read_real(knowing, dataset)
    same = real.window.assign(blind=real.window["item"])
    for one in train_and_test(same, real, 1, MODELS):
        assert one.share.value == one.blind_share.value == 1.0
        assert (one.share.low, one.share.high) == (1.0, 1.0)


NAMES = [f"i{k:04d}" for k in range(2000)]


def favourites(rng, users, time=START):
    """Ten items of his or her own for everybody, among many."""
    rows = [(u, str(i), time) for u in users for i in rng.choice(NAMES, 10, replace=False)]
    return pd.DataFrame(rows, columns=["user", "item", "time"])


@pytest.fixture
def people(dataset, knowing):
    """Real users who differ: a history, what they took meanwhile, and nothing later."""
    rng = np.random.default_rng(3)
    items = pd.DataFrame({"item": NAMES, "title": NAMES, "category": ""})
    real = read_real(knowing, dataset)
    memory, window = favourites(rng, [*USERS, *OTHERS]), favourites(rng, USERS)
    return replace(real, memory=memory, window=window, items=items)


def test_a_copy_is_found(people):
    rng = np.random.default_rng(4)
    apart = nearness(favourites(rng, USERS), people, 1)
    # Everybody replays what the next user really took.
    following = dict(zip(USERS, [*USERS[1:], USERS[0]], strict=True))
    copied = people.window.assign(user=people.window["user"].map(following))
    copy = nearness(copied, people, 1)
    assert copy.simulated == pytest.approx(1.0)
    assert copy.too_near > 0.9
    assert apart.too_near < 0.2
    assert apart.simulated == pytest.approx(apart.real, abs=0.05)


def test_membership_shows_where_a_log_repeats_histories_and_not_elsewhere(people):
    echo = people.memory[people.memory["user"].isin(USERS)]
    found = membership(echo, people, 1)
    assert (found.members, found.outsiders) == (60, 60)
    assert found.auc.low > 0.95
    assert found.recognised == 1.0
    assert found.control.low < 0.5 < found.control.high
    noise = echo.assign(item=np.random.default_rng(5).choice(NAMES, len(echo)))
    blind = membership(noise, people, 1)
    assert blind.auc.low < 0.5 < blind.auc.high
    assert blind.recognised < 0.2


def test_private_counts_hide_one_user_and_keep_the_sum(dataset):
    rows = pd.DataFrame({"user": USERS * 3, "item": ["i00"] * 60 + ["i01"] * 60 + ["i00"] * 60})
    items = dataset.items["item"]
    loose = private_counts(rows, items, epsilon=1e6, rng=np.random.default_rng(0))
    assert dict(zip(loose["item"], loose["users"], strict=True))["i00"] == 60  # pairs, not rows
    assert loose["users"].sum() == 120
    assert len(loose) == 20  # items that nobody took are listed, too
    one = private_counts(rows, items, epsilon=1e6, most=1, rng=np.random.default_rng(0))
    assert one["users"].sum() == 60
    noise = np.concatenate(
        [
            private_counts(rows, items, epsilon=2, most=4, rng=np.random.default_rng(k))["users"][
                2:
            ]
            for k in range(200)
        ]
    )
    q = np.exp(-2 / 4)  # the variance of two-sided geometric noise is 2q / (1 - q)^2
    assert noise.mean() == pytest.approx(0, abs=0.2)
    assert noise.var() == pytest.approx(2 * q / (1 - q) ** 2, rel=0.15)


def test_the_report_says_what_was_planted(knowing, dataset):
    report = examine_logs(knowing, read_real(knowing, dataset), seed=1)
    assert report.sizes.takings[1] == 60 * 10
    assert report.sizes.items == (20, 20)
    assert {row["name"] for row in report.likeness.table} == {
        "category", "popularity decile", "taken before",
    }  # fmt: skip
    json.dumps(report.as_dict(), allow_nan=False)
    with pytest.raises(UserError, match='no arm "uniforn"; did you mean "uniform"'):
        examine_logs(knowing, read_real(knowing, dataset), arms=("uniforn",))


def test_the_command_writes_a_card_within_80_columns(knowing, dataset, tmp_path):
    dataset.interactions.to_csv(tmp_path / "rows.csv", index=False)
    dataset.items.to_csv(tmp_path / "items.csv", index=False)
    (tmp_path / "real.yaml").write_text(
        "kind: table\npath: rows.csv\ncolumns: {user: user, item: item, time: time}\n"
        "items: {path: items.csv, item: item, title: title, category: category}\n"
    )
    run = str(knowing.path)
    done = footfall(
        "logs", run, "--against", "real.yaml", "--out", "found", "--epsilon", "1", cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert (tmp_path / "found" / "card.md").read_text() == done.stdout.removesuffix("\n")
    assert "## Does it copy anyone?" in done.stdout
    assert len(pd.read_csv(tmp_path / "found" / "counts.csv")) == 20
    assert json.loads((tmp_path / "found" / "logs.json").read_text())["played"] == 60
    wrong = footfall("logs", run, "--epsilon", "1", cwd=tmp_path)
    assert (wrong.returncode, "--out" in wrong.stderr) == (2, True)
