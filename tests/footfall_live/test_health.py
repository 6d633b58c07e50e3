"""What orchestrators ask a server, without a token and by any name."""

import threading

import pytest
from fastapi.testclient import TestClient

from footfall.llm.fake_server import FakeServer
from footfall_live.application import Served, application
from footfall_live.door.access import guard_of
from footfall_live.door.health import ALIVE, READY, model_answers, with_health


@pytest.fixture
def served(tmp_path, monkeypatch):
    monkeypatch.setenv("FOOTFALL_TOKEN", "a-token")
    monkeypatch.setenv("FOOTFALL_HOSTS", "footfall-view, shop.example")
    return application(Served(tmp_path), guard_of("0.0.0.0"))


def test_both_addresses_ask_for_no_token_and_no_name(served):
    client = TestClient(with_health(served), base_url="http://10.1.2.3:8765")
    for path in (ALIVE, READY):
        assert client.get(path).text == "ok\n"
    assert client.get("/v1/runs").status_code == 421


def test_who_cannot_work_is_alive_and_not_ready(served):
    client = TestClient(with_health(served, lambda: "the disk is gone"))
    assert client.get(ALIVE).status_code == 200
    answer = client.get(READY)
    assert (answer.status_code, answer.text) == (503, "the disk is gone\n")


@pytest.mark.parametrize("name", ["footfall-view", "shop.example", "127.0.0.1"])
def test_names_of_the_environment_are_its_own(served, name):
    client = TestClient(served, base_url=f"http://{name}:8765")
    assert client.get("/v1/runs", headers={"Authorization": "Bearer a-token"}).status_code == 200
    assert client.get("/v1/runs").status_code == 401


def test_a_service_is_ready_when_its_model_server_is():
    with FakeServer("127.0.0.1", 0, "its key") as server:
        ready = model_answers(f"http://127.0.0.1:{server.server_address[1]}/v1")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        assert ready() == ""
        server.shutdown()
        thread.join()
    assert "cannot be reached" in ready()
    assert model_answers(None)() == ""
