"""Environments whose users are simulated: Gymnasium's checks, luck, a policy that learns."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import shop
from footfall.errors import UserError
from footfall.gym import ScoreEnv, SlateEnv, SlateVectorEnv
from footfall.scenario.scenario import parse_scenario


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    shop.write_shop(folder)
    return folder


@pytest.fixture(scope="module")
def scenario():
    habits = {"click": {"none": -2.5, "popularity": 0.0, "repeat": 0.3, "category": 3.0}}
    return parse_scenario(shop.scenario(model={"name": "none"}, behaviour=habits))


@pytest.mark.parametrize("kind", [SlateEnv, ScoreEnv])
@pytest.mark.parametrize("options", [{}, {"days": 5.0, "reward": "revenue"}])
def test_gymnasium_finds_nothing_wrong(base, scenario, kind, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # unbounded spaces are pointed out; here they are meant
        check_env(kind(scenario, base=base, render_mode="ansi", **options), skip_render_check=True)


def test_the_same_seeds_give_the_same_episode_and_others_another(base, scenario):
    def episode(seed):
        env = SlateEnv(scenario, base=base, days=6.0)
        observation, info = env.reset(seed=seed)
        env.action_space.seed(7)
        told = [info["user"], observation["context"].tolist()]
        over = False
        while not over:
            observation, reward, over, _, done = env.step(env.action_space.sample())
            told += [reward, done["clicked"], observation["context"].tolist()]
        return told

    assert episode(1) == episode(1)
    assert len({repr(episode(seed)) for seed in range(6)}) == 6


def test_what_is_shown_is_what_was_chosen_and_repeats_are_counted(base, scenario):
    env = SlateEnv(scenario, base=base, render_mode="ansi")
    observation, _ = env.reset(seed=3)
    observation, _, _, _, info = env.step(np.array([4, 4, 9, 4, 2]))
    assert info["repeated"] == 2
    assert np.flatnonzero(observation["seen"]).tolist() == [2, 4, 9]
    titles = env.stage.histories.catalogue.titles
    lines = env.render().splitlines()
    assert len(lines) == 3
    for line, code in zip(lines, (4, 9, 2), strict=True):
        assert line.split(". ", 1)[1].startswith(titles[code])


def test_scores_make_the_page_best_first(base, scenario):
    env = ScoreEnv(scenario, base=base)
    env.reset(seed=3)
    scores = np.zeros(env.stage.n_items)
    scores[[7, 3]] = 2.0, 1.0
    observation, *_ = env.step(scores)
    assert {3, 7} <= set(np.flatnonzero(observation["seen"]).tolist())


def test_after_the_user_has_left_a_reset_is_asked_for(base, scenario):
    env = SlateEnv(scenario, base=base)
    env.reset(seed=1)
    over = False
    while not over:
        *_, over, _, _ = env.step(env.action_space.sample())
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(env.action_space.sample())


def test_a_named_user_comes(base, scenario):
    env = SlateEnv(scenario, base=base)
    user = env.stage.histories.population.users[5]
    assert env.reset(seed=1, options={"user": user})[1]["user"] == user


def test_many_users_at_once_and_each_is_followed_by_another(base, scenario):
    env = SlateVectorEnv(scenario, base=base, num_envs=8)
    observation, _ = env.reset(seed=5)
    assert env.observation_space.contains(observation)
    env.action_space.seed(5)
    ended, rewards = np.zeros(8), 0.0
    for _ in range(30):
        observation, reward, over, cut, _ = env.step(env.action_space.sample())
        ended += over
        rewards += reward.sum()
        assert not cut.any()
        assert env.observation_space.contains(observation)
    assert (ended >= 2).all()
    assert rewards > 0


def test_it_is_registered(base, scenario):
    env = gymnasium.make("footfall.gym:footfall/Slates-v0", scenario=scenario, base=base)
    observation, _ = env.reset(seed=1)
    assert env.observation_space.contains(observation)


def test_a_scenario_that_asks_a_language_model_is_refused_in_a_line(base):
    with pytest.raises(UserError, match="model"):
        SlateEnv(parse_scenario(shop.scenario()), base=base)


@pytest.mark.parametrize("model", ["none", "fake"])
def test_a_surrogate_is_asked_and_no_language_model(base, model):
    """One that is not there is missed: it is not passed over in silence."""
    choice = {"mode": "surrogate", "path": "nowhere"}
    with pytest.raises(UserError, match="nowhere"):
        SlateEnv(parse_scenario(shop.scenario(model={"name": model}, choice=choice)), base=base)


def test_a_policy_learns_which_club_a_user_is_of(base, scenario):
    """REINFORCE on one number: how much own categories count. It must beat its random start."""
    env = SlateVectorEnv(scenario, base=base, num_envs=64)
    catalogue = env.stage.histories.catalogue
    names, category = np.unique(np.asarray(catalogue.categories), return_inverse=True)
    rng = np.random.default_rng(0)

    def play(weight, steps, seed, learn=0.0):
        """Mean clicks a page, and the weight after learning by the score function."""
        observation, _ = env.reset(seed=seed)
        earned, baseline, waiting = [], 0.0, np.ones(64, dtype=bool)
        for _ in range(steps):
            feature = observation["tastes"][:, category]
            noisy = weight * feature + rng.gumbel(size=feature.shape)
            slates = np.argsort(-noisy, axis=1)[:, :5]
            chance = np.exp(weight * feature)
            chance /= chance.sum(axis=1, keepdims=True)
            picked = np.take_along_axis(feature, slates, axis=1).sum(axis=1)
            score = picked - 5 * (chance * feature).sum(axis=1)  # of five draws, nearly
            observation, reward, over, _, _ = env.step(slates)
            earned.append(reward[waiting])
            weight += learn * float(np.mean((reward - baseline)[waiting] * score[waiting]))
            baseline += 0.1 * (float(reward[waiting].mean()) - baseline)
            waiting = ~over
        return np.concatenate(earned), weight

    before, _ = play(0.0, 40, seed=1)
    _, learned = play(0.0, 60, seed=2, learn=2.0)
    after, _ = play(learned, 40, seed=1)
    error = np.hypot(before.std() / len(before) ** 0.5, after.std() / len(after) ** 0.5)
    assert len(names) == 2
    assert after.mean() - before.mean() > 3 * error
