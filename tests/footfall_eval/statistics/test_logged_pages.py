"""Off-policy estimates of a run's arms: planted logs whose answer is known."""

import io
import json
import math

import numpy as np
import pandas as pd
import pytest
import yaml
from rich.console import Console

from footfall.options import Options
from footfall.run_folder.logged import LOGGED, LOGGED_ARMS, read_table
from footfall.runs.run import run
from footfall.scenario.reading import read_scenario
from footfall_eval.comparing.compare import compare
from footfall_eval.reading.load import RunLog
from footfall_eval.reporting.terminal import layout
from footfall_eval.statistics.joining import SLAB, correction, joined
from footfall_eval.statistics.logged import logged_arms
from planted import plant, write
from planted.arms import LEAK, serve

pytestmark = pytest.mark.slow

ARMS = ("current", "popular", "random", "profile", "rate", LEAK)
FEW = ("current", "popular", "rate")


def log_of(rng, users=400, pages=4, items=12, places=4):
    """Pages drawn by lot from ``items``; item i is clicked with chance .05 + .02 i, read or not.

    Returns the shown rows, a function that makes an arm's rows of a ranking, and one that tells
    what such an arm would truly earn an impression.
    """
    reading = np.array([1.0, 0.8, 0.6, 0.4])
    rows = []
    for page in range(users * pages):
        shown = rng.permutation(items)[:places]
        clicked = rng.random(places) < reading * (0.05 + 0.02 * shown)
        for place, item in enumerate(shown):
            rows.append((page, f"u{page // pages}", place, item, clicked[place]))
    shown = pd.DataFrame(rows, columns=["page", "user", "position", "number", "clicked"])
    shown = shown.assign(
        depth=0,
        item=shown["number"].astype(str),
        propensity=1.0 / items,
        bought=False,
        judged=True,
        p_examine=reading[shown["position"]],
        p_click=np.nan,
        p_buy=np.nan,
        time=pd.Timestamp("2026-01-01"),
    )

    def arm(name, ranking):
        place = {item: number for number, item in enumerate(ranking[:places])}
        where = shown["number"].map(place)
        there = where.notna()
        return pd.DataFrame(
            {
                "arm": name,
                "page": shown["page"],
                "position": shown["position"],
                "item": "",
                "target": (where == shown["position"]).astype(float),
                "placed": there.astype(float),
                "reach": np.where(there, reading[where.fillna(0).astype(int)], 0.0),
                "p_click": np.nan,
                "p_purchase": np.nan,
            }
        )

    def truth(ranking):
        return float((reading * (0.05 + 0.02 * np.array(ranking[:places]))).mean())

    return shown, arm, truth


def test_estimates_find_what_an_arm_would_have_earned():
    shown, arm, truth = log_of(np.random.default_rng(1))
    best, worst = list(range(11, -1, -1)), list(range(12))
    found = logged_arms(shown, pd.concat([arm("best", best), arm("worst", worst)]), "clicks")
    for name, ranking in (("best", best), ("worst", worst)):
        one = found.arms[name]
        assert one.snips == pytest.approx(truth(ranking), abs=4 * one.snips_draws.std())
        assert one.ips == pytest.approx(one.snips, rel=0.15)
        assert one.mean_weight == pytest.approx(1, abs=4 * one.mean_weight_error)
        assert not one.knows_the_days
    assert found.arms["best"].snips > 2 * found.arms["worst"].snips


def test_intervals_of_users_cover():
    held = 0
    for seed in range(40):
        shown, arm, truth = log_of(np.random.default_rng(seed), users=100)
        best = list(range(11, -1, -1))
        one = logged_arms(shown, arm("best", best), "clicks").arms["best"]
        low, high = np.quantile(one.snips_draws, [0.025, 0.975])
        held += low <= truth(best) <= high
    assert held >= 34  # of 40; 38 expected


def test_who_shows_what_was_clicked_is_named_and_who_is_lucky_is_not():
    shown, arm, _ = log_of(np.random.default_rng(2))
    # What will be clicked is put on the page, and the other places are filled by lot.
    leak = arm("leak", [])
    by_lot = np.random.default_rng(3).random(len(shown)) < 4 / 12
    leak["placed"] = leak["reach"] = (shown["clicked"] | by_lot).astype(float)
    found = logged_arms(shown, pd.concat([leak, arm("fair", list(range(12)))]), "clicks")
    assert found.arms["leak"].knows_the_days
    assert not found.arms["fair"].knows_the_days


def test_the_join_goes_with_whoever_knows():
    blind = correction(gap=1.0, error=50.0)
    assert blind.weight < 0.01
    assert blind.mean == pytest.approx(0, abs=0.01)
    sharp = correction(gap=0.8, error=0.02)
    assert sharp.weight > 0.95
    assert sharp.mean == pytest.approx(0.8, abs=0.02)
    # A gap that usual error explains is mostly put down to it.
    usual = correction(gap=0.1, error=0.1, spike=0.05)
    assert 0 < usual.mean < 0.04
    value, error = joined(0.2, 0.05, correction(gap=0.0, error=1e-9))
    assert value == pytest.approx(0.2)
    assert error == pytest.approx(0.05, rel=0.01)


def test_the_join_covers_where_its_prior_holds():
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(2000):
        wrong = rng.normal(0, 0.1 if rng.random() < 0.7 else SLAB)
        noise = rng.uniform(0.05, 0.4)
        value, error = joined(0.1, 1e-9, correction(wrong + rng.normal(0, noise), noise))
        held += abs(value - (0.1 + wrong)) <= 1.96 * error
    assert 0.92 <= held / 2000 <= 0.98


@pytest.fixture(scope="module")
def shop_run(tmp_path_factory):
    """A small media shop, run with arms of every kind."""
    folder = tmp_path_factory.mktemp("logged")
    shop = plant("media", 1, users=300, items=100, days=21, later_days=10)
    path = write(shop, folder, serve(shop, folder, ARMS))
    raw = yaml.safe_load(path.read_text())
    raw["population"]["users"] = 250
    for arm in raw["arms"]:
        if arm["name"] == LEAK:  # it claims to be as old as the others
            arm["made_at"] = str(shop.split.date())
    path.write_text(yaml.safe_dump(raw))
    record = run(read_scenario(path), Options(folder / "run", base=folder))
    return shop, path, record


def test_every_arm_is_asked_about_later_days(shop_run):
    shop, path, record = shop_run
    said = record["logged"]
    assert said["from"] == str(shop.split)
    assert all(told["asked"] for told in said["arms"].values())
    assert said["arms"]["current"]["logged"]  # known by its chances
    assert not said["arms"]["popular"]["frozen"]
    assert said["arms"]["rate"]["frozen"]
    shown = read_table(path.parent / "run", "logged.parquet", LOGGED)
    arms = read_table(path.parent / "run", "logged_arms.parquet", LOGGED_ARMS)
    judged = shown[shown["judged"]]
    assert (judged["time"] >= shop.split).all()
    views = shop.log[(shop.log["event"] == "view") & (shop.log["ts"] >= shop.split)]
    mine = views[views["customer_id"].isin(judged["user"].unique())]
    assert len(judged) == len(mine)
    assert judged["propensity"].sum() == pytest.approx(mine["shown_with"].sum())
    first = judged[judged["depth"] == 0]
    by_lot = arms[arms["arm"] == "random"].merge(first, on=["page", "position"])
    assert np.allclose(by_lot["target"], 1 / 100)
    current = arms[arms["arm"] == "current"].merge(judged, on=["page", "position"])
    assert np.allclose(current["target"], current["propensity"])


def test_effects_are_given_three_times(shop_run):
    _, path, _ = shop_run
    result = compare(RunLog.open(path.parent / "run"), primary="clicks")
    by_lot = result.contrast("random").evidence
    assert by_lot.off_policy.low < by_lot.off_policy.lift < 0  # truly fewer clicks
    leak = result.contrast(LEAK).evidence
    assert leak.rests_on == "simulation"
    assert leak.why.startswith("refused: leak has seen the judged days")
    assert any("has seen the judged days" in caution for caution in result.cautions)
    document = json.loads(result.to_json())
    nested = next(c for c in document["contrasts"] if c["treatment"] == "random")["evidence"]
    assert set(nested["both"]) == {"lift", "low", "high"}
    assert "both_lift" in result.to_frame().columns
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(layout(result))
    text = console.export_text()
    assert "simulated, off-policy, both" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def test_an_arm_of_unknown_age_is_left_out(shop_run, tmp_path):
    shop, _, _ = shop_run
    path = write(shop, tmp_path, serve(shop, tmp_path, FEW))
    raw = yaml.safe_load(path.read_text())
    raw["population"]["users"] = 60
    raw["arms"][2].pop("made_at")
    path.write_text(yaml.safe_dump(raw))
    record = run(read_scenario(path), Options(tmp_path / "run", base=tmp_path))
    told = record["logged"]["arms"]["rate"]
    assert not told["asked"]
    assert "give the arm `made_at:" in told["why"]
    result = compare(RunLog.open(tmp_path / "run"), primary="clicks")
    evidence = result.contrast("rate").evidence
    assert evidence.rests_on == "simulation"
    assert "was not asked" in evidence.why
    assert math.isfinite(result.contrast("popular").evidence.effective_sample_size)
