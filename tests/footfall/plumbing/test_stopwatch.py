"""Seconds by the clock, and without what ran beside."""

import os
import time

from footfall.plumbing.stopwatch import Took


def test_waiting_for_others_counts_by_the_clock_only(monkeypatch):
    clocks = iter([(10.0, 3.0), (40.0, 5.0)])

    def tick():
        wall, busy = next(clocks)
        monkeypatch.setattr(time, "perf_counter", lambda: wall)
        monkeypatch.setattr(os, "times", lambda: (busy - 1, 0.25, 0.5, 0.25, wall))

    tick()
    start = Took.now()
    tick()
    assert Took.since(start) == Took(30.0, 2.0)
    assert Took(1, 1) + Took(2, 1) * 3 == Took(7, 4)


def test_threads_beside_one_another_take_no_longer_than_the_clock(monkeypatch):
    monkeypatch.setattr(time, "perf_counter", lambda: 4.0)
    monkeypatch.setattr(os, "times", lambda: (15.0, 1.0, 0.0, 0.0, 4.0))
    assert Took.since(Took(0.0, 0.0)) == Took(4.0, 4.0)


def test_a_machine_is_as_busy_as_the_clock_runs_ahead():
    assert Took(30.0, 2.0).busy == 15.0
    assert Took(2.0, 2.0).busy == 1.0
    assert Took(9.0, 0.01).busy == 1.0  # too little was computed to tell
