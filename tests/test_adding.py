"""docs/adding.md: every example is run, as a package beside Footfall or as a change to it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from console import footfall
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.schema import Dataset, Split
from footfall.recommenders import build, parse_spec
from footfall.recommenders.testing import check_recommender

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "adding.md").read_text()
FILES = dict(re.findall(r"```\w+\n# (\S+)\n(.*?)```", TEXT, re.DOTALL))
DIFFS = re.findall(r"```diff\n(.*?)```", TEXT, re.DOTALL)
PROOFS = [name for name in FILES if name.startswith("prove/")]


def install(folder, entries, files):
    """Lay a package out as pip would, without a network: its modules and its dist-info."""
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
    about = folder / "corner_shop-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: corner-shop\nVersion: 1.0\n")
    lines = []
    for group, named in entries.items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in named.items())]
    (about / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """The folder of shop.yaml, with the package of the page installed."""
    entries = tomllib.loads(FILES["pyproject.toml"])["project"]["entry-points"]
    modules = {name: text for name, text in FILES.items() if name.startswith("corner_shop/")}
    (tmp_path / "site").mkdir()
    install(tmp_path / "site", entries, modules)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    rng = np.random.default_rng(0)
    moments = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.sort(rng.uniform(0, 60, 400)), "D")
    with (tmp_path / "till.csv").open("w") as roll:
        for moment in moments:
            user, item = rng.integers(20), rng.integers(12)
            roll.write(f"customer {user};article {item};{moment.isoformat()}\n")
    (tmp_path / "shop.yaml").write_text(FILES["shop.yaml"])
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "corner_shop"]:
        del sys.modules[name]


def test_data_recommender_and_mode_of_another_package_run(shop):
    commands = re.findall(r"^footfall (.+)$", TEXT, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        done = footfall(*command.split(), cwd=shop)
        assert done.returncode == 0, done.stderr
    told = (shop / "out" / "manifest.json").read_text()
    assert '"plain-likelihood"' in told
    assert '"again"' in told
    assert '"least": 1' in told


def test_data_list_names_the_package_of_a_source(shop):
    listed = json.loads(footfall("data", "list", "--json", cwd=shop).stdout)
    assert listed["kinds"]["till"] == "of the package corner-shop"


def test_the_recommender_keeps_the_rules_of_all_recommenders(shop):
    frame = pd.read_csv(shop / "till.csv", sep=";", names=["user", "item", "time"])
    items = pd.DataFrame({"item": sorted(frame["item"].unique())})
    items = items.assign(title=items["item"], category="", price=1.0)
    rows = frame.assign(
        action="purchase", time=pd.to_datetime(frame["time"]), value=1.0, quantity=1.0, order=""
    )
    users = pd.DataFrame({"user": sorted(frame["user"].unique())})
    split = Split(rows["time"].max(), Dataset("till", users, items, rows), rows.iloc[:0])
    catalogue = Catalogue.from_items(items)
    made = build(parse_spec({"kind": "again"}), split, catalogue, base=shop, seed=1)
    check_recommender(made, list(users["user"])[:5], catalogue)


WRONG = {
    "kind: till": ("kind: tyll", 'no kind of data "tyll"; did you mean "till"'),
    "kind: again": ("kind: agian", 'no recommender of kind "agian"; did you mean "again"'),
    "mode: plain-likelihood": (
        "mode: plain-like",
        'no mode "plain-like"; did you mean "plain-likelihood"',
    ),
    "least: 1": ("last: 1", 'unknown key "last"; did you mean "least"'),
    "path: till.csv": ("pth: till.csv", 'unknown key "pth"; did you mean "path"'),
}


@pytest.mark.parametrize("right", WRONG)
def test_names_of_other_packages_are_known_to_did_you_mean(shop, right):
    wrong, message = WRONG[right]
    scenario = (shop / "shop.yaml").read_text().replace(right, wrong)
    (shop / "shop.yaml").write_text(scenario)
    done = footfall("run", "shop.yaml", "--out", "out", cwd=shop)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", ["till", "again", "plain"])
def test_a_broken_package_is_one_line(shop, module):
    (shop / "site" / "corner_shop" / f"{module}.py").write_text("import no_such_library\n")
    done = footfall("run", "shop.yaml", "--out", "out", cwd=shop)
    assert done.returncode == 2
    assert "does not load" in done.stderr
    assert "corner-shop" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_every_part_inside_has_its_change_and_its_proof():
    assert len(DIFFS) == len(PROOFS) == 3


@pytest.mark.parametrize(("diff", "proof"), list(zip(DIFFS, PROOFS, strict=True)), ids=PROOFS)
def test_a_part_inside_footfall(tmp_path, diff, proof):
    skipped = shutil.ignore_patterns("adapters", "__pycache__")
    for tree in ("simulator", "eval"):
        shutil.copytree(ROOT / tree, tmp_path / tree, ignore=skipped)
    change = tmp_path / "change.diff"
    change.write_text(diff)
    subprocess.run(["git", "apply", str(change)], cwd=tmp_path, check=True, timeout=60)
    script = tmp_path / "proof.py"
    script.write_text(FILES[proof])
    path = os.pathsep.join(str(tmp_path / tree) for tree in ("simulator", "eval"))
    done = subprocess.run(
        [sys.executable, str(script)],
        check=False,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
