"""The range of a run's time on a machine that other programs use, too."""

import pytest

from footfall.plumbing.busy import as_alone, slowed, slowed_lately
from footfall.plumbing.stopwatch import Took
from footfall.runs.duration import Duration, EngineSeconds, Slowed

ASKING = EngineSeconds(seconds=100.0, low=60.0, high=170.0)
QUIET = Slowed(1.0, 1.0)


def test_on_a_quiet_machine_the_parts_add_up():
    found = Duration.of(ASKING, QUIET, Took(20.0, 20.0), QUIET)
    assert found == Duration(seconds=120.0, low=70.0, high=220.0, busy=1.0)


def test_beside_other_programs_the_range_reaches_from_their_end_to_their_busiest():
    quiet = Duration.of(ASKING, QUIET, Took(20.0, 20.0), QUIET)
    found = Duration.of(ASKING, Slowed(8.0, 5.0), Took(80.0, 20.0), Slowed(4.0, 4.5))
    assert found.seconds == pytest.approx(880.0)
    assert found.busy == pytest.approx(880.0 / 120.0)
    assert found.low == quiet.low  # they may end at once
    assert found.high == pytest.approx(8 * 170.0 + 2.5 * 4.5 * 20.0)


def test_a_quiet_minute_of_a_busy_hour_promises_nothing():
    found = Duration.of(ASKING, Slowed(1.0, 5.0), Took(20.0, 20.0), Slowed(1.0, 4.5))
    assert found.seconds == pytest.approx(120.0)
    assert found.high == pytest.approx(5 * 170.0 + 2.5 * 4.5 * 20.0)


def test_what_threads_compute_tells_how_long_they_had_taken_alone():
    assert as_alone(10.0, 20.0, threads=2) == 1.0
    assert as_alone(10.0, 5.0, threads=2) == 4.0
    assert as_alone(10.0, 21.0, threads=2) == 1.0
    assert as_alone(10.0, 0.0, threads=2) == 1.0  # nothing to tell it by


def test_looking_how_busy_a_machine_is_ends():
    assert slowed(2, seconds=0.01) >= 1.0


def test_a_busier_quarter_of_an_hour_counts_as_its_queue_was_longer(monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (2.0, 4.0, 9.0))
    assert slowed_lately(2.0, threads=2) == pytest.approx(2.0 * 10 / 3)
    monkeypatch.setattr("os.getloadavg", lambda: (9.0, 4.0, 2.0))
    assert slowed_lately(2.0, threads=2) == 2.0  # it was quieter
