"""What the documents name is there: files, modules, links, packages."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    ROOT / "benchmarks" / "RESULTS.md",
]
ROOMS = {
    "footfall": ROOT / "simulator" / "footfall",
    "footfall_eval": ROOT / "eval" / "footfall_eval",
    "footfall_lab": ROOT / "eval" / "footfall_lab",
    "footfall_live": ROOT / "eval" / "footfall_live",
}
BASES = [ROOT, ROOT / "simulator", ROOT / "eval", *ROOMS.values()]
EXAMPLES = ("RUN/", "GRID/", "DIR/", "runs/", "out/", "data/", "corner_shop/", "prove/", "~/", "/")
"""Beginnings of paths that a reader makes."""


def spoken(page):
    """What stands between backticks, code blocks left out."""
    text = re.sub(r"^( *)```.*?^\1```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if not re.match(r"[a-z]+:", link):
            assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_our_files_that_are_named_exist(page):
    for name in spoken(page):
        path = re.fullmatch(r"[\w.-]+/[\w./-]+\.(py|j2|yaml|md|toml|css|js)", name)
        if path and not name.startswith(EXAMPLES):
            assert any((base / name).exists() for base in BASES), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_our_modules_that_are_named_exist(page):
    groups = ("commands", "stop_early", "modes", "trackers")
    entry_points = {f"footfall.{group}" for group in groups}
    for name in spoken(page):
        if not re.fullmatch(r"footfall(_eval|_lab|_live)?(\.\w+)+", name) or name in entry_points:
            continue
        first, *rest = name.split(".")
        place = ROOMS[first]
        while rest and (place / rest[0]).is_dir():
            place /= rest.pop(0)
        if rest and (place / f"{rest[0]}.py").is_file():
            place = place / f"{rest.pop(0)}.py"
        if rest:
            file = place if place.is_file() else place / "__init__.py"
            assert re.search(rf"\b{rest[0]}\b", file.read_text()), name


def test_the_architecture_has_a_sign_for_each_package():
    text = (ROOT / "docs" / "architecture.md").read_text()
    signs = set(re.findall(r"^\| `([\w.]+)` \|", text, re.MULTILINE))
    assert {"footfall", "footfall_live"} <= signs
    for name, folder in ROOMS.items():
        for init in folder.glob("*/__init__.py"):
            if init.parent.name != "pages":
                assert f"{name}.{init.parent.name}" in signs, init.parent
    data = {"footfall", "footfall_live"}
    for sign in signs - data:
        first, rest = sign.split(".")
        assert (ROOMS[first] / rest / "__init__.py").is_file(), sign


def test_each_decision_is_on_the_list():
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\((\S+\.md)\)", (folder / "README.md").read_text())
    assert sorted([*listed, "README.md"]) == sorted(page.name for page in folder.glob("*.md"))
