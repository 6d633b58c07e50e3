"""The service that simulated users are asked through: batches, limits, and who may ask."""

import asyncio
import random
import threading
import time
from contextlib import closing

import httpx
import pytest
from fastapi.testclient import TestClient

import shop
from console import footfall
from footfall.deciding import Decider
from footfall.scenario.scenario import parse_scenario
from footfall_live.application import Served, application
from footfall_live.door.guard import LOOPBACK, Guard
from footfall_live.door.refusals import MOST_BYTES


@pytest.fixture(scope="module")
def decider(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    shop.write_shop(folder)
    with closing(Decider(parse_scenario(shop.scenario()), folder)) as opened:
        yield opened


@pytest.fixture
def client(decider):
    with TestClient(
        application(Served(decider=decider, pages=False), Guard(LOOPBACK | {"testserver"}))
    ) as opened:
        yield opened


def page(decider, seed=0):
    draw = random.Random(seed)
    user = draw.choice(sorted(decider._users))
    return {"user": user, "items": draw.sample(sorted(decider._items), 4)}


def test_chances_come_back_in_the_order_of_the_pages(client, decider):
    pages = [page(decider, seed) for seed in range(7)]
    found = client.post("/v1/decide", json={"pages": pages}).json()["pages"]
    alone = [client.post("/v1/decide", json={"pages": [one]}).json()["pages"][0] for one in pages]
    assert found == alone
    assert all(len(one["click"]) == 4 and all(0 < c < 1 for c in one["click"]) for one in found)
    assert "footfall_service_pages_total 14.0" in client.get("/metrics").text


def test_a_thousand_clients_at_once_lose_nothing(decider, monkeypatch):
    """Each gets the answer to its own page, and they are asked in far fewer batches."""
    batches = []
    foresee = decider.foresee

    def counting(pages):
        batches.append(len(pages))
        time.sleep(0.05)
        return foresee(pages)

    monkeypatch.setattr(decider, "foresee", counting)
    app = application(Served(decider=decider, pages=False), Guard(LOOPBACK | {"testserver"}))
    pages = [page(decider, seed) for seed in range(40)]

    async def all_at_once():
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://testserver") as client,
        ):
            asked = [
                client.post("/v1/decide", json={"pages": [pages[n % 40]]}, timeout=120)
                for n in range(1000)
            ]
            return await asyncio.gather(*asked)

    answers = asyncio.run(all_at_once())
    assert {one.status_code for one in answers} == {200}
    told = [one.json()["pages"][0] for one in answers]
    assert all(told[n] == told[n % 40] for n in range(1000))
    assert sum(batches) == 1000
    assert len(batches) < 200


def test_a_failed_answer_is_no_behaviour(client, decider, monkeypatch):
    from dataclasses import replace

    foresee = decider.foresee
    silent = lambda pages: [replace(one, answered=False) for one in foresee(pages)]  # noqa: E731
    monkeypatch.setattr(decider, "foresee", silent)
    found = client.post("/v1/decide", json={"pages": [page(decider)]}).json()["pages"][0]
    assert found == {"answered": False, "read": None, "click": None, "buy": None, "utility": None}


def test_one_broken_batch_does_not_end_the_service(client, decider, monkeypatch):
    from footfall.errors import ModelError

    def broken(pages):
        raise ModelError("the model is gone")

    with monkeypatch.context() as patch:
        patch.setattr(decider, "foresee", broken)
        found = client.post("/v1/decide", json={"pages": [page(decider)]})
    assert (found.status_code, found.json()) == (502, {"error": "the model is gone"})
    assert client.post("/v1/decide", json={"pages": [page(decider)]}).status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"pages": [{"user": "nobody", "items": ["baking-1"]}]}, 422, "no user"),
        ({"pages": []}, 422, "pages"),
        ({"pages": [{"user": "c1", "items": ["a"] * 201}]}, 422, "items"),
        ({"pages": [{"user": "c1", "items": ["a"], "day": -1}]}, 422, "day"),
        ({"pages": [{"user": "c1", "items": ["a"], "code": "1"}]}, 422, "code"),
        ({"pages": [{"user": "c1", "items": "a"}]}, 422, "items"),
        ({}, 422, "pages"),
        ([1], 422, "the body"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(client, body, status, words):
    found = client.post("/v1/decide", json=body)
    assert found.status_code == status
    told = found.json()["error"]
    assert words in told
    assert "\n" not in told


def test_odd_bodies_are_refused_without_a_traceback(decider):
    app = application(Served(decider=decider, pages=False), Guard(LOOPBACK | {"testserver"}))
    draw = random.Random(1)
    with TestClient(app, raise_server_exceptions=True) as client:
        for _ in range(300):
            body = bytes(draw.randrange(256) for _ in range(draw.randrange(60)))
            found = client.post(
                "/v1/decide", content=body, headers={"content-type": "application/json"}
            )
            assert found.status_code in {400, 422}
            assert found.json()["error"]
        huge = client.post("/v1/decide", content=b" " * (MOST_BYTES + 1))
        assert huge.status_code == 413


def test_strangers_are_kept_out(decider):
    app = application(
        Served(decider=decider, pages=False), Guard(LOOPBACK | {"testserver"}, "secret")
    )
    with TestClient(app) as client:
        body = {"pages": [page(decider)]}
        assert client.post("/v1/decide", json=body).status_code == 401
        assert client.get("/v1/openapi.json").status_code == 401
        key = {"authorization": "Bearer secret"}
        assert client.post("/v1/decide", json=body, headers=key).status_code == 200
        elsewhere = {**key, "origin": "http://evil.example"}
        assert client.post("/v1/decide", json=body, headers=elsewhere).status_code == 403


def test_beyond_this_machine_a_token_is_needed(tmp_path):
    done = footfall("service", "demo", "--host", "0.0.0.0", cwd=tmp_path)
    assert done.returncode == 2
    assert "FOOTFALL_TOKEN" in done.stderr


def test_the_command_answers(tmp_path):
    import socket
    import subprocess
    import sys
    from pathlib import Path

    import yaml

    shop.write_shop(tmp_path)
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(shop.scenario(model={"name": "none"})))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = str(Path(sys.executable).with_name("footfall"))
    server = subprocess.Popen(
        [command, "service", "shop.yaml", "--port", str(port)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        told = threading.Event()
        threading.Thread(target=lambda: (_heard(server), told.set()), daemon=True).start()
        assert told.wait(120)
        body = {"pages": [{"user": "c1", "items": ["baking-1", "fishing-1"]}]}
        found = _asked(f"http://127.0.0.1:{port}/v1/decide", body)
        if found.status_code == 422:  # c1 was not drawn
            assert "no user" in found.json()["error"]
        else:
            assert found.status_code == 200
    finally:
        server.terminate()
        server.wait(30)
        server.stderr.close()


def _heard(server):
    for line in server.stderr:
        if "/v1/decide" in line:
            return


def _asked(address, body):
    for _ in range(100):
        try:
            return httpx.post(address, json=body, timeout=30)
        except httpx.ConnectError:
            time.sleep(0.2)
    raise AssertionError("the service does not answer")
