"""A scenario that comes over the network does no more than the file that it replaces."""

import copy

import pytest
import yaml

import started_server
from footfall.scenario.scenario import Scenario
from footfall_live.starting import reach
from footfall_live.starting.scenario_files import ScenarioFiles

CALLABLE = {"name": "mine", "recommender": {"kind": "callable", "target": "shop_code:rank"}}
HTTP = {
    "name": "ours",
    "recommender": {
        "kind": "http", "url": "http://127.0.0.1:9/rank", "headers_env": {"X-Key": "OUR_KEY"},
    },
}  # fmt: skip


@pytest.fixture
def files(tmp_path):
    return ScenarioFiles(started_server.folder(tmp_path / "served"))


def changed(**changes):
    return started_server.text(**changes)


BEYOND = {
    "code": changed(arms=[*started_server.ARMS, CALLABLE]),
    "address": changed(arms=[*started_server.ARMS, HTTP]),
    "server": changed(model={"name": "fake", "server": "http://169.254.169.254/v1"}),
    "key": changed(model={"name": "fake", "api_key_env": "AWS_SECRET_ACCESS_KEY"}),
    "hub model": changed(model={"name": "somebody/very-large"}),
    "tokenizer": changed(model={"name": "fake", "tokenizer": "somebody/words"}),
    "absolute path": changed(behaviour="/etc/passwd"),
    "path up": changed(behaviour="../secret.yaml"),
    "home": changed(behaviour="~/secret.yaml"),
    "template": changed(choice={"template": "../../secret.j2"}),
    "adapter": changed(model={"name": "embedded", "adapter": "/tmp/adapter"}),
    "table": changed(arms=[{"name": "t", "recommender": {"kind": "table", "path": "../x.csv"}}]),
    "grid": changed(grid={"arms.random.recommender": [CALLABLE["recommender"]]}),
    "grid's key": changed(grid={"model.server": ["http://127.0.0.1:9/v1"]}),
    "grid's path": changed(grid={"data.path": ["/etc/passwd"]}),
    "encoder": changed(
        arms=[
            {
                "name": "c",
                "recommender": {"kind": "content", "by": "language-model", "model": "a/b"},
            }
        ]
    ),
}


@pytest.mark.parametrize("what", BEYOND)
def test_what_reaches_further_is_refused_in_its_line(files, what):
    before = (files.folder / "shop.yaml").read_text()
    for name in ("shop.yaml", "new.yaml"):
        wrong = files.check(name, BEYOND[what])
        assert wrong, what
        assert all(one.line for one in wrong)
        assert "with an editor" in wrong[0].words
    assert (files.folder / "shop.yaml").read_text() == before


@pytest.mark.parametrize("what", BEYOND)
def test_what_the_file_reaches_already_may_stay_and_the_rest_be_changed(files, what):
    (files.folder / "shop.yaml").write_text(BEYOND[what])
    raw = yaml.safe_load(BEYOND[what])
    raw["seed"] = 77
    text = yaml.safe_dump(raw, sort_keys=False)
    assert not [one for one in files.check("shop.yaml", text) if "with an editor" in one.words]
    assert [one for one in files.check("other.yaml", text) if "with an editor" in one.words]


def test_a_key_stays_with_its_address(files):
    """Each is in the file, and together they would send the key elsewhere."""
    second = copy.deepcopy(HTTP)
    second["name"], second["recommender"]["url"] = "theirs", "http://127.0.0.1:10/rank"
    del second["recommender"]["headers_env"]
    (files.folder / "shop.yaml").write_text(changed(arms=[HTTP, second]))
    first = copy.deepcopy(HTTP)
    first["recommender"]["url"] = second["recommender"]["url"]
    assert files.check("shop.yaml", changed(arms=[second, HTTP])) == ()
    assert files.check("shop.yaml", changed(arms=[first]))


def test_a_link_out_of_the_folder_is_outside(files, tmp_path):
    (tmp_path / "secret.yaml").write_text("click: {}\n")
    (files.folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    wrong = files.check("shop.yaml", changed(behaviour="link.yaml"))
    assert "outside" in wrong[0].words


def test_what_comes_with_footfall_may_be_named(files):
    text = changed(
        model={"name": "embedded", "adapter": "complete-journey"},
        choice={"mode": "yes-no", "template": "buys"},
        about="see https://example.org/a/b and ../c",
    )
    assert files.check("new.yaml", text) == ()


def test_every_key_that_names_an_address_or_a_secret_is_known():
    """Who adds one to a scenario's models must tell ``reach`` of it."""
    schema = Scenario.model_json_schema()
    found = set()
    for model in [schema, *schema["$defs"].values()]:
        for name, field in model.get("properties", {}).items():
            words = str(field)
            if any(
                sign in words
                for sign in ("https?", "'uri'", "[A-Za-z_][A-Za-z0-9_]*$", "[\\\\w.]+:")
            ):
                found.add(name)
    assert {"url", "server", "api_key_env", "headers_env", "target"} <= found
    assert found <= reach.TOGETHER
