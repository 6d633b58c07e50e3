"""The API: runs started, stopped, resumed and read; scenarios checked and written; limits."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import shop
import started_server
from footfall.run_folder import manifest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return started_server.folder(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def client(folder):
    with started_server.client(folder, pages=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def played(client):
    """A run, started over the API."""
    begun = client.post("/v1/runs", json={"scenario": "shop.yaml", "seed": 5})
    assert begun.status_code == 202
    assert started_server.ended(client, begun.json())["exit_status"] == 0
    return begun.json()["about"]


def status(client, name):
    found = client.get(f"/v1/runs/{name}")
    return found.json()["status"] if found.status_code == 200 else ""


def test_a_run_is_started_and_is_the_run_of_the_command_line(client, folder, played):
    assert played == "runs/shop"
    entry = client.get(f"/v1/runs/{played}").json()
    assert (entry["status"], entry["seed"], entry["progress"]) == ("finished", 5, 1.0)
    assert client.get(f"/v1/runs/{played}/comparison").json()["verdict"]
    assert "<html" in client.get(f"/v1/runs/{played}/report").text
    record = manifest.read(folder / played)
    assert record["scenario"]["name"] == yaml.safe_load(started_server.text())["name"]
    again = client.post("/v1/runs", json={"scenario": "shop.yaml", "name": played})
    assert again.status_code == 409
    assert client.post(f"/v1/runs/{played}/resume", json={}).status_code == 409


def test_a_run_is_stopped_after_its_epoch_and_resumed(client, folder):
    (folder / "long.yaml").write_text(started_server.long(name="long"))
    begun = client.post("/v1/runs", json={"scenario": "long.yaml", "name": "long"}).json()
    assert (
        client.post("/v1/runs", json={"scenario": "long.yaml", "name": "long"}).status_code == 409
    )
    started_server.until(lambda: client.get("/v1/runs/long").json().get("epochs"), "an epoch")
    assert client.post("/v1/runs/long/stop").json()["state"] == "stopping"
    assert started_server.ended(client, begun)["exit_status"] == 130
    stopped = client.get("/v1/runs/long").json()
    assert stopped["status"] == "interrupted"
    assert 0 < stopped["epochs"] < 300
    assert client.post("/v1/runs/long/stop").status_code == 409
    again = client.post("/v1/runs/long/resume", json={}).json()
    assert started_server.ended(client, again)["exit_status"] == 0
    assert client.get("/v1/runs/long").json()["epochs"] == 300


def test_the_end_of_the_server_stops_its_runs_resumable(tmp_path):
    started_server.folder(tmp_path)
    (tmp_path / "shop.yaml").write_text(started_server.long())
    with started_server.client(tmp_path, pages=False) as opened:
        opened.post("/v1/runs", json={"scenario": "shop.yaml", "name": "mine"})
        started_server.until(lambda: status(opened, "mine") == "running", "the run")
    assert manifest.read(tmp_path / "mine")["status"] == "interrupted"


def test_what_was_started_elsewhere_is_listed_and_not_stopped(client, folder):
    with manifest.locked(folder / "foreign"):
        record = {"status": "running", "scenario": shop.scenario()}
        (folder / "foreign" / "manifest.json").write_text(json.dumps(record))
        assert status(client, "foreign") == "running"
        refused = client.post("/v1/runs/foreign/stop")
    assert refused.status_code == 409
    assert "was not started here" in refused.json()["error"]


def test_only_so_many_go_on_at_once(tmp_path):
    started_server.folder(tmp_path)
    (tmp_path / "shop.yaml").write_text(started_server.long())
    with started_server.client(tmp_path, pages=False, at_once=1) as opened:
        first = opened.post("/v1/runs", json={"scenario": "shop.yaml"}).json()
        second = opened.post("/v1/runs", json={"scenario": "shop.yaml"})
        assert second.status_code == 429
        assert "1 of 1" in second.json()["error"]
        opened.post(f"/v1/commands/{first['id']}/stop")
        started_server.ended(opened, first)


def test_a_run_that_cannot_begin_says_why(client, folder):
    wrong = yaml.safe_load(started_server.text())
    wrong["data"]["path"] = "nothing.csv"
    (folder / "wrong.yaml").write_text(yaml.safe_dump(wrong))
    begun = client.post("/v1/runs", json={"scenario": "wrong.yaml"}).json()
    over = started_server.ended(client, begun)
    assert over["exit_status"] == 2
    assert "nothing.csv" in over["said"]
    assert "Traceback" not in over["said"]
    # The name is not used up.
    again = client.post("/v1/runs", json={"scenario": "wrong.yaml"}).json()
    assert again["about"] == begun["about"]
    started_server.ended(client, again)


def test_a_dry_run_says_what_it_would_take_and_leaves_nothing(client, folder):
    before = sorted(folder.rglob("*"))
    begun = client.post("/v1/scenarios/shop.yaml/dry-run").json()
    found = started_server.ended(client, begun)["result"]
    assert found["users"] == shop.scenario()["population"]["users"]
    assert found["arms"] == 2
    assert sorted(folder.rglob("*")) == before


def test_an_interview_knows_nothing_of_what_came_later(client, played):
    name = played
    user = client.get(f"/v1/runs/{name}/users").json()[0]
    steps = client.get(f"/v1/runs/{name}/timeline", params={"user": user}).json()["steps"]
    first = steps[0]
    asked = {
        "question": "--Why?", "user": user, "arm": first["arm"],
        "visit": first["session"], "page": first["page"],
    }  # fmt: skip
    over = started_server.ended(
        client, client.post(f"/v1/runs/{name}/interview", json=asked).json()
    )
    assert over["exit_status"] == 0, over["said"]
    assert over["result"]["question"] == "--Why?"
    assert "--Why?" in over["result"]["prompt"]
    assert over["result"]["answer"] or over["result"]["missing"]
    nowhere = {**asked, "page": 99}
    over = started_server.ended(
        client, client.post(f"/v1/runs/{name}/interview", json=nowhere).json()
    )
    assert over["exit_status"] == 2
    assert "no page 99" in over["said"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"scenario": "nothing.yaml"}, 404, "no scenario"),
        ({"scenario": "/etc/passwd"}, 404, "no scenario"),
        ({"scenario": "../shop.yaml"}, 404, "no scenario"),
        ({"scenario": "shop.yaml", "name": "../out"}, 422, "a run's name"),
        ({"scenario": "shop.yaml", "name": "/tmp/out"}, 422, "a run's name"),
        ({"scenario": "shop.yaml", "name": ".hidden"}, 422, "a run's name"),
        ({"scenario": "shop.yaml", "name": "shop.yaml/out"}, 422, "inside a run or a file"),
        ({"scenario": "shop.yaml", "name": "out/run"}, 422, "leads out"),
        ({"scenario": "shop.yaml", "seed": -1}, 422, "seed"),
        ({"scenario": "shop.yaml", "code": "1"}, 422, "code"),
        ({}, 422, "scenario"),
        ([1], 422, "the body"),
    ],
)
def test_what_may_not_be_started_is_refused_in_a_line(
    client, folder, tmp_path, body, status, words
):
    link = folder / "out"
    if not link.is_symlink():
        link.symlink_to(tmp_path)
    refused = client.post("/v1/runs", json=body)
    assert refused.status_code == status
    assert words in refused.json()["error"]
    assert "\n" not in refused.json()["error"]
    assert list(tmp_path.iterdir()) == []


def test_a_scenario_is_read_changed_and_written_once(client, folder):
    (folder / "mine.yaml").write_text(started_server.text())
    found = client.get("/v1/scenarios/mine.yaml").json()
    assert found["text"] == started_server.text()
    new = {"text": started_server.text(seed=9), "replaces": found["sha256"]}
    assert client.put("/v1/scenarios/mine.yaml", json=new).status_code == 200
    assert yaml.safe_load((folder / "mine.yaml").read_text())["seed"] == 9
    late = client.put("/v1/scenarios/mine.yaml", json=new)
    assert late.status_code == 409
    assert "has changed" in late.json()["error"]
    assert "mine.yaml" in client.get("/v1/scenarios").json()["files"]


def test_what_is_wrong_is_told_with_its_line_and_not_written(client, folder):
    wrong = started_server.text().replace("slate: 5", "slate: five")
    line = 1 + wrong.split("\n").index("  slate: five")
    found = client.post("/v1/scenarios/new.yaml/check", json={"text": wrong}).json()
    assert [one["line"] for one in found] == [line]
    assert "world.slate" in found[0]["words"]
    refused = client.put("/v1/scenarios/new.yaml", json={"text": wrong})
    assert refused.status_code == 422
    assert f"line {line}" in refused.json()["error"]
    assert not (folder / "new.yaml").exists()


@pytest.mark.parametrize("name", ["../x.yaml", ".x.yaml", "x.py", "a/b/c/d.yaml", "no/x.yaml", "x"])
def test_a_scenario_is_written_nowhere_else(client, name):
    answer = client.put(
        f"/v1/scenarios/{name.replace('/', '%2F')}", json={"text": started_server.text()}
    )
    assert answer.status_code in {404, 422}
    assert answer.json()["error"]


def test_yaml_that_is_no_scenario_is_neither_shown_nor_replaced(client, folder):
    (folder / "compose.yaml").write_text("services: {web: {image: shop}}\n")
    assert "compose.yaml" not in client.get("/v1/scenarios").json()["files"]
    assert client.get("/v1/scenarios/compose.yaml").status_code == 404
    refused = client.put("/v1/scenarios/compose.yaml", json={"text": started_server.text()})
    assert refused.status_code == 409


def test_nothing_is_started_where_only_looking_is_offered(folder):
    with started_server.client(folder, starts=False) as opened:
        assert opened.get("/v1/runs").status_code == 200
        assert opened.post("/v1/runs", json={"scenario": "shop.yaml"}).status_code in {404, 405}
        assert opened.get("/v1/scenarios").status_code == 404
        assert opened.get("/scenarios").status_code == 404


def test_the_command_serves_and_its_end_ends_what_it_started(tmp_path):
    """As a process: Ctrl-C at the service, and the run that it began can be resumed."""
    import socket

    import httpx

    started_server.folder(tmp_path)
    (tmp_path / "shop.yaml").write_text(started_server.long())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = str(Path(sys.executable).with_name("footfall"))
    server = subprocess.Popen(
        [command, "service", "--folder", ".", "--port", str(port)],
        cwd=tmp_path, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        try:

            def answers():
                try:
                    return client.get("/healthz").status_code == 200
                except httpx.ConnectError:
                    return False

            started_server.until(answers, "the service")
            client.post("/v1/runs", json={"scenario": "shop.yaml", "name": "mine"})
            started_server.until(lambda: status(client, "mine") == "running", "the run")
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(started_server.PATIENCE)
    assert manifest.read(tmp_path / "mine")["status"] == "interrupted"
