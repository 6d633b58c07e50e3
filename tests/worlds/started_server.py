"""A folder with a shop and its scenario, as `footfall view` and `footfall service` serve it."""

import threading
import time
from contextlib import contextmanager

import uvicorn
import yaml
from fastapi.testclient import TestClient

import shop
from footfall_live.application import Served, application
from footfall_live.door.guard import LOOPBACK, Guard

ARMS = [
    {"name": "random", "recommender": {"kind": "random"}},
    {"name": "popular", "recommender": {"kind": "popular"}},
]
PATIENCE = 180
"""Seconds after which a test gives up; nothing here waits for a time."""


def text(**changes):
    """A scenario of seconds, as YAML."""
    return yaml.safe_dump(shop.scenario(**{"arms": ARMS, **changes}), sort_keys=False)


def long(**changes):
    """One of so many epochs that it is stopped on the way."""
    return text(world={"days": 150, "epoch_days": 0.5, "slate": 5, "max_pages": 3}, **changes)


def folder(path, **changes):
    shop.write_shop(path)
    (path / "shop.yaml").write_text(text(**changes))
    return path


@contextmanager
def client(path, token="", **served):
    app = application(Served(path, **served), Guard(LOOPBACK | {"testserver"}, token))
    with TestClient(app) as opened:
        yield opened


def until(look, what):
    """The first thing that ``look`` returns."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what} does not come")


def ended(opened, command):
    """A started command when it is over."""

    def look():
        state = opened.get(f"/v1/commands/{command['id']}").json()
        return state if state["exit_status"] is not None else None

    return until(look, f"the end of {command['kind']}")


@contextmanager
def address(path, **served):
    """Served at an address of this machine, for a browser."""
    app = application(Served(path, **served), Guard(LOOPBACK))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, "the server")
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()
