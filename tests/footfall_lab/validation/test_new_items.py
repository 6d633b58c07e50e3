"""New items in planted worlds: text tells who takes them, or nothing does."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

import shop
from footfall.cli.main import main
from footfall.fitting.ground import lay
from footfall.scenario.scenario import parse_scenario
from footfall_lab.validation.newitems import story
from footfall_lab.validation.newitems.hiding import PARTS, parts_of, put_before
from footfall_lab.validation.newitems.judging import BASELINE, BLEND
from footfall_lab.validation.study import ValidationOptions


class Flavours:
    """Reads the flavour out of a title, and nothing else."""

    identity = "flavours"
    width = 2

    def encode(self, titles: Sequence[str]) -> np.ndarray:
        rows = [["sweet" in title.lower(), "salty" in title.lower()] for title in titles]
        return np.array(rows, dtype=np.float32)


def write_flavours(folder, users=900, days=90, seed=0):
    """A shop of one category and one price: users take sweet or salty things, new ones too."""
    rng = np.random.default_rng(seed)
    flavours = np.array(["Sweet", "Salty"])
    items = pd.DataFrame(
        {
            "sku": [f"i{n}" for n in range(120)],
            "name": [f"{flavours[n % 2]} thing {chr(65 + n % 26)}{n}" for n in range(120)],
            "kind": "snacks",
            "cost": 2.0,
        }
    )
    rows = []
    for user in range(users):
        liked = np.flatnonzero(np.arange(120) % 2 == user % 2)
        for day in np.sort(rng.choice(days, 25, replace=False)):
            item = rng.choice(liked) if rng.random() < 0.9 else rng.integers(120)
            when = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(day), hours=9)
            rows.append((f"c{user}", f"i{item}", when.isoformat(), 1, 2.0))
    sales = pd.DataFrame(rows, columns=["customer", "sku", "at", "units", "paid"])
    folder.mkdir(parents=True, exist_ok=True)
    items.to_csv(folder / "items.csv", index=False)
    sales.to_csv(folder / "sales.csv", index=False)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flavours")
    write_flavours(folder)
    return folder


@pytest.fixture(scope="module")
def ground(base):
    scenario = parse_scenario(
        shop.scenario(split={"fraction": 0.75}, population={"users": 80, "min_history": 3})
    )
    return lay(scenario, base, users=80, announce=lambda _: None)


def test_nobody_knows_a_hidden_item(ground):
    new, *others = parts_of(ground.catalogue, 3)
    assert not new & set().union(*others)
    slates = put_before(ground.stages.test, new, (), ground.catalogue, 3)
    for rows in (slates.stage.memory, slates.stage.crowd, slates.stage.market):
        assert not rows["item"].isin(new).any()
    shown = {ground.catalogue.ids[code] for code in slates.items[slates.shown]}
    assert shown <= new
    assert (slates.taken.sum(axis=1) >= 1).all()
    assert not (slates.taken & ~slates.shown).any()
    before = ground.stages.test.memory
    had = set(zip(before["user"], before["item"], strict=True))
    for row, user in enumerate(slates.users):
        name = slates.stage.users[user]
        for code in slates.items[row][slates.shown[row]]:
            assert (name, ground.catalogue.ids[code]) not in had  # for the first time, or never


def test_every_item_is_new_once_and_the_same_for_a_seed(ground):
    parts = parts_of(ground.catalogue, 3)
    assert len(parts) == PARTS
    assert sorted(item for part in parts for item in part) == sorted(ground.catalogue.ids)
    assert parts_of(ground.catalogue, 3) == parts
    assert parts_of(ground.catalogue, 4) != parts


def test_where_words_tell_the_takers_a_reader_of_words_wins(ground, tmp_path, monkeypatch):
    monkeypatch.setattr(story, "_readers", lambda *_: [("words", Flavours())])
    options = ValidationOptions(out=tmp_path, base=tmp_path, users=80, questions=0, store=None)
    found = story.foresee_takers(ground, options, None, lambda _: None)
    rows = {row["who"]: row for row in found["rows"]}
    assert rows["words"]["auc"] > 0.7  # the best one could: one taking in ten is a whim
    assert rows[f"{BASELINE} + words"][f"over {BASELINE}, interval"][0] > 0.1
    # One category and one price tell nothing.
    low, high = rows[BASELINE]["auc interval"]
    assert low < 0.5 + 0.05
    assert high > 0.5 - 0.05
    assert BLEND not in rows  # two voices are their own blend


def test_where_nobody_reads_only_category_and_price_are_judged(base, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(story, "_readers", lambda *_: [])
    scenario = shop.scenario(split={"fraction": 0.75}, population={"users": 80, "min_history": 3})
    (base / "s.json").write_text(json.dumps(scenario))
    (base / "s.yaml").write_text((base / "s.json").read_text())
    words = ["validate", str(base / "s.yaml"), "--protocol", "new-items", "--questions", "0"]
    monkeypatch.setattr("sys.argv", ["footfall", *words, "--out", str(tmp_path), "--json"])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    found = json.loads(capsys.readouterr().out)
    assert [row["who"] for row in found["rows"]] == [BASELINE]
    assert (tmp_path / "new-items.json").exists()


def test_the_model_is_asked_about_some_users(base, tmp_path, monkeypatch):
    monkeypatch.setattr(story, "_readers", lambda *_: [])
    scenario = parse_scenario(
        shop.scenario(split={"fraction": 0.75}, population={"users": 80, "min_history": 3})
    )
    from footfall_lab.validation.validate import foresee_new_items

    options = ValidationOptions(out=tmp_path, base=base, users=80, questions=3200, store=None)
    found = foresee_new_items(scenario, options, lambda _: None)
    assert 20 <= found["users"] <= 80
    names = [row["who"] for row in found["rows"]]
    assert names == [BASELINE, "language model asked", f"{BASELINE} + language model asked"]
