"""Opening a run: counts per user, what nobody answered, and damage told in one line."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eval_worlds import impressions, planted_run, sessions_of, table, write_run
from footfall.errors import LogError, UserError
from footfall.run_folder.log import SESSIONS, write_part
from footfall.run_folder.warned import warned
from footfall_eval import RunLog, compare
from footfall_eval.comparing.compare import CREDITED
from footfall_eval.measures.metrics import exposure, gini
from footfall_eval.measures.signal import model_signal
from footfall_eval.measures.slates import sample_slates
from footfall_eval.reading.load import COUNTS
from footfall_eval.reporting.notes import notes
from footfall_eval.reporting.report import write_report
from footfall_eval.statistics.sequence import effect_over_days

pytestmark = pytest.mark.slow


def small(rng=None, **options):
    rng = rng or np.random.default_rng(5)
    users = [f"u{k}" for k in range(30)]
    return pd.concat([impressions(rng, arm, users, **options) for arm in ("a", "b")])


def test_counts_are_those_of_plain_pandas(tmp_path):
    shown = small(unanswered=0.15)
    counts = RunLog.open(write_run(tmp_path, shown, parts=3)).per_user().set_index(["arm", "user"])
    by_user = shown.groupby(["arm", "user"])
    expected = {
        "impressions": by_user.size(),
        "answered": by_user["answered"].sum(),
        "clicks": by_user["clicked"].sum(),
        "purchases": by_user["bought"].sum(),
        "revenue": by_user["value"].sum(),
        "visits": by_user["session"].nunique(),
        "undecided_impressions": by_user["answered"].apply(lambda a: (~a).sum()),
        "undecided_pages": by_user["answered"].apply(lambda a: (~a).sum() / 4),
        "undecided_price": shown["price"].where(~shown["answered"]).groupby(
            [shown["arm"], shown["user"]]
        ).sum(),
    }  # fmt: skip
    for name, values in expected.items():
        np.testing.assert_allclose(
            counts[name], values.loc[counts.index].astype(float), err_msg=name
        )
    visits = shown.groupby(["arm", "user", "session"]).agg(
        clicks=("clicked", "sum"), answered=("answered", "all")
    )
    decided = visits[visits["answered"] | (visits["clicks"] > 0)]
    assert counts["decided_visits"].sum() == len(decided)
    assert counts["abandoned"].sum() == (decided["clicks"] == 0).sum()


def test_users_who_never_came_count_as_zeros(tmp_path):
    shown = small()
    everybody = pd.DataFrame({"user": [f"u{k}" for k in range(60)]})
    log = RunLog.open(write_run(tmp_path, shown, users=everybody))
    assert len(log.per_user()) == 120
    result = compare(log)
    clicks = shown[shown["arm"] == "a"]["clicked"].sum()
    assert result.arms[0].metrics["clicks"] == clicks / 60
    assert (result.arms[0].users, result.arms[0].visitors) == (60, 30)


def test_unanswered_pages_are_bounded_and_never_become_behaviour(tmp_path):
    shown = small(unanswered=0.25)
    result = compare(RunLog.open(write_run(tmp_path, shown)))
    own = shown[shown["arm"] == "a"]
    clicks, unknown = own["clicked"].sum(), (~own["answered"]).sum()
    arm = result.arms[0]
    assert arm.metrics["ctr"] == pytest.approx(clicks / (len(own) - unknown))
    assert arm.lowest["ctr"] == pytest.approx(clicks / len(own))
    assert arm.highest["ctr"] == pytest.approx((clicks + unknown) / len(own))
    assert arm.highest["clicks"] == pytest.approx((clicks + unknown) / 30)
    assert any("got no answer" in caution for caution in result.cautions)
    contrast = result.contrast("b", "ctr")
    assert contrast.lowest < contrast.difference < contrast.highest


def test_arms_with_different_visitors_are_called_out(tmp_path):
    shown = small()
    few = shown[(shown["arm"] == "a") | (shown["user"].isin([f"u{k}" for k in range(20)]))]
    result = compare(RunLog.open(write_run(tmp_path, few)))
    assert any("only 20 of 30 visitors came in every arm" in note for note in result.cautions)
    assert any("Only 30 users" in note for note in result.cautions)


def test_low_correlation_is_called_out(tmp_path):
    contrast = compare(RunLog.open(write_run(tmp_path, small()))).contrast("b", "clicks")
    assert contrast.correlation < 0.1
    assert any("low correlation" in note for note in contrast.cautions)


def test_split_design_counts_only_the_assigned_arm(tmp_path):
    shown = small()
    half = {f"u{k}" for k in range(15)}
    split = shown[shown["user"].isin(half) == (shown["arm"] == "a")]
    assigned = pd.DataFrame({"user": [f"u{k}" for k in range(40)]})
    assigned["arm"] = ["a" if user in half else "b" for user in assigned["user"]]
    scenario = {"arms": [{"name": "a"}, {"name": "b"}], "control": "a", "design": "split"}
    run = write_run(tmp_path, split, users=assigned, manifest={"scenario": scenario})
    result = compare(RunLog.open(run))
    assert [arm.users for arm in result.arms] == [15, 25]
    assert np.isnan(result.contrast("b", "clicks").correlation)
    assert result.contrast("b", "clicks").method == "Welch t, permutation test"


def test_interleaved_pages_are_credited_to_the_side_that_put_the_item_there(tmp_path):
    rng = np.random.default_rng(11)
    shown = impressions(
        rng, "interleaved", [f"u{k}" for k in range(200)], click=0.15, unanswered=0.02
    )
    shown["team"] = np.tile(["old", "new", "new", "old"], len(shown) // 4)
    better = (shown["team"] == "new") & shown["answered"] & (rng.random(len(shown)) < 0.15)
    shown.loc[better, "clicked"] = True
    scenario = {
        "arms": [{"name": "old"}, {"name": "new"}],
        "control": "old",
        "design": "interleaved",
    }
    run = write_run(tmp_path, shown, manifest={"scenario": scenario})
    log = RunLog.open(run)
    result = compare(log, primary="clicks")
    assert [arm.name for arm in result.arms] == ["old", "new"]
    for arm in result.arms:
        own = shown[shown["team"] == arm.name]
        assert arm.metrics["clicks"] == pytest.approx(own["clicked"].sum() / 200)
    assert result.verdict.startswith("new beats old in clicks per user")
    assert "both recommenders on every page" in result.verdict
    assert {c.metric for c in result.contrasts} == set(CREDITED)
    pages = (~shown["answered"]).sum() / 4
    assert result.arms[0].undecided_pages == pages
    assert "preferred new in clicks" in " ".join(notes(log, result))
    write_report(run)


def test_interleaved_pages_without_a_team_are_damage(tmp_path):
    scenario = {"design": "interleaved"}
    run = write_run(tmp_path, small(), manifest={"scenario": scenario})
    with pytest.raises(LogError, match="without a team"):
        RunLog.open(run)


def test_days_add_up_to_the_whole(tmp_path):
    log = RunLog.open(planted_run(tmp_path, n=80))
    days = effect_over_days(log, "ctr", "base", "better")
    assert [day.day for day in days] == [f"2024-03-0{k}" for k in range(4, 9)]
    assert days[-1].difference == pytest.approx(compare(log).contrast("better", "ctr").difference)
    assert days[-1].ci_low < compare(log).contrast("better", "ctr").ci_low


def test_exposure_of_known_pages(tmp_path):
    shown = small(slate=4)
    shown.loc[shown["arm"] == "a", "item"] = np.tile(["i00", "i01", "i05", "i06"], 150)
    log = RunLog.open(write_run(tmp_path, shown))
    found = exposure(log)["a"]
    assert found.coverage == 4 / 20
    # Categories repeat every five items: two pairs of six are of one category.
    assert found.diversity == pytest.approx(4 / 6)
    assert found.gini == pytest.approx(0.8)
    assert gini(np.ones(7)) == pytest.approx(0)
    assert np.isnan(gini(np.zeros(3)))


def test_pages_counted_some_users_at_a_time_are_as_diverse(tmp_path, monkeypatch):
    log = RunLog.open(write_run(tmp_path, small(slate=4)))
    whole = exposure(log)
    monkeypatch.setattr("footfall_eval.measures.metrics.COUNTED_AT_ONCE", 100)
    assert exposure(log) == whole


def test_model_signal_is_that_of_numpy(tmp_path):
    shown = small(unanswered=0.1)
    signal = model_signal(RunLog.open(write_run(tmp_path, shown)))
    asked = shown[shown["answered"]]
    expected = np.corrcoef(asked["llm"], asked["clicked"].astype(float))[0, 1]
    assert signal.correlation_clicked == pytest.approx(expected)
    assert sum(n for _, _, n in signal.bins) == signal.impressions == len(asked)
    silent = RunLog.open(write_run(tmp_path / "silent", shown.assign(llm=np.nan)))
    assert model_signal(silent) is None


def test_slates_are_the_same_users_in_every_arm(tmp_path):
    log = RunLog.open(write_run(tmp_path, small(unanswered=0.1)))
    slates = sample_slates(log, users=5, pages=2)
    assert repr(slates) == repr(sample_slates(log, users=5, pages=2))  # NaN is not itself
    assert len(slates) == 5
    for user in slates:
        assert [len(pages) for pages in user.pages.values()] == [2, 2]
        assert all(len(page.items) == 4 for pages in user.pages.values() for page in pages)
    outcomes = {i.outcome for u in slates for ps in u.pages.values() for p in ps for i in p.items}
    assert outcomes <= {"bought", "clicked", "seen", "not reached", "no answer"}


def test_parts_and_order_do_not_matter(tmp_path):
    shown = small()
    one = RunLog.open(write_run(tmp_path / "one", shown)).per_user()
    many = RunLog.open(write_run(tmp_path / "many", shown, parts=7)).per_user()
    pd.testing.assert_frame_equal(one, many)
    assert list(one.columns) == ["arm", "user", *COUNTS]


def test_parts_after_the_last_manifest_are_not_counted(tmp_path):
    names = [f"{t}/epoch=0000-shard=0000.parquet" for t in ("impressions", "sessions")]
    manifest = {"parts": dict.fromkeys(names, ""), "status": "running", "warnings": ["circular: x"]}
    run = write_run(tmp_path, small(), manifest=manifest, parts=2)
    log = RunLog.open(run)
    assert log.per_user()["visits"].sum() == 2 * 15 * 5
    assert log.cautions()[0] == "Circular: x."
    assert "not finished" in log.cautions()[1]


def test_warnings_have_a_kind_and_those_of_older_runs_are_read(tmp_path):
    names = [f"{t}/epoch=0000-shard=0000.parquet" for t in ("impressions", "sessions")]
    told = [
        {"kind": "surrogate", "text": "somebody else answered"},
        {"kind": "data", "text": "of the data"},
        {"kind": "of tomorrow", "text": "new"},
        "a surrogate answered in place of x: on 9 users",
        "circular: y",
    ]
    manifest = {"parts": dict.fromkeys(names, ""), "status": "finished", "warnings": told}
    log = RunLog.open(write_run(tmp_path, small(), manifest=manifest))
    assert [one.kind for one in warned(log.manifest)] == [
        "surrogate", "data", "unnamed", "surrogate", "unnamed"
    ]  # fmt: skip
    assert len(log.cautions()) - len(log.cautions(without="surrogate")) == 2
    assert log.cautions(without="surrogate")[:3] == ("Of the data.", "New.", "Circular: y.")


def garbage(run):
    next((run / "impressions").glob("*")).write_bytes(b"PAR1 not really")


def no_sessions(run):
    next((run / "sessions").glob("*")).unlink()


def other_schema(run):
    file = next((run / "sessions").glob("*"))
    write_part(table(sessions_of(small()), SESSIONS).drop(["pages"]), file)


def other_run(run):
    file = next((run / "sessions").glob("*"))
    write_part(table(sessions_of(small(click=0.9)), SESSIONS), file)


def bad_manifest(run):
    (run / "manifest.json").write_text("{")


def deep_manifest(run):
    (run / "manifest.json").write_text("[" * 100_000)


def list_manifest(run):
    (run / "manifest.json").write_text("[]")


def lost_part(run):
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["parts"] = {"impressions/epoch=0009-shard=0000.parquet": ""}
    (run / "manifest.json").write_text(json.dumps(manifest))


def no_text(run):
    """Found by `make fuzz`: names of columns that are no UTF-8 were a UnicodeDecodeError."""
    for file in (run / "sessions").iterdir():
        file.write_bytes(file.read_bytes().replace(b"pages", b"\x80ages"))


def untrue_notes(run):
    """Found by `make fuzz`: what pandas notes in a file was believed, and a KeyError."""
    table = pq.read_table(run / "users.parquet")
    notes = {b"pandas": table.schema.metadata[b"pandas"].replace(b"numpy_type", b"nump__type")}
    users = table.slice(1).replace_schema_metadata(notes)
    pq.write_table(users, run / "users.parquet")


def said(**changes):
    """The manifest with other keys."""

    def damage(run):
        path = run / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return damage


def changed(place, column, values):
    """The first part of a log, or a table, with another column; without it where None."""

    def damage(run):
        file = next(run.glob(place))
        table = pq.read_table(file)
        number = table.schema.get_field_index(column)
        if values is None:
            table = table.remove_column(number)
        else:
            cells = values(table[column].to_pylist())
            table = table.set_column(number, column, pa.array(cells))
        pq.write_table(table, file)

    return damage


def stopped_by(rule):
    """Found by `make fuzz`: a rule that is none was a TypeError."""

    def change(run):
        manifest = json.loads((run / "manifest.json").read_text())
        manifest["scenario"] = {**manifest.get("scenario", {}), **rule}
        (run / "manifest.json").write_text(json.dumps(manifest))

    return change


RULE = {"metric": "clicks", "level": 0.95, "min_epochs": 3}
WEEK = {"days": 7, "epoch_days": 1}


def no_users(run):
    (run / "users.parquet").write_bytes(b"")


def strangers(run):
    pd.DataFrame({"user": ["somebody"]}).to_parquet(run / "users.parquet")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (garbage, "damaged, not a readable Parquet file"),
        (no_sessions, "this part is missing although impressions/ has it"),
        (other_schema, "has no column 'pages'"),
        (other_run, "a part is damaged or of another run"),
        (bad_manifest, "not readable JSON"),
        (deep_manifest, "not readable JSON"),
        (list_manifest, "must hold one JSON object"),
        (lost_part, "missing although the manifest lists it"),
        (no_text, "damaged, not a readable Parquet file"),
        (stopped_by({"stop_early": "x"}), "stop_early cannot be read as a stopping rule"),
        (
            stopped_by({"stop_early": RULE, "world": {}}),
            "stop_early cannot be read as a stopping rule",
        ),
        (stopped_by({"stop_early": {**RULE, "level": 2.0}, "world": WEEK}), "as a stopping rule"),
        (stopped_by({"stop_early": RULE, "world": [1]}), 'no number of days as "days"'),
        (
            stopped_by({"stop_early": RULE, "world": {**WEEK, "epoch_days": "x"}}),
            'no number of days as "epoch_days"',
        ),
        (stopped_by({"stop_early": RULE, "world": {**WEEK, "days": 1e999}}), "no number of days"),
        (untrue_notes, "of different runs"),
        (said(status=[]), '"status": Input should be a valid string'),
        (said(faults={"a": 1}), '"faults.a": Input should be a valid dictionary'),
        (said(parts={"x/epoch=0000-shard=0000.parquet": ""}), "names a part of no log"),
        (changed("sessions/*", "arm", lambda cells: [None, *cells[1:]]), "rows with empty cells"),
        (changed("impressions/*", "value", lambda cells: [float("nan")] * len(cells)), "endless"),
        (changed("sessions/*", "clicks", lambda cells: ["x"] * len(cells)), "is string, not int32"),
        (changed("users.parquet", "user", None), "has no column 'user'"),
        (changed("items.parquet", "category", None), "has no column 'category'"),
        (changed("items.parquet", "price", lambda cells: ["x"] * len(cells)), "must be numbers"),
        (no_users, "the manifest names it as users_table"),
        (strangers, "of different runs"),
    ],
)
def test_damage_is_told_in_one_line(tmp_path, damage, message):
    run = write_run(tmp_path, small())
    damage(run)
    with pytest.raises(LogError, match=message) as caught:
        compare(RunLog.open(run))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_no_run_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="no such run folder"):
        RunLog.open(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"no manifest\.json"):
        RunLog.open(tmp_path)


def test_one_arm_is_no_comparison(tmp_path):
    shown = impressions(np.random.default_rng(1), "only", ["u1", "u2", "u3"])
    result = compare(RunLog.open(write_run(tmp_path, shown)))
    assert result.contrasts == ()
    assert result.verdict.startswith("There is one arm only")


def test_an_empty_log_of_a_finished_run_has_no_verdict_made_up(tmp_path):
    shown = small(click=0.0)
    result = compare(RunLog.open(write_run(tmp_path, shown)))
    assert result.primary == "clicks"
    assert "Nothing can be said" in result.verdict


@pytest.mark.parametrize(
    ("found", "status", "words"),
    [
        (None, "not validated", "footfall validate was not run"),
        ({"verdict": "direction only", "reasons": ["C is red"]}, "direction only", "C is red"),
        ({"verdict": "validated", "blocks": {}}, "validated", "Validated."),
        ({"verdict": "excellent"}, "not validated", "'excellent' is not known"),
    ],
)
def test_validity_is_repeated_in_the_verdict(tmp_path, found, status, words):
    run = write_run(tmp_path, small())
    if found:
        (run / "validity.json").write_text(json.dumps(found))
    result = compare(RunLog.open(run))
    assert result.validity.status == status
    assert words in result.verdict
