"""Who follows a run costs it little, however many follow and however large its log is."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from footfall_live.looking import following
from footfall_live.looking.following import FIRST_READ, LOOKS_EVERY, READS_TIMES, Looks
from footfall_live.looking.shelf import RunEntry
from footfall_live.looking.so_far import SoFar

RUNNING = RunEntry(
    name="run", status="running", scenario="s", arms=("a", "b"), users=9, seed=1, epochs=3,
    days=9.0, epoch_days=1.0, questions=0, unanswered=0, seconds=1.0, engine_seconds=0.0,
    simulating_seconds=0.0,
)  # fmt: skip


@dataclass
class World:
    """A run, a clock, and what was spent on looking at it."""

    now: float = 1000.0
    core: float = 0.0
    entry: RunEntry = RUNNING
    look_takes: float = 0.005
    reading_takes: float = 2.0
    read: list[float] = field(default_factory=list)
    looked: list[float] = field(default_factory=list)

    def look(self, _name):
        self.looked.append(self.now)
        self.core += self.look_takes
        return self.entry

    def so_far(self, _name):
        self.read.append(self.now)
        self.core += self.reading_takes
        return SoFar(10 * len(self.read), ())


@pytest.fixture
def world(monkeypatch):
    made = World()
    clock = SimpleNamespace(monotonic=lambda: made.now, process_time=lambda: made.core)
    monkeypatch.setattr(following, "time", clock)
    return made


@pytest.fixture
def looks(world):
    return Looks(SimpleNamespace(entry=world.look), SimpleNamespace(so_far=world.so_far))


@pytest.mark.parametrize("followers", [1, 4])
@pytest.mark.parametrize(("look", "reading"), [(0.005, 0.7), (0.05, 2.0), (0.5, 40.0)])
def test_an_hour_of_following_takes_less_than_two_percent(world, looks, followers, look, reading):
    world.look_takes, world.reading_takes = look, reading
    hour = 3600
    for second in range(0, hour, 2):
        world.entry = replace(RUNNING, simulating_seconds=float(second))
        world.now += 2
        for _ in range(followers):
            looks.at("run")
    # The last reading is paid for by the pause after it.
    assert world.core - reading - look <= 0.016 * hour
    assert world.read


def test_a_short_run_is_not_read_and_a_long_one_at_once(world, looks):
    assert "effects" not in looks.at("run")
    assert world.read == []
    world.entry = replace(RUNNING, name="long", simulating_seconds=READS_TIMES * FIRST_READ)
    assert looks.at("long")["effects"] == []
    assert len(world.read) == 1


def test_what_a_run_says_is_as_new_as_its_last_look(world, looks):
    looks.at("run")
    world.entry = replace(RUNNING, epochs=4)
    assert looks.at("run")["epochs"] == 3
    world.now += LOOKS_EVERY
    assert looks.at("run")["epochs"] == 4
    world.now += LOOKS_EVERY
    world.entry = replace(RUNNING, status="finished")
    assert looks.at("run")["status"] == "finished"
    assert looks.at("run")["status"] == "finished"
