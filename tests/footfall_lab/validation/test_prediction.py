"""The prediction protocol in planted worlds, where it is known who must win."""

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import f1_score, precision_score, recall_score, roc_auc_score

from console import footfall
from footfall.scenario.scenario import parse_scenario
from footfall_eval.blocks.prediction import (
    CONSTANT,
    PredictionRows,
    best_level,
    compare_predictors,
)
from footfall_eval.reporting.report import write_report
from footfall_lab.validation.study import ValidationOptions
from footfall_lab.validation.validate import validate_users

pytestmark = pytest.mark.slow

ITEMS = 24
ACTIONS = ("view", "cart", "purchase")
FOLLOWS = np.array([[0.15, 0.8, 0.05], [0.1, 0.1, 0.8], [0.85, 0.1, 0.05]])
"""After a view mostly a cart, then a purchase, then a view again."""


def test_figures_are_those_of_the_library():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 400)
    scores = np.round(truth + rng.normal(size=400), 1)  # with ties
    rows = PredictionRows(truth, np.arange(400) // 10, {"one": scores})
    (found, constant) = compare_predictors(rows, rows, classes=2, seed=0)
    said = scores >= best_level(scores, truth)
    assert found["roc auc"] == pytest.approx(roc_auc_score(truth, scores))
    assert found["f1"] == pytest.approx(f1_score(truth, said))
    assert found["precision"] == pytest.approx(precision_score(truth, said))
    assert found["recall"] == pytest.approx(recall_score(truth, said))
    assert found["f1 interval"][0] < found["f1"] < found["f1 interval"][1]
    assert constant["predictor"] == CONSTANT
    assert constant["roc auc"] == 0.5
    assert constant["accuracy"] == max(truth.mean(), 1 - truth.mean())


def test_the_level_is_the_best_there_is():
    rng = np.random.default_rng(1)
    truth, scores = rng.integers(0, 2, 60), rng.normal(size=60)
    best = max(f1_score(truth, scores >= level) for level in scores)
    assert f1_score(truth, scores >= best_level(scores, truth)) == pytest.approx(best, abs=0.01)


def test_many_classes_are_means_over_classes():
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, 300)
    scores = np.eye(3)[truth] + rng.normal(size=(300, 3))
    rows = PredictionRows(truth, np.arange(300) // 5, {"one": scores})
    found = compare_predictors(rows, rows, classes=3, seed=0)[0]
    assert found["f1"] == pytest.approx(f1_score(truth, scores.argmax(1), average="macro"))
    each = [roc_auc_score(truth == c, scores[:, c]) for c in range(3)]
    assert found["roc auc"] == pytest.approx(np.mean(each))


def write_world(folder, *, chain, actions=False, users=240, seed=0):
    """Thirty visits each: what follows what is fixed, or nothing but popularity counts.

    ``chain``: after item i comes item i+1 four times in five, and visits are so rare that the
    last one is still fresh when the split comes. ``actions``: types follow
    ``FOLLOWS``.
    """
    rng = np.random.default_rng(seed)
    weight = 0.85 ** np.arange(ITEMS)
    items = pd.DataFrame(
        {
            "sku": [f"i{n:02d}" for n in range(ITEMS)],
            "name": [f"Article {n:02d}" for n in range(ITEMS)],
            "kind": [f"kind {n // 4}" for n in range(ITEMS)],
        }
    )
    rows, gap = [], 20 if chain else 4
    for user in range(users):
        item, action = int(rng.integers(ITEMS)), 0
        for visit in range(30):
            days = (visit - 22) * gap + user % gap
            when = pd.Timestamp("2024-04-01") + pd.Timedelta(days=days, hours=9)
            action = int(rng.choice(3, p=FOLLOWS[action]))
            if chain and rng.random() < 0.8:
                item = (item + 1) % ITEMS
            else:
                item = int(rng.choice(ITEMS, p=weight / weight.sum()))
            kind = ACTIONS[action] if actions else "purchase"
            rows.append((f"c{user}", items["sku"][item], when.isoformat(), kind))
    frame = pd.DataFrame(rows, columns=["customer", "sku", "at", "action"])
    folder.mkdir(parents=True, exist_ok=True)
    items.to_csv(folder / "items.csv", index=False)
    frame.to_csv(folder / "sales.csv", index=False)


def scenario(actions=False):
    return {
        "name": "planted",
        "data": {
            "kind": "table",
            "path": "sales.csv",
            "columns": {"user": "customer", "item": "sku", "time": "at"},
            "action": {"column": "action"} if actions else "purchase",
            "items": {"path": "items.csv", "item": "sku", "title": "name", "category": "kind"},
        },
        "split": {"at": "2024-04-01"},
        "population": {"users": 24, "min_history": 3},
        "model": {"name": "fake"},
        "arms": [
            {"name": "random", "recommender": {"kind": "random"}},
            {"name": "popular", "recommender": {"kind": "popular"}},
        ],
        "world": {"days": 2, "slate": 5, "max_pages": 2},
        "seed": 3,
    }


def predict(folder, *, chain, actions=False):
    write_world(folder, chain=chain, actions=actions)
    options = ValidationOptions(
        out=folder / "v", base=folder, users=80, questions=0, protocol="prediction"
    )
    found = validate_users(parse_scenario(scenario(actions)), options, lambda _: None)
    return found["prediction"]


def aucs(task):
    return {row["predictor"]: row["roc auc"] for row in task["rows"]}


def test_where_one_item_follows_another_the_chain_wins(tmp_path):
    found = predict(tmp_path, chain=True)
    slate = aucs(found["next item in slate"])
    assert slate["markov"] > 0.8
    for name in ("popularity", "repeat", "item-knn", "text", "text, joint", "logistic"):
        assert slate["markov"] > slate[name] + 0.1, slate
    assert found["next action type"] == {"not run": "not in this data: every action is a purchase"}


def test_where_only_popularity_counts_nothing_beats_it(tmp_path):
    found = predict(tmp_path, chain=False)
    for task in ("next item in slate", "category within 14 days"):
        shown = aucs(found[task])
        assert shown["popularity"] > 0.65, shown
        assert max(shown.values()) < shown["popularity"] + 0.02, (task, shown)
        assert found[task]["constant accuracy"] == found[task]["rows"][-1]["accuracy"]


def test_where_one_action_follows_another_the_chain_is_not_beaten(tmp_path):
    task = predict(tmp_path, chain=False, actions=True)["next action type"]
    shown = aucs(task)
    assert shown["markov"] > 0.75
    assert max(shown.values()) < shown["markov"] + 0.02
    assert shown["text"] < 0.6
    by_name = {row["predictor"]: row for row in task["rows"]}
    assert by_name["markov"]["f1"] > by_name[CONSTANT]["f1"] + 0.3


def test_the_tables_are_printed_with_what_a_constant_reaches(tmp_path):
    write_world(tmp_path, chain=True)
    (tmp_path / "world.yaml").write_text(yaml.safe_dump(scenario()))
    done = footfall("run", "world.yaml", "--out", "v", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = footfall(
        "validate", "world.yaml", "--out", "v", "--protocol", "prediction", "--questions", "600",
        "--users", "60", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Next item in slate" in done.stdout
    assert "language model alone" in done.stdout
    assert "Always saying the most common is right" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80
    page = write_report(tmp_path / "v").read_text()
    assert "Predictors side by side: next item in slate" in page
    assert "Not in this data: every action is a purchase." in page
