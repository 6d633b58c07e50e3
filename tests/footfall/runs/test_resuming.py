"""What is found in a run's folder: damage, strangers, another scenario, an earlier attempt."""

import fcntl
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import threading

import pandas as pd
import pytest
import yaml

import shop
from console import footfall
from footfall.errors import BudgetError, InterruptError, LogError, RunError, UserError
from footfall.llm.fake import FakeModel
from footfall.llm.protocol import NoAnswer
from footfall.options import Options, Watch
from footfall.plumbing.files import file_hash
from footfall.recommenders.outage import OUTAGE
from footfall.run_folder import manifest
from footfall.run_folder.answers import answers
from footfall.run_folder.layout import LOCK, MANIFEST
from footfall.runs.resuming import differences, verify
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario

pytestmark = pytest.mark.slow

FLAKY = """
import os
from footfall.recommenders import Slate

class Shop:
    def __init__(self, items):
        self.items = list(items)

    def recommend(self, requests):
        if os.environ.get("SHOP_IS_DOWN"):
            raise RuntimeError("the shop is down")
        turn = int(os.environ.get("SHOP_TURN", "0"))
        return [self._slate(r, turn + r.seed % 7) for r in requests]

    def _slate(self, request, turn):
        if request.seed % 5 == 0 and not turn // 100:
            return Slate((), failure="not today")
        order = self.items[turn % 30:] + self.items[:turn % 30]
        fresh = [item for item in order if item not in request.shown]
        return Slate(tuple(fresh[: request.k]))

    def update(self, events):
        pass

def build(split, catalogue):
    return Shop(catalogue.ids)
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder)
    (folder / "flaky_shop.py").write_text(FLAKY)
    return folder


@pytest.fixture(scope="module")
def finished(base, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "run"
    simulate(base, out)
    return out


@pytest.fixture
def out(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def simulate(base, out, watch=None, changes=None, **options):
    scenario = parse_scenario(shop.scenario(**(changes or {})))
    return run(scenario, Options(out, base=base, **options), watch)


def parts(out):
    return {p.relative_to(out).as_posix(): file_hash(p) for p in out.rglob("epoch=*.parquet")}


SEARCH = {"search": {"share": 1.0}, "similar": {"share": 1.0}}
SOMETIMES = {"search": {"share": 0.5}, "similar": {"share": 0.5}}


def ended_at_search(out):
    """Visits that ended without an answer although all their recommended pages had one."""
    key = ["arm", "user", "session"]
    visits = pd.read_parquet(out / "sessions")
    shown = pd.read_parquet(out / "impressions").groupby(key)["answered"].min().reset_index()
    ended = visits[visits["ended"] == "no answer"].merge(shown, "left", key)
    return int(ended["answered"].fillna(value=True).sum())


def emptied_after_search(out):
    """Visits that the recommender left without a page after a page of the shop's own."""
    key = ["arm", "user", "session"]
    visits = pd.read_parquet(out / "sessions")
    happened = pd.read_parquet(out / "events")
    searched = happened[happened["action"].isin(("search", "similar"))][key].drop_duplicates()
    return len(visits[visits["ended"] == "empty page"].merge(searched, on=key))


def halting_after(epochs):
    """Somebody who asks the run to stop after so many epochs."""
    from contextlib import nullcontext

    asked = iter(range(1000))
    return Watch(patience=lambda: nullcontext(lambda: next(asked) >= epochs))


def test_damaged_and_foreign_parts_are_set_aside_and_made_anew(base, finished, out):
    names = sorted(parts(out))
    (out / names[0]).write_bytes((out / names[0]).read_bytes()[:100])
    shutil.copy(out / names[2], out / names[1])
    (out / names[3]).unlink()
    (out / "impressions" / "epoch=0099-shard=0000.parquet").write_bytes(b"not ours")
    (out / "sessions" / "epoch=0000-shard=0000.parquet.partial").write_bytes(b"half")
    with pytest.raises(LogError, match=r"2 changed since written .*; 1 missing .*; 2 not the"):
        verify(out)
    told = []
    simulate(base, out, Watch(told.append), resume=True)
    assert parts(out) == parts(finished)
    assert "3 unfinished, damaged or foreign parts" in " ".join(told)
    aside = sorted(p.name for p in (out / "set-aside").rglob("*") if p.is_file())
    assert len(aside) == 3
    assert (out / "set-aside" / f"{names[0]}.aside").stat().st_size == 100
    assert verify(out).sound


def test_after_a_power_cut_the_log_is_the_one_of_an_undisturbed_run(base, finished, tmp_path):
    """Parts and lines of progress do not wait for the disk; what it lost is seen, and made anew."""
    out, told = tmp_path / "run", []
    with pytest.raises(InterruptError, match="after 2 epochs"):
        simulate(base, out, halting_after(2))
    # As the power went: the manifest of the first epoch, and a line of the second full of zeros.
    record = json.loads((out / "manifest.json").read_text())
    lived = list(record["parts"])
    first = [name for name in lived if "epoch=0000" in name]
    record |= {"status": "running", "parts": {name: record["parts"][name] for name in first}}
    (out / "manifest.json").write_text(json.dumps(record))
    (out / "progress.jsonl").write_bytes(b"\0" * 300 + b"\n")
    (out / first[0]).write_bytes(b"")  # renamed, but never filled
    (out / first[1]).unlink()
    assert footfall("compare", "run", cwd=tmp_path).returncode != 0
    simulate(base, out, Watch(told.append), resume=True)
    lost = 1 + len(lived) - len(first)  # the empty one, and those that no line names any more
    assert f"{lost} unfinished, damaged or foreign parts" in " ".join(told)
    assert parts(out) == parts(finished)
    assert verify(out).sound


def test_a_damaged_part_is_not_forgotten_over_a_second_kill(base, tmp_path, monkeypatch):
    """What it must come out as is known for as long as it is not there again."""
    arms = [{"name": "theirs", "recommender": {"kind": "callable", "target": "flaky_shop:build"}}]
    out, changes = tmp_path / "run", {"arms": arms}
    with pytest.raises(InterruptError, match="after 2 epochs"):
        simulate(base, out, halting_after(2), changes)
    before = json.loads((out / "manifest.json").read_text())["parts"]
    part = min(name for name in before if name.startswith("impressions/"))
    (out / part).write_bytes(b"damaged")
    with pytest.raises(InterruptError, match="after 0 epochs"):
        simulate(base, out, halting_after(0), changes, resume=True)
    assert json.loads((out / "manifest.json").read_text())["parts"] == before
    monkeypatch.setenv("SHOP_TURN", "100")
    with pytest.raises(RunError, match=f"{part} came out different"):
        simulate(base, out, None, changes, resume=True)
    monkeypatch.delenv("SHOP_TURN")
    simulate(base, out, None, changes, resume=True)
    after = json.loads((out / "manifest.json").read_text())["parts"]
    assert {name: after[name] for name in before} == before


def test_verify_says_what_is_wrong(finished, out, tmp_path):
    done = footfall("verify", str(finished), "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert (done.returncode, found["status"], found["intact"]) == (0, "finished", 16)
    (out / "items.parquet").write_bytes(b"")
    done = footfall("verify", str(out), "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["changed"] == ["items.parquet"]
    assert "1 changed since written (items.parquet); run again with --resume" in done.stderr
    done = footfall("verify", "nowhere", cwd=tmp_path)
    assert (done.returncode, "no such run folder" in done.stderr) == (2, True)


def test_another_scenario_is_named_field_by_field(base, out):
    world = {"days": 8, "epoch_days": 2, "slate": 4, "max_pages": 3, "shards": 2}
    with pytest.raises(UserError, match=r"world.days: 6.0 -> 8.0, world.slate: 5 -> 4;"):
        simulate(base, out, changes={"world": world}, resume=True)
    arms = [{"name": "random", "recommender": {"kind": "random"}}] * 1
    with pytest.raises(UserError, match="scenario: arms: "):
        simulate(base, out, changes={"arms": arms}, resume=True)


def test_how_to_run_may_change(base, finished, out):
    changes = {"budget": {"max_tokens": 10**9}, "model": {"name": "fake", "window": 3}}
    simulate(base, out, changes=changes, resume=True)
    assert parts(out) == parts(finished)


def test_other_data_are_named(finished, out, tmp_path):
    other = tmp_path / "other"
    shop.write_shop(other, users=70)
    with pytest.raises(UserError, match=r"another data, model or prompts: data.* -> .*bring"):
        simulate(other, out, resume=True)


def test_other_code_and_versions_are_named_and_can_be_accepted(base, finished, out):
    path = out / "manifest.json"
    record = json.loads(path.read_text())
    record["recorded"]["versions"]["numpy"] = "1.0"
    record["recorded"]["hashes"]["code"] = "0" * 64
    path.write_text(json.dumps(record))
    message = r"code or versions: code: 0000.* -> .*, versions.numpy: 1.0 -> .*--accept-changes"
    with pytest.raises(UserError, match=message):
        simulate(base, out, resume=True)
    assert json.loads(path.read_text()) == record, "a refusal must leave the run as it is"
    record = simulate(base, out, resume=True, accept_changes=True)
    assert "versions.numpy: 1.0" in record["attempts"][0]["accepted"][1]
    assert parts(out) == parts(finished)


def test_another_model_is_named(base, out):
    path = out / "manifest.json"
    record = json.loads(path.read_text())
    record["model"]["fingerprint"] = "0" * 32
    path.write_text(json.dumps(record))
    with pytest.raises(UserError, match=r"model.fingerprint: 0000"):
        simulate(base, out, resume=True)


def test_a_damaged_manifest_says_what_to_do(base, finished, out):
    path = out / "manifest.json"
    path.write_text(path.read_text()[:200])
    with pytest.raises(LogError, match="move it away, and --resume makes the log anew"):
        simulate(base, out, resume=True)
    path.unlink()
    simulate(base, out, resume=True)
    assert parts(out) == parts(finished)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("parts", {"../theirs.parquet": "0"}, "names a file outside the run"),
        ("tables", {"/etc/hostname": "0"}, "names a file outside the run"),
        ("tables", {"x" * 300: "0"}, "names a file that cannot exist"),
        ("parts", {"impressions/epoch=x.parquet": "0"}, "names a part of no log"),
        ("scenario", None, '"scenario" is missing; the file was changed'),
        ("recorded", {"hashes": {}, "versions": {}}, '"recorded.hashes.scenario" is missing'),
        ("status", 3, '"status": Input should be a valid string'),
        ("attempts", [1], '"attempts.0": Input should be a valid dictionary'),
    ],
)
def test_a_manifest_that_somebody_changed_is_refused(base, out, tmp_path, key, value, message):
    """A run folder from elsewhere must not have files moved that are not its own."""
    theirs = tmp_path / "theirs.parquet"
    theirs.write_bytes(b"not the run's")
    path = out / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    for read in (verify, lambda run: simulate(base, run, resume=True)):
        with pytest.raises(LogError, match=re.escape(message)):
            read(out)
    assert theirs.read_bytes() == b"not the run's"


def test_a_link_out_of_the_run_is_not_followed(base, out, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "epoch=0099-shard=0000.parquet").write_bytes(b"not the run's")
    (out / "reasons").symlink_to(theirs)
    with pytest.raises(UserError, match="reasons is a symbolic link"):
        simulate(base, out, resume=True)
    assert len(list(theirs.iterdir())) == 1


@pytest.mark.parametrize(
    "said",
    [
        "[]",
        '{"tokens": "x"}',
        '{"tokens": -1, "seconds": 0}',
        '{"tokens": 1, "seconds": 1e999}',
        f'{{"tokens": {"9" * 400}, "seconds": 0}}',  # found by `make fuzz`: an OverflowError
        "[" * 999,
    ],
)
def test_what_was_spent_must_be_amounts(base, out, said):
    (out / "spent.json").write_text(said)
    with pytest.raises(LogError, match=r"spent\.json: "):
        simulate(base, out, resume=True)


def of_an_earlier_version(record):
    """The manifest as it would be without what versions since have added to it."""
    for key in ("no_verdict", "kinds", "presentations", "asked", "answers", "logged"):
        record.pop(key)
    scenario = record["scenario"]
    for one, keys in (
        (scenario, ["appeal"]),
        (scenario["behaviour"], ["people"]),
        (scenario["behaviour"]["habits"], ["crowding"]),
        (scenario["behaviour"]["click"], ["taste"]),
        (scenario["choice"], ["ensemble", "options"]),
        *((arm, ["presentation", "made_at"]) for arm in scenario["arms"]),
        *(
            (faults, ["outages", "invented_slates", "places"])
            for faults in record["faults"].values()
        ),
    ):
        for key in keys:
            one.pop(key)
    scenario["behaviour"]["habits"]["reads_on"] = 1.0
    record["recorded"]["hashes"]["code"] = "0" * 64
    return record


def test_a_run_of_an_earlier_version_is_read_and_goes_on(base, finished, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(InterruptError):
        simulate(base, out, halting_after(2))
    begun = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps(of_an_earlier_version(begun)))
    with pytest.raises(UserError, match=r"another code or versions: code: 0000.*--accept-changes"):
        simulate(base, out, resume=True)
    simulate(base, out, resume=True, accept_changes=True)
    assert parts(out) == parts(finished)
    whole = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps(of_an_earlier_version(whole)))
    user = pd.read_parquet(out / "users.parquet")["user"].iloc[0]
    for command in (["compare"], ["report"], ["verify"], ["explain", "--user", user]):
        done = footfall(command[0], str(out), *command[1:], cwd=base)
        assert done.returncode == 0, done.stderr


def test_planned_outages_of_an_earlier_version_are_no_fault():
    """Manifests counted both in one; only a recommender's own failures stand against a verdict."""
    counts = {"slates": 164, "failed": 20, "empty": 0}
    planned = {**counts, "examples": {"failed": [f"user 7, visit 0, page 0: {OUTAGE}"]}}
    assert answers("shaky", planned).failed == 0
    assert not answers("shaky", planned).problem()
    own = {**counts, "examples": {"failed": ["user 7, visit 0, page 0: RuntimeError: down"]}}
    assert answers("shaky", own).problem()


def test_differences_are_told_briefly():
    old = {"a": 1, "b": {"c": [1, {"d": 2}]}, "gone": None, "model": {"timeout": 3}}
    new = {"a": 1, "b": {"c": [1, {"d": "x" * 99}]}, "come": "", "model": {"timeout": 4}}
    assert list(differences(old, new)) == [
        f"b.c.1.d: 2 -> {'x' * 12}...",
        "come: (nothing) -> ",
        "gone: None -> (nothing)",
    ]


@pytest.mark.parametrize(
    ("design", "actions"), [("paired", {}), ("interleaved", {}), ("paired", SOMETIMES)]
)
def test_a_service_that_answers_otherwise_now_does_not_spoil_a_finished_epoch(
    base, tmp_path, monkeypatch, design, actions
):
    """Epochs of the log are taken from it, failures included; the service is asked for the rest."""
    flaky = {"kind": "callable", "target": "flaky_shop:build"}
    changes = {
        "design": design,
        "actions": actions,
        # Many pages a visit, so that some come after one of the shop's own, and are empty.
        "behaviour": {"habits": {"go_on": 2.0}},
        "world": {"days": 6, "epoch_days": 2, "slate": 5, "max_pages": 8, "shards": 2},
        "arms": [
            {"name": "theirs", "recommender": flaky},
            {"name": "popular", "recommender": {"kind": "popular"}},
        ],
    }
    out = tmp_path / "run"
    with pytest.raises(InterruptError, match="after 2 epochs"):
        simulate(base, out, halting_after(2), changes)
    before = parts(out)
    if actions:
        assert emptied_after_search(out) > 2
    faults = json.loads((out / "manifest.json").read_text())["faults"]["theirs"]
    assert len(before) == (12 if actions else 8)
    assert faults["failed"] > 0
    monkeypatch.setenv("SHOP_TURN", "100")
    record = simulate(base, out, None, changes, resume=True)
    assert record["status"] == "finished"
    after = parts(out)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) * 3 // 2
    assert record["faults"]["theirs"]["failed"] == faults["failed"]
    assert record["faults"]["theirs"]["slates"] > faults["slates"]


@pytest.mark.parametrize("actions", [{}, SEARCH])
def test_pages_without_an_answer_stay_so_when_the_model_answers_again(
    base, tmp_path, monkeypatch, actions
):
    """Pages of search, which the log of impressions does not have, included."""
    silent = {"now": True}

    class Flapping(FakeModel):
        def ask(self, questions):
            replies = super().ask(questions)
            for number in range(0, len(replies), 40) if silent["now"] else ():
                replies[number] = NoAnswer("server took too long")
            return replies

    monkeypatch.setattr("footfall.llm.opening.FakeModel", Flapping)
    out, changes = tmp_path / "run", {"choice": {"max_unanswered": 1}, "actions": actions}
    with pytest.raises(InterruptError):
        simulate(base, out, halting_after(2), changes)
    before = parts(out)
    if actions:
        assert ended_at_search(out)
    unanswered = json.loads((out / "manifest.json").read_text())["choice"]["unanswered_pages"]
    assert unanswered > 0
    silent["now"] = False
    record = simulate(base, out, None, changes, resume=True)
    assert {name: parts(out)[name] for name in before} == before
    assert record["choice"]["unanswered_pages"] == unanswered


def test_too_many_unanswered_pages_stop_the_run(base, tmp_path, monkeypatch):
    class Silent(FakeModel):
        def __init__(self, **options):
            super().__init__(**options, fail_one_in=3)

    monkeypatch.setattr("footfall.llm.opening.FakeModel", Silent)
    (base / "silent.yaml").write_text(yaml.safe_dump(shop.scenario()))
    done = footfall("run", "silent.yaml", "--out", str(tmp_path / "run"), cwd=base)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert re.search(r"no answer to \d+ of \d+ pages .*fake failure.*choice.max_unanswered", last)
    record = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert record["status"] == "failed"
    assert "no answer" in record["reason"]


def test_a_budget_of_tokens_stops_the_run_and_a_larger_one_lets_it_go_on(base, finished, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(BudgetError, match=r"budget of 20,000 tokens is used up.*--max-tokens"):
        simulate(base, out, changes={"budget": {"max_tokens": 20_000}})
    record = json.loads((out / "manifest.json").read_text())
    assert record["status"] == "out of budget"
    spent = record["spent"]["tokens"]
    assert 0 < spent <= 20_000
    with pytest.raises(BudgetError):
        simulate(base, out, changes={"budget": {"max_tokens": spent}}, resume=True)
    more = {"budget": {"max_tokens": 10**8, "price_per_million_tokens": 2.0}}
    record = simulate(base, out, changes=more, resume=True)
    assert record["status"] == "finished"
    assert record["spent"]["cost"] == pytest.approx(record["spent"]["tokens"] * 2e-6)
    assert parts(out) == parts(finished)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--max-time", "0.01s"], "0.01 seconds"),
        (["--max-memory", "0.001"], "0.001 GiB of memory"),
    ],
)
def test_time_and_memory_have_bounds_too(base, tmp_path, options, what):
    (base / "shop.yaml").write_text(yaml.safe_dump(shop.scenario()))
    done = footfall("run", "shop.yaml", "--out", str(tmp_path / "run"), *options, cwd=base)
    assert done.returncode == 1
    assert f"the budget of {what} is used up" in done.stderr


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"max_cost": 3}, "max_cost needs price_per_million_tokens or price_per_hour"),
        ({"max_time": "soon"}, "valid number"),
        ({"max_time": "xh"}, "a number with s, m, h or d"),
        ({"max_money": 3}, 'unknown key "budget.max_money"; did you mean'),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(budget, message):
    with pytest.raises(UserError, match=message):
        parse_scenario(shop.scenario(budget=budget))


def test_times_are_written_as_people_say_them():
    for text, seconds in (("90m", 5400), ("2.5h", 9000), ("1d", 86_400), (30, 30), ("45 s", 45)):
        assert parse_scenario(shop.scenario(budget={"max_time": text})).budget.max_time == seconds


def test_a_full_disk_is_one_clear_line_and_the_run_can_be_resumed(base, finished, tmp_path):
    (base / "shop.yaml").write_text(yaml.safe_dump(shop.scenario()))
    out = tmp_path / "run"
    # The kernel's limit on the size of a file stands in for the end of the disk.
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000));"
        "from footfall.cli.main import main; main()"
    )
    command = [sys.executable, "-c", code, "run", "shop.yaml", "--out", str(out)]
    done = subprocess.run(
        command, cwd=base, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert re.match(r"footfall: cannot write .*: File too large; make room, then go on", last)
    assert "Traceback" not in done.stderr
    assert not list(out.rglob("*.partial"))
    simulate(base, out, resume=True)
    assert parts(out) == parts(finished)
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 9000


def test_a_run_that_ends_while_it_is_looked_at_is_not_called_killed(tmp_path, monkeypatch):
    (tmp_path / MANIFEST).write_text('{"status": "running"}')
    held = iter([True, False])
    monkeypatch.setattr(manifest, "_is_held", lambda _: next(held))
    assert manifest.read(tmp_path, needed=())["status"] == "running"


def test_who_looks_whether_a_run_goes_on_keeps_none_from_starting(tmp_path):
    with manifest.locked(tmp_path):
        pass
    with (tmp_path / LOCK).open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        threading.Timer(0.05, fcntl.flock, [looking, fcntl.LOCK_UN]).start()
        with manifest.locked(tmp_path):
            pass
