"""The shipped objectives are the rewards that the environments themselves pay."""

import re
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch

from mbrl_ros.core.settings import build, for_node
from mbrl_ros.core.spaces import Space
from mbrl_ros.core.task import TaskSettings
from mbrl_ros.models.imagined import Imagined
from mbrl_ros.models.reward_model import RewardModel
from mbrl_ros.objectives.objective import Objective
from mbrl_ros.objectives.objective_set import ObjectiveSet
from mbrl_ros.simulation.environments import make_plant
from mbrl_ros.simulation.plant import Plant
from mbrl_ros.simulation.settings import SimulatorSettings
from mbrl_ros.system.schema import objective_parameters
from mbrl_ros.system.task_file import read_task_file

CONFIG = Path(__file__).parents[2] / "config"
#: Those whose objective is written, not learned from what is paid.
TASKS = sorted(
    path.stem
    for path in CONFIG.glob("*.yaml")
    if not re.search("learner: (tabular|vae_mdn_rnn)", path.read_text())
)


def shipped(task):
    """Return a task's objectives and its environment, each of its own steps a control step."""
    nodes = read_task_file(CONFIG / f"{task}.yaml").nodes
    settings = build(TaskSettings, nodes["**"])
    parameters = objective_parameters(for_node(nodes, "mpc_controller"))
    spaces = settings.observation_space(), settings.action_space()
    objectives = ObjectiveSet.from_parameters(parameters, *spaces, settings.period)
    environment = nodes["mujoco_sim"]["environment"]
    return objectives, make_plant(build(SimulatorSettings, {"environment": environment}))


def judged(judge, observations, actions):
    o, a = (torch.from_numpy(np.asarray(x, dtype=np.float64)) for x in (observations, actions))
    return judge.rewards(o[1:], a, o[:1]).numpy()


def driven(plant, rng, steps, act=None):
    """Step with random actions, return observations (steps + 1), actions, rewards, infos."""
    low, high = plant.action_space.low, plant.action_space.high
    observations, actions, rewards, infos = [], [], [], []
    for _ in range(steps):
        action = rng.uniform(low, high) if act is None else act
        after, reward, _, _, info = plant.step(action)
        observations.append(after)
        actions.append(action)
        rewards.append(reward)
        infos.append(info)
    return observations, actions, np.array(rewards), infos


# Position and velocity of every joint: anywhere the mechanism can be, at any speed.
STATES = {
    "cartpole_swingup": ([-1.5, -np.pi], [1.5, np.pi], [1.0, 5.0]),
    "pendulum_swingup": ([-np.pi], [np.pi], [3.0]),
    "reacher_easy": ([-np.pi, -2.5], [np.pi, 2.5], [3.0, 3.0]),
    "acrobot_swingup": ([-np.pi, -np.pi], [np.pi, np.pi], [3.0, 3.0]),
}


@pytest.mark.parametrize("task", STATES)
def test_dm_controls_reward_is_ours(task):
    objectives, plant = shipped(task)
    judge = objectives.objectives.get("environment", objectives.objective)
    low, high, speed = STATES[task]
    rng, paid = np.random.default_rng(0), []
    for episode in range(60):
        first, _ = plant.reset(seed=episode)
        data = plant.physics.data
        data.qpos[: len(low)] = rng.uniform(low, high)
        data.qvel[: len(low)] = rng.normal(size=len(low)) * speed
        if task != "cartpole_swingup" and episode % 2:
            _near_the_goal(task, plant, rng)
        observations, actions, rewards, _ = driven(plant, rng, 5)
        ours = judged(judge, [first, *observations], actions)
        np.testing.assert_allclose(ours, rewards, atol=1e-6, rtol=0)
        paid += rewards.tolist()
    # Sparse ones were both paid and not.
    assert min(paid) < 0.2
    assert max(paid) > 0.8
    plant.close()


def _near_the_goal(task, plant, rng):
    """Put the mechanism where a sparse reward begins."""
    data = plant.physics.data
    data.qvel[:] = 0.0
    if task in ("pendulum_swingup", "acrobot_swingup"):
        data.qpos[:] = rng.uniform(-0.15, 0.15, size=data.qpos.shape)
    else:
        # The finger's link of 0.12 m continues the first one: it ends somewhere here.
        model, angle = plant.physics.model, data.qpos[0]
        target = rng.normal(scale=0.03, size=2)
        data.qpos[1] = 0.0
        target += 0.24 * np.array([np.cos(angle), np.sin(angle)])
        model.geom("target").pos[:2] = target


def test_dm_controls_cheetah_pays_for_all_of_the_body_whose_torso_is_observed():
    objectives, plant = shipped("cheetah_run")
    rng, off, paid = np.random.default_rng(0), [], []
    for episode in range(20):
        first, _ = plant.reset(seed=episode)
        # Thrown forwards, with its legs in motion.
        plant.physics.data.qvel[0] = rng.uniform(0.0, 11.0)
        observations, actions, rewards, _ = driven(plant, rng, 20)
        ours = judged(objectives.objectives["environment"], [first, *observations], actions)
        off += (np.clip(ours, 0.0, 1.0) - rewards).tolist()
        paid += rewards.tolist()
    assert min(paid) < 0.1
    assert max(paid) > 0.9
    assert np.abs(off).mean() < 0.05
    plant.close()


def test_gymnasiums_inverted_pendulum_pays_while_the_pole_stands():
    objectives, plant = shipped("inverted_pendulum")
    rng, lengths = np.random.default_rng(0), []
    for episode in range(20):
        first, _ = plant.reset(seed=episode)
        observations, actions, rewards = [first], [], []
        ended = False
        while not ended and len(actions) < 200:
            action = rng.uniform(-1.0, 1.0, size=1)
            after, reward, ended, _, _ = plant.step(action)
            observations.append(after)
            actions.append(action)
            rewards.append(reward)
        lengths.append(len(actions))
        # What a plan would expect beyond the end, even if the pole came back, is worth nothing.
        beyond = [first] * 3
        ours = judged(
            objectives.objectives["environment"],
            [*observations, *beyond],
            [*actions, *[[0.0]] * 3],
        )
        np.testing.assert_allclose(ours, [*rewards, 0.0, 0.0, 0.0], atol=1e-6)
        assert rewards[-1] == 0.0
    assert min(lengths) < max(lengths)
    plant.close()


@pytest.mark.filterwarnings("ignore:.*even though this environment has already")
def test_gymnasiums_cartpole_pays_every_step_until_a_limit_is_passed():
    objectives, plant = shipped("cartpole_v1")
    rng, returns, causes = np.random.default_rng(0), [], set()
    for episode in range(40):
        plant.reset(seed=episode)
        state = rng.uniform([-2.3, -2.0, -0.2, -1.0], [2.3, 2.0, 0.2, 1.0])
        plant.environment.unwrapped.state = state
        observations, actions, rewards, _ = driven(plant, rng, 40)
        ours = judged(objectives.objectives["environment"], [state, *observations], actions)
        np.testing.assert_allclose(ours, rewards, atol=1e-6)
        returns.append(rewards.sum())
        left = observations[int(returns[-1]) - 1]
        causes.add("cart" if abs(left[0]) > 2.4 else "pole")
    assert min(returns) < 5 < max(returns)
    assert causes == {"cart", "pole"}
    plant.close()


def test_gymnasiums_half_cheetah_pays_the_mean_velocity():
    objectives, plant = shipped("half_cheetah")
    rng, apart = np.random.default_rng(0), []
    index = objectives.objective.observation.index("forward_velocity")
    for episode in range(3):
        first, _ = plant.reset(seed=episode)
        observations, actions, rewards, infos = driven(plant, rng, 40)
        apart.append(judged(objectives.objective, [first, *observations], actions) - rewards)
        for observation, info in zip(observations, infos, strict=True):
            observation[index] = info["x_velocity"]
        exact = judged(objectives.objective, [first, *observations], actions)
        np.testing.assert_allclose(exact, rewards, atol=1e-6)
    # The velocity at the end of a step stands for its mean, which is not observed.
    assert 0.0 < np.abs(np.mean(apart)) < 0.1
    plant.close()


def test_gymnasiums_half_cheetah_is_exact_where_its_position_is_observed():
    plant = Plant(
        gymnasium.make("HalfCheetah-v5", exclude_current_positions_from_observation=False), "full"
    )
    names = [f"s{i}" for i in range(plant.observation_space.shape[0])]
    motors = [f"u{i}" for i in range(6)]
    judge = Objective.from_parameters(
        {
            "terms": ["forward", "control"],
            "forward.of": ["s0"], "forward.change": True, "forward.scale": plant.period,
            "control.type": "quadratic", "control.of": motors, "control.weight": 0.1,
        },
        Space.of(names),
        Space.of(motors, [-1.0] * 6, [1.0] * 6),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    first, _ = plant.reset(seed=0)
    observations, actions, rewards, _ = driven(plant, rng, 100)
    ours = judged(judge, [first, *observations], actions)
    np.testing.assert_allclose(ours, rewards, atol=1e-6)
    plant.close()


@pytest.mark.parametrize("task", TASKS)
def test_every_shipped_objective_judges_predictions(task):
    objectives, plant = shipped(task)
    plant.close()
    assert len(objectives.objectives) > 1
    digests = set()
    for judge in objectives.objectives.values():
        o, a = judge.observation.dim, judge.action.dim
        if judge.settings.name == "learned":
            judge = judge.at(0, None, RewardModel(judge.observation, judge.action))
            judge.reward_model.paid.fill_(1.0)
        with torch.no_grad():
            returns = judge.score(Imagined(torch.rand(7, 10, a), torch.randn(5, 7, 11, o)))
        assert returns.shape == (7,)
        assert returns.isfinite().all()
        digests.add(judge.digest)
    assert len(digests) == len(objectives.objectives)
