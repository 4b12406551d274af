"""Systems whose dynamics are known exactly, to judge what is learned of them."""

from dataclasses import replace

import numpy as np
import torch
from support.linear import OBSERVATION

from mbrl_ros.core.records import Transition
from mbrl_ros.dynamics.learner import Learner
from mbrl_ros.dynamics.model import DynamicsModel
from mbrl_ros.dynamics.settings import (
    GateSettings,
    ModelSettings,
    OptimizerSettings,
    TrainerSettings,
)
from mbrl_ros.spaces import Space

WITH_ANGLES = Space.of(["height", "yaw", "velocity", "roll"], angles=["yaw", "roll"])
ACTION = Space.of(["force"], [-1.0], [1.0])
A = np.array([[1.0, 0.1], [-0.2, 0.95]])
B = np.array([[0.0], [0.3]])

SMALL = TrainerSettings(
    model=ModelSettings(members=3, hidden=[32, 32]),
    optimizer=OptimizerSettings(batch_size=128, learning_rate=3e-3, updates_per_transition=1.0),
    gate=GateSettings(first_transitions=100, interval=25),
)


def with_model(**values) -> TrainerSettings:
    return replace(SMALL, model=replace(SMALL.model, **values))


def with_gate(**values) -> TrainerSettings:
    return replace(SMALL, gate=replace(SMALL.gate, **values))


def step(state, action):
    return A @ state + B @ action


def at_random(rng, state):
    return rng.uniform(-1, 1, size=1)


def at_rest_again(rng, state):
    """A controller that brakes, with a little noise: nearly all it does is told by the state."""
    return np.clip(-0.8 * state[:1] - 0.9 * state[1:] + 0.1 * rng.normal(size=1), -1, 1)


def drive(count, seed=0, episode_length=50, delay=0, act=at_random):
    """Yield transitions (observation, action, next, episode, step) of the linear system.

    Args:
        count: of transitions.
        seed: of states and actions.
        episode_length: in steps.
        delay: steps by which actions act later than the transitions tell; zero before.
        act: chooses an action from a generator and a state.
    """
    rng = np.random.default_rng(seed)
    for row in range(count):
        episode, k = divmod(row, episode_length)
        if k == 0:
            state, sent = rng.normal(size=2), [np.zeros(1)] * delay
        action = act(rng, state)
        sent.append(action)
        following = step(state, sent[k])
        yield state, action, following, episode, k
        state = following


def fed(
    settings=SMALL, count=400, seed=0, data_seed=0, observation=OBSERVATION, **driven
) -> Learner:
    learner = Learner(observation, ACTION, settings, seed)
    for transition in drive(count, data_seed, **driven):
        learner.append(Transition(*transition))
    return learner


def trained(updates=400, **arguments) -> Learner:
    learner = fed(**arguments)
    for _ in range(updates):
        learner.update()
    return learner


def random_model(observation=OBSERVATION, seed=0, **settings) -> DynamicsModel:
    """Return a model with random weights whose normalisation is not the identity."""
    generator = torch.Generator().manual_seed(seed)
    settings = ModelSettings(**{"members": 3, "hidden": [16, 16], **settings})
    model = DynamicsModel(observation, ACTION, settings, generator)
    model.requires_grad_(False)
    before = 3.0 * torch.randn(200, observation.dim, generator=generator) + 1.0
    action = torch.rand(200, 1, generator=generator)
    after = before + 0.3 * torch.randn(200, observation.dim, generator=generator)
    model.normalize_from(before, action, after)
    return model.eval()
