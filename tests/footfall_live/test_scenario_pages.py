"""In a browser, by keyboard alone: a scenario edited, checked and run, and a user asked."""

import json

import pytest

import started_server
from eyes import violations
from footfall.run_folder.layout import MANIFEST
from footfall.run_folder.manifest import locked

pytestmark = pytest.mark.browser
SLOW = 1000 * started_server.PATIENCE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return started_server.folder(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def address(folder):
    with started_server.address(folder) as found:
        yield found


@pytest.fixture
def page(browser):
    opened = browser.new_page()
    opened.set_default_timeout(SLOW)
    complaints = []
    opened.on("console", lambda message: complaints.append(message.text))
    yield opened
    expected = "status of 422"  # a page that says what is wrong
    assert [one for one in complaints if expected not in one] == []


def press(page, role, name):
    page.get_by_role(role, name=name, exact=True).first.focus()
    page.keyboard.press("Enter")


def write(page, text):
    page.get_by_label("Text of the scenario").focus()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def test_a_scenario_goes_from_a_mistake_to_an_answer(page, address, folder):
    page.goto(address)
    press(page, "link", "Scenarios")
    press(page, "link", "shop.yaml")
    wrong = started_server.text().replace("slate: 5", "slate: five")
    write(page, wrong)
    press(page, "button", "Check")
    line = 1 + wrong.split("\n").index("  slate: five")
    press(page, "link", f"Line {line}")
    text = page.get_by_label("Text of the scenario")
    chosen = text.evaluate("it => it.value.slice(it.selectionStart, it.selectionEnd)")
    assert chosen == "  slate: five"
    assert "five" in page.locator("mark").inner_text()
    assert (folder / "shop.yaml").read_text() == started_server.text()

    write(page, started_server.text(seed=4))
    press(page, "button", "Check")
    page.get_by_text("Nothing is wrong with it.").wait_for()
    press(page, "button", "Save and start")
    page.wait_for_url("**/runs/runs/shop")
    page.get_by_role("link", name="The whole report").wait_for()
    assert "seed: 4" in (folder / "shop.yaml").read_text()

    press(page, "link", "Watch a user")
    page.get_by_label("Your question").focus()
    page.keyboard.insert_text("What did you look for?")
    press(page, "button", "Ask")
    page.get_by_role("heading", name="What did you look for?").wait_for()
    answer = page.locator("#asked")
    assert "made up by a language model" in answer.inner_text()
    press(page, "button", "Take these pages apart")
    page.get_by_text("Taken apart:").wait_for()
    page.get_by_role("heading", name="What the model was asked").first.wait_for()


def test_a_dry_run_is_shown_with_what_a_run_would_take(page, address):
    page.goto(f"{address}/scenarios/shop.yaml")
    press(page, "button", "Save and dry-run")
    page.get_by_text("item decisions").wait_for()
    assert page.get_by_role("link", name="Back to the scenario").count() == 1
    assert violations(page) == []


def test_a_run_is_stopped_and_resumed(page, address, folder):
    (folder / "long.yaml").write_text(started_server.long(name="long"))
    page.goto(f"{address}/scenarios/long.yaml")
    press(page, "button", "Save and start")
    press(page, "button", "Stop after this epoch")
    page.get_by_role("button", name="Resume").wait_for()
    assert "interrupted" in page.locator("#live").inner_text()
    press(page, "button", "Resume")
    page.get_by_role("link", name="The whole report").wait_for()


def test_a_new_file_begins_as_a_small_example(page, address, folder):
    page.goto(f"{address}/scenarios")
    page.get_by_label("Name of the file").focus()
    page.keyboard.insert_text("second")
    page.keyboard.press("Enter")
    page.wait_for_url("**/scenarios/second.yaml")
    press(page, "button", "Save")
    page.get_by_text("Saved.").wait_for()
    assert (folder / "second.yaml").is_file()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_the_screen(browser, address, folder, width, scheme):
    page = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme
    ).new_page()

    def looks_well(what):
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, f"{what} is {over} pixels too wide at {width}"
        assert violations(page) == [], what

    for path in ("/", "/scenarios", "/scenarios/shop.yaml", "/scenarios/no.txt", "/commands/x"):
        page.goto(address + path)
        looks_well(path)
    page.goto(f"{address}/scenarios/shop.yaml")
    write(page, started_server.text().replace("slate: 5", "slate: " + "five" * 60))
    press(page, "button", "Check")
    page.locator("mark").wait_for()
    looks_well("a mistake")
    with locked(folder / "going-on"):
        record = {"status": "running", "scenario": {"name": "going on"}}
        (folder / "going-on" / MANIFEST).write_text(json.dumps(record))
        page.goto(f"{address}/runs/going-on")
        looks_well("a run that goes on")
