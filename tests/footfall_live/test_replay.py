"""A moment of a run, seen whole: reasons, memory, images, questions and answers in every arm."""

import html
import re

import pandas as pd
import pytest
import yaml

import photographed
import started_server
from console import footfall
from eyes import violations

pytestmark = pytest.mark.slow

pytest.importorskip("PIL.Image", reason="comes with the extra `images`")

MEMORY = {"recent": 2, "retrieved": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = photographed.write(tmp_path_factory.mktemp("replayed"))
    choice = {"reasons": 1.0, "memory": MEMORY}
    (found / "shop.yaml").write_text(yaml.safe_dump(photographed.scenario(choice)))
    actions = {"cart": {"abandoned": 0.7}, "search": {"share": 0.9}}
    told = photographed.scenario({"images": False, "mode": "reasoned"}, actions=actions)
    (found / "told.yaml").write_text(yaml.safe_dump(told))
    for name in ("shop", "told"):
        done = footfall("run", f"{name}.yaml", "--out", f"runs/{name}", cwd=found)
        assert done.returncode == 0, done.stderr
    return found


@pytest.fixture(scope="module")
def client(folder):
    with started_server.client(folder) as opened:
        yield opened


def steps(client, name):
    """A user who saw pages in both arms, and the steps of the user's days."""
    for user in client.get(f"/v1/runs/{name}/users").json():
        line = client.get(f"/v1/runs/{name}/timeline", params={"user": user}).json()
        if {step["arm"] for step in line["steps"]} == set(line["arms"]):
            return user, line["steps"]
    raise AssertionError("no user came in both arms")


def taken_apart(client, name, user, step):
    """The page of a moment once its pages are taken apart."""
    form = {"user": user, "step": step, "do": "explain"}
    answer = client.post(f"/runs/{name}/replay", data=form, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    back = answer.headers["location"].split("#")[0]
    command = started_server.ended(client, {"id": back.rsplit("asked=", 1)[1], "kind": "explain"})
    assert command["exit_status"] == 0, command["said"]
    return command["result"], html.unescape(client.get(back).text)


def test_reasons_in_words_stand_by_their_page_and_are_no_cause(client, folder):
    user, found = steps(client, "runs/shop")
    logged = pd.read_parquet(folder / "runs/shop/reasons")
    logged = logged[logged["user"] == user].set_index(["arm", "session", "page"])
    for step in found:
        row = logged.loc[(step["arm"], step["session"], step["page"])]
        assert step["reason"]["missing"] == row["missing"]
        assert step["reason"]["words"] == (row["reason"] or "")
    number = next(n for n, step in enumerate(found) if step["reason"]["words"])
    page = client.get("/runs/runs/shop/replay", params={"user": user, "step": number}).text
    assert found[number]["reason"]["words"] in html.unescape(page)
    assert "It is not the cause" in page


def test_a_moment_is_taken_apart_in_every_arm(client, folder):
    user, found = steps(client, "runs/shop")
    pages, shown = taken_apart(client, "runs/shop", user, len(found) - 1)
    assert [page["arm"] for page in pages] == ["random", "knn"]
    names = pd.read_csv(folder / "items.csv", dtype=str).set_index("sku")["name"]
    for page in pages:
        assert 0 < len(page["memory"]) <= sum(MEMORY.values())
        times = [event["time"] for event in page["memory"]]
        assert times == sorted(times)
        asked = page["asked"][0]
        for event in page["memory"]:
            assert names[event["item"]] == event["title"]
            assert event["title"] in asked["shared"]
        assert len(page["asked"]) == len(page["decisions"])
        pictured = [one for one in page["decisions"] if one["image"]]
        assert {one["item"] for one in page["decisions"]} - {one["item"] for one in pictured} <= {
            "baking-0"
        }
        for one in pictured:
            assert one["image"]["small"].startswith("data:image/jpeg;base64,")
            assert one["image"]["small"] in shown
        assert asked["answer"] in shown
        assert page["memory"][-1]["title"] in shown
    assert shown.count("What came to mind") == len(pages)


def test_what_is_in_mind_is_what_the_prompt_tells_when_tokens_are_few(client, folder):
    """Events that the budget of tokens had no room for are in no list."""
    few = photographed.scenario({"max_history_tokens": 60, "visit_events": False})
    (folder / "few.yaml").write_text(yaml.safe_dump(few))
    done = footfall("run", "few.yaml", "--out", "runs/few", cwd=folder)
    assert done.returncode == 0, done.stderr
    user, found = steps(client, "runs/few")
    pages, _ = taken_apart(client, "runs/few", user, len(found) - 1)
    names = pd.read_csv(folder / "items.csv")["name"]
    for page in pages:
        prompt = page["asked"][0]["shared"]
        told = {name for name in names if re.search(rf"\b{name}\b", prompt)}
        assert {event["title"] for event in page["memory"]} == told
        assert 0 < len(page["memory"]) < 12


def test_reasons_of_the_mode_that_writes_them_and_what_else_happened(client):
    user, found = steps(client, "runs/told")
    pages, shown = taken_apart(client, "runs/told", user, len(found) - 1)
    reasons = [page["asked"][0]["reason"] for page in pages]
    assert all(reasons)
    assert all(reason in shown for reason in reasons)
    assert "written with its answer" in shown


def test_searches_and_carts_stand_where_they_happened(client, folder):
    logged = pd.read_parquet(folder / "runs/told/events")
    user = logged[logged["action"] == "search"]["user"].iloc[0]
    line = client.get("/v1/runs/runs/told/timeline", params={"user": user}).json()
    shown = {step["arm"]: 0 for step in line["steps"]}
    for step in line["steps"]:
        shown[step["arm"]] += len(step["beside"])
    own = logged[(logged["user"] == user) & logged["arm"].isin(list(shown))]
    assert shown == own["arm"].value_counts().reindex(list(shown), fill_value=0).to_dict()
    number, step = next(
        (n, one) for n, one in enumerate(line["steps"]) if any(b["text"] for b in one["beside"])
    )
    page = client.get("/runs/runs/told/replay", params={"user": user, "step": number}).text
    assert next(b["text"] for b in step["beside"] if b["text"]) in html.unescape(page)


def test_a_reason_is_asked_for_afterwards_in_the_arm_that_is_chosen(client):
    user, found = steps(client, "runs/shop")
    form = {"user": user, "step": len(found) - 1, "do": "why", "arm": "knn"}
    answer = client.post("/runs/runs/shop/replay", data=form, follow_redirects=False)
    back = answer.headers["location"].split("#")[0]
    command = started_server.ended(client, {"id": back.rsplit("asked=", 1)[1], "kind": "interview"})
    assert command["result"]["question"].startswith("Why did you")
    assert "not the cause" in client.get(back).text
    form["arm"] = "nowhere"
    assert client.post("/runs/runs/shop/replay", data=form).status_code == 422


def test_programs_take_pages_apart_too(client):
    user, found = steps(client, "runs/shop")
    first = found[0]
    body = {
        "user": user,
        "pages": [{"arm": first["arm"], "visit": first["session"], "page": first["page"]}],
    }
    begun = client.post("/v1/runs/runs/shop/explain", json=body)
    assert begun.status_code == 202
    (page,) = started_server.ended(client, begun.json())["result"]
    assert [one["item"] for one in page["decisions"]] == [one["item"] for one in first["items"]]


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_what_is_taken_apart_fits_the_screen(browser, folder, width, scheme):
    with started_server.address(folder) as address:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page = context.new_page()
        page.set_default_timeout(1000 * started_server.PATIENCE)
        page.goto(f"{address}/runs/runs/shop/replay")
        page.keyboard.press("End")
        page.locator("[data-key=End]").wait_for(state="detached")
        page.get_by_role("button", name="Take these pages apart").focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="What came to mind").first.wait_for()
        for one in page.locator("summary").all():
            one.focus()
            page.keyboard.press("Enter")
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0
        assert violations(page) == []
