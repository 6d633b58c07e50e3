"""Promises of docs/security.md that no other test keeps: pickles, secrets, weights, one bad arm."""

import ast
import json
import re
import threading
import tomllib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pytest
import yaml

import shop
from footfall.errors import ModelError, ScenarioError
from footfall.llm.weights import embedded
from footfall.options import Options
from footfall.plumbing.secrets import hidden, values_of
from footfall.runs.run import run
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import parse_scenario
from footfall_eval.reporting.report import write_report

ROOT = Path(__file__).parents[1]
SECRET = 'sk-"very\\secret-1234567890'
UNSAFE_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
NUMBERS_OF_STRANGERS = {"read_csv", "to_numeric"}
UNSAFE_CALLS = {"eval", "exec", "read_pickle", "to_pickle", "unsafe_load", "full_load"}


def _sources():
    for folder in ("simulator", "eval", "benchmarks", "scenarios"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_nothing_is_unpickled_or_evaluated():
    found = []
    for path, tree in _sources():
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name.split(".")[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [(node.module or "").split(".")[0]]
            bad = UNSAFE_MODULES.intersection(names)
            if isinstance(node, ast.Call):
                called = node.func
                name = getattr(called, "attr", getattr(called, "id", ""))
                method_of_a_model = isinstance(called, ast.Attribute) and name in {"eval", "exec"}
                bad = bad | ({name} & UNSAFE_CALLS if not method_of_a_model else set())
                keywords = {word.arg: word.value for word in node.keywords}
                allowed = keywords.get("allow_pickle")
                if isinstance(allowed, ast.Constant) and allowed.value:
                    bad = bad | {"allow_pickle"}
                if name == "load" and getattr(getattr(called, "value", None), "id", "") == "torch":
                    only = keywords.get("weights_only")
                    if not (isinstance(only, ast.Constant) and only.value is True):
                        bad = bad | {"torch.load without weights_only"}
            found += [f"{path.relative_to(ROOT)}:{node.lineno}: {name}" for name in bad]
    assert found == []


def test_pandas_parses_numbers_of_strangers_in_one_place_only():
    """Where those that kill the process are taken out before: ``footfall.datasets.cells``."""
    found = {
        path.name
        for path, tree in _sources()
        if path.is_relative_to(ROOT / "simulator") or path.is_relative_to(ROOT / "eval")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in NUMBERS_OF_STRANGERS
    }
    assert found == {"cells.py"}


@pytest.mark.parametrize(
    "url",
    [
        "http://me:word@localhost:9000/recommend",
        "http://localhost:9000/recommend?api_key=sk-1234567890",
        "http://localhost:9000/recommend?x=1&access_token=sk-1234567890",
    ],
)
@pytest.mark.parametrize("where", ["url", "update_url", "server"])
def test_addresses_with_credentials_are_refused_without_repeating_them(url, where):
    http = {"kind": "http", "url": "http://localhost:9000/recommend"}
    if where == "server":
        changes = {"model": {"name": "m", "server": url}}
    else:
        changes = {"arms": [{"name": "http", "recommender": {**http, where: url}}]}
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(shop.scenario(**changes))
    assert "sk-1234567890" not in str(caught.value)
    assert "me:word" not in str(caught.value)


def test_a_secret_in_the_place_of_its_variable_is_refused_without_repeating_it():
    http = {
        "kind": "http",
        "url": "http://localhost:9000/",
        "headers_env": {"Authorization": "sk-12 34"},
    }
    for changes in (
        {"arms": [{"name": "http", "recommender": http}]},
        {"model": {"name": "m", "server": "http://localhost:8000/v1", "api_key_env": "sk-12 34"}},
    ):
        with pytest.raises(ScenarioError) as caught:
            parse_scenario(shop.scenario(**changes))
        assert "sk-12" not in str(caught.value)


def test_secrets_are_found_in_lists_and_hidden_as_json_writes_them(monkeypatch):
    monkeypatch.setenv("A_KEY", SECRET)
    monkeypatch.setenv("SHORT", "abc")
    scenario = {"arms": [{"recommender": {"headers_env": {"X": "A_KEY", "Y": "SHORT"}}}]}
    secrets = values_of(scenario)
    assert secrets == [SECRET]
    assert hidden(json.dumps({"said": f"abc {SECRET}"}), secrets) == '{"said": "abc [secret]"}'


@contextmanager
def echo():
    """A recommender that answers every request with the headers that it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            body = f"{self.headers['X-Key']} was your key".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()


@pytest.fixture(scope="module")
def bad_arms(tmp_path_factory):
    """One run: a sound arm beside five that each fail in a way of their own."""
    folder = tmp_path_factory.mktemp("bad")
    shop.write_shop(folder)
    (folder / "broken.py").write_text(BROKEN)
    sound = {"name": "sound", "recommender": {"kind": "random"}}
    bad = [
        {"name": name, "recommender": {"kind": "callable", "target": f"broken:{name}"}}
        for name in ("raises", "garbage", "doubles", "nothing", "endless")
    ]
    with pytest.MonkeyPatch.context() as patch, echo() as url:
        patch.setenv("SHOP_KEY", SECRET)
        http = {"kind": "http", "url": url, "headers_env": {"X-Key": "SHOP_KEY"}, "retries": 0}
        echoes = {"name": "echoes", "recommender": http}
        record = run(
            parse_scenario(shop.scenario(arms=[sound, *bad, echoes])),
            Options(folder / "bad", base=folder),
        )
        write_report(folder / "bad")
    run(parse_scenario(shop.scenario(arms=[sound])), Options(folder / "alone", base=folder))
    return folder, record


BROKEN = """
def raises(requests):
    raise RuntimeError("down")

def garbage(requests):
    return [["no such item", 7, None] for _ in requests]

def doubles(requests):
    return [["baking-1"] * request.k for request in requests]

def nothing(requests):
    return [[] for _ in requests]

def endless(requests):
    return [[f"baking-{n % 30}" for n in range(5000)] for _ in requests]
"""


def test_no_arm_is_touched_by_the_failures_of_others(bad_arms):
    folder, _ = bad_arms
    for table in ("impressions", "sessions"):
        beside = pd.read_parquet(folder / "bad" / table)
        alone = pd.read_parquet(folder / "alone" / table)
        rows = beside[beside["arm"] == "sound"].reset_index(drop=True)
        assert len(rows)
        pd.testing.assert_frame_equal(rows, alone.reset_index(drop=True), check_categorical=False)


def test_each_failure_is_counted_for_its_arm_and_shown_in_the_report(bad_arms):
    folder, record = bad_arms
    faults = record["faults"]
    kinds = {
        "raises": "failed",
        "garbage": "invented",
        "doubles": "repeated",
        "nothing": "empty",
        "endless": "too_long",
        "echoes": "failed",
    }
    for arm, kind in kinds.items():
        assert faults[arm][kind] >= faults[arm]["slates"] > 0, arm
        assert faults[arm]["examples"][kind], arm
    assert not faults["sound"]["examples"]
    html = (folder / "bad" / "report.html").read_text()
    for kind in set(kinds.values()):
        assert f">{kind.replace('_', ' ')}</td>" in html


def test_a_secret_that_a_service_repeats_is_nowhere_in_what_a_run_leaves(bad_arms):
    folder, record = bad_arms
    left = [path for path in (folder / "bad").rglob("*") if path.is_file()]
    assert len(left) > 5
    for path in left:
        data = path.read_bytes()
        assert SECRET.encode() not in data, path
        assert json.dumps(SECRET)[1:-1].encode() not in data, path
    assert "[secret]" in record["faults"]["echoes"]["examples"]["failed"][0]


def test_other_weights_than_the_known_ones_are_refused(monkeypatch, tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr(embedded, "_gguf_file", lambda: tmp_path / "model.gguf")
    with pytest.raises(ModelError, match="not the embedded model that Footfall knows"):
        embedded.embedded_folder(lambda _: None, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_yaml_makes_plain_values_only(tmp_path):
    scenario = yaml.safe_dump(shop.scenario())
    (tmp_path / "s.yaml").write_text(scenario + "about: !!python/name:os.system\n")
    with pytest.raises(ScenarioError, match="not valid YAML"):
        read_scenario(tmp_path / "s.yaml")


def test_the_licence_of_every_direct_dependency_is_listed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted += extra
    names = {re.split(r"[\[<>=!~; ]", line)[0].lower() for line in wanted}
    listed = set(re.findall(r"[\w.-]+", (ROOT / "docs" / "licences.md").read_text().lower()))
    assert names - listed == set()
