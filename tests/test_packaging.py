"""What is installed is what the tree holds; the public names are pinned."""

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import yaml

import footfall
import footfall_eval
from footfall.llm.weights.adapters import find_adapter, shipped_adapters

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = {
    "footfall": ROOT / "simulator" / "footfall",
    "footfall.prompts": ROOT / "prompts",
    "footfall.scenarios": ROOT / "scenarios",
    "footfall_eval": ROOT / "eval" / "footfall_eval",
    "footfall_lab": ROOT / "eval" / "footfall_lab",
    "footfall_live": ROOT / "eval" / "footfall_live",
}


def test_every_package_of_the_tree_is_installed():
    found = set()
    for name, folder in FOLDERS.items():
        for init in folder.rglob("__init__.py"):
            below = init.parent.relative_to(folder).parts
            found.add(".".join((name, *below)))
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(found)


def test_data_files_are_declared_and_readable():
    declared = PROJECT["tool"]["setuptools"]["package-data"]
    patterns = [*declared["*"], *declared["footfall"]]
    for folder in FOLDERS.values():
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix not in {".py", ".pyc"}:
                assert any(path.match(pattern) for pattern in patterns), path
    assert (files("footfall.scenarios") / "demo.yaml").is_file()
    assert any(entry.name.endswith(".j2") for entry in files("footfall.prompts").iterdir())
    for name in shipped_adapters():
        weights = find_adapter(name) / "adapter_model.safetensors"
        assert weights.stat().st_size < 6_000_000, f"{name}: too large to ship"
        assert (weights.parent / "README.md").is_file(), f"{name}: no model card"


def test_public_names_are_these_and_no_others():
    assert footfall.__all__ == [
        "Catalogue",
        "FootfallError",
        "Options",
        "RunError",
        "Scenario",
        "Simulated",
        "UserError",
        "Watch",
        "parse_scenario",
        "read_scenario",
        "simulate",
    ]
    for module in (footfall, footfall_eval):
        assert all(hasattr(module, name) for name in module.__all__)
        assert list(module.__all__) == sorted(module.__all__, key=lambda n: (n.upper() != n, n))


def test_evaluation_never_reaches_into_the_world():
    """footfall_eval reads logs, manifests and data sets; the arrow never points back."""
    forbidden = re.compile(r"footfall\.(world|runs|llm|choice|recommenders|behaviour)\b")
    for path in (ROOT / "eval" / "footfall_eval").rglob("*.py"):
        found = forbidden.search(path.read_text())
        assert found is None, f"{path} names {found}"


def test_the_citation_names_this_version_and_licence():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert cited["version"] == PROJECT["project"]["version"]
    assert cited["license"] == PROJECT["project"]["license"]
