"""`footfall view`: runs listed, walked through in a browser, and closed to strangers."""

import html
import json
import shutil
import socket
import threading
import time

import pytest
import uvicorn
from fastapi.testclient import TestClient

import eval_worlds
from console import footfall
from eyes import violations
from footfall.run_folder.layout import MANIFEST
from footfall.run_folder.manifest import locked
from footfall_eval import RunLog
from footfall_live.application import Served, application
from footfall_live.door.guard import LOOPBACK, Guard
from footfall_live.looking.shelf import Shelf
from footfall_live.looking.side import MOST_SIDES
from footfall_live.looking.timeline import timeline, users

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    eval_worlds.planted_run(runs / "first", n=30)
    eval_worlds.planted_run(runs / "grid" / "second", n=20, seed=2)
    return runs


@pytest.fixture(scope="module")
def client(folder):
    app = application(Served(folder), Guard(LOOPBACK | {"testserver"}))
    return TestClient(app, raise_server_exceptions=False)


def test_all_runs_are_listed_with_those_of_grids(client):
    found = client.get("/v1/runs").json()
    assert {one["name"] for one in found} == {"first", "grid/second"}
    page = client.get("/").text
    assert 'href="/runs/first"' in page
    assert 'href="/runs/grid/second"' in page


def test_a_run_shows_the_verdict_of_compare(client, folder):
    from footfall_eval import compare

    result = compare(RunLog.open(folder / "first"))
    page = client.get("/runs/first")
    assert page.status_code == 200
    assert result.primary in page.text
    assert client.get("/v1/runs/first/comparison").json()["verdict"] == result.verdict


def test_runs_stand_side_by_side_with_their_effects(client, folder):
    from footfall_eval import compare

    found = compare(RunLog.open(folder / "first"))
    page = client.get("/side-by-side?run=first&run=grid/second&run=first").text
    assert page.count("/runs/first") == 1
    assert found.verdict in html.unescape(page)
    lift = next(one.lift for one in found.contrasts if one.metric == found.primary)
    assert f"{lift:+.0%}" in page
    assert client.get("/side-by-side").status_code == 200
    assert client.get("/side-by-side?run=frist").status_code == 404
    many = "&".join(["run=first"] * (MOST_SIDES + 1))
    assert client.get(f"/side-by-side?{many}").status_code == 422


def test_a_timeline_has_every_page_of_the_log_in_the_order_of_time(folder):
    log = RunLog.open(folder / "first")
    user = users(log, most=1)[0]
    found = timeline(log, user)
    shown = log.execute('SELECT count(*) FROM impressions WHERE "user" = ?', [user]).fetchone()
    assert sum(len(page.items) for page in found.steps) == shown[0]
    times = [page.time for page in found.steps]
    assert times == sorted(times)
    last = found.at(len(found.steps) - 1)
    assert all(page is not None for page in last.values())
    assert found.at(0)[found.steps[0].arm] is found.steps[0]
    bought = log.execute(
        'SELECT count(*) FROM impressions WHERE "user" = ? AND bought', [user]
    ).fetchone()
    told_of = [item for page in found.steps for item in page.items if item.outcome == "bought"]
    assert len(told_of) == bought[0]


def test_titles_of_strangers_are_text(client):
    page = client.get("/runs/first/replay").text
    assert "<b>&" not in page
    assert "&lt;b&gt;" in page


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/runs/frist", "did you mean"),
        ("/runs/first/replay?user=nobody", "no user"),
        ("/runs/..%2F..%2Fetc", "no run"),
        ("/v1/runs/%2e%2e/comparison", "no run"),
    ],
)
def test_what_is_not_there_is_said_in_a_line(client, address, words):
    answer = client.get(address)
    assert answer.status_code == 404
    assert words in answer.text or "Not Found" in answer.text
    assert "Traceback" not in answer.text


def test_odd_requests_end_in_no_traceback(client):
    for address in (
        "/runs/first/replay?step=-1",
        "/runs/first/replay?step=99999999999999999999999",
        "/runs/first/replay?user=" + "x" * 1000,
        "/static/..%2fguard.py",
        "/static/nothing.js",
        "/runs/" + "a/" * 200,
        "/runs/first/replay?user=%00",
    ):
        answer = client.get(address)
        assert answer.status_code in {200, 404, 422}, address
        assert "Traceback" not in answer.text


def test_a_damaged_run_is_listed_with_what_is_wrong(folder, tmp_path):
    shutil.copytree(folder / "first", tmp_path / "broken")
    (tmp_path / "broken" / MANIFEST).write_text("{")
    entry = Shelf(tmp_path).entries()[0]
    assert entry.status == "unreadable"
    assert "not readable JSON" in entry.trouble
    client = TestClient(application(Served(tmp_path), Guard(LOOPBACK | {"testserver"})))
    assert "not readable JSON" in client.get("/runs/broken").text


def test_a_link_out_of_the_folder_is_not_followed(folder, tmp_path):
    (tmp_path / "out").symlink_to(folder / "first")
    assert Shelf(tmp_path).entries() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer secret"}, 200),
        ({"Authorization": "Bearer secret", "Host": "evil.example"}, 421),
        ({"Authorization": "Bearer secret", "Origin": "http://evil.example"}, 403),
        ({"Authorization": "Bearer secret", "Origin": "http://testserver"}, 200),
    ],
)
def test_only_with_the_token_and_by_its_own_name(folder, headers, status):
    client = TestClient(application(Served(folder), Guard(LOOPBACK | {"testserver"}, "secret")))
    for address in ("/", "/v1/runs", "/v1/runs/first/timeline?user=x", "/static/live.css"):
        answer = client.get(address, headers=headers)
        assert answer.status_code == status or (status == 200 and answer.status_code == 404)
        if status != 200:
            assert "first" not in answer.text


def test_a_token_in_the_address_is_kept_in_a_cookie(folder):
    client = TestClient(application(Served(folder), Guard(LOOPBACK | {"testserver"}, "secret")))
    assert client.get("/?token=secret").status_code == 200
    assert client.get("/").status_code == 200


def test_an_open_address_wants_a_token(folder, monkeypatch):
    monkeypatch.delenv("FOOTFALL_TOKEN", raising=False)
    done = footfall("view", str(folder), "--host", "0.0.0.0", cwd=folder)
    assert done.returncode == 2
    assert "FOOTFALL_TOKEN" in done.stderr


def test_a_run_that_goes_on_tells_of_itself_until_it_has_ended(folder, tmp_path):
    run = tmp_path / "live"
    shutil.copytree(folder / "first", run)
    record = json.loads((run / MANIFEST).read_text())

    def say(status):
        (run / "new").write_text(json.dumps({**record, "status": status}))
        (run / "new").replace(run / MANIFEST)

    say("running")
    client = TestClient(application(Served(tmp_path), Guard(LOOPBACK | {"testserver"})))
    ended = threading.Timer(1.5, say, ["finished"])
    with locked(run):  # a run that goes on holds its folder
        ended.start()
        told_of = client.get("/v1/runs/live/events").text
        ended.join()
    found = [json.loads(line[6:]) for line in told_of.splitlines() if line.startswith("data: ")]
    assert [one["status"] for one in found] == ["running", "finished"]


# --- in a browser --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def address(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = application(Served(folder), Guard(LOOPBACK))
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.mark.browser
def test_a_replay_is_walked_through_by_keyboard_alone(browser, address):
    page = browser.new_page()
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(f"{address}/")
    page.keyboard.press("Tab")
    page.get_by_role("link", name="first").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/first")
    page.get_by_role("link", name="Watch a user").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/replay")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**step=1")
    assert "page 2 of" in page.locator("nav.steps").inner_text()
    page.keyboard.press("End")
    page.locator("nav.steps .off", has_text="Last").wait_for()
    page.keyboard.press("Home")
    page.wait_for_url("**step=0")
    page.locator(".slate summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator(".slate details[open]").count() == 1
    assert complaints == []


@pytest.mark.browser
def test_runs_are_sorted_told_of_and_put_side_by_side_by_keyboard(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/")
    rows = page.locator("#runs tbody tr")
    for wanted in ("ascending", "descending"):
        page.get_by_role("button", name="Run", exact=True).focus()
        page.keyboard.press("Enter")
        assert page.locator("th[aria-sort]").get_attribute("aria-sort") == wanted
        names = [rows.nth(row).locator("th a").inner_text() for row in range(rows.count())]
        assert names == (
            ["first", "grid/second"] if wanted == "ascending" else ["grid/second", "first"]
        )
    page.wait_for_function(
        "[...document.querySelectorAll('[data-verdict]')].every(e => e.textContent.length > 20)"
    )
    for name in ("first", "grid/second"):
        page.get_by_role("checkbox", name=name).focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Put side by side").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/side-by-side?**")
    assert page.get_by_role("columnheader").count() == 3


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_the_screen(browser, address, width, scheme):
    page = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme
    ).new_page()
    for path in (
        "/",
        "/side-by-side?run=first&run=grid/second",
        "/runs/first",
        "/runs/first/replay?step=3",
        "/runs/nothing",
    ):
        page.goto(address + path)
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, f"{path} is {over} pixels too wide at {width}"
        assert violations(page) == [], path


@pytest.mark.browser
def test_the_list_shows_only_what_is_typed(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/")
    page.get_by_label("Show only").fill("grid")
    rows = page.locator("#runs tbody tr:visible")
    assert rows.count() == 1
    assert "grid/second" in rows.inner_text()
