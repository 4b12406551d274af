"""What learning is measured against."""

import numpy as np
import pytest
import torch

from mbrl_ros.agents.random_agent import RandomAgent
from mbrl_ros.cli.bench.reference import Reference
from mbrl_ros.core.spaces import Space
from mbrl_ros.evaluation.true_model import TrueModel
from mbrl_ros.simulation.true_dynamics import true_dynamics
from mbrl_ros.system.configuration import read_task
from mbrl_ros.system.lock_step import LockStepSystem


def measured(task, kind, **parameters):
    made = Reference(task, 3, 1, parameters, kind)
    ((steps, (value,)),) = made.measure(threads=1)
    assert steps == 0
    return value


def test_random_actions_fill_the_limits():
    space = Space.of(["push", "choice"], [-2.0, 0.0], [1.0, 2.0], discrete=["choice"])
    agent = RandomAgent(space, 3)
    drawn = np.stack([agent.act(None).actions[0].numpy() for _ in range(2000)])
    assert drawn[:, 0].min() < -1.99
    assert drawn[:, 0].max() > 0.99
    assert set(drawn[:, 1]) == {0.0, 1.0, 2.0}
    assert abs(drawn[:, 0].mean() + 0.5) < 0.1


def test_the_planner_sees_what_will_happen():
    system = LockStepSystem(read_task("reacher_easy"))
    spaces = system.controller.observation, system.controller.action
    model = TrueModel(*spaces, true_dynamics(system.simulator.plant))
    start = torch.from_numpy(system.simulator.observation.values).float()
    belief = model.observe(None, torch.zeros(2), start, is_first=True)
    actions = torch.rand(5, 3, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    trajectories = model.imagine(belief, actions).observations
    assert trajectories.shape == (1, 5, 4, 6)
    assert (trajectories[:, :, 0] == start).all()
    for k, action in enumerate(actions[2]):
        values, *_ = system.simulator.plant.step(action.double().numpy())
        np.testing.assert_allclose(trajectories[0, 2, k + 1], values, rtol=1e-5, atol=1e-6)


@pytest.mark.process
def test_with_true_dynamics_the_pole_stays_up():
    few = {"planner.candidates": 32, "planner.iterations": 1, "mujoco_sim.time_limit": 2.0}
    assert measured("cartpole_v1", "random", **few) < 60
    assert measured("cartpole_v1", "true dynamics", **few) == 100
