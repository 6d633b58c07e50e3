"""The house keeps its order: who imports whom, and what starting loads."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("footfall", "footfall_eval", "footfall_lab", "footfall_live")
SOURCES = [
    *(ROOT / "simulator" / "footfall").rglob("*.py"),
    *(ROOT / "eval").rglob("*.py"),
]
HEAVY = {"torch", "transformers", "pandas", "plotly", "statsmodels", "scipy", "sklearn", "lenskit"}


def imports_of(tree):
    """(module, names) of the imports of our own packages below a node."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in PACKAGES:
                    yield alias.name, ()
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level or module.split(".")[0] in PACKAGES:
                yield module, tuple(alias.name for alias in node.names)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_own_modules_are_imported_at_the_top_and_by_public_names(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            late = list(imports_of(node))
            assert not late, f"{node.name} imports {late[0][0]} late: only heavy libraries may be"
    for module, names in imports_of(tree):
        private = [name for name in (*module.split("."), *names) if name.startswith("_")]
        assert not private, f"{private[0]} of {module} is private"


def test_no_two_public_classes_share_a_name():
    homes = {}
    for path in SOURCES:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    twins = {name: where for name, where in homes.items() if len(where) > 1}
    assert not twins, "one word, one meaning: call each by what it is, or make them one"


SPEAKS_ITSELF = {
    "stderr.py": "everybody else speaks through it",
    "init.py": "asks the person at the terminal",
    "embedded.py": "a program of its own, run by make",
    "foreign.py": "sends there what code of others prints",
    "devices.py": "tells vLLM where its log goes when nobody asks for another",
    "quiet.py": "keeps what native code writes there",
}
"""File -> why it writes to stderr past ``footfall.plumbing.stderr``."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_one_place_speaks_to_stderr(path):
    found = re.search(r"err=True|stderr=True|sys\.stderr", path.read_text())
    assert not found or path.name in SPEAKS_ITSELF, "`--log json` would not know: use stderr.say"


def test_servers_of_tests_read_what_they_are_sent():
    """A connection that is closed on unread bytes is reset: its answer may be lost, or not."""
    servers = 0
    for path in [*(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and "do_POST" in (code := ast.unparse(node)):
                servers += 1
                assert "rfile.read(" in code, f"{node.name} of {path.name} leaves the body unread"
    assert servers


def test_contracts_are_kept():
    pytest.importorskip("importlinter", reason="comes with the extra `lint`")
    # A process of its own: it silences the loggers that there are, and later tests listen to them.
    code = "import importlinter.cli as c, sys; sys.exit(c.lint_imports(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


HELP = """
import sys
from footfall.cli.main import main
sys.argv = ["footfall", "--help"]
try:
    main()
except SystemExit:
    pass
"""


def loaded_by(code, libraries=HEAVY):
    """Which of these libraries a fresh Python has loaded after some code."""
    tell = f"import sys; print(*sorted({libraries!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "code",
    [
        "import footfall.cli, footfall.cli.main",
        "import footfall, footfall_eval, footfall_lab, footfall.recommenders",
        HELP,
    ],
    ids=["import", "packages", "help"],
)
def test_starting_loads_no_heavy_library(code):
    assert loaded_by(code) == set()


def test_help_needs_no_checked_models():
    assert loaded_by(HELP, {"pydantic", "yaml", "jinja2"}) == set()


@pytest.mark.parametrize(
    ("module", "may_load"),
    [
        ("footfall_eval.commands", {"pandas", "scipy", "statsmodels", "plotly"}),
        ("footfall.cli.run", {"pandas", "scipy"}),
        ("footfall.cli.data", {"pandas", "scipy"}),
    ],
)
def test_a_command_loads_what_it_needs_and_no_more(module, may_load):
    assert loaded_by(f"import {module}") <= may_load
