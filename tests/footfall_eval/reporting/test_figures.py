"""Figures of a report: files for papers, buttons on the page; six recommenders fit a phone."""

import csv
import re

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from console import footfall
from eval_worlds import impressions, planted_run, write_run
from eyes import violations
from footfall_eval.reporting.figure_files import FORMATS
from footfall_eval.reporting.report import write_report
from footfall_live.application import Served, application
from footfall_live.door.guard import Guard

pytestmark = pytest.mark.slow

STARTS = {"svg": b"<?xml", "pdf": b"%PDF-", "png": b"\x89PNG"}


def test_figures_are_written_with_their_numbers(tmp_path):
    run = planted_run(tmp_path / "run", n=80)
    done = footfall("report", str(run), "--figures", "figures", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "figures"
    names = {path.stem for path in folder.iterdir()}
    assert {"forest", "time-0"} <= names
    for name in names:
        for form in FORMATS:
            written = (folder / f"{name}.{form}").read_bytes()
            assert written.startswith(STARTS[form])
            assert len(written) > 2000
    with (folder / "forest.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"Clicks per user", "Purchases per user"} <= {row["Metric"] for row in rows}
    before = (folder / "forest.svg").read_bytes()
    assert footfall("report", str(run), "--figures", "figures", cwd=tmp_path).returncode == 0
    assert len((folder / "forest.svg").read_bytes()) == len(before)


@pytest.fixture(scope="module")
def six_arms(tmp_path_factory):
    rng = np.random.default_rng(4)
    users = [f"u{k}" for k in range(25)]
    arms = [f"recommender number {k}" for k in range(6)]
    shown = pd.concat([impressions(rng, arm, users, items=10) for arm in arms])
    faults = {
        arm: {"too_short": 3, "examples": {"too_short": ["a long example " * 30]}} for arm in arms
    }
    run = write_run(tmp_path_factory.mktemp("six"), shown, manifest={"faults": faults})
    write_report(run)
    return run


@pytest.fixture(scope="module")
def replay(six_arms):
    """A page of `footfall view` with six recommenders, its style within."""
    client = TestClient(application(Served(six_arms.parent), Guard(frozenset({"testserver"}))))
    page = client.get(f"/runs/{six_arms.name}/replay", params={"step": 2})
    assert page.status_code == 200
    style = client.get("/static/live.css").text
    return re.sub(r"<link rel=.stylesheet.[^>]*>", f"<style>{style}</style>", page.text)


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_six_recommenders_fit_the_replay(browser, replay, width):
    page = browser.new_context(viewport={"width": width, "height": 800}).new_page()
    page.set_content(replay)
    wide = page.evaluate("document.documentElement.scrollWidth")
    found = violations(page)
    assert wide <= width
    assert found == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_six_recommenders_fit_the_page(browser, six_arms, width):
    page = browser.new_context(viewport={"width": width, "height": 800}).new_page()
    page.goto((six_arms / "report.html").as_uri())
    page.wait_for_selector(".plot .main-svg")
    found = violations(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    faults = page.evaluate("document.querySelector('#recommenders ~ .scroll').scrollWidth")
    tops = page.evaluate(
        "[...document.querySelectorAll('.user:not([hidden]) .side')]"
        ".map((side) => Math.round(side.getBoundingClientRect().top))"
    )
    with page.expect_download() as saved:
        page.locator("[data-save=csv]").first.click()
    numbers = saved.value.path().read_text()
    with page.expect_download() as saved:
        page.locator("[data-save=svg]").first.click()
    drawn = saved.value.path().read_text()
    assert found == []
    assert wide <= width
    assert faults <= width
    assert len(tops) == 6
    assert len(set(tops)) == 1  # beside each other
    assert numbers.startswith('"Metric","Treatment"')
    assert drawn.startswith("<svg")
