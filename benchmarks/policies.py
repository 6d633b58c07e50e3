"""What a policy learns in an environment of simulated users, and how fast a surrogate plays it.

    python benchmarks/policies.py [--learners 8] [--surrogate-seconds 20] [--keep]

**Learning.** REINFORCE on one number (how much the user's own categories count) in a made-up shop
of two clubs, whose users click by rules that are known. Each learner has seeds of its own, and is
judged before and after in episodes that it did not learn from. The interval is over learners.

**Speed.** A surrogate is distilled from the fake model, and 256 users at once play slates at random
with it: steps (pages) a second of one core, resets and observations included.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.stats
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "worlds"))
from figures import keep

import shop  # the made-up shop of the tests
from footfall.gym import SlateVectorEnv
from footfall.scenario.scenario import parse_scenario

PEOPLE = {"users": 1000, "min_history": 3}
AT_ONCE = 64
"""Users whom a learner meets at once."""
LEARNING, JUDGED = 60, 40
"""Steps of each."""


def main() -> None:
    """Learn and play; one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--learners", type=int, default=8)
    parser.add_argument("--surrogate-seconds", type=float, default=20)
    parser.add_argument("--keep", action="store_true")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shop.write_shop(folder, users=1500)
        found = learned(folder, told.learners)
        if told.surrogate_seconds:
            found |= speed(folder, told.surrogate_seconds)
    print(json.dumps(found, indent=1))
    if told.keep:
        low, high = found["lift_interval"]
        figures = {
            "before": f"{found['before']:.3f}",
            "after": f"{found['after']:.3f}",
            "lift": f"{found['lift']:.0%}",
            "interval": f"{low:.0%} to {high:.0%}",
            "learners": str(told.learners),
            "steps": f"{found['steps_a_core_second']:,.0f}",
        }
        keep("gym", "python benchmarks/policies.py --keep", figures)


def learned(folder: Path, learners: int) -> dict[str, object]:
    """Clicks a page before and after learning, and the lift with its interval over learners."""
    habits = {"click": {"none": -2.5, "popularity": 0.0, "repeat": 0.3, "category": 3.0}}
    scenario = parse_scenario(
        shop.scenario(model={"name": "none"}, behaviour=habits, population=PEOPLE)
    )
    env = SlateVectorEnv(scenario, base=folder, num_envs=AT_ONCE)
    pairs = np.array([_learner(env, number) for number in range(learners)])
    lifts = np.log(pairs[:, 1] / pairs[:, 0])
    wide = scipy.stats.t.ppf(0.975, learners - 1) * scipy.stats.sem(lifts)
    return {
        "before": float(pairs[:, 0].mean()),
        "after": float(pairs[:, 1].mean()),
        "lift": float(np.expm1(lifts.mean())),
        "lift_interval": [float(np.expm1(lifts.mean() + by)) for by in (-wide, wide)],
    }


def _learner(env: SlateVectorEnv, number: int) -> tuple[float, float]:
    judged, taught = 1000 + 2 * number, 1001 + 2 * number
    before, _ = _play(env, 0.0, JUDGED, judged)
    _, weight = _play(env, 0.0, LEARNING, taught, learn=2.0)
    after, _ = _play(env, weight, JUDGED, judged)
    return before, after


def _play(
    env: SlateVectorEnv, weight: float, steps: int, seed: int, learn: float = 0.0
) -> tuple[float, float]:
    """Mean clicks a page, and the weight after learning by the score function."""
    _, category = np.unique(
        np.asarray(env.stage.histories.catalogue.categories), return_inverse=True
    )
    slate = env.single_action_space.shape[0]
    rng = np.random.default_rng(seed)
    observation, _ = env.reset(seed=seed)
    earned: list[npt.NDArray[np.float64]] = []
    usual, waiting = 0.0, np.ones(AT_ONCE, dtype=bool)
    for _ in range(steps):
        feature = observation["tastes"][:, category]
        noisy = weight * feature + rng.gumbel(size=feature.shape)
        slates = np.argsort(-noisy, axis=1)[:, :slate]
        chance = np.exp(weight * feature)
        chance /= chance.sum(axis=1, keepdims=True)
        picked = np.take_along_axis(feature, slates, axis=1).sum(axis=1)
        score = picked - slate * (chance * feature).sum(axis=1)  # of as many draws, nearly
        observation, reward, over, _, _ = env.step(slates)
        earned.append(reward[waiting])
        weight += learn * float(np.mean((reward - usual)[waiting] * score[waiting]))
        usual += 0.1 * (float(reward[waiting].mean()) - usual)
        waiting = ~over
    return float(np.concatenate(earned).mean()), weight


def speed(folder: Path, seconds: float) -> dict[str, object]:
    """Steps a second with a surrogate in the language model's place."""
    (folder / "shop.yaml").write_text(yaml.safe_dump(shop.scenario(population=PEOPLE)))
    command = [sys.executable, "-c", "from footfall.cli.main import main; main()"]
    subprocess.run(
        [*command, "distill", "shop.yaml", "--out", "small"],
        cwd=folder, check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    choice = {"mode": "surrogate", "path": "small"}
    scenario = parse_scenario(shop.scenario(choice=choice, population=PEOPLE))
    env = SlateVectorEnv(scenario, base=folder, num_envs=256)
    env.reset(seed=1)
    env.action_space.seed(1)
    actions = [env.action_space.sample() for _ in range(20)]
    for action in actions:  # wakes everything up, and meets the users
        env.step(action)
    begun, clock, steps = time.process_time(), time.perf_counter(), 0
    while time.process_time() - begun < seconds:
        for action in actions:
            env.step(action)
            steps += env.num_envs
    return {
        "steps_a_core_second": steps / (time.process_time() - begun),
        "steps_a_second": steps / (time.perf_counter() - clock),
    }


if __name__ == "__main__":
    main()
