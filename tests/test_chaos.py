"""The short form of `make chaos`, and of the load benchmark: real processes, real sockets."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_kills_of_the_run_and_of_the_model_server_leave_no_trace(tmp_path):
    import chaos

    plan = chaos.arguments(
        ["--kills", "2", "--server-kills", "1", "--users", "20", "--days", "6", "--seed", "3"]
    )
    report = chaos.chaos(tmp_path, plan)
    assert len(report.kills) == 2
    assert report.server_kills == 1
    assert report.parts == 36
    assert report.events > 50
    assert report.differing == []
    assert report.unanswered == 0


def test_nothing_is_lost_when_many_users_come_at_once(tmp_path):
    import load

    found = load.load(tmp_path, users=60, at_once=60)
    assert found["lost"] == 0
    assert found["users_seen"] > 30
    assert found["choice"]["unanswered_pages"] == 0
    assert found["choice"]["pages"] == found["pages"]
    latencies = found["latencies"]
    assert set(latencies) == {"model", "service"}
    # The service's busy answers come on top, by chance.
    assert latencies["service"]["requests"] >= found["pages of the service"] > 0
    assert latencies["model"]["requests"] >= found["pages"] / 2
    for row in latencies.values():
        assert 0 < row["p50"] <= row["p95"] <= row["p99"] <= row["max"]
