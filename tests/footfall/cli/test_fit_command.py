"""`footfall fit`: from a user's own data to a behaviour that the scenario can name."""

import json

import pytest
import yaml

import shop
from console import footfall

pytestmark = pytest.mark.slow


def test_what_was_fitted_runs(tmp_path):
    shop.write_shop(tmp_path, users=500, days=150)
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(shop.scenario()))
    done = footfall("fit", "shop.yaml", "--out", "behaviour.yaml", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # Customers of this shop buy their six favourites over and over, within their club.
    assert told["coefficients"]["repeat"] > 3 * told["standard_errors"]["repeat"]
    plan = shop.scenario(behaviour="behaviour.yaml")
    (tmp_path / "fitted.yaml").write_text(yaml.safe_dump(plan))
    assert footfall("run", "fitted.yaml", "--out", "run", cwd=tmp_path).returncode == 0
    record = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert "real choices" in record["fitted"]["click"]
    assert not any(row["name"].startswith("click.") for row in record["assumptions"])


def test_what_fit_writes_is_what_validate_judges(tmp_path):
    shop.write_shop(tmp_path, users=500, days=150)
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(shop.scenario()))
    assert footfall("fit", "shop.yaml", "--out", "behaviour.yaml", cwd=tmp_path).returncode == 0
    done = footfall("validate", "shop.yaml", "--out", "valid", "--questions", "0", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = yaml.safe_load((tmp_path / "behaviour.yaml").read_text())
    judged = yaml.safe_load((tmp_path / "valid" / "behaviour.yaml").read_text())["behaviour"]
    assert written["click"] == pytest.approx(judged["click"], abs=1e-6)
    assert written["spread"] == pytest.approx(judged["spread"], abs=1e-6)
    assert written["buy"] == judged["buy"]
    assert written["habits"]["picks"] == judged["habits"]["picks"]


def test_an_unknown_protocol_is_one_line(tmp_path):
    shop.write_shop(tmp_path, users=500, days=150)
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(shop.scenario()))
    done = footfall("fit", "shop.yaml", "--protocol", "shelves", cwd=tmp_path)
    assert (done.returncode, 'no protocol "shelves"' in done.stderr) == (2, True)
