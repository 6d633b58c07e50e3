"""Every command that ``--help``, the README and the documents show does what they say.

Each is run in a folder that has the files it names (``documented.build``). What cannot be run
stands in ``ONLY_READ`` with the reason; its words are read by the command line all the same, so
that an option that does not exist is found.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest

import documented
from console import GROUP, footfall, read
from footfall.cli.commands import names

pytestmark = pytest.mark.shown

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]

ONLY_READ = {
    r"footfall demo": "asks the embedded model for minutes: tests/test_demo.py runs it",
    r"footfall (view|serve|service)": "waits for requests: tests/footfall_live runs them",
    r"footfall bench": "measures a real engine for minutes: tests/footfall/bench",
    r"footfall finetune": "trains for minutes: tests/footfall_lab/finetuning trains less",
    r"footfall data fetch": "needs a network: tests/footfall/datasets/test_datasets_fetch.py",
    r"footfall past-test": "needs copies of public data: tests/footfall_lab has small ones",
    r"footfall .*runs/(zozo|kuai|past)": "goes on with what past-test makes of such a copy",
    r"footfall .*--model Qwen": "needs a GPU and a network",
    r"footfall .*--ray": "needs a cluster: tests/footfall/workers runs Ray on this machine",
    r"footfall .*--start complete-journey": "needs the embedded model",
    r"footfall .*mlflow": "needs an MLflow server: tests/footfall_eval/tracking uses a folder",
    r"footfall .*--tuned": "tunes the embedded model for minutes: tests/footfall_lab/appeal",
}  # fmt: skip
"""Commands that are read and not run -> why."""

INSTALLS = ("pip install", "source ", ". ", "cd ", "git ", "curl ", "docker ", "apt")
"""Beginnings of lines that a reader's machine runs, and a test must not."""

SMALLER = {
    "backtest": ["--model", "none", "--asked", "0"],
    "learn-appeal": ["--model", "none"],
    "validate": ["--questions", "0", "--users", "40"],
    "sft-data": ["--tested", "20", "--max-users", "20", "--windows", "1"],
    "arena": ["--choices", "12", "--model", "fake", "--ways", "yes-no"],
    "distill": ["--users", "40"],
}  # fmt: skip
"""Command -> options that make it quick; the same ones in an example are replaced."""


def lines_of(text):
    """Commands of a block: comments and prompts gone, broken lines joined."""
    joined = re.sub(r"\\\n\s*", " ", text)
    for line in joined.splitlines():
        words = re.sub(r"\s+#.*$|\s{3,}\S.*$|^\$ ", "", line.strip())
        if words and not words.startswith("#"):
            yield words


def blocks_of(page):
    """Lists of commands that a page shows together, in fences or indented by four."""
    text = page.read_text()
    fenced = re.findall(r"^( *)```(?:bash|sh|console)\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    bare = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    indented = re.findall(r"(?:^(?: {4}.*|)\n)+", bare, re.MULTILINE)
    shown = [list(lines_of(block)) for _, block in fenced]
    for block in indented:
        found = [one for one in lines_of(block) if re.match(r"(footfall|make|python) ", one)]
        shown.append(found)
    return [block for block in shown if block]


def examples(command, path):
    """The examples in the help of a command, and of those below it."""
    below = getattr(command, "commands", None)
    if below:
        for name, one in below.items():
            yield from examples(one, f"{path} {name}")
        return
    _, _, text = (command.help or "").partition("Examples:\n")
    yield path, [line.strip() for line in text.splitlines() if line.strip()]


HELP = [pair for name in names() for pair in examples(GROUP.get_command(None, name), name)]
DOCUMENTED = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks_of(page))
]


def smaller(words, folder):
    """The command with small data in the place of large, and few questions."""
    name, rest = words[0], [documented.SAME.get(word, word) for word in words[1:]]
    rest = [documented.somebody(folder / "runs/shop") if word == "1234" else word for word in rest]
    options = [*SMALLER.get(name, []), *(["--ratios", "9"] if "--ratios" in rest else [])]
    if "memory" in rest:  # that protocol needs answers
        options[options.index("--questions") + 1] = "400"
    for option in options[::2]:
        if option in rest:
            del rest[rest.index(option) : rest.index(option) + 2]
    return [name, *rest, *options]


def act(line, folder):
    """Run one command as its reader would, or read it where it cannot be run."""
    if not re.match(r"(\w+=\S+ )*footfall( |$)", line):
        assert_exists(line)
        return
    line = line.partition(" > ")[0]
    read(line)
    if any(re.match(rf"(\w+=\S+ )*{known}", line) for known in ONLY_READ):
        return
    words = smaller(shlex.split(line)[1:], folder)
    out = folder / words[words.index("--out") + 1] if "--out" in words else folder / "shop.yaml"
    if words[0] == "init":
        out.unlink(missing_ok=True)
    if words[0] in ("run", "export", "distill") and out.is_dir() and "--resume" not in words:
        shutil.rmtree(out)
    done = footfall(*words, cwd=folder)
    assert done.returncode == 0, f"{line}\n{done.stderr}"


def assert_exists(line):
    """Of other programs: their files and targets are there."""
    words = shlex.split(line)
    if words[0] == "make":
        targets = (ROOT / "Makefile").read_text()
        for word in words[1:]:
            assert "=" in word or re.search(rf"^{word}:", targets, re.MULTILINE), line
        return
    program = Path(words[0]).name
    if program in ("python", "python3", "pytest"):
        named = [word for word in words if re.match(r"(benchmarks|tests|docs)/", word)]
        assert all((ROOT / word).exists() for word in named), line
        return
    assert line.startswith(INSTALLS), f"{line}: nobody tests this"


@pytest.fixture(scope="module")
def origin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reader")
    documented.build(folder)
    return folder


@pytest.fixture
def folder(origin, tmp_path):
    shutil.copytree(origin, tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize(("path", "shown"), HELP, ids=[path for path, _ in HELP])
def test_a_help_has_two_examples_that_run(path, shown, folder):
    assert len(shown) >= 2, "a help shows two examples"
    for line in shown:
        assert re.match(rf"(\w+=\S+ )*footfall {path}( |$)", line), line
        act(line, folder)


@pytest.mark.parametrize("block", DOCUMENTED)
def test_a_documented_command_runs(block, folder):
    for line in block:
        act(line, folder)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_command_that_a_sentence_names_exists(page):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for line in re.findall(r"`(footfall [a-z][^`]*)`", text):
        read(re.sub(r"\s+", " ", re.sub(r"[\[\]]|\.\.\.", "", line)))


def test_each_reason_not_to_run_is_needed():
    shown = [line for _, found in HELP for line in found]
    shown += [line for param in DOCUMENTED for block in param.values for line in block]
    for known in ONLY_READ:
        assert any(re.match(rf"(\w+=\S+ )*{known}", line) for line in shown), known
