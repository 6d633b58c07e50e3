"""Many users at once: their pages are put to the choice model in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.vector.utils import batch_space

from footfall.gym.environments import (
    Action,
    Observation,
    observation_space,
    open_stage,
    slate_space,
)
from footfall.gym.stage import EPISODES, Reward
from footfall.scenario.scenario import Scenario
from footfall.world.calendar import DAY
from footfall.world.shopper import Shopper

Numbers = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class SlateVectorEnv(gymnasium.vector.VectorEnv[Observation, Action, Action]):
    """``num_envs`` users who are each shown a slate a step.

    A user who has left is followed by another one at the next step, whose action is then not used
    (Gymnasium's ``AutoresetMode.NEXT_STEP``).
    """

    def __init__(
        self,
        scenario: str | Scenario,
        *,
        num_envs: int = 1,
        base: Path | None = None,
        reward: Reward = "clicks",
        days: float = 0.0,
    ) -> None:
        """Read the scenario's data; see ``Stage`` for the arguments."""
        self.stage = open_stage(scenario, base, reward, days)
        self.num_envs = num_envs
        self.metadata = {"autoreset_mode": gymnasium.vector.AutoresetMode.NEXT_STEP}
        self.single_observation_space = observation_space(self.stage)
        self.single_action_space = slate_space(self.stage)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._shoppers: list[Shopper] = []
        self._ends = np.zeros(num_envs)
        self._clicks = np.zeros((num_envs, self.stage.n_items), dtype=np.float32)
        self._over = np.zeros(num_envs, dtype=np.bool_)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Other users come in all places. One ``seed`` for all; ``options`` are not used."""
        if isinstance(seed, list):
            seed = seed[0]
        super().reset(seed=seed, options=options)
        self._shoppers = []
        self._come(range(self.num_envs))
        self._over[:] = False
        return self._observed(), {}

    def step(self, actions: Action) -> tuple[Observation, Numbers, Bools, Bools, dict[str, Any]]:
        """Show every waiting user a page; who has left is followed by another user."""
        rewards = np.zeros(self.num_envs)
        repeated = np.zeros(self.num_envs, dtype=np.int64)
        playing = np.flatnonzero(~self._over)
        self._come(np.flatnonzero(self._over).tolist())
        over = np.zeros(self.num_envs, dtype=np.bool_)
        if len(playing):
            slates = np.asarray(actions)
            played = self.stage.play(
                [self._shoppers[place] for place in playing],
                [slates[place] for place in playing],
                self._ends[playing].tolist(),
            )
            for place, one in zip(playing.tolist(), played, strict=True):
                rewards[place], over[place], repeated[place] = one.reward, one.over, one.repeated
                self._clicks[place, list(one.outcome.clicked)] += 1
        self._over = over
        never = np.zeros(self.num_envs, dtype=np.bool_)
        return self._observed(), rewards, over, never, {"repeated": repeated}

    def _come(self, places: Sequence[int]) -> None:
        """Let another user come in each of these places."""
        drawn = [
            (
                int(self.np_random.integers(self.stage.n_users)),
                int(self.np_random.integers(EPISODES)),
            )
            for _ in places
        ]
        if not drawn:
            return
        came = self.stage.begin(*zip(*drawn, strict=True))
        found = dict(enumerate(self._shoppers)) | dict(zip(places, came, strict=True))
        self._shoppers = [found[place] for place in range(self.num_envs)]
        self._ends[places] = [one.starts + self.stage.days * DAY for one in came]
        self._clicks[places] = 0

    def _observed(self) -> Observation:
        return self.stage.observe(self._shoppers, self._clicks)
