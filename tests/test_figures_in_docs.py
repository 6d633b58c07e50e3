"""Figures in the documents are those that a benchmark wrote, and there are no others."""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import figures  # noqa: E402 - found in benchmarks/

ALLOWED = (r"Python \d\.\d+", r"Apache-\d\.\d", r"\d+ GB of CUDA", r"SmolLM2-\d+M", r"95%")
"""Numbers of the README that nobody measures here: versions, names, sizes of others' packages."""

MEASURED = (
    r"[-+]?\d*\.\d+|\d+(\.\d+)?%|\d{1,3}(,\d{3})+|\b\d+(\.\d+)? (times|seconds|minutes|hours)\b"
)
"""What a benchmark's figure looks like in a sentence."""


@pytest.mark.parametrize("page", figures.PAGES, ids=lambda page: page.name)
def test_marked_figures_are_those_that_were_measured(page):
    text = page.read_text(encoding="utf-8")
    assert figures.filled(text) == text, "run `make figures`"


def test_every_result_names_the_benchmark_that_wrote_it():
    results = sorted(figures.RESULTS.glob("*.json"))
    assert results
    for path in results:
        kept = json.loads(path.read_text(encoding="utf-8"))
        command = kept["command"]
        if "recorded" in kept:  # of a time when benchmarks did not write figures yet
            assert re.match(r"2026-\d\d-\d\d", kept["recorded"])
            assert "not measured again" in kept["recorded"]
            continue
        (script,) = re.findall(r"benchmarks/\w+\.py", command)
        assert f'"{path.stem}"' in (ROOT / script).read_text(encoding="utf-8"), path


INTERVAL = (
    r"(?<![\w.])[-+]?\d*\.\d+%? to [-+]?\d*\.\d+|\[[-+]?\d*\.\d+, [-+]?\d*\.\d+\]"
    r"|±|\+-|(?<![\w.])[-+]\.\d\d+"
)
"""What only a measurement has: an interval, an error, or a difference with its sign. Bounds that
somebody chose are written "between .8 and 1.25"."""

NUMBER = r"\**[-+]?\d*\.\d+\**"
"""A cell of a table that is a bare number with a fraction."""


def _by_hand(page):
    """The text of a document without marked figures, code and addresses."""
    text = figures.MARK.sub("", page.read_text(encoding="utf-8"))
    return re.sub(r"```.*?```|`[^`]*`|\]\([^)]*\)", "", text, flags=re.DOTALL)


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: str(page.relative_to(ROOT))
)
def test_documents_have_no_measurement_written_by_hand(page):
    text = _by_hand(page)
    found = re.search(INTERVAL, text)
    assert found is None, f"{found[0]}: mark it, and let a benchmark write it"
    for row in re.findall(r"(?m)^\|.*\|$", text):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert sum(bool(re.fullmatch(NUMBER, cell)) for cell in cells) < 2, row


def test_the_readme_has_no_figure_written_by_hand():
    text = _by_hand(ROOT / "README.md")
    for known in ALLOWED:
        text = re.sub(known, "", text)
    found = re.search(MEASURED, text)
    assert found is None, f"{found[0]}: mark it, and let a benchmark write it"


def test_a_figure_that_differs_is_found_and_mended():
    kept = json.loads((figures.RESULTS / "demo-habits.json").read_text(encoding="utf-8"))
    right = f"<!-- figure: demo-habits.users -->{kept['figures']['users']}<!-- /figure -->"
    wrong = "<!-- figure: demo-habits.users -->7<!-- /figure -->"
    assert figures.filled(f"of {wrong} people") == f"of {right} people"
    with pytest.raises((KeyError, FileNotFoundError)):
        figures.filled(wrong.replace("users", "nothing"))
