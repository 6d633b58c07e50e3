"""What servers write into ``Retry-After``, and the histogram of how long they took."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from footfall.plumbing.latency import Latencies
from footfall.plumbing.retrying import asked_pause, retry_after


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", None), ("3", 3.0), (" 0.5 ", 0.5), ("-2", 0.0), ("soon", None), ("nan", None)],
)
def test_seconds(text, seconds):
    assert retry_after({"retry-after": text}) == seconds


@pytest.mark.parametrize("gmt", [True, False])
def test_a_date(gmt):
    text = format_datetime(datetime.now(UTC) + timedelta(minutes=5), usegmt=gmt)
    assert retry_after({"retry-after": text}) == pytest.approx(300, abs=5)
    past = format_datetime(datetime.now(UTC) - timedelta(minutes=5), usegmt=gmt)
    assert retry_after({"retry-after": past}) == 0


@given(st.text())
def test_nothing_that_a_server_writes_breaks_the_client(text):
    seconds = retry_after({"retry-after": text})
    assert seconds is None or seconds >= 0


def test_the_pause_is_the_one_asked_for_with_jitter_or_none_at_all():
    assert asked_pause({}, 60) is True
    assert 10 <= asked_pause({"retry-after": "10"}, 60) <= 11
    assert asked_pause({"retry-after": "61"}, 60) is False


def test_quantiles_are_right_to_two_percent():
    seconds = np.random.default_rng(0).lognormal(-3, 1, 5000)
    found = Latencies()
    for value in seconds:
        found.add(value)
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert found.as_dict()[name] == pytest.approx(np.quantile(seconds, share), rel=0.02)
    assert found.as_dict()["max"] == pytest.approx(seconds.max(), abs=1e-5)
    assert found.as_dict()["requests"] == 5000
    assert Latencies().as_dict() == {"requests": 0}


def test_tries_are_told_to_the_log_and_to_nobody_else():
    code = (
        "import stamina\n"
        "from footfall.plumbing.retrying import log_tries\n"
        "log_tries()\n"
        "tries = []\n"
        "@stamina.retry(on=OSError, attempts=2, wait_initial=0, wait_jitter=0)\n"
        "def work():\n"
        "    tries.append(1)\n"
        "    if len(tries) < 2: raise OSError\n"
        "work()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
