"""Gymnasium environments whose users are Footfall's: a policy recommends, a simulated user answers.

    import gymnasium
    env = gymnasium.make("footfall.gym:footfall/Slates-v0", scenario="shop.yaml")
    observation, info = env.reset(seed=1)

``SlateEnv`` takes slates, ``ScoreEnv`` a score for every item; ``SlateVectorEnv`` plays many users
at once and puts all their pages to the choice model together. Importing this package registers
them (Gymnasium 1.0 has no entry points for environments any more).
"""

from gymnasium.envs.registration import register

from footfall.gym.environments import ScoreEnv, SlateEnv
from footfall.gym.vector import SlateVectorEnv

__all__ = ["ScoreEnv", "SlateEnv", "SlateVectorEnv"]

register(
    id="footfall/Slates-v0",
    entry_point="footfall.gym.environments:SlateEnv",
    vector_entry_point="footfall.gym.vector:SlateVectorEnv",
)
register(id="footfall/Scores-v0", entry_point="footfall.gym.environments:ScoreEnv")
