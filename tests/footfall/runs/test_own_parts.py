"""Every example of docs/own-parts.md, run on a small shop."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

import shop
from footfall import Options, read_scenario, simulate
from footfall.errors import UserError
from footfall_eval import OwnMetric, RunLog, compare, compare_own

PAGE = (Path(__file__).parents[3] / "docs" / "own-parts.md").read_text()
PYTHON = {
    name: f"# {name}\n{text}"
    for name, text in re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE, flags=re.DOTALL)
}
YAML = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp("own")
    shop.write_shop(base)
    raw = shop.scenario(model={"name": "none"}, world={"days": 4, "slate": 5})
    (base / "shop.yaml").write_text(yaml.safe_dump(raw))
    return base


@pytest.fixture(scope="module")
def result(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        space = {}
        exec(PYTHON["run.py"], space)
        return space["result"]


def test_a_run_prints_well(result):
    text = str(result)
    assert repr(result) == text
    assert "finished in" in text
    assert "random, knn" in text
    assert result.arms == ("random", "knn")
    assert result.status == "finished"
    assert set(result.faults) == {"random", "knn"}


def test_a_metric_in_ten_lines(result, folder, monkeypatch, capsys):
    assert len(PYTHON["dear.py"].splitlines()) <= 11
    monkeypatch.chdir(folder)
    exec(PYTHON["dear.py"], {})
    assert "dear purchases" in capsys.readouterr().out
    log = RunLog.open(folder / "runs" / "shop")
    same = compare_own(log, OwnMetric("clicks", "count(*) FILTER (clicked)"))
    known = compare(log, metrics=("clicks",)).contrast("knn", "clicks")
    assert same.effects["knn"].difference == pytest.approx(known.difference)
    assert same.effects["knn"].ci_low == pytest.approx(known.ci_low)
    rate = compare_own(log, OwnMetric("rate", "sum(clicked::INT)", per="count(*)"))
    assert 0 < rate.values["knn"] < 1
    with pytest.raises(UserError, match='metric "x": '):
        compare_own(log, OwnMetric("x", "count(nothing)"))


def test_a_lenskit_pipeline_is_a_recommender(folder, monkeypatch):
    (folder / "pipelines.py").write_text(PYTHON["pipelines.py"])
    monkeypatch.delitem(sys.modules, "pipelines", raising=False)
    scenario = read_scenario(folder / "shop.yaml", {**YAML[0], "control": "popular"})
    done = simulate(scenario, Options(folder / "lenskit", folder))
    assert not any(done.faults["factors"][kind] for kind in ("failed", "invented", "empty"))


def test_scores_of_recbole_are_a_table(folder):
    class Dataset:
        iid_field = "item_id"

        def id2token(self, field, ids):
            assert field == self.iid_field
            return [f"baking-{number}" for number in ids]

    space = {}
    exec(PYTHON["from_recbole.py"], space)
    users = [str(number) for number in range(80)]
    log = read_scenario(folder / "shop.yaml")
    from footfall.runs.histories import read_histories

    users = list(read_histories(log, folder, lambda _: None).dataset.users["user"])
    items = np.tile(np.arange(12), (len(users), 1))
    space["write_slates"](
        np.linspace(1, 0, 12) + np.zeros((len(users), 1)),
        items,
        users,
        Dataset(),
        folder / "slates.csv",
    )
    scenario = read_scenario(folder / "shop.yaml", {**YAML[1], "control": "popular"})
    done = simulate(scenario, Options(folder / "recbole", folder))
    assert not any(done.faults["recbole"][kind] for kind in ("failed", "invented", "repeated"))
