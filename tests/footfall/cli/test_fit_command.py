"""`footfall fit`: from a user's own data to a behaviour that the scenario can name."""

import json

import yaml

import shop
from console import footfall


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


def test_an_unknown_protocol_is_one_line(tmp_path):
    shop.write_shop(tmp_path, users=500, days=150)
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(shop.scenario()))
    done = footfall("fit", "shop.yaml", "--protocol", "shelves", cwd=tmp_path)
    assert (done.returncode, 'no protocol "shelves"' in done.stderr) == (2, True)
