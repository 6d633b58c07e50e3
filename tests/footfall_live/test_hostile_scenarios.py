"""Scenario files that mean harm, sent to the page that edits them and to the API."""

import pytest
import yaml

import started_server
from footfall.plumbing.yaml_files import LONGEST
from footfall_live.door.refusals import MOST_BYTES

SECRET = "the secret of another folder"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    above = tmp_path_factory.mktemp("above")
    (above / "secret.csv").write_text(SECRET)
    (above / "secret.yaml").write_text(f"name: {SECRET}")
    found = started_server.folder(above / "served")
    (found / "out").symlink_to(above)
    (found / "linked.yaml").symlink_to(above / "secret.yaml")
    return found


@pytest.fixture(scope="module")
def client(folder):
    with started_server.client(folder) as opened:
        yield opened


def merged(levels, times):
    """A text of some lines whose merges ask for times ** levels keys."""
    lines = [
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * times)}]}}" for n in range(1, levels + 1)
    ]
    return "\n".join(["a0: &a0 {k: v}", *lines])


def laughs(levels, times):
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * times)}]" for n in range(1, levels + 1)]
    return "\n".join(["a0: &a0 [x]", *lines])


def changed(**changes):
    return started_server.text(**changes)


def read_from(path):
    raw = yaml.safe_load(started_server.text())
    raw["data"]["path"] = path
    return yaml.safe_dump(raw)


TEXTS = {
    "laughs": laughs(12, 10),
    "merges": merged(12, 10),
    "many merges": merged(40, 2),
    "endless": "a: &a [*a]",
    "merged with itself": "a: &a {<<: *a}",
    "deep": "[" * 100_000,
    "deep mapping": "{a: " * 5_000,
    "long": "x" * (LONGEST + 1),
    "many": "a: [" + "1," * 400_000 + "]",
    "code": "name: !!python/object/apply:os.system ['touch owned']",
    "tag": "name: !!binary not-base-64",
    "several": "a: 1\n---\na: 2",
    "control": "name: \x07\x1b[2J",
    "nothing": "\0",
    "surrogate": "name: '\\ud800'",
    "number": f"seed: {'9' * 5000}",
    "float": "seed: 1e999999999",
    "date": "name: 2017-99-99",
    "keys": "? [a, b]\n: c",
    "up": read_from("../secret.csv"),
    "absolute": read_from("/etc/passwd"),
    "home": read_from("~/.ssh/id_rsa"),
    "by a link": read_from("out/secret.csv"),
    "device": read_from("/dev/zero"),
    "template": changed(choice={"mode": "yes-no", "template": "../secret.yaml"}),
    "target": changed(
        arms=[{"name": "a", "recommender": {"kind": "callable", "target": "os:system"}}]
    ),
    "address": changed(
        arms=[{"name": "a", "recommender": {"kind": "http", "url": "http://169.254.169.254/"}}]
    ),
    "model": changed(model={"name": "some/model-of-a-hub"}),
    "key": changed(model={"name": "fake", "api_key_env": "FOOTFALL_TOKEN"}),
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_text_that_means_harm_is_refused_and_not_written(client, folder, what):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    form = {"text": TEXTS[what], "replaces": "", "do": "start", "run": "harm"}
    page = client.post("/scenarios/new.yaml", data=form, follow_redirects=False)
    assert page.status_code in {413, 422}, page.status_code
    assert "Traceback" not in page.text
    assert SECRET not in page.text
    told = client.put("/v1/scenarios/new.yaml", json={"text": TEXTS[what]})
    assert told.status_code in {413, 422}
    assert set(told.json()) == {"error"}
    assert "\n" not in told.json()["error"]
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert client.get("/v1/commands").json() == []


@pytest.mark.parametrize(
    "name",
    ["../new.yaml", "..%2fnew.yaml", "/tmp/new.yaml", "out/new.yaml", "linked.yaml", ".new.yaml",
     "new.yaml%00.txt", "a/b/c/new.yaml", "new.sh", "shop.yaml/new.yaml", "con%0a.yaml"],
)  # fmt: skip
@pytest.mark.parametrize("run", ["harm", "../harm", "/tmp/harm", "out/harm", ".harm", "shop.yaml"])
def test_no_name_leads_out_of_the_folder(client, folder, name, run):
    beside = sorted(folder.parent.rglob("*"))
    form = {"text": started_server.text(), "replaces": "", "do": "start", "run": run}
    page = client.post(f"/scenarios/{name}", data=form, follow_redirects=False)
    assert page.status_code in {404, 405, 409, 422}, page.status_code
    assert SECRET not in page.text
    assert sorted(folder.parent.rglob("*")) == beside


def test_giant_bodies_are_refused_before_they_are_read(client):
    def endless():
        while True:
            yield b"text=" + b"x" * 2**16

    for body in (b"text=" + b"x" * MOST_BYTES, endless()):
        answer = client.post("/scenarios/new.yaml", content=body)
        assert answer.status_code == 413


def test_many_files_are_listed_and_few_are_read_again(client, folder, monkeypatch):
    """Files that did not change are not parsed at every request."""
    from footfall_live.starting import scenario_files

    assert "shop.yaml" in client.get("/v1/scenarios").json()["files"]
    monkeypatch.setattr(scenario_files, "parse_mapping", None)
    assert "shop.yaml" in client.get("/v1/scenarios").json()["files"]
