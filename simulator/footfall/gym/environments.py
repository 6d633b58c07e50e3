"""One user at a time: an action is a page, an episode is a visit (or some days of visits)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from footfall.gym.stage import CONTEXT, EPISODES, Played, Reward, SimulatedUsers
from footfall.plumbing.yaml_files import folder_of
from footfall.scenario.reading import read_scenario
from footfall.scenario.scenario import Scenario
from footfall.world.calendar import DAY
from footfall.world.shopper import Shopper

Observation = dict[str, npt.NDArray[np.float32]]
Action = npt.NDArray[Any]


def open_stage(
    scenario: str | Scenario, base: Path | None, reward: Reward, days: float
) -> SimulatedUsers:
    """The users of a scenario: a YAML file, a shipped scenario's name, or one that was read."""
    read = scenario if isinstance(scenario, Scenario) else read_scenario(scenario)
    if base is None:
        base = Path() if isinstance(scenario, Scenario) else folder_of(scenario)
    return SimulatedUsers(read, base, reward=reward, days=days)


def observation_space(stage: SimulatedUsers) -> gymnasium.spaces.Dict:
    """What is observed; see ``SimulatedUsers.observe``."""

    def box(length: int, low: float = 0.0) -> gymnasium.spaces.Box:
        return gymnasium.spaces.Box(low, np.inf, (length,), np.float32)

    return gymnasium.spaces.Dict(
        {
            "tastes": gymnasium.spaces.Box(0.0, 1.0, (stage.n_categories,), np.float32),
            "taken": box(stage.n_items),
            "seen": box(stage.n_items),
            "clicked": box(stage.n_items),
            "context": box(len(CONTEXT), -1.0),
        }
    )


class _UserEnv(gymnasium.Env[Observation, Action]):
    """What both environments share: a user is drawn, shown pages, and leaves."""

    metadata: dict[str, Any] = {"render_modes": ["ansi"]}  # noqa: RUF012 - Gymnasium's way

    def __init__(
        self,
        scenario: str | Scenario,
        *,
        base: Path | None = None,
        reward: Reward = "clicks",
        days: float = 0.0,
        render_mode: str | None = None,
    ) -> None:
        """Read the scenario's data; see ``SimulatedUsers`` for the arguments."""
        self.stage = open_stage(scenario, base, reward, days)
        self.observation_space: gymnasium.spaces.Space[Any] = observation_space(self.stage)
        self.render_mode = render_mode
        self._shopper: Shopper | None = None
        self._clicks = np.zeros(self.stage.n_items, dtype=np.float32)
        self._end = 0.0
        self._last: Played | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Another user comes; ``options={"user": ID}`` names one."""
        super().reset(seed=seed)
        population = self.stage.histories.population
        named = (options or {}).get("user")
        drawn = int(self.np_random.integers(self.stage.n_users))
        user = drawn if named is None else population.index(str(named))
        (self._shopper,) = self.stage.begin([user], [int(self.np_random.integers(EPISODES))])
        self._end = self._shopper.starts + self.stage.days * DAY
        self._clicks[:] = 0
        self._last = None
        return self._observed(), {"user": population.users[user]}

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Show the user a page."""
        if self._shopper is None or self._shopper.pending is None:
            raise gymnasium.error.ResetNeeded("the user has left: call reset() first")
        slate = self._slate(np.asarray(action))
        (played,) = self.stage.play([self._shopper], [slate], [self._end])
        self._last = played
        for code in played.outcome.clicked:
            self._clicks[code] += 1
        info = {
            "clicked": played.outcome.clicked,
            "bought": played.outcome.bought,
            "repeated": played.repeated,
        }
        return self._observed(), played.reward, played.over, False, info

    def render(self) -> str | None:
        """The last page as text, where ``render_mode="ansi"``."""
        if self.render_mode != "ansi" or self._last is None:
            return None
        titles, done = self.stage.histories.catalogue.titles, self._last.outcome
        lines = []
        for place, code in enumerate(done.items, 1):
            what = "bought" if code in done.bought else "clicked" if code in done.clicked else ""
            lines.append(f"{place:3d}. {titles[code]} {what}".rstrip())
        return "\n".join(lines)

    def _observed(self) -> Observation:
        assert self._shopper is not None
        found = self.stage.observe([self._shopper], self._clicks[None])
        return {name: rows[0] for name, rows in found.items()}

    def _slate(self, action: Action) -> npt.NDArray[np.int64]:
        raise NotImplementedError


class SlateEnv(_UserEnv):
    """An action is a slate: codes of items, top first. Items named twice are left out."""

    def __init__(self, scenario: str | Scenario, **options: Any) -> None:
        """See ``_UserEnv``."""
        super().__init__(scenario, **options)
        self.action_space = slate_space(self.stage)

    def _slate(self, action: Action) -> npt.NDArray[np.int64]:
        return np.asarray(action, dtype=np.int64)


class ScoreEnv(_UserEnv):
    """An action is a score for every item; the best of those not yet shown make the page."""

    def __init__(self, scenario: str | Scenario, **options: Any) -> None:
        """See ``_UserEnv``."""
        super().__init__(scenario, **options)
        self.action_space = gymnasium.spaces.Box(-1e6, 1e6, (self.stage.n_items,), np.float32)

    def _slate(self, action: Action) -> npt.NDArray[np.int64]:
        assert self._shopper is not None
        assert self._shopper.pending is not None
        scores = np.array(action, dtype=np.float64)
        scores[list(self._shopper.pending.shown)] = -np.inf
        best = np.argsort(-scores, kind="stable")[: self.stage.slate]
        return np.asarray(best[np.isfinite(scores[best])], dtype=np.int64)


def slate_space(stage: SimulatedUsers) -> gymnasium.spaces.MultiDiscrete:
    """A code of an item for each place of the page."""
    return gymnasium.spaces.MultiDiscrete(np.full(stage.slate, stage.n_items))
