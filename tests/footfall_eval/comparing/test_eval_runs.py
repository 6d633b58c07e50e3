"""Runs together, plans, corrections and early stops: worlds whose answer is known."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

import shop
from eval_worlds import impressions, planted_run, write_run
from footfall.errors import DataError, UserError
from footfall.options import Options, Watch
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario
from footfall_eval import RunLog, compare
from footfall_eval.comparing.pool import combine, pool_runs
from footfall_eval.comparing.stopping import StoppingRule, last_look
from footfall_eval.reading.load import COUNTS
from footfall_eval.reporting.report import write_report
from footfall_eval.statistics.correct import correct, tuned
from footfall_eval.statistics.planning import Cost, plan_test
from footfall_eval.statistics.sequence import Running

pytestmark = pytest.mark.slow

# --- what a run leaves for the evaluator -----------------------------------------------------


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder)
    return folder


@pytest.fixture(scope="module")
def simulated(base, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    run(parse_scenario(shop.scenario()), Options(out, base=base))
    return out


def test_a_run_writes_popularity_and_what_its_users_really_took_later(base, simulated):
    log = RunLog.open(simulated)
    sales = pd.read_csv(base / "sales.csv", parse_dates=["at"])
    at = pd.Timestamp(log.manifest["dataset"]["split"])
    past, later = sales[sales["at"] < at], sales[sales["at"] >= at]
    items = log.table("items").set_index("item")["popularity"]
    expected = past["sku"].value_counts().reindex(items.index).fillna(0)
    np.testing.assert_allclose(items, expected * 1000 / past["customer"].nunique())
    users = set(log.table("users_table")["user"])
    real = later[later["customer"].isin(users)][["customer", "sku"]].drop_duplicates()
    found = log.table("held_out")
    assert set(map(tuple, found.to_numpy())) == set(map(tuple, real.to_numpy()))
    assert len(found) == len(real) > 0
    text = write_report(simulated, simulated / "other.html").read_text(encoding="utf-8")
    assert "First pages against real choices" in text
    assert np.isfinite(compare(log).arms[0].metrics["novelty"])


def test_arms_share_the_luck_of_buying_whichever_item_is_clicked(simulated):
    """With one click a page, the same uniform number decides the purchase in every arm."""
    shown = pd.read_parquet(simulated / "impressions")
    clicked = shown[shown["clicked"].fillna(value=False)]
    keys = ["user", "session", "page"]
    pairs = clicked.merge(clicked, on=keys, suffixes=("", "_other"))
    pairs = pairs[(pairs["arm"] < pairs["arm_other"]) & (pairs["item"] != pairs["item_other"])]
    likelier = pairs["p_buy"] >= pairs["p_buy_other"]
    assert len(pairs) > 20
    assert (pairs["bought"] >= pairs["bought_other"])[likelier].all()


def test_the_expected_purchases_are_less_noisy_and_as_large(simulated):
    log = RunLog.open(simulated)
    result = compare(log)
    plain, expected = (result.contrast("knn", m) for m in ("purchases", "expected_purchases"))
    assert expected.standard_error < plain.standard_error
    gap = abs(expected.difference - plain.difference)
    assert gap < 3 * np.hypot(expected.standard_error, plain.standard_error)
    shown = pd.read_parquet(simulated / "impressions").query("arm == 'knn'")
    assert expected.treatment_value * 24 == pytest.approx((shown.p_click * shown.p_buy).sum())
    assert "times as wide as a split test's" in result.pairing_words("knn")


# --- several runs ----------------------------------------------------------------------------


def test_luck_and_model_error_are_told_apart():
    rng = np.random.default_rng(1)
    luck, covered, means = 0.05, {"same": 0, "differ": 0}, []
    for _ in range(400):
        same = combine(rng.normal(1.0, luck, 5), np.eye(5) * luck**2)
        covered["same"] += same[1] <= 1.0 <= same[2]
        truths = rng.normal(1.0, 0.5, 6)
        found = combine(truths[:5] + rng.normal(0, luck, 5), np.eye(5) * luck**2)
        covered["differ"] += found[3] <= truths[5] <= found[4]
        means.append(found[5])
        assert found[2] - found[1] < 0.1 < found[4] - found[3]
    assert 0.92 <= covered["same"] / 400 <= 0.99
    assert 0.91 <= covered["differ"] / 400 <= 0.98
    assert np.mean(means) == pytest.approx(0.5, abs=0.07)


def test_shared_luck_does_not_shrink_with_more_runs():
    shared = np.full((4, 4), 0.9) + 0.1 * np.eye(4)
    found = combine(np.array([1.0, 1.1, 0.9, 1.0]), shared)
    assert (found[2] - found[1]) / 2 == pytest.approx(1.96 * np.sqrt(0.925), abs=0.01)
    assert combine(np.zeros(3), np.zeros((3, 3)))[:6] == (0, 0, 0, 0, 0, 0)
    assert np.isnan(combine(np.array([1.0, np.nan]), np.eye(2))).all()


@pytest.fixture(scope="module")
def three_runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pool")
    runs = []
    for seed in range(3):
        out = planted_run(folder / str(seed), n=40, seed=seed)
        manifest = json.loads((out / "manifest.json").read_text())
        manifest["scenario"] |= {"seed": seed, "model": {"name": f"model {seed}"}}
        (out / "manifest.json").write_text(json.dumps(manifest))
        runs.append(out)
    return runs


def test_runs_are_pooled_from_command_line_to_report(three_runs, tmp_path):
    from footfall_eval.commands import compare as command

    app = __import__("typer").Typer()
    app.command()(command)
    runner = CliRunner()
    names = [str(path) for path in three_runs]
    found = json.loads(runner.invoke(app, [*names, "--json"]).stdout)
    main = next(c for c in found["contrasts"] if c["metric"] == "clicks")
    assert main["ci_low"] < 2.0 < main["ci_high"]
    assert main["model_low"] < main["ci_low"] < main["ci_high"] < main["model_high"]
    assert found["differ"] == ["seed", "model"]
    assert len(found["runs"]) == 3
    text = runner.invoke(app, names).stdout
    assert "Simulation" in text
    assert "Model" in text
    out = write_report(three_runs[0], tmp_path / "r.html", others=three_runs[1:])
    assert "Two kinds of error" in out.read_text(encoding="utf-8")


def test_runs_that_cannot_be_pooled_are_refused(three_runs, tmp_path):
    logs = [RunLog.open(path) for path in three_runs]
    rng = np.random.default_rng(1)
    shown = pd.concat([impressions(rng, arm, ["u1", "u2"]) for arm in ("base", "other")])
    stranger = RunLog.open(write_run(tmp_path, shown))
    for runs, message in (
        ([logs[0], stranger], "same arms"),
        (logs[:1], "two runs"),
        ([logs[0], logs[0]], "given twice"),
    ):
        with pytest.raises(UserError, match=message):
            pool_runs(runs)


# --- planning --------------------------------------------------------------------------------


def test_a_plan_prefers_pairs_and_says_what_it_takes(tmp_path):
    log = RunLog.open(planted_run(tmp_path, n=200))
    found = plan_test(log, Cost(100.0, 0.5), treatment="better", metric="clicks", lift=0.1)
    assert [one.days for one in found.lengths] == [2, 5, 10, 20]
    assert [one.extrapolated for one in found.lengths] == [False, False, True, True]
    whole = found.lengths[1]
    assert whole.paired_users < whole.split_users
    assert whole.paired_tokens == whole.paired_users * 2 * 5 * 100.0
    assert whole.split_seconds == whole.split_users * 5 * 0.5
    users = [one.paired_users for one in found.lengths]
    assert users == sorted(users, reverse=True)
    terms = log.per_user().pivot_table(index="user", columns="arm", values="clicks")
    gaps = (terms["better"] - terms["base"]).std() / terms["base"].mean()
    assert whole.paired_users == pytest.approx((2.8 * gaps / 0.1) ** 2, rel=0.03)


def test_plan_as_a_command(base, simulated, monkeypatch):
    import typer

    from footfall_lab.planning import plan

    app = typer.Typer()
    app.command()(plan)
    scenario = base / "plan.yaml"
    scenario.write_text(json.dumps(shop.scenario()))
    runner = CliRunner()
    found = runner.invoke(app, [str(scenario), "--pilot", str(simulated), "--mde", "20%", "--json"])
    (one,) = json.loads(found.stdout)["plans"]
    assert one["treatment"] == "knn"
    assert one["lengths"][1]["paired_tokens"] > 0
    table = runner.invoke(app, [str(scenario), "--mde", "0.5"])  # simulates its own pilot
    assert "users paired" in table.stdout
    with pytest.raises(UserError, match="5%"):
        runner.invoke(app, [str(scenario), "--mde", "much"], catch_exceptions=False)


# --- a little real data ----------------------------------------------------------------------


def biased_world(rng, folder, n=400, real=120):
    """Simulated users click .1 too often and react twice as strongly as the real ones."""
    users = [f"u{k:04d}" for k in range(n)]
    tastes = rng.normal(0, 0.08, n)
    shown = pd.concat(
        [
            impressions(rng, "base", users, click=0.3, tastes=tastes),
            impressions(rng, "better", users, click=0.5, tastes=tastes),
        ]
    )
    log = RunLog.open(write_run(folder, shown))
    picked = rng.permutation(n)[:real]
    arm = np.where(np.arange(real) % 2, "better", "base")
    chance = np.where(arm == "better", 0.3, 0.2) + tastes[picked]
    outcome = rng.binomial(20, np.clip(chance, 0, 1))
    return log, pd.DataFrame({"user": np.array(users)[picked], "arm": arm, "outcome": outcome})


@dataclass
class Counted:
    """As much of a log as a correction reads; hundreds of worlds need no Parquet."""

    counts: pd.DataFrame
    design: str = "paired"
    control: str = "base"

    def per_user(self):
        return self.counts


def counted_world(rng, n=400, real=120):
    """``biased_world``, counted already."""
    tastes, users = rng.normal(0, 0.08, n), np.array([f"u{k}" for k in range(n)])
    frames = [
        pd.DataFrame(dict.fromkeys(COUNTS, np.zeros(n))).assign(
            arm=arm, user=users, clicks=rng.binomial(20, np.clip(click + tastes, 0, 1)) * 1.0
        )
        for arm, click in (("base", 0.3), ("better", 0.5))
    ]
    picked = rng.permutation(n)[:real]
    arm = np.where(np.arange(real) % 2, "better", "base")
    chance = np.clip(np.where(arm == "better", 0.3, 0.2) + tastes[picked], 0, 1)
    real_data = pd.DataFrame(
        {"user": users[picked], "arm": arm, "outcome": rng.binomial(20, chance)}
    )
    return Counted(pd.concat(frames, ignore_index=True)), real_data


def test_corrected_intervals_cover_although_the_simulation_is_biased():
    rng = np.random.default_rng(5)
    worlds = 300
    hits = dict.fromkeys(("simulated", "prediction_powered", "adjusted", "real"), 0)
    widths = dict.fromkeys(hits, 0.0)
    for _ in range(worlds):
        found = correct(*counted_world(rng), treatment="better", metric="clicks")
        for name in hits:
            one = getattr(found, name)
            hits[name] += one.ci_low <= 2.0 <= one.ci_high
            widths[name] += one.ci_high - one.ci_low
    assert hits["simulated"] == 0  # twice too large, and sure of it
    for name in ("prediction_powered", "adjusted", "real"):
        assert 0.91 <= hits[name] / worlds <= 0.99, name
    assert widths["prediction_powered"] < 0.97 * widths["real"]
    assert widths["adjusted"] < 0.97 * widths["real"]


def test_an_arm_that_was_never_live_cannot_be_corrected(tmp_path):
    log, real = biased_world(np.random.default_rng(6), tmp_path)
    with pytest.raises(UserError, match="'better' was never live"):
        correct(log, real[real["arm"] == "base"], treatment="better", metric="clicks")
    for wrong, message in (
        (real.drop(columns="outcome"), "no column 'outcome'"),
        (real.assign(user="nobody" + real["user"]), "were not simulated"),
        (pd.concat([real, real[:1]]), "twice"),
        (real.assign(outcome=np.nan), "missing"),
    ):
        with pytest.raises(DataError, match=message):
            correct(log, wrong, treatment="better", metric="clicks")
    with pytest.raises(UserError, match="ratio"):
        correct(log, real, treatment="better", metric="ctr")


def test_a_useless_simulation_gets_no_weight():
    rng = np.random.default_rng(7)
    outcome = rng.normal(size=5_000)
    assert abs(tuned(outcome, rng.normal(size=5_000), 10**9)) < 0.05
    assert tuned(outcome, 2 * outcome, 10**9) == pytest.approx(0.5, abs=1e-4)
    assert tuned(outcome, np.ones(5_000), 100) == 0


# --- early stopping --------------------------------------------------------------------------


def test_watching_every_epoch_errs_in_at_most_5_percent_of_null_runs():
    rng = np.random.default_rng(11)
    rule, n, wrong, naive = StoppingRule("clicks", 0.95, 3, 14), 150, 0, 0
    for _ in range(600):
        running = np.cumsum(rng.normal(size=(n, 14)) + rng.normal(size=(n, 1)), axis=1)
        means, errors = running.mean(0), stats.sem(running, axis=0)
        looks = [
            last_look(Running(tuple(range(k)), means[:k], errors[:k], n), rule, 0.95)
            for k in range(3, 15)
        ]
        wrong += any(look.ci_low > 0 or look.ci_high < 0 for look in looks)
        assert all((one.p_value < 0.05) == (one.ci_low > 0 or one.ci_high < 0) for one in looks)
        naive += bool((np.abs(means / errors)[2:] > 1.98).any())
    assert wrong / 600 <= 0.05 < naive / 600
    assert last_look(Running((0,), means[:1], errors[:1], n), rule, 0.95) is not None


def test_a_clear_run_stops_and_reports_what_watching_allows(base, tmp_path):
    changes = {
        "stop_early": {"metric": "expected_clicks", "min_epochs": 2},
        "behaviour": {"click": {"repeat": 3.0}, "habits": {"gap_days": 1.0}},
        "population": {"users": 60, "min_history": 3},
        "world": {"days": 12, "epoch_days": 1, "slate": 5, "shards": 1},
    }
    scenario = parse_scenario(shop.scenario(**changes))
    record = run(scenario, Options(tmp_path / "a", base=base))
    assert record["status"] == "stopped early"
    assert "knn differs from random in expected_clicks" in record["stopped"]
    epochs = len(list((tmp_path / "a" / "sessions").iterdir()))
    assert 2 <= epochs < 12
    result = compare(RunLog.open(tmp_path / "a"))
    assert result.primary == "expected_clicks"
    main = result.contrast("knn")
    assert main.method == "always-valid confidence sequence"
    assert main.ci_low > 0
    assert main.ci_high - main.ci_low > 3.92 * main.standard_error
    assert any("stopped early" in caution for caution in result.cautions)
    again = run(scenario, Options(tmp_path / "a", base=base, resume=True))
    assert again["stopped"] == record["stopped"]


def test_a_judge_may_be_handed_in_and_is_not_asked_without_the_rule(base, tmp_path):
    asked = []

    def judge(folder):
        asked.append(folder)
        return "enough" if len(asked) == 2 else ""

    watch = Watch(enough=judge)
    plain = run(parse_scenario(shop.scenario()), Options(tmp_path / "a", base=base), watch)
    assert (plain["status"], asked) == ("finished", [])
    ruled = parse_scenario(shop.scenario(stop_early={}))
    record = run(ruled, Options(tmp_path / "b", base=base), watch)
    assert (record["status"], record["stopped"], len(asked)) == ("stopped early", "enough", 2)
