"""The yardstick: the truth of a planted world passes it, users without taste do not."""

import pytest
import yaml

from footfall.runs.histories import read_histories
from footfall.scenario.reading import read_scenario
from footfall_lab.validation.study import ValidationOptions
from footfall_lab.validation.validate import validate_users
from planted import plant, write
from planted.arms import serve
from planted.knowing import KnowingUsers

pytestmark = pytest.mark.slow

ARMS = ("current", "rate", "category", "profile")


TASTELESS = {"click": {"popularity": 0.0, "price": 0.0, "repeat": 0.0}}
"""The shipped habits, to whom every item is like any other."""


def judged(kind, folder, behaviour=None):
    """What ``footfall validate`` says of the shop's own users, or of a behaviour."""
    shop = plant(kind, 2, users=400, items=200, days=35, later_days=14)
    path = write(shop, folder, serve(shop, folder, ARMS))
    raw = yaml.safe_load(path.read_text())
    raw["population"]["users"] = 380
    if behaviour is not None:
        raw["behaviour"] = behaviour
    path.write_text(yaml.safe_dump(raw))
    scenario = read_scenario(path)
    options = ValidationOptions(out=folder / "valid", base=folder, questions=0)
    known = None
    if behaviour is None:
        people = read_histories(scenario, folder, lambda _: None)
        known = KnowingUsers(shop, people.population.originals, people.catalogue.ids)
    return validate_users(scenario, options, lambda _: None, users=known)


@pytest.mark.parametrize("kind", ["grocery", "media"])
def test_the_truth_is_validated(kind, tmp_path):
    found = judged(kind, tmp_path)
    assert found["verdict"] == "validated", found["reasons"]
    assert found["blocks"]["G"]["metrics"]["judged by"] == "propensities"
    assert found["blocks"]["E"]["metrics"]["swap costs nats interval"][0] > 0
    assert found["kinds"] == {}  # what the run in the same folder repeats
    for letter in "FHI":
        assert found["blocks"][letter]["status"] == "not run"
        assert len(found["blocks"][letter]["explanation"]) > 40


def test_users_without_taste_are_not(tmp_path):
    found = judged("grocery", tmp_path, TASTELESS)
    assert found["verdict"] == "not validated"
    assert found["blocks"]["B"]["status"] == "red"
