"""The site of the documents: built without a warning, whole, offline, for everybody's eyes.

Building it executes the notebooks. ``FOOTFALL_SITE`` names one that `make docs` has built already.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from eyes import violations

pytestmark = pytest.mark.shown

ROOT = Path(__file__).parents[1]
PAGES = (
    "index.html",
    "tutorials/own-log.html",
    "notebooks/off-policy.html",
    "notebooks/paper.html",
    "example.html",
    "reference/commands.html",
    "reference/footfall.html",
    "reference/scenario.html",
    "believe.html",
    "benchmarks/RESULTS.html",
    "example/replay/0.html",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    built = os.environ.get("FOOTFALL_SITE")
    if built:
        return (ROOT / built).resolve()
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    words = [sys.executable, str(ROOT / "docs" / "site" / "check.py"), str(site)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_the_screen_and_has_no_violation(site, browser, name):
    page = browser.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto((site / name).as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:", "about:"))] == []
    page.close()


def test_sentences_with_figures_are_not_torn_apart(site):
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    assert not [path for path, text in pages.items() if "<!-- figure" in text]
    (begin,) = re.findall(
        r"<p>For [\d,]+ events all three took(.*?)</p>", pages[site / "index.html"], re.DOTALL
    )
    assert "by the clock" in begin


def test_what_a_notebook_printed_is_in_one_piece(site):
    text = (site / "notebooks" / "own-log.html").read_text(encoding="utf-8")
    assert "\x1b" not in text
    (said,) = [
        part for part in re.findall(r"<pre.*?</pre>", text, re.DOTALL) if "is written" in part
    ]
    assert "split" in said


@pytest.mark.browser
def test_the_search_works_from_disk(site, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto((site / "index.html").as_uri())
    page.locator("input.md-search__input").click()
    page.keyboard.type("propensity")
    page.wait_for_selector(".md-search-result__item", timeout=20_000)
    page.close()
