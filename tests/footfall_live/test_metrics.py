"""What Prometheus reads of the runs in a folder, and a dashboard that asks for nothing else."""

import importlib.util
import json
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families as parsed

import eval_worlds
from footfall.run_folder.layout import MANIFEST
from footfall_live.api.metrics import AskedFigures, exposed
from footfall_live.application import Served, application
from footfall_live.door.guard import LOOPBACK, Guard

DASHBOARD = Path(__file__).parents[2] / "docs" / "operations" / "grafana.json"


@pytest.fixture
def folder(tmp_path):
    eval_worlds.planted_run(tmp_path / "first", n=20)
    record = json.loads((tmp_path / "first" / MANIFEST).read_text())
    record["faults"] = {"a": {"slates": 40, "failed": 3}}
    record["choice"] = {"questions": 1234, "unanswered_pages": 5}
    (tmp_path / "first" / MANIFEST).write_text(json.dumps(record))
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / MANIFEST).write_text("{")
    return tmp_path


def read(folder, token="", **headers):
    app = application(Served(folder), Guard(LOOPBACK | {"testserver"}, token))
    return TestClient(app).get("/metrics", headers=headers)


def samples(folder):
    found = read(folder)
    assert found.status_code == 200
    assert found.headers["content-type"].startswith("text/plain")
    families = parsed(found.text)
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_every_figure_is_that_of_the_manifest(folder):
    found = samples(folder)
    assert found["footfall_model_questions_total", "first"] == 1234
    assert found["footfall_unanswered_pages_total", "first"] == 5
    assert found["footfall_recommender_requests_total", "a", "first"] == 40
    assert found["footfall_recommender_faults_total", "a", "failed", "first"] == 3
    assert found["footfall_runs", "unreadable"] == 1


def test_an_empty_folder_has_no_runs_and_no_error(tmp_path):
    assert read(tmp_path).status_code == 200


def test_the_token_is_asked_for_here_too(folder):
    assert read(folder, "secret").status_code == 401
    assert read(folder, "secret", authorization="Bearer secret").status_code == 200


def test_the_dashboard_names_only_figures_that_exist(folder):
    known = {name for name, *_ in samples(folder)}
    known |= {f"footfall_{one}_seconds_total" for one in ("run", "engine")}
    service = exposed(None, AskedFigures()).decode()
    known |= {sample.name for one in parsed(service) for sample in one.samples}
    text = DASHBOARD.read_text(encoding="utf-8")
    asked = set(re.findall(r"footfall_\w+", text))
    assert asked
    assert asked <= known, asked - known
    panels = json.loads(text)["panels"]
    assert all(panel["targets"][0]["expr"] for panel in panels)


def test_the_dashboard_names_figures_that_vllm_has():
    spec = importlib.util.find_spec("vllm")
    if spec is None:
        pytest.skip("vLLM is not installed")
    told = (Path(spec.origin).parent / "v1" / "metrics" / "loggers.py").read_text()
    asked = set(re.findall(r"vllm:\w+", DASHBOARD.read_text(encoding="utf-8")))
    assert asked
    assert all(f'"{name.removesuffix("_total")}"' in told for name in asked)


def test_what_was_asked_is_counted():
    asked = AskedFigures(pages=7, unanswered=2, refused=3, waiting=1, batches=4, seconds=0.5)
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in parsed(exposed(None, asked).decode())
        for sample in family.samples
    }
    assert found["footfall_service_pages_total",] == 7
    assert found["footfall_service_pages_lost_total", "unanswered"] == 2
    assert found["footfall_service_pages_lost_total", "refused"] == 3
    assert found["footfall_service_waiting_pages",] == 1
    assert found["footfall_service_model_seconds_total",] == 0.5
