"""A recommender that does not answer is no worse recommender: no verdict rests on it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd
import pytest
import yaml

import shop
from console import footfall
from eval_worlds import planted_run
from footfall.run_folder.answers import RequestCounts, answers, no_verdict
from footfall_eval import RunLog, compare
from footfall_eval.comparing.grid import print_summary, summarise
from footfall_eval.comparing.pool import pool_runs
from footfall_eval.comparing.stopping import reason_to_stop
from footfall_eval.reporting.report import make_report

pytestmark = pytest.mark.slow

SLATE = [f"baking-{number}" for number in range(12)]

CODE = """
import numpy as np, pandas as pd
ITEMS = [f"baking-{number}" for number in range(12)]
def fresh(request):
    return [item for item in ITEMS if item not in request.shown][: request.k]
def arrays(requests):
    return [np.array(fresh(request)) for request in requests]
def generators(requests):
    return ((item for item in fresh(request)) for request in requests)
def sets(requests):
    return [set(fresh(request)) for request in requests]
def records(requests):
    return {request.user: fresh(request) for request in requests}
def frames(requests):
    return [pd.DataFrame({"item": fresh(request)}) for request in requests]
def nothing(requests):
    return None
def strangers(requests):
    return [["no-such-item"] * request.k for request in requests]
def empty(requests):
    return [[] for request in requests]
def half(requests):
    return [fresh(request)[: request.k // 2] for request in requests]
def moody(requests):
    if any(request.user[-1] in "123" for request in requests):
        raise KeyError("user")
    return [fresh(request) for request in requests]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    base = tmp_path_factory.mktemp("arms")
    shop.write_shop(base)
    (base / "mine.py").write_text(CODE)
    return base


def play(folder, recommender, name, *, dry=False, model="none"):
    """Run random against ``recommender``; the finished process, and the run's folder."""
    arms = [
        {"name": "random", "recommender": {"kind": "random"}},
        {"name": "new", "recommender": recommender},
    ]
    scenario = shop.scenario(arms=arms, model={"name": model})
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(scenario))
    out = ["--dry-run"] if dry else []
    return footfall("run", f"{name}.yaml", "--out", name, *out, cwd=folder), folder / name


@pytest.mark.parametrize("target", ["arrays", "generators"])
def test_what_has_an_order_is_a_slate(folder, target):
    done, out = play(folder, {"kind": "callable", "target": f"mine:{target}"}, target)
    assert done.returncode == 0, done.stderr
    assert not compare(RunLog.open(out)).no_verdict


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("sets", "new answered 0 of"),
        ("records", "new answered 0 of"),
        ("frames", "new answered 0 of"),
        ("nothing", "new answered 0 of"),
        ("strangers", "new answered 0 of"),
        ("empty", "new answered 0 of"),
        ("half", "of the places of first pages empty"),
        ("moody", "for instance: user c"),
    ],
)
def test_a_broken_callable_gets_no_verdict_anywhere(folder, target, said):
    recommender = {"kind": "callable", "target": f"mine:{target}"}
    done, out = play(folder, recommender, target)
    assert done.returncode == 3
    assert said in done.stderr
    assert "no verdict" in done.stderr
    result = compare(RunLog.open(out))
    assert result.verdict.startswith("No verdict: new ")
    assert said in result.verdict
    assert not any(word in result.verdict for word in ("beats", "loses", "told apart"))
    asked, _ = play(folder, recommender, target, dry=True)
    assert asked.returncode == 3
    assert said in asked.stderr


def test_every_place_that_tells_of_a_broken_arm(folder):
    _, out = play(folder, {"kind": "callable", "target": "mine:empty"}, "told")
    told = footfall("compare", "told", cwd=folder)
    assert told.returncode == 3
    assert "No verdict" in told.stdout
    assert max(len(line.rstrip()) for line in told.stdout.splitlines()) <= 80
    found = footfall("compare", "told", "--json", cwd=folder)
    assert found.returncode == 3
    document = json.loads(found.stdout)
    assert document["no_verdict"]
    shares = {arm["name"]: arm["answers"]["shares"] for arm in document["arms"]}
    assert shares["new"]["empty"] == 1
    assert shares["random"]["empty"] == 0
    page = footfall("report", "told", cwd=folder)
    assert page.returncode == 3
    html = (out / "report.html").read_text()
    assert "<title>No verdict: " in html
    first, _, _ = html.partition("<main>")
    assert "What the recommenders answered" in first
    assert "<h1>No verdict: new answered 0 of" in first
    pooled = pool_runs([RunLog.open(out), RunLog.open(planted_copy(folder, out))])
    assert pooled.verdict.startswith("No verdict")
    assert make_report(out, others=[folder / "copy"]).no_verdict
    refused = footfall("plan", "told.yaml", "--pilot", "told", cwd=folder)
    assert refused.returncode == 2
    assert "no basis for a plan" in refused.stderr


def planted_copy(folder, out):
    """The same run under another name."""
    import shutil

    shutil.copytree(out, folder / "copy")
    return folder / "copy"


def test_seeds_of_a_broken_arm_are_left_out_of_the_summary(folder, capsys):
    play(folder, {"kind": "callable", "target": "mine:empty"}, "seeds", dry=True)
    done = footfall("run", "seeds.yaml", "--out", "grid", "--seeds", "1,2", cwd=folder)
    assert done.returncode == 3
    found = summarise(folder / "grid")
    assert not found.lines
    assert len(found.no_verdict) == 2
    print_summary(found)
    assert capsys.readouterr().out.count("no verdict") == 2


# -- tables


def table(folder, name, frame, suffix=".csv"):
    path = folder / f"{name}{suffix}"
    frame.to_csv(path, index=False) if suffix == ".csv" else frame.to_parquet(path)
    return {"kind": "table", "path": path.name}


def ranking(users, items=SLATE):
    rows = [(user, item, rank) for user in users for rank, item in enumerate(items)]
    return pd.DataFrame(rows, columns=["user", "item", "rank"])


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (ranking(["C0", "C1"]), "the data set has none of the 2 users of its table ('C0', 'C1')"),
        (ranking(["c0"], ["x", "y"]), "the data set has none of the 2 items of its table"),
        (ranking([]), "no rows; a table needs at least one slate"),
        (ranking(["c0"]).rename(columns={"rank": "place"}), 'no column "rank"'),
        (ranking(["c0"]).assign(team=1), 'unknown column "team"'),
    ],
)
def test_a_table_of_other_data_is_refused_in_one_line(folder, frame, said):
    for dry in (True, False):
        done, _ = play(folder, table(folder, "t", frame), "table", dry=dry)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_table_that_knows_few_users_gets_no_verdict(folder):
    known = pd.concat([ranking(["c0"]), ranking(["*"])])
    done, out = play(folder, table(folder, "few", known), "few")
    assert done.returncode == 3
    assert "by its rows for unknown users" in compare(RunLog.open(out)).verdict
    for_all, _ = play(folder, table(folder, "all", ranking(["*"])), "all")
    assert for_all.returncode == 0, for_all.stderr


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_users_that_were_floats_on_the_way_are_themselves(folder, suffix):
    scenario = shop.scenario()
    sales = pd.read_csv(folder / "sales.csv")
    sales["customer"] = sales["customer"].str[1:]
    sales.to_csv(folder / "numbered.csv", index=False)
    frame = ranking([float(number) for number in range(80)])
    arms = [
        {"name": "random", "recommender": {"kind": "random"}},
        {"name": "new", "recommender": table(folder, "floats", frame, suffix)},
    ]
    data = scenario["data"] | {"path": "numbered.csv"}
    scenario |= {"arms": arms, "data": data, "model": {"name": "none"}}
    (folder / "floats.yaml").write_text(yaml.safe_dump(scenario))
    done = footfall("run", "floats.yaml", "--out", f"of-{suffix[1:]}", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    new = json.loads(done.stdout)["answers"]["new"]
    assert new["requests"] > 0
    assert new["failed"] == new["fallback"] == new["empty"] == 0


# -- services


class Service(BaseHTTPRequestHandler):
    """Answers as the first step of the path says."""

    def log_message(self, *_):
        """Say nothing."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["requests"]
        mode = self.path.strip("/")
        slates = [
            {"items": [item for item in SLATE if item not in one["shown"]][: one["k"]]}
            for one in asked
        ]
        if mode == "html":
            body = b"<html>Please log in</html>"
        else:
            made = {
                "same": [{"items": slate["items"][:1] * 5} for slate in slates],
                "half": slates[: len(slates) // 2],
                "none": [{"items": []} for _ in slates],
                "objects": [{"items": [{"id": i} for i in slate["items"]]} for slate in slates],
            }
            body = json.dumps({"slates": made.get(mode, slates)}).encode()
        self.send_response(500 if mode == "error" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("mode", ["html", "same", "half", "none", "objects", "error"])
def test_a_broken_service_is_told_before_the_run(folder, mode):
    with serving() as url:
        recommender = {"kind": "http", "url": f"{url}/{mode}", "retries": 0}
        done, _ = play(folder, recommender, f"svc-{mode}", dry=True)
        sound, _ = play(folder, recommender | {"url": f"{url}/ok"}, "svc-ok", dry=True)
    assert done.returncode == 3
    assert "! no verdict: new " in done.stderr
    assert sound.returncode == 0, sound.stderr
    assert "arm new: 24 requests, all answered" in sound.stderr


# -- thresholds, the model, and looking early


@pytest.mark.parametrize(
    ("counts", "broken"),
    [
        ({"failed": 5}, False),
        ({"failed": 6}, True),
        ({"failed": 3, "empty": 3}, True),
        ({"invented_slates": 20}, False),
        ({"invented_slates": 21}, True),
        ({"fallback_requests": 50}, False),
        ({"fallback_requests": 51}, True),
        ({"places": 100, "unfilled": 26}, True),
        ({"ran_out": 100}, False),
        ({"slates": 200, "outages": 100}, False),
        ({"slates": 200, "outages": 100, "failed": 6}, True),
        ({"failed": "many"}, False),
        ({}, False),
    ],
)
def test_what_is_a_broken_arm(counts, broken):
    assert bool(answers("a", {"slates": 100, **counts}, "http").problem()) == broken


def test_what_a_reader_is_told_of_an_arm_that_is_sound():
    one = RequestCounts(
        "a", 100, failed=2, fallback=90, ran_out=11, failed_updates=3, kind="item-knn"
    )
    assert not one.problem()
    assert one.caution() == (
        "requests of a: 2 failed (2%), 90 fallback (90%); a had nothing new left to show in 11 of "
        "100 requests (11%); a could not learn from 3 epochs"
    )


def test_pages_without_answers_get_no_verdict_however_few(tmp_path):
    log = RunLog.open(planted_run(tmp_path / "silent", n=4, manifest={"model": {"name": "m"}}))
    assert not compare(log).no_verdict
    assert no_verdict({"choice": {"pages": 8, "unanswered_pages": 5}})
    assert not no_verdict({"choice": {"pages": 8, "unanswered_pages": 4}})


def test_answers_of_the_fake_model_say_so(tmp_path):
    run = planted_run(tmp_path, manifest={"model": {"name": "fake"}})
    result = compare(RunLog.open(run))
    assert result.verdict.startswith("The answers are the fake model's, a test of the plumbing")
    assert result.as_dict()["played"]
    html = make_report(run).path.read_text()
    assert "<title>Fake answers: " in html
    assert "<h1>The answers are the fake model" in html


def test_no_run_stops_early_for_an_arm_that_does_not_answer(tmp_path):
    rule = {"metric": "clicks", "min_epochs": 2, "level": 0.95}
    world = {"days": 5, "epoch_days": 1}
    arms = [{"name": "base"}, {"name": "better"}]
    scenario = {"arms": arms, "control": "base", "design": "paired", "name": "planted"}
    scenario |= {"stop_early": rule, "world": world}
    said = {"scenario": scenario, "start": "2024-03-04"}
    said["dataset"] = {"split": "2024-03-04"}
    sound = planted_run(tmp_path / "sound", manifest=said)
    broken = planted_run(
        tmp_path / "broken",
        manifest={**said, "faults": {"base": {"slates": 10, "failed": 10}}},
    )
    assert "differs from base" in reason_to_stop(RunLog.open(sound))
    assert not reason_to_stop(RunLog.open(broken))
