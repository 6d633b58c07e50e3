"""How long a run takes: what is expected, and between which bounds.

Its parts are what the engine computes, and all around it. Other programs may end before the run
does, so the lower bound is that of a quiet machine. Or they go on, so what is expected takes as
much longer as they slow it down now, and the upper bound as they did of late, if that was more.
"""

from __future__ import annotations

from dataclasses import dataclass

from footfall.plumbing.stopwatch import Took

AROUND = (0.5, 2.5)
"""Lower and upper bound of reading, training, starting and the world, as shares of what is
expected."""


@dataclass(frozen=True)
class Slowed:
    """How many times as long as alone something takes beside other programs."""

    now: float
    lately: float
    """In the last quarter of an hour."""

    @property
    def most(self) -> float:
        """The worse of the two."""
        return max(self.now, self.lately)


@dataclass(frozen=True)
class EngineSeconds:
    """Seconds of computing tokens on a quiet machine: expected, and the range."""

    seconds: float
    low: float
    high: float


@dataclass(frozen=True)
class Duration:
    """Seconds of a whole run: what is expected, and the range."""

    seconds: float
    low: float
    high: float
    busy: float
    """How many times as long as on a quiet machine."""

    @classmethod
    def of(cls, asking: EngineSeconds, engine: Slowed, around: Took, world: Slowed) -> Duration:
        """Put the parts together.

        Args:
            asking: Of the engine, on a quiet machine.
            engine: By what it is slowed down.
            around: All around it, now and on a quiet machine.
            world: By what that is slowed down.
        """
        seconds = asking.seconds * engine.now + around.seconds
        alone = asking.seconds + around.alone
        worst = max(around.seconds, around.alone * world.most)
        return cls(
            seconds=seconds,
            low=asking.low + around.alone * AROUND[0],
            high=asking.high * engine.most + worst * AROUND[1],
            busy=max(1.0, seconds / alone) if alone else 1.0,
        )
