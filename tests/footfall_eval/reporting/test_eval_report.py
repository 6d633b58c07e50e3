"""The report as a reader meets it: in words, in a browser, on a phone, in the dark."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from eval_worlds import impressions, planted_run, write_run
from footfall_eval import RunLog, compare
from footfall_eval.comparing.figures import estimate, number, percent, relative
from footfall_eval.comparing.verdict import claim
from footfall_eval.reporting.report import render, write_report
from footfall_eval.reporting.terminal import layout

pytestmark = pytest.mark.slow

HOSTILE = "<script>window.hacked = 1</script>"

MANIFEST = {
    "footfall": "0.1.0",
    "scenario": {
        "name": f"shop {HOSTILE}",
        "arms": [{"name": "base"}, {"name": "better"}],
        "control": "base",
        "design": "paired",
        "seed": 7,
    },
    "choice": {"pages": 3000, "questions": 12000, "prompt_tokens": 3_450_000},
    "timings": {"engine": 30.0, "total": 95.0},
    "dataset": {"dataset": "planted", "currency": "USD", "cleaning": ["12 x duplicate: dropped"]},
    "assumptions": [{"name": "habits.examination", "value": 0.5, "source": "Joachims 2017"}],
    "coefficients": {"llm": 1.0},
    "faults": {"base": {"empty_slates": 0}, "better": {"empty_slates": 3}},
    "model": {"name": "fake", "fingerprint": "abc"},
    "held_out": "held_out.parquet",
    "remembered": "remembered.parquet",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    rng = np.random.default_rng(1)
    names = [f"u{k:04d}" for k in range(120)]
    users = pd.DataFrame(
        {
            "user": names,
            "age": rng.choice(["young", "old"], 120),
            "before_spend": rng.gamma(2, 9, 120),
        }
    )
    folder = tmp_path_factory.mktemp("run")
    shown = pd.concat(
        [
            impressions(rng, "base", names, click=0.2),
            impressions(rng, "better", names, click=0.3, unanswered=0.03),
        ]
    )
    write_run(folder, shown, users=users, manifest=MANIFEST)
    items = pd.read_parquet(folder / "items.parquet")
    items.assign(title=items["title"] + HOSTILE).to_parquet(folder / "items.parquet")
    held_out = pd.DataFrame({"user": names, "item": rng.choice(items["item"], 120)})
    held_out.to_parquet(folder / "held_out.parquet")
    remembered = held_out.assign(action="purchase", time=pd.Timestamp("2024-02-03 10:00"))
    remembered.to_parquet(folder / "remembered.parquet")
    return folder


@pytest.fixture(scope="module")
def html(run):
    return write_report(run).read_text(encoding="utf-8")


def words(html):
    return re.sub(r"\s+", " ", re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL))


def test_every_section_is_there_in_words(html):
    text = words(html)
    for part in (
        "better beats base in purchases per user",
        "3.45 million",
        "95 seconds",
        "got no answer from the model",
        "First pages against real choices",
        "empty slates",
        "footfall validate was not run",
        "Joachims 2017",
        "12 x duplicate: dropped",
        "By age",
        "Adjusted for what was known before (spend)",
        "is found 8 times out of 10",
        "model.fingerprint",
    ):
        assert part in text, part


def test_commands_in_sentences_are_code(tmp_path):
    """Wherever a sentence of Footfall stands: no reader meets a backtick."""
    told = "`footfall validate demo` says so"
    planted_run(tmp_path, seed=3)
    verdict = {"verdict": "direction only", "reasons": [told], "recorded": told}
    verdict |= {"blocks": {"B": {"status": "amber", "explanation": told, "metrics": {"x": 1}}}}
    (tmp_path / "validity.json").write_text(json.dumps(verdict))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["assumptions"] = [{"name": "a", "value": 1, "source": told}]
    manifest["dataset"] = {"dataset": "planted", "about": told, "cleaning": [told]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    shown = words(write_report(tmp_path).read_text(encoding="utf-8"))
    shown = re.sub(r"<(style|meta)[^>]*>[^<]*", "", shown)
    assert "`" not in shown
    assert shown.count("<code>footfall validate demo</code> says so") >= 6


def test_what_never_happened_is_one_line_not_a_table(tmp_path):
    planted_run(tmp_path, seed=3)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    arms = [arm["name"] for arm in manifest["scenario"]["arms"]]
    counts = {"slates": 1200, "empty": 0, "too_long": 0, "examples": {}}
    manifest["faults"] = dict.fromkeys(arms, counts) | {
        arms[0]: {**counts, "invented": 2, "examples": {"invented": ["no-such-item"]}}
    }
    manifest["assumptions"] = [
        {"name": f"click.{name}", "value": 0, "source": "a round number"} for name in "abc"
    ]
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    shown = words(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "Not once: empty, too long." in shown
    assert "no-such-item" in shown
    assert "{}" not in shown
    assert "click.a, b, c" in shown


def test_nothing_in_the_data_becomes_markup(html):
    assert HOSTILE not in html
    assert "&lt;script&gt;window.hacked" in html
    assert "connect-src" not in html  # default-src 'none' covers it
    assert "default-src 'none'; script-src 'sha256-" in html.replace("&#39;", "'")


def test_the_report_is_the_same_every_time(run, html):
    log = RunLog.open(run)
    assert render(log, compare(log)) == html


def test_validity_blocks_are_shown(tmp_path):
    run = planted_run(tmp_path, n=60)
    blocks = {
        "B": {"status": "pass", "metrics": {"nll": 1.25}},
        "G": {"status": "red", "reason": "slope of lifts .3"},
    }
    found = {"verdict": "direction only", "reasons": ["lifts are too small"], "blocks": blocks}
    (run / "validity.json").write_text(json.dumps(found))
    text = words(write_report(run, tmp_path / "other.html").read_text(encoding="utf-8"))
    assert "Direction only: lifts are too small." in text
    assert "slope of lifts .3" in text
    assert "1.25" in text


@pytest.mark.parametrize("arms", [["only"], ["a", "b"], ["a", "b", "c"]])
def test_bare_manifests_make_a_report_too(tmp_path, arms):
    rng = np.random.default_rng(2)
    shown = pd.concat([impressions(rng, arm, ["u1", "u2", "u3"], days=1) for arm in arms])
    run = write_run(tmp_path, shown.assign(llm=np.nan))
    (run / "manifest.json").write_text("{}")
    assert "No language model was asked" in words(write_report(run).read_text(encoding="utf-8"))


def test_identical_arms_are_reported_without_noise(tmp_path):
    shown = impressions(np.random.default_rng(3), "a", [f"u{k}" for k in range(40)])
    run = write_run(tmp_path, pd.concat([shown, shown.assign(arm="b"), shown.assign(arm="c")]))
    log = RunLog.open(run)
    assert claim(compare(log)) == (
        "None of 2 treatments beats a in purchases per user; the best of them is b"
    )
    assert "every user did the same" in render(log, compare(log))


def test_a_win_that_costs_something_says_so(tmp_path):
    rng = np.random.default_rng(4)
    users = [f"u{k}" for k in range(200)]
    cheap = impressions(rng, "cheap", users, click=0.4, skew=1.0)
    dear = impressions(rng, "dear", users, click=0.2)
    run = write_run(tmp_path, pd.concat([dear, cheap]), manifest={"scenario": {"control": "dear"}})
    assert claim(compare(RunLog.open(run))) == (
        "cheap beats dear in purchases per user, but loses in revenue per user"
    )


def test_the_best_of_many_goes_by_evidence_before_size(tmp_path):
    rng = np.random.default_rng(5)
    users = [f"u{k}" for k in range(150)]
    shown = [
        impressions(rng, arm, users, click=c) for arm, c in (("a", 0.2), ("b", 0.3), ("c", 0.1))
    ]
    log = RunLog.open(write_run(tmp_path / "one", pd.concat(shown)))
    assert claim(compare(log)).startswith("Of 2 treatments b does best and beats a in purchases")
    shown[1] = impressions(rng, "b", users, click=0.2)
    log = RunLog.open(write_run(tmp_path / "two", pd.concat(shown)))
    assert claim(compare(log)) == (
        "None of 2 treatments beats a in purchases per user; the best of them is b"
    )


def test_the_terminal_page_is_80_columns_wide(run):
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with console.file:
        console.print(layout(compare(RunLog.open(run)), every=True))
        text = console.export_text()
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines())
    assert "Purchases per user" in text
    assert "Not validated" in text
    assert "..." not in text.replace("…", "...")


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((0.4217, 0.31, 0.53, ""), ("+0.42", "+0.31 to +0.53")),
        ((0.0123, -0.004, 0.0286, "share"), ("+1.2 points", "-0.4 to +2.9 points")),
        ((-1234.5, -2000.0, -469.0, ""), ("-1,234", "-2,000 to -469")),
        ((0.0, 0.0, 0.0, ""), ("0", "0 to 0")),
        ((float("nan"), 0.0, 0.0, ""), ("n/a", "n/a")),
    ],
)
def test_figures_have_the_decimals_that_the_interval_deserves(numbers, expected):
    assert estimate(*numbers) == expected


def test_numbers_for_people():
    assert [number(x) for x in (0, 0.00123, 12.345, 98765.4)] == ["0", "0.00123", "12.3", "98,765"]
    assert percent(0.1234) == "12.3%"
    assert relative(0.38, 0.29, 0.47) == ("+38.0%", "+29.0% to +47.0%")
    assert number(float("nan")) == percent(float("nan")) == "n/a"


# --- in a browser --------------------------------------------------------------------------


def visit(browser, run, **options):
    """Open the report; requests and complaints of the page are collected on it."""
    page = browser.new_context(**options).new_page()
    page.requests, page.complaints = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto((run / "report.html").as_uri())
    page.wait_for_selector(".plot .main-svg")
    return page


@pytest.mark.browser
def test_it_opens_from_a_file_and_fetches_nothing(browser, run, html):
    page = visit(browser, run)
    assert page.requests == [(run / "report.html").as_uri()]
    assert page.complaints == []
    assert page.evaluate("window.hacked") is None
    assert page.locator(".plot .main-svg").count() >= page.locator(".plot").count() >= 4
    # Not even a script that got into the page could run, or call home.
    page.evaluate(
        """() => {
            const intruder = document.createElement("script");
            intruder.textContent = "window.hacked = 2";
            document.body.append(intruder);
            return fetch("http://127.0.0.1:9/").catch(() => {});
        }"""
    )
    assert page.evaluate("window.hacked") is None
    assert len(page.requests) == 1


HOSTILE_TITLES = (
    "</script><script>window.hacked = 1</script>",
    "</title></style></textarea><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    '"><svg onload=window.hacked=1>',
    "' onmouseover='window.hacked = 1",
    '" autofocus onfocus="window.hacked = 1',
    "<!-- <script>",
    "]]> --> ${window.hacked = 1} {{ 7 * 7 }}",
    "\u2028window.hacked = 1\u2029",
    "javascript:window.hacked=1",
)


@pytest.mark.browser
def test_titles_that_are_markup_or_script_stay_words(browser, tmp_path):
    rng = np.random.default_rng(6)
    users = [f"u{k}" for k in range(40)]
    shown = [impressions(rng, arm, users, items=10) for arm in ("base", "better")]
    unwritten = {"held_out", "remembered"}
    manifest = {key: value for key, value in MANIFEST.items() if key not in unwritten}
    run = write_run(tmp_path, pd.concat(shown), manifest=manifest)
    items = pd.read_parquet(run / "items.parquet")
    titles = [HOSTILE_TITLES[k % len(HOSTILE_TITLES)] for k in range(len(items))]
    items.assign(title=titles, category=titles).to_parquet(run / "items.parquet")
    write_report(run)
    page = visit(browser, run)
    written = page.locator("body").text_content()
    for title in HOSTILE_TITLES:
        assert title.split("\u2028")[-1].rstrip("\u2029") in written, title
    for opened in page.locator("details").all():
        opened.evaluate("element => { element.open = true; }")
    page.mouse.move(200, 300)
    assert page.evaluate("window.hacked") is None
    assert page.locator("script[src], img[src='x'], svg[onload], [onmouseover]").count() == 0
    assert page.complaints == []
    assert page.requests == [(run / "report.html").as_uri()]


def test_what_a_user_did_before_stands_beside_the_pages(html):
    assert re.search(
        r"Before: [^<]+</summary>\s*<ol><li>[^<]+<span[^>]*>purchase, 2024-02-03<", html
    )


@pytest.mark.browser
def test_another_user_can_be_chosen_with_the_keyboard(browser, run, html):
    page = visit(browser, run)
    assert page.locator(".user:visible").count() == 1
    first = page.locator(".user:visible h3").inner_text()
    page.locator("#user").focus()
    page.keyboard.press("ArrowDown")
    second = page.locator(".user:visible h3").inner_text()
    assert first != second
    assert page.locator(".user:visible .side").count() == 2
    item = page.locator(".user:visible .slate summary").first
    assert HOSTILE in item.inner_text()
    item.focus()
    page.keyboard.press("Enter")
    assert "P(buy if clicked)" in page.locator(".user:visible .slate details").first.inner_text()


@pytest.mark.browser
def test_no_sideways_scrolling_in_any_light(browser, run, html):
    page = visit(browser, run, viewport={"width": 360, "height": 740}, color_scheme="light")
    for opened in page.locator("details").all()[:4]:
        opened.evaluate("element => { element.open = true; }")
    for width, scheme in ((360, "light"), (360, "dark"), (1100, "dark"), (1100, "light")):
        page.set_viewport_size({"width": width, "height": 740})
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function(SAME_INK)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(20, 23, 26)") == (scheme == "dark")


SAME_INK = """() => getComputedStyle(document.querySelector('.plot text')).fill
    === getComputedStyle(document.body).color"""
"""Plots are drawn in the ink of the text around them."""


@pytest.mark.browser
def test_readers_of_all_kinds_can_find_their_way(browser, run, html):
    page = visit(browser, run)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator("h1").count() == 1
    for landmark in ("header", "nav[aria-label]", "main", "footer"):
        assert page.locator(landmark).count() == 1, landmark
    assert page.locator("table:not(:has(caption))").count() == 0
    assert page.locator("th:not([scope])").count() == 0
    for plot in page.locator(".plot").all():
        described = page.locator(f"[id='{plot.get_attribute('aria-describedby')}']")
        assert len(described.inner_text()) > 20
        assert plot.get_attribute("role") == "img"
    links = page.eval_on_selector_all("nav a", "all => all.map(a => a.getAttribute('href'))")
    assert all(page.locator(f"h2{link}").count() == 1 for link in links)


@pytest.mark.browser
def test_it_prints_in_ink_on_paper(browser, run, html):
    page = visit(browser, run, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.plot text')).fill") == (
        "rgb(27, 31, 36)"
    )
    assert page.locator("nav").is_hidden()
    assert len(page.pdf()) > 50_000
